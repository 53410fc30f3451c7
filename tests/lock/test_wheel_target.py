"""Which wheels an environment takes: pure ones, and those that are compiled for its own binary interface."""

from __future__ import annotations

import zipfile

import pytest

from lite_env.errors import PrefixError
from lite_env.lock.pip_native import fitting, write_stand_in
from lite_env.lock.pylock import ResolvedFile, ResolvedPackage
from lite_env.lock.stubs import stub_version
from lite_env.lock.wheel import marker_environment, needed, read_wheel, split_wheel_name
from lite_env.lock.wheel_target import WheelTarget, platform_of
from tests.wheels import make_wheel

TARGET = WheelTarget(python="3.14.2", platform="pyemscripten_2026_0_wasm32")


@pytest.mark.parametrize(
    ("tag", "taken"),
    [
        ("py3-none-any", True),
        ("cp314-cp314-pyemscripten_2026_0_wasm32", True),
        ("cp311-abi3-pyemscripten_2026_0_wasm32", True),
        ("cp314-none-pyemscripten_2026_0_wasm32", True),
        ("py3-none-pyemscripten_2026_0_wasm32", True),
        ("cp313.cp314-cp314-pyemscripten_2026_0_wasm32", True),
        ("cp315-abi3-pyemscripten_2026_0_wasm32", False),
        ("cp313-cp313-pyemscripten_2026_0_wasm32", False),
        ("cp314-cp314t-pyemscripten_2026_0_wasm32", False),
        ("cp314-cp314-pyemscripten_2025_0_wasm32", False),
        ("cp314-cp314-manylinux_2_17_x86_64", False),
        ("pp3-abi3-pyemscripten_2026_0_wasm32", False),
    ],
)
def test_wheels_are_taken_by_their_tags(tag, taken):
    assert TARGET.takes(split_wheel_name(f"x-1.0-{tag}.whl")) == taken


@pytest.mark.parametrize("python", ["3", "3.x", "2.7", "3." + "9" * 5000])
def test_of_a_python_that_there_is_not_nothing_compiled_is_taken(python):
    target = WheelTarget(python=python, platform=TARGET.platform)
    assert not target.takes(split_wheel_name("x-1.0-cp311-abi3-pyemscripten_2026_0_wasm32.whl"))


@pytest.mark.parametrize("python", [TARGET.python, "3." + "9" * 5000])
def test_numbers_that_python_does_not_read_make_no_wheel(python):
    digits = "9" * 5000
    target = WheelTarget(python=python, platform=TARGET.platform)
    assert not target.takes(split_wheel_name(f"x-1.0-cp3{digits}-abi3-pyemscripten_2026_0_wasm32.whl"))
    assert split_wheel_name(f"x-{digits}-py3-none-any.whl") is None
    assert split_wheel_name(f"x-1.0-{digits}-py3-none-any.whl") is None
    assert stub_version(digits) is None
    assert needed(("a", f"b; python_version > '3.{digits}'"), marker_environment(python)) == ("a",)
    assert needed(("a", "b; python_version > '3.10'"), marker_environment(f"3.{digits}")) == ("a",)


def test_without_a_binary_interface_only_pure_ones_are_taken():
    target = WheelTarget(python="3.14.2")
    assert target.tag is None
    assert target.takes(split_wheel_name("x-1.0-py3-none-any.whl"))
    assert not target.takes(split_wheel_name("x-1.0-cp314-cp314-pyemscripten_2026_0_wasm32.whl"))


def test_the_build_of_the_abi_names_the_platform():
    assert platform_of("pyodide_2024_0") == "pyodide_2024_0_wasm32"
    assert platform_of("h7b187fe_15") is None
    assert TARGET.tag == "cp314-cp314-pyemscripten_2026_0_wasm32"


def resolved(name, version, *tags):
    files = [f"{name}-{version}-{tag}.whl" for tag in tags]
    return ResolvedPackage(
        name=name,
        version=version,
        files=tuple(
            ResolvedFile(file_name=file, url=f"https://x.org/{file}", sha256=None, size=None) for file in files
        ),
    )


def test_of_an_indexs_wheels_the_one_for_the_very_python_goes_first():
    stable, own = "cp311-abi3-pyemscripten_2026_0_wasm32", "cp314-cp314-pyemscripten_2026_0_wasm32"
    found = fitting(
        [
            resolved("a", "1", stable, own),
            resolved("b", "1", stable),
            resolved("c", "1", "py3-none-any"),
            resolved("d", "1"),
        ],
        TARGET,
    )
    assert {key: file.file_name for key, file in found.items()} == {
        ("a", "1"): f"a-1-{own}.whl",
        ("b", "1"): f"b-1-{stable}.whl",
    }


def test_a_stand_in_requires_what_the_wheel_requires_and_holds_nothing(tmp_path):
    wheel = make_wheel(
        tmp_path / "in", "Fast.Pkg", "1.0", requires=["leaf"], tag="cp314-cp314-pyemscripten_2026_0_wasm32"
    )
    (tmp_path / "out").mkdir()
    made = write_stand_in(wheel, tmp_path / "out", of="here")
    assert made.name == "fast_pkg-1.0-py3-none-any.whl"
    assert read_wheel(made, of="here").requires == ("leaf",)
    with zipfile.ZipFile(made) as archive:
        assert {name.rpartition("/")[2] for name in archive.namelist()} == {"METADATA", "WHEEL", "RECORD"}


def test_there_is_no_stand_in_of_a_broken_wheel(tmp_path):
    broken = tmp_path / "x-1.0-cp314-cp314-pyemscripten_2026_0_wasm32.whl"
    broken.write_bytes(b"no zip")
    with pytest.raises(PrefixError, match="cannot be read"):
        write_stand_in(broken, tmp_path, of="here")
