"""Recipes of several packages: each output is a recipe of its own now, and what is built for all of them is a stage."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from lite_env.recipe.convert.about import make_about
from lite_env.recipe.convert.build import make_build
from lite_env.recipe.convert.expression import all_of, negated
from lite_env.recipe.convert.expression_text import expression_text
from lite_env.recipe.convert.keys import Keys, items_of
from lite_env.recipe.convert.output import OutList, OutTable, OutText, table
from lite_env.recipe.convert.requirements import read_requirements, requirements_table
from lite_env.recipe.convert.script import BUILD_SCRIPTS, make_script, script_file
from lite_env.recipe.convert.tests import make_tests
from lite_env.recipe.convert.tree import Leaf, Table, leaves_of, shared_conditions, with_text

if TYPE_CHECKING:
    from lite_env.recipe.convert.make import Maker
    from lite_env.recipe.convert.output import Out
    from lite_env.recipe.convert.tree import Value

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_KNOWN = {
    "target": ("rattler-build has no `target` of one output", "set the platform for the whole build"),
    "extra": ("rattler-build has one `extra` for all outputs", "write it at the top of the recipe"),
    "script_interpreter": (
        "rattler-build finds the interpreter by the script's name",
        "remove the line if the name ends so (.sh, .bat, .py, .pl, .r), or write `build.script.interpreter`",
    ),
}


def package_name(leaf: Leaf, maker: Maker) -> Leaf | None:
    """The name of a package, in small letters as conda-build has it."""
    text = leaf.plain
    if text is not None and not _NAME.match(text):
        maker.refuse(leaf, "this is no name of a package", "write it in letters, digits, `-`, `_` and `.`")
        return None
    return leaf if text is None else with_text(leaf, text.lower())


def make_outputs(
    keys: Keys,
    build: Keys,
    outputs: list[Value],
    maker: Maker,
    texts: dict[str, str],
    *,
    name: OutText | None,
    has_version: bool,
    files: frozenset[str],
) -> dict[str, Out | None]:
    """``build`` and ``outputs`` of a recipe that has several.

    Args:
        keys: the old recipe, of which requirements and tests are still to be taken.
        build: its section.
        outputs: what stands for ``outputs``.
        maker: makes values.
        texts: what names are set to.
        name: of the whole recipe.
        has_version: whether the whole recipe has a version.
        files: the names of what lies beside it.
    """
    stage = _stage(keys, build, maker, texts, name=name, scripts=files & BUILD_SCRIPTS)
    top = make_build(build, maker, merged=False, scripts=frozenset(), files=None)
    tests = [*keys.take("test"), *keys.take("tests")]
    made: list[Out] = [] if stage is None else [stage[1]]
    for output in items_of(outputs):
        if not isinstance(output, Table):
            maker.refuse(output, "an output is a mapping", "write its `name`", found="no mapping")
            continue
        own = _Output(output, maker, texts, stage=None if stage is None else stage[0])
        is_top = name is not None and own.name is not None and own.name.text == name.text
        made.append(
            own.made(tests if is_top else [], files if is_top else frozenset(), is_top=is_top, has_version=has_version)
        )
        if is_top:
            tests = []
    for value in tests:
        maker.refuse(
            value,
            "it tests the package of the recipe's own name, and no output has that name",
            "write the test in the output that is meant",
            found="test",
        )
    return {"build": top, "outputs": OutList(items=tuple(made)) if made else None}


def _stage(
    keys: Keys, build: Keys, maker: Maker, texts: dict[str, str], *, name: OutText | None, scripts: frozenset[str]
) -> tuple[OutText, OutTable] | None:
    """What is built once for all outputs; its name, and the output that it is now."""
    values = keys.take("requirements")
    if not build.has("script") and not scripts:
        for value in values:
            maker.refuse(
                value,
                "nothing is built before the outputs that needs it; conda-build makes a package of `run` by itself",
                "write the requirements in the outputs that are meant, or an output of the recipe's own name with them",
                found="requirements",
            )
        return None
    found = read_requirements(values, maker, texts, "requirements")
    if found.run is not None or found.run_constraints is not None:
        for value in values:
            maker.refuse(
                value,
                "what is built for all outputs is no package, so it has nothing at run time",
                "write `run` in the outputs that are meant, or in one of the recipe's own name",
                found="run",
            )
    script = make_script(build, maker, scripts=scripts)
    staged = OutText(text=f"{name.text if name else 'recipe'}-build")
    made = table(
        staging=table(name=staged),
        requirements=table(build=found.build, host=found.host),
        build=table(script=script or table(file=OutText(text="build"))),
    )
    return None if made is None else (staged, made)


class _Output:
    """One output of the old recipe."""

    def __init__(self, output: Table, maker: Maker, texts: dict[str, str], *, stage: OutText | None) -> None:
        self._line, self._key = output.line, output.key
        self._conditions = shared_conditions(output)
        self._maker = maker.within(self._conditions)
        self._texts = texts
        self._stage = stage
        self._keys = Keys([output], maker.report, "outputs")
        package = self._keys.table("package")
        self._named = self._keys.has("name") or package.has("name")
        self.name = self._maker.scalar(
            [*self._keys.take("name"), *package.take("name")], change=lambda leaf: package_name(leaf, self._maker)
        )
        self._version = self._maker.scalar(
            [*self._keys.take("version"), *package.take("version")],
            change=lambda leaf: leaf if leaf.plain is None else with_text(leaf, leaf.plain),
        )
        package.finish()

    def made(self, tests: list[Value], files: frozenset[str], *, is_top: bool, has_version: bool) -> OutTable:
        """The output for rattler-build.

        Args:
            tests: those of the whole recipe that are its own.
            files: names of what lies beside the recipe, if it is the one that they are for.
            is_top: whether it has the name of the whole recipe.
            has_version: whether the whole recipe has a version.
        """
        keys, maker = self._keys, self._maker
        if not self._named:
            maker.report.refuse(
                self._line, self._key, found="no name", why="an output needs a name", hint="write `name:`"
            )
        if self._version is None and not has_version:
            maker.report.refuse(
                self._line,
                self._key,
                found="no version",
                why="neither the output nor the recipe has a version",
                hint="write `version:` under `package:`",
            )
        self._type()
        build = keys.table("build")
        # One without files and without a script has nothing in it, unless it is the package of the recipe's own name.
        inherits = is_top or keys.has("files") or keys.has("script") or build.has("script")
        found = read_requirements(keys.take("requirements"), maker, self._texts, "outputs.requirements")
        requirements = requirements_table(found, build, maker, self._texts, exports=keys.take("run_exports"))
        about, moved = make_about(keys.take("about"), maker)
        if moved is not None:
            for key, _ in moved.pairs:
                maker.report.refuse(
                    self._line,
                    f"{self._key}.about.{key}",
                    found=key,
                    why="rattler-build has no place for it in an output",
                    hint="write it in the recipe's own `about`",
                )
        made = table(
            package=table(name=self.name, version=self._version),
            inherit=self._stage if inherits else None,
            build=self._build(build, merged=found.merged),
            requirements=requirements,
            tests=make_tests([*tests, *keys.take("test"), *keys.take("tests")], maker, files),
            about=about,
        )
        keys.finish(_KNOWN)
        return made or OutTable(pairs=())

    def _type(self) -> None:
        for value in self._keys.take("type"):
            if isinstance(value, Leaf) and value.plain in ("conda", "conda_v2"):
                self._maker.note(value, "`type` is not written: every output is a conda package")
            else:
                self._maker.refuse(value, "rattler-build makes conda packages alone", "remove the output")

    def _build(self, build: Keys, *, merged: bool) -> OutTable | None:
        """``build`` of the output, with what conda-build has beside it."""
        keys, maker = self._keys, self._maker
        for key in ("number", "entry_points", "noarch", "noarch_python"):
            keys.hand(key, build)
        scripts = keys.take("script")
        files = keys.take("files")
        self._note_files(files)
        made = make_build(build, maker, merged=merged, scripts=frozenset(), files=self._files(files))
        pairs = dict(made.pairs if made is not None else ())
        if scripts and "script" in pairs:
            maker.refuse(scripts[0], "the output has a script and commands", "write one of them")
        if scripts and self._stage is not None and not files:
            maker.note(
                scripts[0],
                "what the build before it installed is in this package too: name what is meant in `files`",
            )
        extra: dict[str, Out | None] = {"script": script_file(scripts, maker), "skip": self._skip(pairs.get("skip"))}
        pairs = {**pairs, **{key: value for key, value in extra.items() if value is not None}}
        return OutTable(pairs=tuple(sorted(pairs.items(), key=lambda each: _ORDER.index(each[0])))) if pairs else None

    def _files(self, files: list[Value]) -> Out | None:
        """Globs, or those that are meant and those that are not."""
        if not any(isinstance(value, Table) for value in files):
            return self._maker.listed(files)
        keys = Keys(files, self._maker.report, "outputs.files")
        made = table(include=self._maker.listed(keys.take("include")), exclude=self._maker.listed(keys.take("exclude")))
        keys.finish()
        return made

    def _note_files(self, files: list[Value]) -> None:
        for leaf in (leaf for value in files for leaf in leaves_of(value)):
            last = leaf.text.rstrip("/").rsplit("/", 1)[-1]
            if "*" not in last and "." not in last:
                self._maker.note(leaf, "if this is a folder, write `/**` behind it: rattler-build takes it for a file")

    def _skip(self, skip: Out | None) -> Out | None:
        """Where the output is not there by its selector, it is skipped."""
        whole = all_of(*self._conditions)
        if whole is None:
            return skip
        condition = OutText(text=expression_text(negated(whole)))
        if skip is None:
            return condition
        others = skip.items if isinstance(skip, OutList) else (skip,)
        return OutList(
            items=(condition, *(replace(each, bare=False) if isinstance(each, OutText) else each for each in others))
        )


_ORDER = (
    *("number", "string", "skip", "noarch", "script", "merge_build_and_host_envs", "files", "always_include_files"),
    *("always_copy_files", "python", "variant", "prefix_detection", "dynamic_linking"),
)
