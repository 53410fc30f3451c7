"""What is written for pixi is what rattler, on which pixi is built, reads and would write itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import rattler
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lite_env.errors import LockError
from lite_env.lock.file import read_lock
from lite_env.lock.model import Lockfile, packages_digest
from lite_env.lock.pixi import dump_pixi
from lite_env.lock.pixi_reader import parse_pixi
from tests.locks import conda, science, sha256_of, wheel

if TYPE_CHECKING:
    from lite_env.lock.model import LockedPackage

HERE = Path("/home/project/pixi.lock")
EMPTY = Lockfile(name="demo", channels=(), packages=(), requested=(), variables=(), spec_digest="")


@pytest.fixture
def lock(tmp_path) -> Lockfile:
    """A lock with conda packages and wheels, one of them a file here."""
    found = read_lock(science(tmp_path / "conda-lock.yml"))
    here = wheel("leaf", "2.1", "numpy >=1.26", url="file:///srv/my%20wheels/leaf-2.1-py3-none-any.whl")
    ours = conda("ours", "0.1", channel="file:///srv/my%20channel", subdir="emscripten-wasm32", build_number=9)
    kept = (package for package in found.packages if package.name != "ours")
    packages = (
        replace(package, noarch="python" if package.name in ("six", "pytz") else "generic")
        if package.manager == "conda" and package.subdir == "noarch"
        else package
        for package in kept
    )
    return replace(found, packages=tuple(sorted((*packages, here, ours), key=lambda package: package.name)))


def rewritten(text: str, folder: Path) -> str:
    """The text as rattler writes what it read of it."""
    (folder / "pixi.lock").write_text(text)
    rattler.LockFile.from_path(folder / "pixi.lock").to_path(folder / "again.lock")
    return (folder / "again.lock").read_text()


def test_rattler_changes_no_byte_of_version_7(lock, tmp_path):
    text = dump_pixi(lock)
    assert text.startswith("version: 7\n")
    assert rewritten(text, tmp_path) == text


def test_rattler_reads_the_same_of_version_6(lock, tmp_path):
    text = dump_pixi(lock, version=6)
    assert text.startswith("version: 6\nenvironments:\n")
    assert rewritten(text, tmp_path) == dump_pixi(lock)


def test_rattler_finds_the_packages_as_they_are(lock, tmp_path):
    (tmp_path / "pixi.lock").write_text(dump_pixi(lock))
    environment = rattler.LockFile.from_path(tmp_path / "pixi.lock").default_environment()
    (platform,) = environment.platforms()
    assert str(platform) == "emscripten-wasm32"
    records = {
        record.name.normalized: record for record in environment.conda_repodata_records_for_platform(platform) or []
    }
    for package in lock.conda:
        record = records.pop(package.name)
        assert (str(record.version), str(record.build), record.build_number) == package_build(package)
        assert record.sha256.hex() == package.sha256
        assert (record.size, tuple(record.depends), record.license) == (package.size, package.depends, package.license)
        assert (record.subdir, record.file_name, record.url) == (package.subdir, package.file_name, package.url)
        kinds = package.noarch == "python", package.noarch == "generic"
        assert (bool(record.noarch.python), bool(record.noarch.generic)) == kinds
    assert records == {}
    pypi = {str(each.name): each for each in environment.pypi_packages_for_platform(platform) or []}
    assert sorted(pypi) == [each.name for each in lock.wheels]


@pytest.mark.parametrize("version", [6, 7])
def test_what_is_written_is_read(lock, version):
    again = parse_pixi(dump_pixi(lock, version=version), HERE)
    assert again.conda == lock.conda
    assert [(each.name, each.url, each.sha256, each.depends) for each in again.wheels] == [
        (each.name, each.url, each.sha256, each.depends) for each in lock.wheels
    ]
    assert again.channels == lock.channels
    assert digest_of(again) == digest_of(lock)


@pytest.mark.parametrize("version", [6, 7])
def test_a_folder_may_be_called_as_no_url_is(tmp_path, version):
    folder = tmp_path / "c#sharp? 100%"
    package = conda("a", channel=folder.as_uri(), subdir="noarch")
    value = replace(EMPTY, channels=(folder.as_uri(),), packages=(package,))
    text = dump_pixi(value, version=version)
    assert f"{folder}/noarch/a-1.0-h0_0.conda" in text
    again = parse_pixi(text, HERE)
    assert (again.packages[0].url, again.channels) == (package.url, value.channels)
    rewritten(text, tmp_path)


def test_credentials_are_not_written(lock):
    address = "https://user:hunter2@prefix.dev/t/tk-12345/c"
    package = conda("a", channel=address)
    text = dump_pixi(replace(lock, packages=(package,), channels=(address,)))
    assert "https://prefix.dev/c/noarch/a-1.0-h0_0.conda" in text
    assert not any(word in text for word in ("user", "hunter2", "tk-12345"))


def test_a_wheel_that_is_built_here_has_no_place(tmp_path):
    with pytest.raises(LockError, match="the wheel ours is built here"):
        dump_pixi(read_lock(science(tmp_path / "conda-lock.yml")))


def test_a_version_that_python_does_not_read_is_told(lock):
    text = dump_pixi(replace(lock, packages=lock.wheels[:1], channels=()))
    version = lock.wheels[0].version
    assert f"\n  version: {version}\n" in text
    with pytest.raises(LockError, match=r"`packages\[0\].version` is no version"):
        parse_pixi(text.replace(f"\n  version: {version}\n", f"\n  version: v{'9' * 5000}\n"), HERE)


def test_a_lock_without_packages(lock, tmp_path):
    text = dump_pixi(replace(lock, packages=(), channels=()))
    assert rewritten(text, tmp_path) == text
    assert parse_pixi(text, HERE).packages == ()


NAMES = st.from_regex(r"[a-z0-9_][a-z0-9_.-]{0,10}", fullmatch=True)
PARTS = st.from_regex(r"[0-9][A-Za-z0-9_.+!~]{0,8}", fullmatch=True)
BUILDS = st.from_regex(r"[A-Za-z0-9_.+]{1,12}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20)


@st.composite
def packages(draw) -> LockedPackage:
    name, version, build = draw(NAMES), draw(PARTS), draw(BUILDS)
    subdir = draw(st.sampled_from(["noarch", "emscripten-wasm32"]))
    file_name = f"{name}-{version}-{build}.conda"
    channel, url = draw(
        st.sampled_from(
            [
                ("https://prefix.dev/c", f"https://prefix.dev/c/{subdir}/{file_name}"),
                ("file:///srv/a%20b%C3%A9", Path(f"/srv/a bé/{subdir}/{file_name}").as_uri()),
                ("file:///srv/c%23%3F%2520", Path(f"/srv/c#?%20/{subdir}/{file_name}").as_uri()),
            ]
        )
    )
    return conda(
        *(name, version, *draw(st.lists(NAMES, max_size=3))),
        build=build,
        subdir=subdir,
        build_number=draw(st.integers(0, 10**6)),
        noarch=draw(st.sampled_from(["python", "generic"])) if subdir == "noarch" else None,
        md5=draw(st.none() | st.just("0123456789abcdef" * 2) | st.just("1" * 32)),
        sha256=draw(st.just("1" * 64) | st.just("0e" * 32) | TEXTS.map(sha256_of)),
        size=draw(st.none() | st.integers(0, 2**40)),
        license=draw(st.none() | TEXTS),
        timestamp=draw(st.none() | st.integers(10**12, 2 * 10**12)),
        channel=channel,
        url=url,
    )


@settings(max_examples=60)
@given(st.lists(packages(), max_size=6, unique_by=lambda package: package.name), st.sampled_from([6, 7]))
def test_whatever_is_locked_is_written_and_read(found, version):
    value = replace(EMPTY, packages=tuple(sorted(found, key=lambda each: each.name)))
    text = dump_pixi(value, version=version)
    assert parse_pixi(text, HERE).packages == value.packages
    assert yaml.safe_load(text)["version"] == version


def package_build(package: LockedPackage) -> tuple[str, str, int]:
    return package.version, package.build, package.build_number


def digest_of(value: Lockfile) -> str:
    return packages_digest((package.subdir, package.file_name, package.sha256) for package in value.packages)
