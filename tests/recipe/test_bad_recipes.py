"""Recipes as people write them wrongly, and what each must hear: which file, which line, what to do."""

from __future__ import annotations

import pytest

from lite_env.errors import RecipeError
from lite_env.recipe.engine import render
from lite_env.recipe.find import find_recipes, render_all
from tests.recipe.recipes import library, write_recipe, write_variants

PACKAGE = 'package:\n  name: a\n  version: "1"\n'

BAD = {
    "a misspelt section": (
        f"{PACKAGE}requirments:\n  host:\n    - python\n",
        ("key `requirments` that this format does not know", 4, "write `requirements:`"),
    ),
    "a misspelt key": (f"{PACKAGE}build:\n  nuber: 3\n", ("key `nuber`", 5, "write `number:`")),
    "a misspelt key of a source": (
        f"{PACKAGE}source:\n  - url: https://example.org/a.tar.gz\n    sha265: abc\n",
        ("key `sha265`", 6, "write `sha256:`"),
    ),
    "a misspelt key of a test": (
        f"{PACKAGE}tests:\n  - python:\n      import: [a]\n",
        ("key `import`", 6, "write `imports:`"),
    ),
    "a key in a place that is not its": (
        f"{PACKAGE}about:\n  imports: [a]\n",
        ("key `imports`", 5, "belongs elsewhere: look at the indentation"),
    ),
    "a key that is like none": (f"{PACKAGE}unheard_of_thing: 1\n", ("key `unheard_of_thing`", 4, "recipe_file")),
    "a key of conda-build": (f"{PACKAGE}test:\n  imports: [a]\n", ("key `test`", 4, "lite-env recipe convert")),
    "a recipe of boa": (
        'context:\n  version: "1"\npackage:\n  name: a\n  version: "{{ version }}"\n',
        ("malformed version", None, "lite-env recipe convert"),
    ),
    "a recipe of conda-build under the new name": (
        '{% set version = "1" %}\npackage:\n  name: a\n  version: {{ version }}\n',
        ("not valid YAML", 1, "lite-env recipe convert"),
    ),
    "a package beside outputs": (
        f"{PACKAGE}outputs:\n  - package:\n      name: b\n",
        ("key `package`", 1, "`recipe:` at its top"),
    ),
    "a hash that is none": (
        f"{PACKAGE}source:\n  url: https://example.org/a.tar.gz\n  sha256: abc\n",
        ("Invalid SHA256 checksum: abc", 6, None),
    ),
    "stdlib": (
        f'{PACKAGE}requirements:\n  build:\n    - ${{{{ stdlib("c") }}}}\n',
        ("no `stdlib` of c to choose for the browser", 6, "leave the line out"),
    ),
    "what is not defined": (
        f"{PACKAGE}requirements:\n  host:\n    - python\n    - ${{{{ foo }}}}\n",
        (r"\$\{\{ foo \}\} in the recipe is not defined", 7, "`context:`"),
    ),
    "an expression that is not closed": (
        f'{PACKAGE}requirements:\n  build:\n    - ${{{{ compiler("c" }}}}\n',
        ("syntax error: unexpected `}`", None, None),
    ),
    "a match spec that is none": (
        f'{PACKAGE}requirements:\n  host:\n    - python\n    - "numpy >>1"\n',
        ("unable to parse version spec: >>1", 7, None),
    ),
    "a number that is none": (f"{PACKAGE}build:\n  number: abc\n", ("build.number", 5, None)),
    "a tab": ("package:\n\tname: a\n", ("not valid YAML", 2, "YAML takes no tabs there")),
    "a list": ("- a\n", ("Top level must be a mapping", 1, None)),
    "nothing": ("", ("missing required field 'package'", None, None)),
}


@pytest.mark.parametrize("name", BAD)
def test_each_is_told_with_file_line_and_what_to_do(tmp_path, name):
    text, (message, line, hint) = BAD[name]
    folder = write_recipe(tmp_path / "a", text)
    with pytest.raises(RecipeError, match=message) as caught:
        render(folder, [])
    context = dict(caught.value.context)
    assert (context["file"], context.get("line")) == (str(folder / "recipe.yaml"), line)
    assert (hint or "") in (caught.value.hint or "")
    for raw in ("Span {", "Marker {", "JinjaError"):
        assert raw not in caught.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("c_compiler: {", "file of variants is not valid YAML"),
        ("- a\n", "variants cannot be read: 1:1: Top level must be a mapping"),
        ("python: 3.11\n", "Variant values for 'python' must be a list"),
        ("zip_keys: 3\n", "a list is expected"),
        ("zip_keys: [[python, c_compiler]]\n", "`(python|c_compiler)` in `zip_keys` has another number of values"),
    ],
)
def test_a_file_of_variants_is_named(tmp_path, text, message):
    sound, file = write_variants(tmp_path / "sound"), tmp_path / "variants.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=message) as caught:
        render(write_recipe(tmp_path / "a", library("a")), [sound, file])
    assert str(file) in str(dict(caught.value.context)["file"])
    assert "Marker" not in caught.value.message


def test_recipes_that_need_each_other_are_told_with_their_files(tmp_path):
    for name, other in (("a", "b"), ("b", "c"), ("c", "a")):
        write_recipe(tmp_path / name, library(name, other))
    with pytest.raises(RecipeError, match="need each other") as caught:
        render_all(find_recipes([tmp_path]), [write_variants(tmp_path)])
    files = str(dict(caught.value.context)["files"])
    assert all(str(tmp_path / name / "recipe.yaml") in files for name in "abc")
