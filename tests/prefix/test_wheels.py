"""A package is of conda or a wheel, and what follows treats both alike."""

from __future__ import annotations

import hashlib

import pytest

from lite_env.errors import PrefixError
from lite_env.pack.modules import requested_packages, top_level_modules
from lite_env.pack.plan import plan_pack
from lite_env.pack.restore import unpack
from lite_env.pack.writer import write_pack
from lite_env.prefix.reader import read_prefix
from lite_env.prefix.verify import changed_files, hash_prefix
from tests.prefixes import SITE, Heard, Toy, kernel_package, make_prefix, put, python_package
from tests.wheels import wheel_files


def environment(tmp_path, *toys, local=None):
    return make_prefix(tmp_path / "env", kernel_package(), python_package(), *toys, local=local or wheel_files())


def wheel_of(prefix):
    (wheel,) = (package for package in prefix.packages if package.manager == "wheel")
    return wheel


def test_a_wheel_is_a_package_as_those_of_conda_are(tmp_path):
    metadata = [
        "License: MIT",
        "Requires-Dist: NumPy (>=1.25,<3)",
        "Requires-Dist: typing_extensions>=4 ; python_version < '3.12'",
        "Requires-Dist: pytest; extra == 'test'",
        "Requires-Dist: attrs",
    ]
    files = wheel_files(metadata=metadata, tags=["py2-none-any", "py3-none-any"])
    heard = Heard()
    prefix = read_prefix(environment(tmp_path, local=files), reporter=heard)
    assert [(package.name, package.manager) for package in prefix.packages] == [
        ("python", "conda"), ("toy-pkg", "wheel"), ("xeus-toy", "conda"),
    ]  # fmt: skip
    wheel = wheel_of(prefix)
    assert (wheel.version, wheel.build, wheel.subdir, wheel.license) == ("1.0", "py2.py3-none-any", "noarch", "MIT")
    assert wheel.file_name == "Toy_Pkg-1.0-py2.py3-none-any.whl"
    assert wheel.depends == ("attrs", "numpy >=1.25,<3", "typing-extensions >=4")
    assert set(wheel.files) == set(files)
    assert {file.path: file.package for file in prefix.files if file.path in files} == dict.fromkeys(files, "toy-pkg")
    assert prefix.requested == ("toy-pkg",)
    assert heard.warnings == []
    plan = plan_pack(prefix)
    assert plan.warnings == ()
    assert {package.name: package.manager for package in plan.environment.packages}["toy-pkg"] == "wheel"


def test_its_modules_are_those_that_its_users_import(tmp_path):
    prefix = read_prefix(environment(tmp_path))
    plan = plan_pack(prefix)
    asked = requested_packages(plan.environment.requested, plan.environment.packages)
    assert asked == {"toy-pkg"}
    assert top_level_modules(file.path for file in prefix.files if file.package in asked) == ("toy_pkg",)


def test_what_is_packed_is_given_back_and_packed_again_alike(tmp_path):
    direct = {"url": "file:///home/somebody/toy.whl", "archive_info": {"hashes": {"sha256": "0" * 64}}}
    root = environment(tmp_path, local=wheel_files(direct_url=direct))
    manifest = write_pack(plan_pack(read_prefix(root), name="e", level=1), tmp_path / "pack")
    unpack(tmp_path / "pack", tmp_path / "again")
    again = write_pack(plan_pack(read_prefix(tmp_path / "again"), level=1), tmp_path / "pack2")
    assert manifest == again
    assert (tmp_path / "pack/manifest.json").read_bytes() == (tmp_path / "pack2/manifest.json").read_bytes()
    assert not list((tmp_path / "again/conda-meta").glob("toy*"))
    assert b"somebody" not in b"".join(path.read_bytes() for path in (tmp_path / "again").rglob("*") if path.is_file())


def test_the_dist_info_of_a_conda_package_is_that_packages(tmp_path):
    prefix = read_prefix(environment(tmp_path, Toy(name="toy", files=wheel_files()), local={"x": ""}))
    assert {package.manager for package in prefix.packages} == {"conda"}


def test_a_wheel_is_the_same_wheel_whoever_installed_it_where(tmp_path):
    bytecode = f"{SITE}/toy_pkg/__pycache__/__init__.cpython-311.pyc"
    first = wheel_of(read_prefix(environment(tmp_path / "a")))
    files = wheel_files(
        requested=False, more_rows=["../../../bin/toy,sha256=abc,3", "toy_pkg/__pycache__/__init__.cpython-311.pyc,,"]
    )
    files[f"{SITE}/Toy_Pkg-1.0.dist-info/INSTALLER"] = "uv\n"
    second = wheel_of(read_prefix(environment(tmp_path / "b", local={**files, bytecode: "", "bin/toy": "#!/home/me"})))
    assert first.sha256 == second.sha256
    assert "bin/toy" in second.files
    other = wheel_of(
        read_prefix(environment(tmp_path / "c", local=wheel_files(files={"toy_pkg/__init__.py": "x = 2"})))
    )
    assert other.sha256 != first.sha256


def test_a_file_of_a_wheel_that_was_edited_is_named(tmp_path):
    root = environment(tmp_path)
    assert changed_files(hash_prefix(read_prefix(root))) == ()
    put(root, f"{SITE}/toy_pkg/__init__.py", "x = 2\n")
    assert changed_files(hash_prefix(read_prefix(root))) == (f"{SITE}/toy_pkg/__init__.py",)


def test_what_a_wheel_lost_is_not_missed(tmp_path):
    root = environment(tmp_path)
    (root / SITE / "toy_pkg/__init__.py").unlink()
    assert f"{SITE}/toy_pkg/__init__.py" not in wheel_of(read_prefix(root)).files


@pytest.mark.parametrize("row", ["../../../../../etc/passwd,,", "/etc/passwd,,", "..\\..\\x,,", "", ",,"])
def test_rows_that_lead_out_of_the_environment_claim_nothing(tmp_path, row):
    wheel = wheel_of(read_prefix(environment(tmp_path, local=wheel_files(more_rows=[row]))))
    assert set(wheel.files) == set(wheel_files())


def test_a_project_that_conda_and_pip_installed_is_told(tmp_path):
    heard = Heard()
    prefix = read_prefix(environment(tmp_path, Toy(name="toy-pkg", version="0.9")), reporter=heard)
    assert {package.manager for package in prefix.packages} == {"conda"}
    assert heard.warnings == [
        "'toy-pkg' is installed twice: 0.9 by conda, and 1.0 as a wheel, whose files count as files of no package"
    ]


def test_two_records_of_one_project_are_refused(tmp_path):
    local = {**wheel_files(), **wheel_files("toy-pkg", "2.0")}
    with pytest.raises(PrefixError, match="two records describe the wheel 'toy-pkg'"):
        read_prefix(environment(tmp_path, local=local))


def test_what_an_interrupted_uninstallation_left_is_no_wheel(tmp_path):
    local = {path.replace("/Toy_Pkg-", "/~oy_Pkg-"): text for path, text in wheel_files().items()}
    prefix = read_prefix(environment(tmp_path, local=local))
    assert {package.manager for package in prefix.packages} == {"conda"}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("METADATA", "Name: ../evil\nVersion: 1.0\n\n", "names no project and version"),
        ("METADATA", "Name: toy\nVersion: 1.0/../x\n\n", "names no project and version"),
        ("METADATA", b"\xff\xfe", "is not UTF-8"),
        ("RECORD", b"\xff\xfe", "is not UTF-8"),
        ("direct_url.json", "{", "is not JSON"),
    ],
)
def test_records_that_cannot_be_are_named(tmp_path, name, text, says):
    local = wheel_files(direct_url={})
    local[f"{SITE}/Toy_Pkg-1.0.dist-info/{name}"] = text
    with pytest.raises(PrefixError, match=says) as caught:
        read_prefix(environment(tmp_path, local=local))
    assert dict(caught.value.context)["file"].endswith(name)


def test_two_owners_of_one_file_may_be_of_either_kind(tmp_path):
    path = f"{SITE}/toy_pkg/__init__.py"
    entry = {"_path": path, "path_type": "hardlink", "sha256": hashlib.sha256(b"x = 0\n").hexdigest()}
    conda = Toy(name="other", files={path: "x = 0\n"}, record={"paths_data": {"paths": [entry]}})
    heard = Heard()
    prefix = read_prefix(environment(tmp_path, conda), reporter=heard)
    assert {file.path: file.package for file in prefix.files}[path] == "toy-pkg"
    assert heard.warnings == [f"toy-pkg and other both bring {path}: what toy-pkg brings stands"]
