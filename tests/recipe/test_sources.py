from __future__ import annotations

import hashlib
import shutil

import pytest

from lite_env.errors import FetchError, RecipeError
from lite_env.recipe.engine import render
from lite_env.recipe.sources import Sdist, copy_recipe, fetch_sdist, folder_digest, local_sources_digest, sdists_of
from lite_env.store.local import LocalStore
from tests.recipe.recipes import write_recipe
from tests.trees import tree

DIGEST = hashlib.sha256(b"an archive").hexdigest()
TEXT = 'package:\n  name: a\n  version: "1.0"\nsource:\n  path: {path}\n{more}build:\n  number: 0\n'


def recipe(folder, path, more=f"  sha256: {DIGEST}\n", **files):
    return render(write_recipe(folder / "a", TEXT.format(path=path, more=more), **files), [])


def test_what_is_beside_a_recipe_is_not_fetched(tmp_path):
    found = recipe(tmp_path, "here.txt", more="", here_txt="x")
    assert sdists_of(found) == ()


def test_what_is_called_like_a_source_distribution_is(tmp_path):
    assert sdists_of(recipe(tmp_path, "some-name-1.0.tar.gz")) == (Sdist(file="some-name-1.0.tar.gz", sha256=DIGEST),)


@pytest.mark.parametrize("path", ["missing.txt", "folder/some-1.0.tar.gz", "../some-1.0.tar.gz", "some.tar.gz"])
def test_what_is_neither_is_an_error_with_its_place(tmp_path, path):
    with pytest.raises(RecipeError, match="is not there") as caught:
        sdists_of(recipe(tmp_path, path))
    assert dict(caught.value.context)["file"].endswith("a/recipe.yaml")


def test_a_distribution_without_a_hash_is_refused(tmp_path):
    with pytest.raises(RecipeError, match="has no sha256"):
        sdists_of(recipe(tmp_path, "some-1.0.tar.gz", more=""))


def test_a_distribution_that_was_fetched_is_taken_from_the_store(tmp_path):
    store = LocalStore(tmp_path / "store")
    found = recipe(tmp_path, "some-1.0.tar.gz")
    with pytest.raises(FetchError, match="offline"):
        copy_recipe(found, tmp_path / "copy", store=store, offline=True)
    store.write(b"an archive", kind="sdist", vouched=True)
    copy = copy_recipe(found, tmp_path / "other", store=store, offline=True)
    assert copy == tmp_path / "other" / "a"
    assert (copy / "some-1.0.tar.gz").read_bytes() == b"an archive"
    assert not (found.folder / "some-1.0.tar.gz").exists()


@pytest.mark.network
def test_the_index_is_asked_for_the_very_file(tmp_path):
    store = LocalStore(tmp_path / "store")
    right = "e3ba7d5a5fa9d1cb24f6a3e5d8ef3f9b3d3a9f7d3e9a2f2f2b7d1f9c0b7a6d5e"
    with pytest.raises(FetchError, match=r"another iniconfig-2\.0\.0\.tar\.gz than the recipe asks for") as caught:
        fetch_sdist(Sdist(file="iniconfig-2.0.0.tar.gz", sha256=right), store=store)
    there = dict(caught.value.context)["found"].removeprefix("sha256 ")
    data = fetch_sdist(Sdist(file="iniconfig-2.0.0.tar.gz", sha256=there), store=store)
    assert hashlib.sha256(data).hexdigest() == there
    assert store.read(there) == data
    with pytest.raises(FetchError, match=r"does not have iniconfig==0\.0\.0\.1"):
        fetch_sdist(Sdist(file="iniconfig-0.0.0.1.tar.gz", sha256=right), store=store)


def test_the_digest_of_a_folder_knows_names_contents_modes_and_links(tmp_path):
    folder = write_recipe(tmp_path / "a", "x", build_sh="echo\n")
    before = folder_digest(folder)
    other = tmp_path / "elsewhere" / "b"
    shutil.copytree(folder, other)
    assert folder_digest(other) == before
    for change in (
        lambda: (other / "build.sh").chmod(0o755),
        lambda: (other / "build.sh").write_text("echo 1\n"),
        lambda: (other / "patch").symlink_to("build.sh"),
        lambda: (other / "build.sh").rename(other / "make.sh"),
    ):
        change()
        assert folder_digest(other) != before
        before = folder_digest(other)


PATCHED = """\
package:
  name: a
  version: "1.0"
source:
  - path: {path}
    patches: [../../patches/b.patch]
build:
  number: 0
"""


@pytest.mark.parametrize("path", ["../sources", "../../elsewhere", "..", "../..", "."])
def test_what_lies_outside_of_the_recipe_lies_at_the_same_place_beside_its_copy(tmp_path, path):
    root = tmp_path / "root"
    for name in ("project/sources/one.c", "elsewhere/deep/two.c", "patches/b.patch"):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(name)
    folder = write_recipe(root / "project" / "a", PATCHED.format(path=path), link_txt="x")
    (folder / "link").symlink_to("link.txt")
    copy = copy_recipe(render(folder, []), tmp_path / "copy", store=LocalStore(tmp_path / "store"), offline=True)
    assert copy.is_relative_to(tmp_path / "copy")
    assert tree(copy) == tree(folder)
    for each in (path, "../../patches"):
        assert tree((copy / each).resolve()) == tree((folder / each).resolve())


def test_what_lies_outside_of_the_recipe_decides_its_digest(tmp_path):
    for name in ("sources/one.c", "patches/b.patch"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(name)
    found = render(write_recipe(tmp_path / "project" / "a", PATCHED.format(path="../../sources")), [])
    before = local_sources_digest(found)
    for name in ("sources/one.c", "patches/b.patch"):
        (tmp_path / name).write_text("another")
        assert local_sources_digest(found) != before
        before = local_sources_digest(found)
