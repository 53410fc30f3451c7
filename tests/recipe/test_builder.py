"""What the builder decides before it builds: with real channels and recipes, and without a toolchain."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lite_env.channel.index import index_channel
from lite_env.errors import RecipeError
from lite_env.progress import SILENT
from lite_env.recipe.build import Builder
from lite_env.recipe.channels import channels_for
from lite_env.recipe.find import find_recipes, render_all
from lite_env.recipe.gate import Gate
from lite_env.recipe.model import BuildSettings
from lite_env.recipe.toolchain.channel import Toolchain
from lite_env.store.local import LocalStore
from lite_env.store.location import CACHE_VARIABLE
from lite_env.store.protocol import FORGETFUL
from tests.conda_packages import make_package
from tests.recipe.recipes import library, write_recipe, write_variants
from tests.trees import tree

ROOT = Path(__file__).parents[2]

RECIPE = """\
package:
  name: a
  version: "1.0"
build:
  number: 0
requirements:
  build:
    - ${{ compiler('c') }}
  host:
    - python
    - if: emscripten
      then:
        - needed >=2
  run:
    - ${{ pin_compatible('needed') }}
    - later 3.*
tests:
  - script:
      - python -c pass
    requirements:
      run:
        - pytest
"""


@pytest.fixture
def channel(tmp_path, monkeypatch):
    """A channel with the compiler's package and another one."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    channel = tmp_path / "channel"
    for version in ("3.1.45", "3.1.58"):
        make_package(channel, "emscripten_emscripten-wasm32", version, subdir="noarch")
        make_package(channel, "emscripten-abi", version, noarch="generic")
    make_package(channel, "python", "3.11.3")
    make_package(channel, "needed", "2.1")
    make_package(channel, "pytest", "8.0", subdir="noarch")
    make_package(channel, "later", "3.1")
    index_channel(channel)
    return channel


@pytest.fixture
def builder(tmp_path, channel):
    def make(*, test: bool = True) -> Builder:
        settings = BuildSettings(channels=(channel.as_uri(),), variants=(), test=test, offline=True)
        toolchain = Toolchain(channels=(), programs=(), digest="t")
        store = LocalStore(tmp_path / "store")
        gate = Gate(settings.channels, engines=(), store=store)
        return Builder(tmp_path / "made", settings, toolchain, store=store, gate=gate)

    return make


def recipes(tmp_path, text=RECIPE):
    if not (tmp_path / "recipes" / "a").exists():
        write_recipe(tmp_path / "recipes" / "a", text)
    return render_all(find_recipes([tmp_path / "recipes"]), [write_variants(tmp_path / "recipes")])


def test_what_is_all_there_is_planned_and_nothing_is_written(tmp_path, builder):
    (step,) = builder().plan(recipes(tmp_path)).steps
    assert step[1] == "build"
    assert not (tmp_path / "made").exists()
    assert not (tmp_path / "store").exists()


def test_a_plan_leaves_a_channel_that_is_there_as_it_is(tmp_path, builder):
    make_package(tmp_path / "made", "other")
    before = tree(tmp_path / "made")
    builder().plan(recipes(tmp_path))
    assert tree(tmp_path / "made") == before


@pytest.mark.parametrize("ask", ["plan", "build"])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("- python\n", "- pythn\n"), ("pythn", "built", 10)),
        (("needed >=2", "needed >=3"), ("needed >=3", "built", 13)),
        (("compiler('c')", "compiler('fortran')"), ("gfortran_emscripten-wasm32", "built", 8)),
        (("later 3.*", "later 4.*"), ("later 4.*", "run", 16)),
        (("- pytest", "- pytest-xdist"), ("pytest-xdist", "tested", 22)),
    ],
)
def test_what_is_nowhere_is_told_before_anything_is_built(tmp_path, builder, ask, change, told):
    spec, use, line = told
    found = recipes(tmp_path, RECIPE.replace(*change, 1))
    with pytest.raises(RecipeError) as caught:
        getattr(builder(), ask)(found)
    assert caught.value.message == f"no channel has {spec}, which a is {use} with, and no recipe makes it"
    context = dict(caught.value.context)
    assert (context["file"], context["line"]) == (str(tmp_path / "recipes" / "a" / "recipe.yaml"), line)
    assert not (tmp_path / "made" / ".logs").exists()


def test_all_that_is_nowhere_is_told_at_once(tmp_path, builder):
    text = RECIPE.replace("- python\n", "- pythn\n").replace("needed >=2", "needed >=3")
    with pytest.raises(RecipeError) as caught:
        builder().plan(recipes(tmp_path, text))
    assert "needed >=3 (" in str(dict(caught.value.context)["also"])
    assert "line 13)" in str(dict(caught.value.context)["also"])


def test_the_abi_of_each_variant_must_be_there(tmp_path, builder, channel):
    for file in channel.glob("*/emscripten-abi-3.1.58-0.conda"):
        file.unlink()
    index_channel(channel)
    with pytest.raises(
        RecipeError, match=r"no channel has emscripten-abi 3\.1\.58\.\*, which a is built with"
    ) as caught:
        builder().plan(recipes(tmp_path))
    # The line of the compiler, which brings it.
    assert dict(caught.value.context)["line"] == 8
    assert "--variant-config" in (caught.value.hint or "")


def test_what_another_recipe_makes_is_there_in_its_version_only(tmp_path, builder):
    text = RECIPE.replace("needed >=2", "made-here >=1")
    write_recipe(tmp_path / "recipes" / "made-here", library("made-here"))
    assert len(builder().plan(recipes(tmp_path, text)).steps) == 2
    (tmp_path / "recipes" / "a" / "recipe.yaml").write_text(RECIPE.replace("needed >=2", "made-here >=2"))
    with pytest.raises(RecipeError, match="no channel has made-here >=2"):
        builder().plan(recipes(tmp_path))


def test_what_only_tests_need_is_not_asked_for_where_there_are_none(tmp_path, builder):
    text = RECIPE.replace("- pytest", "- pytest-xdist").replace("later 3.*", "later 4.*")
    assert builder(test=False).plan(recipes(tmp_path, text)).steps
    with pytest.raises(RecipeError):
        builder().plan(recipes(tmp_path))


def test_a_definition_is_not_built_by_a_dry_run(tmp_path):
    shutil.copyfile(ROOT / "channels" / "build-tools" / "channel.yaml", tmp_path / "channel.yaml")
    before = tree(tmp_path)
    with pytest.raises(RecipeError, match="is not built, and a dry run builds nothing"):
        channels_for([f"{tmp_path}"], offline=True, dry_run=True, store=FORGETFUL, reporter=SILENT)
    assert tree(tmp_path) == before
