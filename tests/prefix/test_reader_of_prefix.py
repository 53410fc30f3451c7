from __future__ import annotations

import json

import pytest

from lite_env.errors import PrefixError
from lite_env.prefix.reader import read_prefix
from lite_env.prefix.record import write_environment
from tests.prefixes import SITE, Toy, kernel_package, make_prefix, put, python_package


def owners(prefix):
    return {file.path: file.package for file in read_prefix(prefix).files}


def test_every_file_has_its_owner(tmp_path):
    six = Toy(name="six", files={f"{SITE}/six.py": ""})
    found = owners(make_prefix(tmp_path, kernel_package(), python_package(), six))
    assert found[f"{SITE}/six.py"] == "six"
    assert found["bin/xtoy.js"] == "xeus-toy"
    assert None not in found.values()


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_what_pip_or_uv_installed_is_not_lost(tmp_path, installer):
    local = {f"{SITE}/mine/__init__.py": "", f"{SITE}/mine-1.dist-info/INSTALLER": installer}
    found = owners(make_prefix(tmp_path, kernel_package(), python_package(), local=local))
    assert {path for path, owner in found.items() if owner is None} == set(local)


def test_a_file_that_two_packages_claim_belongs_to_the_first(tmp_path):
    one, two = Toy(name="a", files={"share/x": "1"}), Toy(name="b", files={"share/x": "2"})
    assert owners(make_prefix(tmp_path, two, one))["share/x"] == "a"


def test_a_file_claimed_by_way_of_a_linked_folder_has_its_owner(tmp_path):
    prefix = make_prefix(tmp_path, Toy(name="a", files={"lib/x": "", "lib64": ("->", "lib")}))
    record = {"name": "b", "version": "1", "build": "0", "files": ["lib64/y"]}
    put(prefix, "lib/y", "")
    put(prefix, "conda-meta/b-1-0.json", json.dumps(record))
    assert owners(prefix)["lib/y"] == "b"


def test_missing_files_are_an_error_that_names_them(tmp_path):
    prefix = make_prefix(tmp_path, Toy(name="a", files={f"share/{number}": "" for number in range(9)}))
    for number in range(7):
        (prefix / f"share/{number}").unlink()
    with pytest.raises(PrefixError) as caught:
        read_prefix(prefix)
    assert caught.value.message == (
        "the environment lacks 7 files of its packages: share/0, share/1, share/2, share/3, share/4, …"
    )
    assert ("packages", "a") in caught.value.context
    (prefix / "share/0").touch()
    with pytest.raises(PrefixError, match=r"lacks 6 files"):
        read_prefix(prefix)


@pytest.mark.parametrize(("one", "two"), [("lib/File", "lib/file"), ("Lib/a", "lib/a"), ("lib/STRASSE", "lib/straße")])
def test_two_files_that_became_one_are_explained(tmp_path, one, two):
    prefix = make_prefix(tmp_path, Toy(name="a", files={one: "a"}), Toy(name="b", files={two: "b"}))
    read_prefix(prefix)
    # As a file system leaves it that takes both for one.
    (prefix / two).unlink()
    with pytest.raises(PrefixError, match=f"lacks 1 file of its packages: {two}") as caught:
        read_prefix(prefix)
    assert "does not tell upper from lower case" in caught.value.hint
    assert ("found", one) in caught.value.context
    assert ("packages", "b") in caught.value.context


@pytest.mark.parametrize("claimed", ["../outside", "/etc/passwd", "a/../../b"])
def test_a_package_that_claims_files_elsewhere_is_refused(tmp_path, claimed):
    prefix = make_prefix(tmp_path, Toy(name="a", record={"files": [claimed]}))
    with pytest.raises(PrefixError, match="the package 'a' claims the file") as caught:
        read_prefix(prefix)
    assert claimed in caught.value.message


def test_missing_bytecode_is_no_error(tmp_path):
    prefix = make_prefix(tmp_path, Toy(name="a", files={"lib/x.py": "", "lib/__pycache__/x.cpython-311.pyc": ""}))
    (prefix / "lib/__pycache__/x.cpython-311.pyc").unlink()
    assert owners(prefix) == {"lib/x.py": "a"}


def test_the_name_is_the_recorded_one_or_the_folders(tmp_path):
    prefix = make_prefix(tmp_path / "folder", kernel_package())
    assert read_prefix(prefix).name == "folder"
    write_environment(prefix, name="recorded", lock_digest="", requested=["xeus-toy"], variables={"A": "1"})
    read = read_prefix(prefix)
    assert (read.name, read.requested, read.variables) == ("recorded", ("xeus-toy",), (("A", "1"),))


@pytest.mark.parametrize("what", ["nothing", "a folder", "a file"])
def test_what_is_no_environment_is_refused(tmp_path, what):
    path = tmp_path / "x"
    if what == "a folder":
        path.mkdir()
    if what == "a file":
        path.touch()
    with pytest.raises(PrefixError, match="is not an installed environment") as caught:
        read_prefix(path)
    assert "lite-env install" in caught.value.hint
