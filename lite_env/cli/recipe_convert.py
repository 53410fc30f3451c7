"""``lite-env recipe convert``: an old recipe as one of rattler-build."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lite_env.cli.boundary import Answer
from lite_env.cli.console import print_json, reporter_of, tell
from lite_env.errors import RecipeError
from lite_env.recipe.convert.work import RECIPE, plan_conversion, write_conversion
from lite_env.store.plain import plain

if TYPE_CHECKING:
    from lite_env.recipe.convert.model import Conversion, Refusal

MAX_TOLD = 200
"""Refusals that are told one by one."""


@click.command("convert")
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The folder for the new recipe, or its .yaml file."
)
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.option("--dry-run", is_flag=True, help="Print the new recipe, write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Answer with a JSON document.")
@click.pass_context
def convert(ctx: click.Context, *, path: Path, output: Path | None, force: bool, dry_run: bool, as_json: bool) -> None:
    """Convert a recipe of conda-build or of boa into one of rattler-build.

    PATH is a folder with a meta.yaml (or boa's recipe.yaml), or the file itself. A conda_build_config.yaml beside it
    becomes variants.yaml. Without -o the new recipe is printed. With another folder, what lies beside the old recipe
    is copied; nothing there is replaced without --force.

    What cannot be converted is refused, with file and line, all of it at once; then nothing is written and the exit
    code is 1.

    \b
    Example:
      lite-env recipe convert my-recipe
      lite-env recipe convert my-recipe -o recipes/my-recipe
      lite-env recipe convert feedstock/recipe/meta.yaml -o recipe.yaml
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    reporter = reporter_of(ctx)
    folder, name = _target(output)
    conversion = plan_conversion(path, output=folder)
    written: tuple[Path, ...] = ()
    if not conversion.refusals and folder is not None and not dry_run:
        written = write_conversion(conversion, folder, name=name, force=force)
    if as_json:
        print_json(_as_json(conversion, written, shown=not written))
        if conversion.refusals:
            raise Answer
        return
    for note in conversion.notes:
        reporter.note(f"{note.file}:{note.line}: {_key(note.key)}{note.text}")
    if conversion.refusals:
        _refuse(conversion)
    if not written:
        _print(conversion)
    for file in written:
        reporter.note(f"written: {file}")


def _target(output: Path | None) -> tuple[Path | None, str]:
    """The folder to write to, and the name of the recipe in it."""
    if output is not None and output.suffix in (".yaml", ".yml") and not output.is_dir():
        return output.parent, output.name
    return output, RECIPE


def _refuse(conversion: Conversion) -> None:
    for refusal in conversion.refusals[:MAX_TOLD]:
        tell(_line(refusal))
    left = len(conversion.refusals) - MAX_TOLD
    if left > 0:
        tell(f"and {left} more; `--json` has all of them")
    places = "1 place" if len(conversion.refusals) == 1 else f"{len(conversion.refusals)} places"
    raise RecipeError(
        f"{places} of {conversion.source} cannot be converted; nothing was written",
        hint="change these lines of the old recipe as they say, or remove them and write them anew in the new one",
    )


def _line(refusal: Refusal) -> str:
    place = f"{refusal.file}:{refusal.line}: {_key(refusal.key)}"
    return f"{place}`{refusal.found}`: {refusal.why}\n    {refusal.hint}"


def _key(key: str) -> str:
    return f"{key}: " if key else ""


def _print(conversion: Conversion) -> None:
    texts = [file for file in conversion.files if file.copy is None]
    for place, file in enumerate(texts):
        if place:
            click.echo(f"\n# {file.name}")
        click.echo(plain(file.text), nl=False)


def _as_json(conversion: Conversion, written: tuple[Path, ...], *, shown: bool) -> dict[str, Any]:
    files = [{"name": each.name, **({"text": each.text} if each.copy is None else {})} for each in conversion.files]
    return {
        "files": files if shown else [],
        "format": conversion.format,
        "notes": [
            {"file": each.file, "key": each.key, "line": each.line, "text": each.text} for each in conversion.notes
        ],
        "refusals": [
            {
                "file": each.file,
                "found": each.found,
                "hint": each.hint,
                "key": each.key,
                "line": each.line,
                "why": each.why,
            }
            for each in conversion.refusals
        ],
        "source": str(conversion.source),
        "written": [str(path) for path in written],
    }
