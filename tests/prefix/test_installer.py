from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from lite_env.errors import FetchError, PrefixError
from lite_env.lock.model import LockedPackage, Lockfile, packages_digest
from lite_env.prefix.installer import install, lock_identity
from lite_env.prefix.reader import read_prefix
from lite_env.store.digest import sha256_of_file
from tests.conda_packages import PLACEHOLDER, make_package
from tests.prefixes import WASM, Heard, put

KERNEL_JSON = json.dumps(
    {
        "argv": [f"{PLACEHOLDER}/bin/xtoy"],
        "display_name": "Toy",
        "language": "toy",
        "env": {"D": f"{PLACEHOLDER}/share"},
    }
)
KERNEL = {
    "bin/xtoy.js": "var createXeusModule = 1;",
    "bin/xtoy.wasm": WASM,
    "share/jupyter/kernels/toy/kernel.json": KERNEL_JSON,
}


@pytest.fixture
def channel(tmp_path):
    return tmp_path / "channel"


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def locked(path: Path) -> LockedPackage:
    name, version, build = path.name.removesuffix(".conda").rsplit("-", 2)
    return LockedPackage(
        name=name,
        version=version,
        build=build,
        build_number=0,
        subdir=path.parent.name,
        file_name=path.name,
        url=path.as_uri(),
        channel=path.parent.parent.as_uri(),
        sha256=sha256_of_file(path),
        size=path.stat().st_size,
    )


def lock_of(*paths: Path, **changes) -> Lockfile:
    packages = tuple(sorted(map(locked, paths), key=lambda package: package.name))
    values = {
        "name": "toys",
        "channels": ("file:///channel",),
        "packages": packages,
        "requested": ("xeus-toy",),
        "variables": (("TOY", "1"),),
        "spec_digest": "0" * 64,
    }
    return Lockfile(**values | changes)


@pytest.fixture
def lock(channel):
    kernel = make_package(channel, "xeus-toy", files=KERNEL, links={"lib64": "lib"})
    library = make_package(channel, "toylib", files={"lib/a.py": "x"}, depends=["xeus-toy"])
    return lock_of(kernel, library)


def test_an_environment_is_what_its_lock_says(lock, cache, tmp_path):
    heard = Heard()
    prefix = install(lock, tmp_path / "env", cache=cache, reporter=heard)
    assert [package.name for package in prefix.packages] == ["toylib", "xeus-toy"]
    assert (prefix.name, prefix.requested, prefix.variables) == ("toys", ("xeus-toy",), (("TOY", "1"),))
    assert prefix == read_prefix(tmp_path / "env")
    state = json.loads((tmp_path / "env/conda-meta/state").read_text("utf-8"))
    assert state == {"env_vars": {"TOY": "1"}, "version": 1}
    assert (tmp_path / "env/lib64").readlink() == Path("lib")
    assert lock_identity(lock) == packages_digest(
        [(package.subdir, package.file_name, package.sha256) for package in lock.packages]
    )
    assert heard.warnings == []
    assert {file.package for file in prefix.files} == {"toylib", "xeus-toy"}


def modes(prefix):
    return {path.name: oct(path.stat().st_mode & 0o777) for path in (prefix / "conda-meta").iterdir()}


@pytest.mark.parametrize(("umask", "mode"), [(0o022, "0o644"), (0o077, "0o600"), (0o002, "0o664")])
def test_records_have_the_permissions_that_the_umask_gives(lock, cache, tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        # The second time the cache has all packages, of which rattler makes other records.
        for name in ("cold", "warm"):
            install(lock, tmp_path / name, cache=cache)
    finally:
        os.umask(before)
    assert set(modes(tmp_path / "cold").values()) == {mode}
    assert modes(tmp_path / "warm") == modes(tmp_path / "cold")


def test_the_build_folder_is_nowhere(lock, cache, tmp_path):
    prefix = install(lock, tmp_path / "env", cache=cache)
    assert prefix.kernels[0].argv == ("/bin/xtoy",)
    text = (tmp_path / "env/share/jupyter/kernels/toy/kernel.json").read_text("utf-8")
    assert json.loads(text)["env"] == {"D": "/share"}
    assert "placehold" not in text
    assert str(tmp_path / "env") not in text


def test_the_same_lock_again_changes_nothing(lock, cache, tmp_path):
    install(lock, tmp_path / "env", cache=cache)
    before = (tmp_path / "env/conda-meta/state").stat()
    shutil.rmtree(cache)
    again = install(lock, tmp_path / "env", cache=cache, offline=True)
    assert again.name == "toys"
    assert (tmp_path / "env/conda-meta/state").stat().st_ino == before.st_ino
    assert not cache.exists()


def test_another_lock_replaces_the_environment(lock, channel, cache, tmp_path):
    install(lock, tmp_path / "env", cache=cache)
    put(tmp_path, "env/mine.txt", "")
    newer = lock_of(make_package(channel, "xeus-toy", "2.0", files=KERNEL), variables=())
    heard = Heard()
    prefix = install(newer, tmp_path / "env", cache=cache, reporter=heard)
    assert [(package.name, package.version) for package in prefix.packages] == [("xeus-toy", "2.0")]
    assert heard.notes == [f"the environment in '{tmp_path / 'env'}' is of another lock: it will be replaced"]
    assert not (tmp_path / "env/mine.txt").exists()
    assert not (tmp_path / "env/lib/a.py").exists()


@pytest.mark.parametrize("change", [{"name": "other"}, {"requested": ("toylib",)}, {"variables": ()}])
def test_a_lock_that_differs_in_other_than_packages_is_another(lock, channel, cache, tmp_path, change):
    install(lock, tmp_path / "env", cache=cache)
    other = Lockfile(**{name: getattr(lock, name) for name in Lockfile.__slots__} | change)
    prefix = install(other, tmp_path / "env", cache=cache)
    assert (prefix.name, prefix.requested, prefix.variables) == (other.name, other.requested, other.variables)


def test_a_damaged_environment_is_made_anew(lock, cache, tmp_path):
    install(lock, tmp_path / "env", cache=cache)
    (tmp_path / "env/lib/a.py").unlink()
    heard = Heard()
    install(lock, tmp_path / "env", cache=cache, reporter=heard)
    assert (tmp_path / "env/lib/a.py").exists()
    (warning,) = heard.warnings
    assert "is damaged and will be made anew: the environment lacks 1 file" in warning


def test_a_folder_that_is_no_environment_is_refused_and_left_alone(lock, cache, tmp_path):
    put(tmp_path, "env/thesis.tex", "years")
    with pytest.raises(PrefixError, match="is not empty and not an environment"):
        install(lock, tmp_path / "env", cache=cache)
    assert (tmp_path / "env/thesis.tex").read_text() == "years"
    with pytest.raises(PrefixError, match="is a file"):
        install(lock, tmp_path / "env/thesis.tex", cache=cache)
    (tmp_path / "empty").mkdir()
    assert install(lock, tmp_path / "empty", cache=cache).name == "toys"


def test_a_package_that_changed_leaves_the_old_environment(lock, channel, cache, tmp_path):
    install(lock, tmp_path / "env", cache=cache)
    other = lock_of(make_package(channel, "xeus-toy", "2.0", files=KERNEL))
    make_package(channel, "xeus-toy", "2.0", files={**KERNEL, "lib/evil.py": ""})
    with pytest.raises(FetchError, match="is not the file that was locked"):
        install(other, tmp_path / "env", cache=cache)
    assert read_prefix(tmp_path / "env").packages[1].version == "1.0"
    assert {path.name for path in tmp_path.iterdir()} == {"cache", "channel", "env"}


@pytest.mark.parametrize(
    "path", ["../evil", "../../evil", "/evil", "share/../../evil", "..\\evil", "C:/evil", "conda-meta/evil.json"]
)
def test_a_package_that_would_write_elsewhere_is_refused(channel, cache, tmp_path, path):
    package = make_package(channel, "evil", files={path: "x"})
    with pytest.raises(PrefixError, match=r"the package evil-1\.0-0\.conda wants to write") as caught:
        install(lock_of(package), tmp_path / "deep/env", cache=cache)
    assert path in caught.value.message
    assert "broken or hostile" in caught.value.hint
    assert not (tmp_path / "deep/env").exists()
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("target", ["/etc", "../..", "lib/../../.."])
def test_a_link_out_of_the_environment_is_refused(channel, cache, tmp_path, target):
    package = make_package(channel, "evil", files={"lib/x": ""}, links={"out": target})
    with pytest.raises(PrefixError, match="the link 'out', which leaves the environment"):
        install(lock_of(package), tmp_path / "env", cache=cache)
    assert not (tmp_path / "env").exists()


def test_nothing_is_written_through_a_link_out_of_the_environment(channel, cache, tmp_path):
    (tmp_path / "target").mkdir()
    link = make_package(channel, "evil-link", links={"out": str(tmp_path / "target")})
    file = make_package(channel, "evil-file", files={"out/f": "x"})
    with pytest.raises(PrefixError):
        install(lock_of(link, file), tmp_path / "env", cache=cache)
    assert list((tmp_path / "target").iterdir()) == []


def test_link_scripts_are_not_run(channel, cache, tmp_path):
    script = f"#!/bin/sh\ntouch '{tmp_path}/ran'\n"
    files = {**KERNEL, "bin/.xeus-toy-post-link.sh": script, "bin/.xeus-toy-pre-link.sh": script}
    install(lock_of(make_package(channel, "xeus-toy", files=files)), tmp_path / "env", cache=cache)
    assert not (tmp_path / "ran").exists()
