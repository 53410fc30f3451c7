"""From a folder with an old recipe to one with a new one: what is read, what would be written, and writing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.errors import RecipeError
from lite_env.recipe.convert.boa import Selectors, is_boa, split_context
from lite_env.recipe.convert.model import Conversion, NewFile
from lite_env.recipe.convert.recipe import OldRecipe, convert_recipe
from lite_env.recipe.convert.report import Report
from lite_env.recipe.convert.scan import scan_comments, scan_lines
from lite_env.recipe.convert.tree import Table, leaves_of
from lite_env.recipe.convert.tree_reader import MAX_BYTES, read_tree
from lite_env.recipe.convert.variants import convert_variants
from lite_env.recipe.convert.writer import write_recipe
from lite_env.store.atomic import write_bytes
from lite_env.store.text import Origin, read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lite_env.recipe.convert.model import Format, Note, Refusal
    from lite_env.recipe.convert.scan import Comment

RECIPE = "recipe.yaml"
VARIANTS = "variants.yaml"
META = "meta.yaml"
CONFIG = "conda_build_config.yaml"
MAX_FILES = 500
"""Files that lie beside a recipe and are copied with it."""


def plan_conversion(path: Path, *, output: Path | None = None) -> Conversion:
    """What the recipe at `path` comes to.

    Args:
        path: a folder with a recipe, or the recipe's file.
        output: the folder that the new recipe will be written to: when it is another one, what lies beside the old
            recipe is copied.

    Raises:
        RecipeError: there is no old recipe, or it cannot be read.
    """
    source = _find(path)
    folder = source.parent
    beside = frozenset(each.name for each in folder.iterdir() if each.is_file())
    text = _read(source)
    kind: Format = "boa" if _is_old_recipe_yaml(source, text) else "conda-build"
    recipe, refusals, notes = convert_text(text, kind, file=source.name, files=beside)
    files = [NewFile(name=RECIPE, text=recipe)]
    if CONFIG in beside:
        report = Report(CONFIG)
        files.append(NewFile(name=VARIANTS, text=convert_variants(_read(folder / CONFIG), report)))
        refusals, notes = (*refusals, *report.refused()), (*notes, *report.noted())
    if output is not None and output.resolve() != folder.resolve():
        files += _copies(folder, {source.name, CONFIG, RECIPE, META}, output)
    elif "bld.bat" in beside and "build.bat" not in beside:
        report = Report("bld.bat")
        report.note(1, "", "rattler-build looks for `build.bat`: rename the file")
        notes = (*notes, *report.noted())
    return Conversion(
        source=source,
        format=kind,
        files=() if refusals else tuple(files),
        refusals=refusals,
        notes=notes,
    )


def convert_text(
    text: str, kind: Format, *, file: str = META, files: frozenset[str] = frozenset()
) -> tuple[str, tuple[Refusal, ...], tuple[Note, ...]]:
    """The text of the new recipe; with refusals it is not whole.

    Args:
        text: the old recipe.
        kind: whose it is.
        file: its name, for refusals.
        files: names of what lies beside it: scripts that are run by their names.

    Raises:
        RecipeError: it is not YAML, or empty.
    """
    Origin(what=file, error=RecipeError, file=file, max_bytes=MAX_BYTES).refuse_size(len(text))
    report = Report(file)
    scanned = scan_lines(text, report) if kind == "conda-build" else scan_comments(text, report)
    read = read_tree(scanned, report, None if kind == "conda-build" else Selectors(report))
    if read.root is None:
        raise RecipeError("the recipe is empty", hint="write `package:` with `name:` and `version:`", file=file)
    root, settings, of_settings = read.root, scanned.settings, dict(read.of_settings)
    if kind == "boa":
        of_settings.update(_comments_of_context(root))
        root, settings = split_context(root, report)
    old = OldRecipe(root=root, settings=settings, uses=read.uses, files=files)
    new = convert_recipe(old, report)
    return write_recipe(new, of_settings, read.rest), report.refused(), report.noted()


def write_conversion(
    conversion: Conversion, output: Path, *, name: str = RECIPE, force: bool = False
) -> tuple[Path, ...]:
    """Write the new recipe into the folder `output`, each file in one step, and say what was written.

    Args:
        conversion: what to write; it has no refusals.
        output: the folder; it is made if needed.
        name: of the recipe's file.
        force: whether to replace files that are there.

    Raises:
        RecipeError: a file is there already, or the conversion has refusals.
    """
    if conversion.refusals:
        raise RecipeError("a recipe with refusals is not written", file=str(conversion.source))
    targets = [(output / (name if file.name == RECIPE else file.name), file) for file in conversion.files]
    there = [path for path, _ in targets if path.exists() or path.is_symlink()]
    if there and not force:
        raise RecipeError(f"{there[0]} is there already", hint="give another folder, or `--force` to replace it")
    for path, file in reversed(targets):  # the recipe last
        data = file.text.encode() if file.copy is None else file.copy.read_bytes()
        mode = None if file.copy is None else file.copy.stat().st_mode & 0o777
        write_bytes(path, data, mode=mode)
    return tuple(path for path, _ in targets)


def _find(path: Path) -> Path:
    if path.is_dir():
        for name in (META, RECIPE):
            if (path / name).is_file():
                return path / name
        raise RecipeError(
            f"{path} has no {META} and no {RECIPE}", hint="give the folder of a recipe, or the file itself"
        )
    if not path.is_file():
        raise RecipeError(f"there is no {path}", hint="give the folder of a recipe, or its meta.yaml")
    return path


def _read(path: Path) -> str:
    origin = Origin(what=path.name, error=RecipeError, file=str(path), max_bytes=MAX_BYTES)
    try:
        return read_bounded(path, origin).decode("utf-8-sig")
    except OSError as error:
        raise RecipeError(f"{path} cannot be read: {error.strerror or error}", file=str(path)) from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path.name} is not UTF-8", hint="save it as UTF-8", file=str(path)) from error


def _is_old_recipe_yaml(path: Path, text: str) -> bool:
    if path.name != RECIPE:
        return False
    if not is_boa(text):
        raise RecipeError(
            f"{path} is a recipe of rattler-build already, so there is nothing to convert",
            hint="boa's recipes have `{{ … }}` without `$`, `sel(…)`, `test:` or `about.home`",
        )
    return True


def _comments_of_context(root: object) -> dict[int, tuple[Comment, ...]]:
    """The comments of what ``context`` sets, by line."""
    found: dict[int, tuple[Comment, ...]] = {}
    for key, value in root.pairs if isinstance(root, Table) else ():
        for leaf in leaves_of(value) if key == "context" else ():
            found[leaf.line] = (*leaf.before, *(() if leaf.behind is None else (leaf.behind,)))
    return found


def _copies(folder: Path, left: set[str], output: Path) -> list[NewFile]:
    """What lies beside the recipe, below its folder; hidden files and the output itself aside."""
    copies: list[NewFile] = []
    for path in _files_below(folder, output.resolve()):
        name = path.relative_to(folder).as_posix()
        if name in left:
            continue
        if len(copies) == MAX_FILES:
            raise RecipeError(
                f"more than {MAX_FILES} files lie beside the recipe",
                hint="move the recipe into a folder of its own, or write the new one into the same folder",
                file=str(folder),
            )
        copies.append(NewFile(name="build.bat" if name == "bld.bat" else name, copy=path))
    return copies


def _files_below(folder: Path, output: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.resolve() == output:
            continue
        if path.is_symlink():
            raise RecipeError(
                f"{path} is a symbolic link, which is not copied", hint="put the file itself there", file=str(path)
            )
        if path.is_dir():
            yield from _files_below(path, output)
        elif path.is_file():
            yield path
