"""A whole old recipe, of one package or of several, as a new one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lite_env.recipe.convert.about import make_about, make_extra
from lite_env.recipe.convert.build import make_build
from lite_env.recipe.convert.context import make_context
from lite_env.recipe.convert.expression import Text
from lite_env.recipe.convert.keys import Keys
from lite_env.recipe.convert.make import Maker
from lite_env.recipe.convert.output import OutTable, OutText, table, texts_of
from lite_env.recipe.convert.outputs import make_outputs, package_name
from lite_env.recipe.convert.requirements import read_requirements, requirements_table
from lite_env.recipe.convert.script import BUILD_SCRIPTS
from lite_env.recipe.convert.source import make_source
from lite_env.recipe.convert.tests import make_tests
from lite_env.recipe.convert.tree import leaves_of, with_text

if TYPE_CHECKING:
    from lite_env.recipe.convert.output import Out
    from lite_env.recipe.convert.report import Report
    from lite_env.recipe.convert.statement import Setting
    from lite_env.recipe.convert.tree import Leaf, Value

_KNOWN = {
    "app": ("rattler-build makes no apps of Navigator", "remove the section"),
    "features": ("features are gone", "write variants"),
    "steps": ("rattler-build has no steps", "write each as one of the `outputs`"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class OldRecipe:
    """An old recipe that was read.

    Attributes:
        root: its document.
        settings: what it sets, in order.
        uses: the lines in which each name is used outside of settings.
        files: the names of what lies beside it.
    """

    root: Value
    settings: tuple[Setting, ...]
    uses: dict[str, list[int]] = field(default_factory=dict)
    files: frozenset[str] = frozenset()


def convert_recipe(old: OldRecipe, report: Report) -> OutTable:
    """The new recipe; what nothing was made of is refused in `report`, whatever the reason."""
    names = frozenset(setting.name for setting in old.settings)
    maker = Maker(report=report, context=names)
    texts = {each.name: each.value.value for each in old.settings if isinstance(each.value, Text)}
    context = make_context(old.settings, old.uses, report)
    keys = Keys([old.root], report, "")
    package = keys.table("package")
    made = {
        "schema_version": OutText(text="1", bare=True),
        "context": context,
        **_body(keys, package, maker, texts, old.files),
    }
    package.finish()
    keys.finish(_KNOWN)
    new = table(**made) or OutTable(pairs=())
    _refuse_the_rest(old, new, report)
    return new


def _body(
    keys: Keys, package: Keys, maker: Maker, texts: dict[str, str], files: frozenset[str]
) -> dict[str, Out | None]:
    whole = package.has("name") and package.has("version")
    name = maker.scalar(package.take("name"), change=lambda leaf: package_name(leaf, maker))
    version = maker.scalar(package.take("version"), change=_as_text)
    about, moved = make_about(keys.take("about"), maker)
    extra = make_extra(keys.take("extra"), moved, maker)
    head = table(name=name, version=version)
    outputs = keys.take("outputs")
    source = make_source(keys.take("source"), maker)
    build = keys.table("build")
    if outputs:
        several = make_outputs(
            keys, build, outputs, maker, texts, name=name, has_version=version is not None, files=files
        )
        return {"recipe": head, "source": source, **several, "about": about, "extra": extra}
    if not whole:
        maker.report.refuse(
            1,
            "package",
            found="nothing" if head is None else "a name or a version alone",
            why="a recipe needs a name and a version",
            hint="write `package:` with `name:` and `version:`",
        )
    found = read_requirements(keys.take("requirements"), maker, texts, "requirements")
    requirements = requirements_table(found, build, maker, texts)
    made = make_build(build, maker, merged=found.merged, scripts=files & BUILD_SCRIPTS, files=None)
    tests = make_tests([*keys.take("test"), *keys.take("tests")], maker, files)
    return {
        "package": head,
        "source": source,
        "build": made,
        "requirements": requirements,
        "tests": tests,
        "about": about,
        "extra": extra,
    }


def _as_text(leaf: Leaf) -> Leaf:
    """A version, which is a text even where it looks like a number."""
    return leaf if leaf.plain is None else with_text(leaf, leaf.plain)


def _is_below(key: str, refused: set[str]) -> bool:
    """Whether a key, or one that it stands in, was refused."""
    return key in refused or any(key[:place] in refused for place, sign in enumerate(key) if sign in ".[")


def _refuse_the_rest(old: OldRecipe, new: OutTable, report: Report) -> None:
    """Refuse each value that the new recipe has nothing of, and that nothing was said of."""
    made = {leaf.number for text in texts_of(new) for leaf in text.origins}
    lines = {line for text in texts_of(new) for line in text.lines}
    said = {(each.line, each.key) for each in report.refused()} | {(each.line, each.key) for each in report.noted()}
    refused = {each.key for each in report.refused() if each.key}
    for leaf in leaves_of(old.root):
        if leaf.kind == "null" or leaf.number in made or (leaf.line, leaf.key) in said:
            continue
        if _is_below(leaf.key, refused):
            continue
        report.refuse(
            leaf.line,
            leaf.key,
            found=leaf.text,
            why="nothing was made of it",
            hint="this is a gap of the conversion: write it by hand into the recipe that comes of the rest",
        )
    lines.update(line for line, _ in said)
    for setting in old.settings:
        if setting.line not in lines and f"context.{setting.name}" not in refused:
            report.refuse(
                setting.line,
                "",
                found=setting.name,
                why="nothing was made of it",
                hint="write the value under `context` by hand",
            )
