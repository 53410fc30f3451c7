"""What rattler-build says of a recipe that it cannot read, as an error with line and hint."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from lite_env.errors import RecipeError
from lite_env.recipe.lines import RecipeText

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CONVERT = "recipes of conda-build and of boa before rattler-build are converted by `lite-env recipe convert`"
"""The way out for who has an old recipe."""

# https://rattler-build.prefix.dev/latest/reference/recipe_file/
_KEYS = (
    "schema_version context package recipe source build requirements tests outputs about extra name version"
    " url path git sha256 md5 file_name patches target_directory filter use_gitignore branch tag rev depth"
    " lfs number string skip noarch script always_copy_files always_include_files merge_build_and_host_envs"
    " files dynamic_linking python variant prefix_detection post_process host run run_constraints run_exports"
    " ignore_run_exports by_name from_package strong weak strong_constraints weak_constraints imports"
    " pip_check python_version package_contents site_packages lib bin include strict exists not_exists"
    " downstream perl r ruby interpreter env secrets content file homepage license license_file license_url"
    " summary description documentation repository entry_points use_python_app_entrypoint use_keys"
    " ignore_keys down_prioritize_variant if then else"
)
# Keys of conda-build and of boa, which this format has under other names, or not at all.
_OLD_KEYS = (
    "test app steps features run_constrained fn git_url git_rev git_tag svn_url hg_url script_env"
    " license_family home dev_url doc_url doc_source_url commands source_files requires track_features"
    " missing_dso_whitelist"
)
_UNKNOWN = re.compile(r"unknown (?:top-level )?field '([^']*)'")
_PLACE = re.compile(r"Failed to parse YAML: (\d+):\d+: ")
_FIELD = re.compile(r"invalid value for '([\w.]+)'")
_JINJA = re.compile(r'JinjaError \{ message: "((?:[^"\\]|\\.)*)".*?line: (\d+)', re.DOTALL)
_REASON = re.compile(r'reason: "((?:[^"\\]|\\.)*)"')
_PARSED = re.compile(r'message: "((?:[^"\\]|\\.)*)"|expected: "(\w+)"')
_UNEQUAL = re.compile(r'InvalidZipKeyLength\("([^"]*)"\)')
_MARK = re.compile(r"Marker \{[^}]*line: (\d+)")
_STDLIB = re.compile(r"No stdlib found for language: (\w+)")
_TEMPLATE = re.compile(r"\(template: (.*)\)\Z", re.DOTALL)
_OLD_TEXT = re.compile(r"^\s*\{%|(?<!\$)\{\{", re.MULTILINE)


def unreadable(file: Path, said: str, variants: Sequence[Path]) -> RecipeError:
    """The error for a recipe that rattler-build refuses.

    Args:
        file: the recipe.
        said: by rattler-build.
        variants: the files that it was rendered with; what is wrong there may be seen only then.
    """
    if _UNEQUAL.search(said):
        return variants_unreadable(variants, said)
    try:
        written = RecipeText(file)
    except RecipeError as error:
        # What is wrong with it as YAML has a line there.
        if _is_old(file):
            return RecipeError(error.message, hint=CONVERT, **dict(error.context))
        return error
    unknown = _UNKNOWN.search(said)
    jinja = _JINJA.search(said)
    if unknown is not None:
        key = unknown[1]
        message = f"the recipe has a key `{key}` that this format does not know"
        return RecipeError(
            message, hint=_hint_for(key, said), file=str(file), line=next(iter(written.lines_of_key(key)), None)
        )
    if jinja is not None:
        return _expression(file, _unescaped(jinja[1]), int(jinja[2]))
    reason = _REASON.search(said)
    return RecipeError(
        f"the recipe cannot be read: {_unescaped(reason[1]) if reason else said}",
        hint=CONVERT if _OLD_TEXT.search(written.text) else None,
        file=str(file),
        line=_line_of(said, written),
    )


def variants_unreadable(files: Sequence[Path], said: str) -> RecipeError:
    """The error for files of variants that rattler-build refuses: which of them it is, as far as it can be told."""
    for file in files:
        RecipeText(file).value()
    hint = "a file of variants has lists by key, and `zip_keys` of equally long ones (docs/recipes.md)"
    place = next((file for file in files if str(file) in said), None)
    unequal, parsed = _UNEQUAL.search(said), _PARSED.search(said)
    if unequal is not None:
        text = f"`{unequal[1]}` in `zip_keys` has another number of values than the keys beside it"
    elif parsed is not None:
        text = _unescaped(parsed[1]) if parsed[1] else f"a {parsed[2]} is expected"
    else:
        text = said
    line = _MARK.search(said)
    return RecipeError(
        f"the variants cannot be read: {text}",
        hint=hint,
        file=str(place) if place else ", ".join(map(str, files)),
        line=int(line[1]) if line else None,
    )


def _line_of(said: str, written: RecipeText) -> int | None:
    """Where it may be: at the key that is named, or where alone the text stands that is quoted at the end."""
    place = _PLACE.search(said)
    field = _FIELD.search(said)
    if place is not None:
        return int(place[1])
    keys = written.lines_of_key(field[1].rpartition(".")[2]) if field else ()
    quoted = said.rpartition(": ")[2]
    lines = [number for number, text in enumerate(written.text.splitlines(), 1) if quoted in text]
    return next((found[0] for found in (keys, lines) if len(found) == 1), None)


def _hint_for(key: str, said: str) -> str:
    if "'multi-output recipe'" in said and key == "package":
        return "a recipe with `outputs:` has `recipe:` at its top, with name and version, and `package:` in each output"
    if key in _OLD_KEYS.split():
        return CONVERT
    near = difflib.get_close_matches(key, _KEYS.split(), n=1)
    if near:
        return f"write `{near[0]}:`" if near[0] != key else f"`{key}:` belongs elsewhere: look at the indentation"
    return "what it may have is at https://rattler-build.prefix.dev/latest/reference/recipe_file/"


def _expression(file: Path, said: str, line: int) -> RecipeError:
    template = _TEMPLATE.search(said)
    found = template[1] if template else None
    stdlib = _STDLIB.search(said)
    if stdlib is not None:
        return RecipeError(
            f"there is no `stdlib` of {stdlib[1]} to choose for the browser",
            hint="leave the line out: the compiler brings Emscripten's; or name one as"
            f" `{stdlib[1]}_stdlib` in a file of variants",
            file=str(file),
            line=line,
            found=found,
        )
    if "undefined value" in said:
        return RecipeError(
            f"{found or 'an expression'} in the recipe is not defined",
            hint="define it under `context:`, or in a file of variants",
            file=str(file),
            line=line,
        )
    text = said.removeprefix("Template rendering failed: ")
    return RecipeError(f"an expression in the recipe cannot be rendered: {text}", file=str(file), line=line)


def _is_old(file: Path) -> bool:
    return _OLD_TEXT.search(file.read_text(encoding="utf-8", errors="replace")) is not None


def _unescaped(text: str) -> str:
    r"""Of what Rust prints for debugging: ``\"`` and ``\n``."""
    return text.replace('\\"', '"').replace("\\n", "\n").replace("\\'", "'").replace("\\\\", "\\")
