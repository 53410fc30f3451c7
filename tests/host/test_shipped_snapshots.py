"""Snapshots that a pack brings: the same each time, used where nothing else is there, and never in the way."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from lite_env.host.run import RunOptions, start_kernel
from lite_env.host.snapshot import make_snapshot
from lite_env.pack.manifest import FORMAT, WITH_SNAPSHOTS
from lite_env.pack.reader import read_content, read_manifest
from lite_env.pack.restore import unpack
from lite_env.pack.snapshots import MadeSnapshot, without_snapshots
from lite_env.pack.writer import encode_manifest
from lite_env.report.budget import check_budget
from lite_env.report.size import measure
from lite_env.report.subject import read_subject
from tests.command_line import lite_env
from tests.host.test_snapshots import gives_two, how, started

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.node

# Another clock, other chance: what is pinned is pinned later.
SHIFT = """
const { now } = Date;
globalThis.Date = class extends Date {
  constructor(...given) { given.length ? super(...given) : super(now() + 4e10); }
  static now() { return now() + 4e10; }
};
const { random } = Math;
Math.random = () => random() / 2;
"""


def snapshot_of(pack: Path):
    (snapshot,) = read_manifest(pack).snapshots
    return snapshot


@pytest.fixture
def own_pack(shipped_pack, tmp_path) -> Path:
    """A copy of one's own."""
    return shutil.copytree(shipped_pack, tmp_path / "pack")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Another clock, chance, time zone, language, hash seed and user."""
    (tmp_path / "shift.cjs").write_text(SHIFT)
    for name, value in {
        "NODE_OPTIONS": f"--require {tmp_path / 'shift.cjs'}",
        "TZ": "Asia/Kathmandu",
        "LC_ALL": "de_DE.UTF-8",
        "PYTHONHASHSEED": "7",
        "HOME": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)


def test_it_is_the_same_in_another_folder_at_another_time_with_another_seed(shipped_pack, tmp_path, elsewhere):
    # As it was when the snapshot was made of it.
    pack = shutil.copytree(shipped_pack, tmp_path / "another pläce")
    manifest = read_manifest(pack)
    (pack / "manifest.json").write_bytes(encode_manifest(without_snapshots(manifest)))
    assert make_snapshot(pack, manifest.kernels[0].name).raw == read_content(shipped_pack, snapshot_of(shipped_pack))


@pytest.fixture(params=["science_pack", "newest_pack"])
def made_here(request) -> tuple[Path, MadeSnapshot]:
    """A pack with Pyodide, and the snapshot of its kernel."""
    pack = request.getfixturevalue(request.param)
    return pack, make_snapshot(pack, read_manifest(pack).kernels[0].name)


@pytest.mark.slow
def test_pyodides_are_the_same_too(made_here, tmp_path, elsewhere):
    pack, made = made_here
    copy = shutil.copytree(pack, tmp_path / "another pläce")
    assert make_snapshot(copy, read_manifest(copy).kernels[0].name) == made


def test_the_first_start_is_restored_from_it_and_reads_no_archive_ahead(shipped_pack, tmp_path):
    log: list[str] = []
    with started(shipped_pack, tmp_path, log) as running:
        assert how(running) == ""
        figures = running.ready.figures
        assert figures.snapshot.shipped
        assert figures.files == 0
        assert figures.requests == 5  # manifest, index, script, module, and it
        assert gives_two(running)
    assert any("restored from the pack's snapshot" in text for text in log)
    # No start that uses it is under way any more.
    assert not list(tmp_path.glob("*.tried"))


def test_nobody_who_wants_none_gets_it(shipped_pack):
    with start_kernel(shipped_pack, options=RunOptions()) as running:
        assert running.ready.figures.snapshot is None
        assert running.ready.figures.files > 100


def test_one_that_does_not_fit_is_told_and_what_is_made_instead_comes_first(shipped_pack, tmp_path):
    log: list[str] = []
    with started(shipped_pack, tmp_path, log, env=(("OTHER", "1"),)) as running:
        assert how(running) == "the pack's is of another start: variables"
        assert gives_two(running)
    assert any("snapshot is not used: the pack's is of another start: variables" in text for text in log)
    with started(shipped_pack, tmp_path, env=(("OTHER", "1"),)) as running:
        assert how(running) == ""
        assert not running.ready.figures.snapshot.shipped


def test_a_damaged_one_ends_in_a_plain_start(own_pack, tmp_path):
    path = own_pack / snapshot_of(own_pack).path
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with started(own_pack, tmp_path / "kept") as running:
        assert f'wrong content: "{snapshot_of(own_pack).path}"' in how(running)
        assert gives_two(running)


@pytest.mark.slow
def test_a_missing_one_ends_in_a_plain_start(own_pack, tmp_path):
    (own_pack / snapshot_of(own_pack).path).unlink()
    with started(own_pack, tmp_path / "kept") as running:
        assert "is not in the pack" in how(running)
        assert gives_two(running)


def test_but_for_it_the_pack_is_the_one_without(shipped_pack, tmp_path):
    manifest = read_manifest(shipped_pack)
    assert manifest.format == WITH_SNAPSHOTS
    unpack(shipped_pack, tmp_path / "prefix")
    assert not list((tmp_path / "prefix").rglob("snapshot-*"))
    again = lite_env("pack", tmp_path / "prefix", "-o", tmp_path / "pack", "--level", "3", "--name", "numpy-demo")
    assert again.code == 0, again.err
    assert files_of(tmp_path / "pack") == files_of(shipped_pack) - {snapshot_of(shipped_pack).path}
    plain = read_manifest(tmp_path / "pack")
    assert plain == without_snapshots(manifest)
    assert plain.format == FORMAT
    assert b"snapshot" not in (tmp_path / "pack" / "manifest.json").read_bytes()


def files_of(pack: Path) -> set[str]:
    return {path.relative_to(pack).as_posix() for path in pack.rglob("*") if path.is_file()}


def test_it_is_not_made_twice(shipped_pack, tmp_path, monkeypatch):
    prefix = shipped_pack.parent / "prefix"
    monkeypatch.setattr("lite_env.workflow.snapshot.make_snapshot", None)
    again = lite_env("pack", prefix, "-o", tmp_path / "pack", "--level", "3", "--name", "numpy-demo", "--snapshot")
    assert again.code == 0, again.err
    assert files_of(tmp_path / "pack") == files_of(shipped_pack)
    # Nor where the pack as a whole is not known, since its kernels are to be tried no more.
    other = tmp_path / "other"
    arguments = ("--level", "3", "--name", "numpy-demo", "--snapshot", "--jobs", "1", "--no-check")
    assert lite_env("pack", prefix, "-o", other, *arguments).code == 0
    assert files_of(other) == files_of(shipped_pack)


def test_it_is_counted_in_the_place_of_what_a_start_loads_without(shipped_pack):
    report = measure(read_subject(shipped_pack))
    snapshot = snapshot_of(shipped_pack)
    (kernel,) = report.kernels
    assert {file.what for file in kernel.files} == {"manifest", "index", "script", "wasm", "snapshot"}
    assert kernel.size > snapshot.size
    assert report.packed > snapshot.size + sum(archive.packed for archive in report.archives)
    (answer,) = check_budget(report, 1).kernels
    assert ("(snapshot)", snapshot.size) in answer.contributors
    assert sum(size for _, size in answer.contributors) == kernel.size


def test_of_a_kernel_that_has_none_the_command_says_why(lua_pack, tmp_path):
    refused = lite_env("pack", lua_pack.parent / "prefix", "-o", tmp_path / "pack", "--level", "3", "--snapshot")
    assert refused.code == 1
    assert "no snapshot can be made of the kernel 'xlua': of this family only xeus-python of 2023 has" in refused.err
    assert "hint: pack without `--snapshot`" in refused.err
    assert not (tmp_path / "pack").exists()


def test_the_layout_of_others_has_no_place_for_it(tmp_path):
    refused = lite_env("pack", tmp_path, "-o", tmp_path / "xeus", "--layout", "xeus", "--snapshot")
    assert refused.code == 2
    assert "`--snapshot` is of the native layout" in refused.err
