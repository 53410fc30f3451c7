"""``test`` of the old recipe becomes a list of tests, each with what it needs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lite_env.recipe.convert.about import free_value
from lite_env.recipe.convert.expression import Name
from lite_env.recipe.convert.keys import Keys, items_of
from lite_env.recipe.convert.make import grouped
from lite_env.recipe.convert.output import OutList, OutTable, OutText, table, texts_of
from lite_env.recipe.convert.tree import Items, Leaf, shared_conditions, with_text

if TYPE_CHECKING:
    from lite_env.recipe.convert.make import Maker
    from lite_env.recipe.convert.output import Out
    from lite_env.recipe.convert.tree import Conditions, Value

_CHECKS = frozenset({"pip check", "python -m pip check", "{{…}} -m pip check"})
_SCRIPTS = {
    "run_test.py": None,
    "run_test.pl": None,
    "run_test.r": None,
    "run_test.R": None,
    "run_test.sh": "unix",
    "run_test.bat": "win",
}
"""Files that conda-build runs by their names, and where."""


def make_tests(values: list[Value], maker: Maker, files: frozenset[str] = frozenset()) -> OutList | None:
    """``tests`` of what stands for ``test``; `files` are the names of what lies beside the recipe."""
    made: list[tuple[Conditions, Out]] = []
    for item in [item for value in values if isinstance(value, Items) for item in value.items]:
        conditions = shared_conditions(item)
        made += [(conditions, test) for test in _listed(item, maker.within(conditions))]
    single: list[Value] = [value for value in values if not isinstance(value, Items)]
    beside = [name for name in _SCRIPTS if name in files]
    if single or beside:
        made += _tests(Keys(single, maker.report, "test"), maker, beside)
    return OutList(items=grouped(made)) if made else None


def _tests(keys: Keys, maker: Maker, beside: list[str]) -> list[tuple[Conditions, Out]]:
    """The tests of one table, and those that lie `beside` the recipe, which need the same."""
    imports = items_of(keys.take("imports"))
    commands = items_of(keys.take("commands"))
    scripts = items_of(keys.take("script"))
    requires = items_of(keys.take("requires"))
    files = table(source=maker.listed(keys.take("source_files")), recipe=maker.listed(keys.take("files")))
    checks: list[Value] = [each for each in commands if imports and isinstance(each, Leaf) and _is_check(each, maker)]
    others = [each for each in commands if each not in checks]
    python: OutTable | None = None
    if imports and not others and files is None and not scripts and not beside:
        python, requires = _python_alone(imports, checks, requires, maker)
    elif others or scripts or beside:
        python = _python_test(imports, checks, [], maker)
    if imports and python is None:
        # What is imported needs more than the test of imports can have.
        others = [*_import_commands(imports, maker), *commands]
    made: list[tuple[Conditions, Out]] = [] if python is None else [((), python)]
    script = table(script=maker.listed(others, "script"), requirements=table(run=maker.listed(requires)), files=files)
    made += [
        (shared_conditions(each), test)
        for each in scripts
        if (test := _script_test(each, requires, files, maker)) is not None
    ]
    if script is not None and script.get("script") is not None:
        made.append(((), script))
    elif not scripts and not beside:
        _refuse_idle(script, maker)
    made += [
        (shared_conditions(value), OutTable(pairs=(("downstream", out),)))
        for value in items_of(keys.take("downstreams", "downstream"))
        if (out := maker.item(value)) is not None
    ]
    needed = () if script is None else tuple(pair for pair in script.pairs if pair[0] != "script")
    for name in beside:
        condition = _SCRIPTS[name]
        test = OutTable(pairs=(("script", OutText(text=name)), *needed))
        made.append((() if condition is None else (Name(condition),), test))
    keys.finish()
    return made


def _listed(item: Value, maker: Maker) -> list[Out]:
    """A test of a list, as late recipes of boa have them: nearly those of rattler-build."""
    keys = Keys([item], maker.report, "tests")
    if keys.has("python"):
        inner = keys.table("python")
        check = maker.flag(inner.take("pip_check"), default=True)
        made = table(python=table(imports=maker.listed(inner.take("imports")), pip_check=check))
        inner.finish()
    elif keys.has("package_contents"):
        content = keys.take("package_contents")[0]
        made = table(package_contents=free_value(content, maker))
    elif keys.has("script") or keys.has("commands"):
        needed, files = keys.table("requirements"), keys.take("files")
        made = table(
            script=maker.listed(keys.take("script", "commands"), "script"),
            requirements=table(
                run=maker.listed([*needed.take("run"), *keys.take("requires")]),
                build=maker.listed(needed.take("build")),
            ),
            files=table(source=maker.listed(keys.take("source_files")), recipe=maker.listed(files))
            if all(isinstance(value, Leaf | Items) for value in files)
            else free_value(files[0], maker),
        )
        needed.finish()
    else:
        keys.finish()
        return [test for _, test in _tests(Keys([item], maker.report, "tests"), maker, [])]
    keys.finish()
    return [] if made is None else [made]


def _script_test(value: Value, requires: list[Value], files: OutTable | None, maker: Maker) -> OutTable | None:
    """The test of an output that is a file."""
    name = maker.item(value)
    if name is None:
        return None
    return table(script=table(file=name), requirements=table(run=maker.listed(requires)), files=files)


def _refuse_idle(script: OutTable | None, maker: Maker) -> None:
    for text in texts_of(script):
        for leaf in text.origins:
            maker.refuse(leaf, "there is no test that would need it", "write the test, or remove the line")


def _is_check(leaf: Leaf, maker: Maker) -> bool:
    return leaf.text.strip() in _CHECKS and not maker.open_conditions(leaf)


def _python_test(
    imports: list[Value], checks: list[Value], pip: list[Leaf], maker: Maker, version: OutText | None = None
) -> OutTable | None:
    made = maker.listed(imports)
    if made is None:
        return None
    origins = (*(each for each in checks if isinstance(each, Leaf)), *pip)
    check = OutText(text="true" if checks else "false", bare=True, origins=origins)
    return table(python=table(imports=made, pip_check=check, python_version=version))


def _python_alone(
    imports: list[Value], checks: list[Value], requires: list[Value], maker: Maker
) -> tuple[OutTable | None, list[Value]]:
    """The test of imports, if it brings all that is required: pip, and a Python; else None, and what is required."""
    pip: list[Leaf] = []
    versions: list[Leaf] = []
    for value in requires:
        if not isinstance(value, Leaf) or maker.open_conditions(value):
            return None, requires
        words = value.text.split()
        if words == ["pip"]:
            pip.append(value)
        elif words[:1] == ["python"] and not versions:
            versions.append(value)
        else:
            return None, requires
    return _python_test(imports, checks, pip, maker, _python_version(versions, maker)), []


def _python_version(versions: list[Leaf], maker: Maker) -> OutText | None:
    if not versions:
        return None
    leaf = versions[0]
    first = str(leaf.parts[0]).removeprefix("python").lstrip()
    parts = (*((first,) if first else ()), *leaf.parts[1:])
    if not parts:
        return OutText(text="*", origins=(leaf,))
    if set("<>=!~*|,").isdisjoint(leaf.text.removeprefix("python")):
        parts = (*parts, ".*")
    return maker.text(replace(leaf, parts=parts))


def _import_commands(imports: list[Value], maker: Maker) -> list[Value]:
    """The imports as commands, for a test that needs more than the test of imports can have."""
    made: list[Value] = []
    for value in items_of(imports):
        if isinstance(value, Leaf) and value.plain is not None:
            made.append(with_text(value, f'python -c "import {value.plain}"'))
        else:
            maker.refuse(value, "this is no module", "write its name", found=value.key)
    return made
