"""A pack of which only what starts read is there: made beside the writing of the rest, and true to the whole."""

from __future__ import annotations

import threading

import msgspec
import pytest

from lite_env.errors import HostError, ManifestError
from lite_env.pack import press
from lite_env.pack.archive import compress
from lite_env.pack.early import left_open
from lite_env.pack.plan import plan_pack
from lite_env.pack.profile import Opened, file_key, make_profile
from lite_env.pack.reader import read_content, read_manifest
from lite_env.pack.writer import write_pack
from lite_env.prefix.reader import read_prefix
from tests.prefixes import SITE, Toy, kernel_package, make_prefix, python_package

STARTED = f"{SITE}/started.py"
LATE = f"{SITE}/late.py"


@pytest.fixture
def prefix(tmp_path):
    files = {STARTED: "started = 1\n", LATE: "late = 1\n"}
    return read_prefix(
        make_prefix(
            tmp_path / "prefix",
            kernel_package(kernel="xpython", language="python"),
            python_package(),
            Toy(name="toy", files=files),
        )
    )


def planned(prefix, *, traced=True):
    start = Opened(interpreter=(), kernel=(file_key("toy", STARTED),))
    profile = make_profile("toy", kernels={"xpython": start}, imports={}, workloads={}, failed={})
    return plan_pack(prefix, level=3, profile=profile if traced else None)


class Check:
    """Keeps what it is shown."""

    def __init__(self, error=None):
        self.shown, self.error = threading.Event(), error
        self.manifest = self.early_read = self.whole_manifest = None

    def early(self, pack, manifest):
        assert read_manifest(pack) == manifest
        started = {position for kernel in manifest.kernels for position in kernel.start.all}
        readable = [manifest.archives[position] for position in sorted(started)]
        kernels = [file for kernel in manifest.kernels for file in kernel.files]
        self.early_read = {item.path: read_content(pack, item) for item in (manifest.index, *kernels, *readable)}
        for position, archive in enumerate(manifest.archives):
            if position not in started:
                with pytest.raises(ManifestError):
                    read_content(pack, archive)
        self.manifest = manifest
        self.shown.set()

    def whole(self, pack, manifest):
        self.whole_manifest = manifest
        assert self.early_read is None or all(
            read_content(pack, item) == self.early_read.pop(item.path)
            for item in manifest.contents
            if item.path in self.early_read
        )
        if self.error:
            raise self.error


@pytest.fixture
def late_archive(monkeypatch):
    """A check that the archive of what no start reads waits for."""
    check = Check()

    def slow(raw, level):
        assert b"late = 1" not in raw or check.shown.wait(30), "nothing could be started while this was compressed"
        return compress(raw, level)

    monkeypatch.setattr(press, "compress", slow)
    return check


def test_what_starts_read_is_shown_while_other_archives_are_compressed(prefix, tmp_path, late_archive):
    manifest = write_pack(planned(prefix), tmp_path / "pack", check=late_archive)
    assert late_archive.whole_manifest == manifest
    assert left_open(manifest) == late_archive.manifest != manifest
    assert late_archive.early_read == {}, "all of it is in the pack as it was shown"
    assert read_manifest(tmp_path / "pack") == manifest


def test_a_manifest_that_is_left_open_tells_packs_apart_whose_starts_are_not_the_same(prefix, tmp_path):
    whole = write_pack(planned(prefix), tmp_path / "pack")
    replace = msgspec.structs.replace
    (started,) = {position for kernel in whole.kernels for position in kernel.start.all}

    def changed(position):
        archives = list(whole.archives)
        archives[position] = replace(archives[position], sha256="0" * 64)
        return replace(whole, archives=tuple(archives))

    assert left_open(changed(started)) != left_open(whole)
    for position in set(range(len(whole.archives))) - {started}:
        assert left_open(changed(position)) == left_open(whole)
    assert left_open(replace(whole, index=replace(whole.index, digest="0" * 64))) != left_open(whole)
    assert left_open(replace(whole, kernels=())) != left_open(whole)


def test_of_an_environment_that_was_not_traced_nothing_is_started_early(prefix, tmp_path):
    check = Check()
    write_pack(planned(prefix, traced=False), tmp_path / "pack", check=check)
    assert check.manifest is None
    assert check.whole_manifest is not None


def test_a_kernel_that_does_not_start_leaves_no_pack(prefix, tmp_path):
    with pytest.raises(HostError, match="it does not"):
        write_pack(planned(prefix), tmp_path / "pack", check=Check(HostError("it does not")))
    assert not (tmp_path / "pack").exists()
