from __future__ import annotations

import dataclasses

import pytest

from lite_env.errors import PackError
from lite_env.pack.filters import parse_filter
from lite_env.pack.plan import plan_pack
from lite_env.prefix.model import PrefixFile
from lite_env.prefix.reader import read_prefix
from tests.prefixes import SITE, make_prefix, python_package


def test_a_plan_tells_what_is_packed_and_what_is_not(prefix):
    plan = plan_pack(read_prefix(prefix))
    assert plan.environment.name == "prefix"
    assert plan.environment.platform == "emscripten-wasm32"
    assert [package.name for package in plan.environment.packages] == ["emscripten-abi", "numpy", "python", "xeus-toy"]
    assert {file.path: file.rule for file in plan.dropped} == {
        "lib/libpython3.11.a": "static-libraries",
        "lib/python3.11/idlelib/idle.py": "idle",
        f"{SITE}/numpy/tests/test_x.py": "package-tests",
    }
    assert all(file.reason and file.package in ("python", "numpy") for file in plan.dropped)
    paths = {entry.path for archive in plan.archives for entry in archive.entries}
    assert {file.path for file in plan.kernel_files} == {
        "bin/xtoy.data",
        "bin/xtoy.js",
        "bin/xtoy.wasm",
        "lib/libxeus.so",
    }
    assert not paths & {file.path for file in plan.kernel_files}
    assert {"share/jupyter/kernels/toy/kernel.json", "share/jupyter/kernels/toy/logo-64x64.png", "lib64"} <= paths
    assert plan.file_count == len(paths)
    assert not any(path.startswith("conda-meta") for path in paths)


def test_files_of_no_package_are_packed_last_and_told(prefix):
    plan = plan_pack(read_prefix(prefix))
    assert [entry.path for entry in plan.archives[-1].entries] == [f"{SITE}/pipped/__init__.py"]
    assert plan.archives[-1].packages == {}
    (warning,) = plan.warnings
    assert "1 files belong to no package" in warning
    assert f"{SITE}/pipped/__init__.py" in warning


def test_users_rules_are_added_and_the_name_can_be_given(prefix):
    mine = parse_filter("rules: [{id: no-stubs, drop: '**/*.pyi', reason: mine}]", origin="x")
    plan = plan_pack(read_prefix(prefix), name="other", filters=mine)
    assert plan.environment.name == "other"
    rules = {file.rule for file in plan.dropped}
    assert rules == {"static-libraries", "idle", "package-tests", "no-stubs"}


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a\\b", "CON", "nul.txt", "dot.", "a\nb", "__proto__", "n" * 201])
def test_a_name_that_no_folder_of_a_site_can_have_is_refused(prefix, name):
    with pytest.raises(PackError, match="cannot be that of a folder") as caught:
        plan_pack(read_prefix(prefix), name=name)
    assert "--name" in caught.value.hint


def test_a_kernels_file_that_no_browser_can_open_is_refused(prefix):
    read = read_prefix(prefix)
    files = [dataclasses.replace(file, size=1 << 33) if file.path == "bin/xtoy.data" else file for file in read.files]
    with pytest.raises(PackError, match=r"'bin/xtoy\.data' has 8589934592 bytes: no browser could open it"):
        plan_pack(dataclasses.replace(read, files=tuple(files)))


def test_a_kernelspec_is_never_dropped(prefix):
    mine = parse_filter("rules: [{drop: share/}]", origin="x")
    plan = plan_pack(read_prefix(prefix), filters=mine)
    paths = {entry.path for archive in plan.archives for entry in archive.entries}
    assert {path for path in paths if path.startswith("share/")} == {
        "share/jupyter/kernels/toy/kernel.json",
        "share/jupyter/kernels/toy/logo-64x64.png",
    }


def test_the_kernel_json_in_the_archive_has_no_build_folder(prefix):
    plan = plan_pack(read_prefix(prefix))
    contents = dict(plan.contents)
    assert b"@PREFIX@" not in contents["share/jupyter/kernels/toy/kernel.json"]
    entries = {entry.path: entry for archive in plan.archives for entry in archive.entries}
    path = "share/jupyter/kernels/toy/kernel.json"
    assert entries[path].size == len(contents[path])


def test_an_environment_without_a_kernel_is_refused(tmp_path):
    prefix = read_prefix(make_prefix(tmp_path / "p", python_package()))
    with pytest.raises(PackError, match="no kernel that can start in a browser") as caught:
        plan_pack(prefix)
    assert "xeus-python" in caught.value.hint


def test_a_path_that_no_pack_can_hold_is_refused(prefix):
    read = read_prefix(prefix)
    bad = dataclasses.replace(read, files=(*read.files, PrefixFile(path="a/../b.py", size=1)))
    with pytest.raises(PackError, match=r"the path 'a/\.\./b\.py' cannot be packed"):
        plan_pack(bad)
