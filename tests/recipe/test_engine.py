from __future__ import annotations

import pytest

from lite_env.errors import RecipeError
from lite_env.recipe.engine import _clean, render
from lite_env.recipe.toolchain.python import build_subdir
from tests.recipe.recipes import library, write_recipe, write_variants

EXTENSION = """\
context:
  version: "2.0"
package:
  name: extension
  version: ${{ version }}
source:
  path: extension-${{ version }}.tar.gz
  sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
build:
  number: 3
  skip: match(python, ">=3.12")
  script: ${PYTHON} -m pip install .
requirements:
  build:
    - python
    - cross-python_${{ target_platform }}
    - ${{ compiler('c') }}
  host:
    - python
  run:
    - python
    - if: emscripten
      then: wasm-only
tests:
  - python:
      imports: [extension]
"""


def test_a_recipe_is_rendered_for_the_browser(tmp_path):
    recipe = render(write_recipe(tmp_path / "extension", EXTENSION), [write_variants(tmp_path)])
    (output,) = recipe.outputs
    assert (output.name, output.version, output.subdir) == ("extension", "2.0", "emscripten-wasm32")
    assert output.build.startswith("py311h")
    assert output.build.endswith("_3")
    assert output.build_requirements == (
        "python",
        "cross-python_emscripten-wasm32",
        "emscripten_emscripten-wasm32 3.1.45.*",
    )
    assert output.run_requirements == ("python", "wasm-only")
    assert output.sources[0].path == "extension-2.0.tar.gz"
    assert output.tests == ({"python": {"imports": ["extension"]}},)


@pytest.mark.parametrize("skip", ["true", "[true]", "emscripten", 'match(python, ">=3.11")'])
def test_a_variant_that_is_skipped_is_none_whatever_the_shape_of_the_recipe(tmp_path, skip):
    alone = EXTENSION.replace('match(python, ">=3.12")', skip)
    assert render(write_recipe(tmp_path / "alone", alone), [write_variants(tmp_path)]).outputs == ()


def test_a_library_is_made_for_every_abi(tmp_path):
    recipe = render(write_recipe(tmp_path / "one", library("one")), [write_variants(tmp_path)])
    versions = [output.variant["c_compiler_version"] for output in recipe.outputs]
    assert versions == ["3.1.45", "3.1.58"]
    assert len({output.path for output in recipe.outputs}) == 2


def test_variants_beside_a_recipe_are_stronger(tmp_path):
    folder = write_recipe(tmp_path / "one", library("one"))
    (folder / "variants.yaml").write_text(
        'c_compiler: [emscripten]\nc_compiler_version: ["3.1.58"]\npython: [3.12.* *_cpython]\n', encoding="utf-8"
    )
    (output,) = render(folder, [write_variants(tmp_path)]).outputs
    assert output.variant["c_compiler_version"] == "3.1.58"


def test_a_package_that_runs_anywhere_is_noarch(tmp_path):
    text = 'package:\n  name: pure\n  version: "1"\nbuild:\n  number: 0\n  noarch: python\n'
    recipe = render(write_recipe(tmp_path / "pure", text), [write_variants(tmp_path)])
    (output,) = recipe.outputs
    assert output.path.startswith("noarch/pure-1-")
    # It is built by the Python of this machine.
    assert recipe.platform == build_subdir()


def test_what_is_compiled_is_built_for_the_browser_also_beside_what_is_not(tmp_path):
    text = (
        'recipe:\n  name: both\n  version: "1"\nbuild:\n  number: 0\noutputs:\n'
        "  - package:\n      name: data\n    build:\n      noarch: generic\n"
        "  - package:\n      name: code\n    requirements:\n      build:\n        - ${{ compiler('c') }}\n"
    )
    recipe = render(write_recipe(tmp_path / "both", text), [write_variants(tmp_path)])
    assert recipe.platform == "emscripten-wasm32"
    assert {output.subdir for output in recipe.outputs} == {"noarch", "emscripten-wasm32"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("package: [", "YAML"),
        ('package:\n  version: "1"\n', "name"),
        ("package:\n  name: a\n  version: ${{ missing }}\n", "missing"),
        ('package:\n  name: a\n  version: "1"\nunheard_of: 1\n', "unheard_of"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_said_with_its_file(tmp_path, text, reason):
    with pytest.raises(RecipeError, match=reason) as caught:
        render(write_recipe(tmp_path / "bad", text), [])
    assert str(dict(caught.value.context)["file"]).endswith("bad/recipe.yaml")


def test_variants_that_cannot_be_read_are_an_error(tmp_path):
    file = tmp_path / "variants.yaml"
    file.write_text("c_compiler: {", encoding="utf-8")
    with pytest.raises(RecipeError):
        render(write_recipe(tmp_path / "one", library("one")), [file])


def test_nothing_of_the_machine_s_own_builds_is_in_the_environment_of_a_build():
    foreign = {"CC": "gcc", "CFLAGS": "-march=native", "PYTHONPATH": "/x", "PIP_INDEX_URL": "x", "CONDA_PREFIX": "/x"}
    assert _clean({**foreign, "HOME": "/home/me", "LANG": "C"}) == {"HOME": "/home/me", "LANG": "C"}
