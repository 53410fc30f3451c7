"""What decides a build, and what does not."""

from __future__ import annotations

import shutil
from importlib.metadata import version

import pytest

from lite_env.channel.index import index_channel
from lite_env.recipe import key as key_module
from lite_env.recipe.engine import render
from lite_env.recipe.key import build_key
from lite_env.recipe.model import BuildSettings
from lite_env.recipe.toolchain.channel import Toolchain
from lite_env.store.location import CACHE_VARIABLE
from tests.conda_packages import make_package
from tests.recipe.recipes import library, write_recipe, write_variants


@pytest.fixture
def keys(tmp_path, monkeypatch):
    """The key of a recipe that needs a library, which needs another one, in a channel with a third."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    channel = tmp_path / "channel"
    make_package(channel, "needed", depends=["deeper"])
    make_package(channel, "deeper")
    make_package(channel, "other")
    index_channel(channel)
    write_recipe(tmp_path / "recipes" / "a", library("a", "needed") + "source:\n  path: patch.txt\n", patch_txt="x")
    write_variants(tmp_path / "recipes")

    def key(*, root=tmp_path / "recipes", channel=channel, toolchain="t", test=True):
        variants = (root / "variants.yaml",)
        settings = BuildSettings(channels=(channel.as_uri(),), variants=variants, test=test, offline=True)
        tools = Toolchain(channels=(), programs=(), digest=toolchain)
        return build_key(render(root / "a", variants), settings, tools, [channel.as_uri()])

    return key


def test_where_it_all_lies_decides_nothing(keys, tmp_path):
    first = keys()
    shutil.copytree(tmp_path / "recipes", tmp_path / "other recipes")
    shutil.copytree(tmp_path / "channel", tmp_path / "other channel")
    assert keys(root=tmp_path / "other recipes", channel=tmp_path / "other channel") == first


def test_a_package_that_nothing_needs_decides_nothing_and_one_that_is_needed_by_what_is_needed_does(keys, tmp_path):
    first = keys()
    make_package(tmp_path / "channel", "other", "2.0")
    index_channel(tmp_path / "channel")
    assert keys() == first
    make_package(tmp_path / "channel", "deeper", "2.0")
    index_channel(tmp_path / "channel")
    assert keys() != first


def test_what_the_recipe_itself_made_before_decides_nothing(keys, tmp_path):
    # One output is built with the other, which is in the channel once the recipe was built.
    (tmp_path / "recipes" / "a" / "recipe.yaml").write_text(
        'recipe:\n  name: a\n  version: "1.0"\noutputs:\n'
        "  - package:\n      name: liba\n"
        "  - package:\n      name: a\n    requirements:\n      host:\n        - liba\n        - needed\n"
    )
    first = keys()
    for name in ("a", "liba"):
        make_package(tmp_path / "channel", name)
    index_channel(tmp_path / "channel")
    assert keys() == first


@pytest.mark.parametrize("file", ["recipe.yaml", "patch.txt"])
def test_every_file_of_the_recipe_decides(keys, tmp_path, file):
    first = keys()
    with (tmp_path / "recipes" / "a" / file).open("a") as stream:
        stream.write("# changed\n")
    assert keys() != first


def test_variants_the_toolchain_and_whether_it_is_tested_decide(keys, tmp_path):
    first = keys()
    assert keys(toolchain="another") != first
    assert keys(test=False) != first
    text = (tmp_path / "recipes" / "variants.yaml").read_text()
    (tmp_path / "recipes" / "variants.yaml").write_text(text.replace("3.1.58", "3.1.59"))
    assert keys() != first


@pytest.mark.parametrize("tool", ["py-rattler-build", "py-rattler"])
def test_the_version_of_each_tool_decides(keys, monkeypatch, tool):
    first = keys()
    monkeypatch.setattr(key_module, "version", lambda name: "9.9" if name == tool else version(name))
    assert keys() != first


@pytest.mark.parametrize("name", ["sources/one.c", "patches/b.patch"])
def test_what_lies_outside_of_the_recipe_decides(keys, tmp_path, name):
    for each in ("sources/one.c", "patches/b.patch"):
        (tmp_path / each).parent.mkdir()
        (tmp_path / each).write_text("one")
    file = tmp_path / "recipes" / "a" / "recipe.yaml"
    outside = "  path: ../../sources\n  patches: [../../patches/b.patch]\n"
    file.write_text(file.read_text().replace("  path: patch.txt\n", outside))
    first = keys()
    (tmp_path / name).write_text("another")
    assert keys() != first


@pytest.mark.parametrize(
    ("source", "is_known"),
    [
        ("  git: https://example.org/a.git\n  branch: main\n", False),
        ("  git: https://example.org/a.git\n  rev: v1\n", False),
        (f"  git: https://example.org/a.git\n  rev: {'0123456789' * 4}\n", True),
        ("  url: https://example.org/a.tar.gz\n", False),
        (f"  url: https://example.org/a.tar.gz\n  sha256: {'01' * 32}\n", True),
    ],
)
def test_what_may_change_by_itself_has_no_key(keys, tmp_path, source, is_known):
    file = tmp_path / "recipes" / "a" / "recipe.yaml"
    file.write_text(file.read_text().replace("  path: patch.txt\n", source))
    assert (keys() is not None) is is_known
