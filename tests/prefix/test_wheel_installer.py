"""What the pip section brings goes through everything that conda packages do."""

from __future__ import annotations

import zipfile

import pytest

from lite_env.errors import PrefixError
from lite_env.lock.model import WheelSource
from lite_env.lock.wheel import marker_environment, needed, read_wheel, split_wheel_name
from lite_env.lock.wheel_record import locked_wheel
from lite_env.lock.wheel_target import WheelTarget
from lite_env.pack.filters import FileFilter, parse_filter
from lite_env.pack.plan import plan_pack
from lite_env.pack.restore import unpack
from lite_env.pack.selection import select_files
from lite_env.pack.writer import write_pack
from lite_env.prefix.provided import provided_projects
from lite_env.prefix.reader import read_prefix
from lite_env.prefix.record import WheelFileRecord, write_environment
from lite_env.prefix.wheel_installer import FetchedWheel, install_wheels
from tests.prefixes import SITE, Toy, kernel_package, make_prefix, python_package
from tests.wheels import make_wheel

FILES = {
    "toy_pkg/__init__.py": "x = 1\n",
    "toy_pkg/data.bin": "data",
    "DATA/data/share/jupyter/labextensions/toy/package.json": "{}",
    "DATA/data/share/toy/x.txt": "y",
}


@pytest.fixture
def environment(tmp_path):
    """An environment with one wheel in it, as an installation from a lock leaves it."""
    root = make_prefix(tmp_path / "env", kernel_package(), python_package())
    path = make_wheel(tmp_path, "toy-pkg", "1.0", files=FILES, metadata=["License-Expression: MIT"], requires=["numpy"])
    wheel = locked_wheel(path, path.as_uri(), WheelSource(kind="file", requested=True), WheelTarget(python="3.11.3"))
    install_wheels([FetchedWheel(package=wheel, path=path)], root, "3.11.3")
    files = {wheel.name: WheelFileRecord(file_name=wheel.file_name, sha256=wheel.sha256)}
    write_environment(root, name="demo", lock_digest="0" * 64, requested=("xeus-toy",), variables={}, wheels=files)
    return root, wheel


def test_its_pack_names_its_file_and_gives_it_back(environment, tmp_path):
    root, wheel = environment
    manifest = write_pack(plan_pack(read_prefix(root), level=1), tmp_path / "pack")
    (packed,) = (each for each in manifest.environment.packages if each.manager == "wheel")
    assert (packed.name, packed.file_name, packed.sha256) == ("toy-pkg", wheel.file_name, wheel.sha256)
    assert (packed.license, packed.depends) == ("MIT", ("numpy",))
    assert "toy-pkg" in manifest.environment.requested
    unpack(tmp_path / "pack", tmp_path / "again")
    assert write_pack(plan_pack(read_prefix(tmp_path / "again"), level=1), tmp_path / "pack2") == manifest


def test_filters_go_by_its_name_and_extensions_of_jupyterlab_are_dropped(environment):
    root, _ = environment
    rules = parse_filter(
        "rules:\n- id: no-data\n  package: toy-pkg\n  drop: '**/*.bin'\n  reason: not used here\n", origin="f.yaml"
    )
    selection = select_files(read_prefix(root), FileFilter() + rules)
    packed = {file.path for file in selection.kept}
    assert f"{SITE}/toy_pkg/__init__.py" in packed
    assert "share/toy/x.txt" in packed
    assert f"{SITE}/toy_pkg/data.bin" not in packed
    assert not any("labextensions" in path for path in packed)


def test_a_wheel_that_was_exchanged_afterwards_is_not_taken_for_the_locked_one(environment):
    root, wheel = environment
    info = root / SITE / "toy_pkg-1.0.dist-info"
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-pkg\nVersion: 2.0\n")
    (found,) = (package for package in read_prefix(root).packages if package.manager == "wheel")
    assert (found.version, found.sha256 == wheel.sha256) == ("2.0", False)


def test_what_conda_provides_is_told_by_its_own_records(tmp_path):
    files = {
        f"{SITE}/Two_Names-2.0.dist-info/METADATA": (
            "Name: Two.Names\nVersion: 2.0\nProvides-Extra: All\nRequires-Dist: a\nRequires-Dist: b; extra == 'All'\n"
        ),
        f"{SITE}/old.egg-info": "Name: old\nVersion: 0.3\n",
    }
    root = make_prefix(
        tmp_path / "env",
        kernel_package(),
        python_package(),
        Toy(name="conda-name", version="9", files=files),
        Toy(name="without_record", version="1.5", files={f"{SITE}/without_record.py": ""}),
        Toy(name="no-python", version="1", files={"share/x": ""}),
    )
    found = {each.name: each for each in provided_projects(read_prefix(root))}
    told = {name: (each.version, each.package) for name, each in found.items()}
    assert told["two-names"] == ("2.0", "conda-name")
    assert told["old"] == ("0.3", "conda-name")
    assert told["without-record"] == ("1.5", "without_record")
    assert not {"conda-name", "no-python"} & found.keys()
    assert found["two-names"].extras == ("all",)
    assert found["two-names"].requires == ("b; extra == 'All'",)


@pytest.mark.parametrize(
    ("requires", "expected"),
    [
        ("a>=1 ; sys_platform == 'emscripten'", ("a >=1",)),
        ("a ; sys_platform == 'linux'", ()),
        ("a ; python_version < '3.12'", ("a",)),
        ("a ; python_full_version < '3.11.3'", ()),
        ("a ; extra == 'x'", ()),
        ("a ; platform_machine == 'wasm32' and os_name == 'posix'", ("a",)),
        ("A_b[c] (>=1,<2)", ("a-b <2,>=1",)),
        ("not a requirement at all", ()),
        ("a" * 5000, ()),
    ],
)
def test_requirements_are_those_of_the_browser(requires, expected):
    assert needed((requires,), marker_environment("3.11.3")) == expected


@pytest.mark.parametrize(
    ("file_name", "pure"),
    [
        ("a-1-py3-none-any.whl", True),
        ("a-1-py2.py3-none-any.whl", True),
        ("a-1-1-py3-none-any.whl", True),
        ("a-1-cp313-cp313-pyemscripten_2025_0_wasm32.whl", False),
        ("a-1-cp311-abi3-any.whl", False),
        ("a-1-py3-none-win_amd64.whl", False),
    ],
)
def test_a_wheel_is_pure_by_its_tag(file_name, pure):
    assert split_wheel_name(file_name).pure is pure
    assert split_wheel_name(file_name).project == "a"


def broken(path, change):
    """The wheel at `path`, with one entry more or another name."""
    with zipfile.ZipFile(path, "a") as archive:
        change(archive)
    return path


def link(archive):
    info = zipfile.ZipInfo("toy/link")
    info.external_attr = 0o120777 << 16
    archive.writestr(info, "/etc/passwd")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (link, "which is no plain file"),
        (lambda archive: archive.writestr("a\\b", ""), "which is not below the environment"),
        (lambda archive: archive.writestr("x" * 300, ""), "with a name of 300 bytes"),
        (lambda archive: archive.writestr("other-1.dist-info/METADATA", ""), "has 2 folders `.dist-info`"),
    ],
)
def test_what_no_installer_should_open_is_refused(tmp_path, change, says):
    path = broken(make_wheel(tmp_path), change)
    with pytest.raises(PrefixError, match=says):
        read_wheel(path, of="here")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"no wheel"])
def test_what_is_no_zip_is_refused(tmp_path, data):
    path = tmp_path / "toy-1.0-py3-none-any.whl"
    path.write_bytes(data)
    with pytest.raises(PrefixError, match="cannot be read"):
        read_wheel(path, of="here")


def test_a_wheel_of_another_project_than_its_name_says_is_refused(tmp_path):
    path = make_wheel(tmp_path, "toy", "1.0")
    with pytest.raises(PrefixError, match=r"is of toy 1\.0 in its METADATA"):
        read_wheel(path.rename(tmp_path / "toy-2.0-py3-none-any.whl"), of="here")
