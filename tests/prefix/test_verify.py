from __future__ import annotations

import hashlib

import pytest

from lite_env.prefix.reader import read_prefix
from lite_env.prefix.verify import changed_files, foreign_files, hash_prefix
from tests.prefixes import Toy, kernel_package, make_prefix


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def toy(name, files, **entries):
    """A package whose record holds what `entries` say of each file (by its name with `_` for what Python lacks)."""
    paths = [{"_path": path, "path_type": "hardlink", **entries.get(path.rpartition("/")[2], {})} for path in files]
    return Toy(name=name, files=files, record={"paths_data": {"paths_version": 1, "paths": paths}})


def changed(tmp_path, package, local=None):
    return changed_files(
        hash_prefix(read_prefix(make_prefix(tmp_path / "env", kernel_package(), package, local=local)))
    )


def test_a_file_that_is_not_what_was_recorded_is_named(tmp_path):
    package = toy("a", {"x/one": "one", "x/two": "two"}, one={"sha256": sha("one")}, two={"sha256": sha("other")})
    assert changed(tmp_path, package) == ("x/two",)


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"sha256": sha("x")}, True),
        ({"sha256": sha("built"), "sha256_in_prefix": sha("here")}, False),
        ({"sha256": sha("built"), "sha256_in_prefix": sha("x")}, True),
        # What the placeholder became is not known.
        ({"sha256": sha("built"), "prefix_placeholder": "/build"}, False),
        ({"sha256": sha("built"), "prefix_placeholder": "/build", "sha256_in_prefix": sha("x")}, True),
        ({"sha256": None}, False),
        ({"sha256": "not a digest"}, False),
        ({"sha256": sha("x"), "path_type": "unix_python_entry_point"}, False),
        ({}, False),
    ],
)
def test_what_an_installer_wrote_is_compared_with_what_it_recorded_of_it(tmp_path, entry, named):
    assert changed(tmp_path, toy("a", {"x/f": "here"}, f=entry)) == (("x/f",) if named else ())


def test_bytecode_that_python_wrote_anew_is_not_a_change(tmp_path):
    assert changed(tmp_path, Toy(name="a", files={"x/f.pyc": "here"}, record={
        "paths_data": {"paths": [{"_path": "x/f.pyc", "path_type": "hardlink", "sha256": sha("x")}]}
    })) == ()  # fmt: skip


def test_a_link_in_a_files_place_is_a_change(tmp_path):
    files = {"x/f": ("->", "g"), "x/g": "here"}
    assert changed(tmp_path, toy("a", files, f={"sha256": sha("here")})) == ("x/f",)


def test_files_of_no_package_are_told_apart(tmp_path):
    root = make_prefix(tmp_path / "env", kernel_package(), local={"mine.txt": "x"})
    prefix = hash_prefix(read_prefix(root))
    assert foreign_files(prefix) == ("mine.txt",)
    assert prefix.digests["mine.txt"] == sha("x")
    assert changed_files(prefix) == ()
