"""Snapshots in Node: made for the next start, used by it, and never in the way."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from lite_env.host.run import RunOptions, start_kernel
from tests.command_line import lite_env

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lite_env.host.engine import Log
    from lite_env.host.run import RunningKernel

pytestmark = [pytest.mark.node]


@contextmanager
def started(pack: Path, folder: Path | None, log: list[str] | None = None, **options) -> Iterator[RunningKernel]:
    def keep(entry: Log) -> None:
        if log is not None:
            log.append(entry.text)

    with start_kernel(pack, options=RunOptions(snapshots=folder, **options), on_log=keep) as running:
        yield running


def how(running: RunningKernel) -> str:
    """Empty where it was restored."""
    figures = running.ready.figures.snapshot
    assert figures is not None
    assert (figures.seconds is None) == bool(figures.why)
    return figures.why


def gives_two(running: RunningKernel) -> bool:
    result = running.client.execute("1 + 1")
    return result.status == "ok" and "2" in str([message.content for message in result.outputs])


@pytest.fixture(scope="module")
def made(numpy_pack, tmp_path_factory) -> Path:
    """A folder with the snapshot of a kernel."""
    folder = tmp_path_factory.mktemp("made") / "snapshots"
    with started(numpy_pack, folder) as running:
        assert how(running) == "there is none yet"
    assert sorted(path.suffix for path in folder.iterdir()) == [".snapshot", ".used"]
    return folder


@pytest.fixture
def folder(made, tmp_path) -> Path:
    """A folder of one's own with it."""
    return shutil.copytree(made, tmp_path / "snapshots")


def snapshot_in(folder: Path) -> Path:
    (path,) = folder.glob("*.snapshot")
    return path


def test_the_second_start_is_restored_and_reads_no_archive_ahead(numpy_pack, folder):
    with started(numpy_pack, folder) as running:
        assert how(running) == ""
        assert running.ready.figures.files == 0
        assert gives_two(running)
    assert sorted(path.suffix for path in folder.iterdir()) == [".snapshot", ".used"]


@pytest.mark.slow
def test_a_kernel_that_rests_becomes_one_before_it_ends(numpy_pack, tmp_path):
    log: list[str] = []
    with started(numpy_pack, tmp_path, log) as running:
        running.client.kernel_info()
        for _ in range(100):
            running.client.figures()
            if any("the next start takes" in text for text in log):
                break
            running.client._receive(0.2)
        assert snapshot_in(tmp_path)
        assert gives_two(running)
        changed = snapshot_in(tmp_path).stat().st_mtime_ns
    # It is not made once more at the end.
    assert snapshot_in(tmp_path).stat().st_mtime_ns == changed
    with started(numpy_pack, tmp_path) as running:
        assert how(running) == ""
        assert gives_two(running)


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        pytest.param(lambda data: data[:-1], "damaged", id="a byte less", marks=pytest.mark.slow),
        pytest.param(lambda data: data[: len(data) // 2], "damaged", id="half"),
        pytest.param(lambda data: b"", "it is no snapshot", id="nothing", marks=pytest.mark.slow),
        pytest.param(lambda data: b"x" + data[1:], "it is no snapshot", id="another file", marks=pytest.mark.slow),
        pytest.param(
            lambda data: data[:12] + b"\x09" + data[13:],
            "it has format 9, not 3",
            id="another format",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            lambda data: data[:2_000_000] + bytes([data[2_000_000] ^ 1]) + data[2_000_001:],
            "damaged",
            id="a bit of a page",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            lambda data: data[:100] + b"\0" * 50 + data[150:],
            "damaged",
            id="a hole in the header",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_damaged_one_ends_in_a_plain_start_and_is_made_anew(numpy_pack, folder, damage, why):
    path = snapshot_in(folder)
    path.write_bytes(damage(path.read_bytes()))
    log: list[str] = []
    with started(numpy_pack, folder, log) as running:
        assert why in how(running)
        assert gives_two(running)
    assert any("snapshot is not used" in text and why in text for text in log)
    with started(numpy_pack, folder) as running:
        assert how(running) == ""


def test_a_damaged_file_behind_it_is_read_from_the_pack(numpy_pack, folder):
    with started(numpy_pack, folder) as running:
        whole = running.ready.figures.requests
        assert gives_two(running)
    path = snapshot_in(folder)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with started(numpy_pack, folder) as running:
        assert how(running) == ""
        # Manifest alone; and the index, which lies last.
        assert (whole, running.ready.figures.requests) == (1, 2)
        assert gives_two(running)


@pytest.mark.slow
def test_other_variables_are_another_kernel(numpy_pack, folder):
    with started(numpy_pack, folder, env=(("X", "1"),)) as running:
        assert how(running) == "there is none yet"
    with started(numpy_pack, folder, env=(("X", "1"),)) as running:
        assert how(running) == ""
        assert running.client.execute("import os; assert os.environ['X'] == '1'").status == "ok"
    with started(numpy_pack, folder) as running:
        assert how(running) == ""
        assert running.client.execute("import os; assert 'X' not in os.environ").status == "ok"


@pytest.mark.slow
def test_a_new_pack_at_its_place_makes_its_own_and_the_old_one_goes(numpy_pack, tmp_path):
    pack, folder = shutil.copytree(numpy_pack, tmp_path / "pack"), tmp_path / "snapshots"
    with started(pack, folder):
        pass
    old = snapshot_in(folder)
    manifest = pack / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"numpy-demo"', '"another"'))
    with started(pack, folder) as running:
        assert how(running) == "there is none yet"
    assert snapshot_in(folder) != old


@pytest.mark.slow
def test_one_that_a_process_died_over_is_thrown_away(numpy_pack, folder):
    path = snapshot_in(folder)
    # Of no process that lives.
    path.with_name(f"{path.stem}~999999999.tried").touch()
    with started(numpy_pack, folder) as running:
        assert how(running) == "the start that used it before never came to its end"
        assert gives_two(running)
    assert sorted(path.suffix for path in folder.iterdir()) == [".snapshot", ".used"]


@pytest.mark.slow
def test_a_restore_that_fails_in_the_middle_ends_in_a_plain_start(numpy_pack, folder):
    path = snapshot_in(folder)
    # Whole and of that kernel, and yet not what the kernel needs: a class that there is not.
    path.write_bytes(
        with_header(path.read_bytes(), lambda text: text.replace(b'"type":"pyobject', b'"type":"nyobject'))
    )
    log: list[str] = []
    with started(numpy_pack, folder, log) as running:
        assert 'the kernel has no class "nyobject' in how(running)
        assert gives_two(running)
    with started(numpy_pack, folder) as running:
        assert how(running) == ""


def with_header(data: bytes, change) -> bytes:
    """A snapshot with another header, whose hash is right."""
    length = int.from_bytes(data[48:52], "little")
    changed = change(data[56 : 56 + length])
    assert len(changed) == length
    assert changed != data[56 : 56 + length]
    hashed = data[48:56] + changed
    return data[:16] + hashlib.sha256(hashed).digest() + hashed + data[56 + length :]


@pytest.mark.slow
def test_start_up_code_is_never_saved(own_packs, tmp_path):
    with started(own_packs.good, tmp_path) as running:
        assert how(running) == "it runs start-up code"
    assert list(tmp_path.iterdir()) == []


def test_a_kernel_that_cannot_be_saved_says_why(lua_pack, tmp_path):
    with started(lua_pack, tmp_path) as running:
        assert how(running) == "of this family only xeus-python of 2023 has snapshots"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_to_costs_nothing_but_the_snapshot(numpy_pack, tmp_path):
    folder = tmp_path / "file"
    folder.write_text("in the way")
    log: list[str] = []
    with started(numpy_pack, folder, log) as running:
        assert how(running)
        assert gives_two(running)
    assert any("no snapshot of this kernel is kept" in text for text in log)


def test_the_command_tells_how_the_kernel_came(numpy_pack, tmp_path, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path))
    first = lite_env("run", numpy_pack, "--figures", "-c", "print(1)")
    assert re.search(r"ready in [\d.]+ s, not restored: there is none yet", first.err), first.err
    second = lite_env("run", numpy_pack, "--figures", "-c", "print(1)")
    assert re.search(r"restored in [\d.]+ s\n", second.err), second.err
    third = lite_env("run", numpy_pack, "--figures", "--no-snapshot", "-c", "print(1)")
    assert re.search(r"ready in [\d.]+ s\n", third.err), third.err
    assert {run.out for run in (first, second, third)} == {"1\n"}
    assert {run.code for run in (first, second, third)} == {0}
    told = lite_env("cache", "info").out
    assert re.search(r"38\.\d MB\s+1  snapshots\s+.*started kernels", told), told


@pytest.mark.slow
def test_no_snapshot_is_asked_for_and_none_is_kept(numpy_pack, tmp_path, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path))
    lite_env("run", numpy_pack, "--no-snapshot", "-c", "print(1)")
    assert not (tmp_path / "snapshots").exists()


@pytest.mark.slow
def test_a_cell_that_fails_leaves_a_snapshot_too(numpy_pack, tmp_path, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path))
    assert lite_env("run", numpy_pack, "-c", "1 / 0").code == 1
    assert len(list((tmp_path / "snapshots").glob("*.snapshot"))) == 1


def test_pruning_takes_snapshots_with_their_notes(folder, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(folder.parent))
    path = snapshot_in(folder)
    path.with_suffix(".used").write_bytes(b"\1")
    left = folder / ".left.tmp"
    left.write_bytes(b"half")
    for file in (path, left):
        os.utime(file, (1, 1))
    assert "0 folders" in lite_env("cache", "prune", "--max-size", "1GB", "--dry-run").err
    lite_env("cache", "prune", "--older-than", "1d")
    # The snapshot was used just now.
    assert {file.suffix for file in folder.iterdir()} == {".snapshot", ".used"}
    lite_env("cache", "prune", "--max-size", "1MB")
    assert list(folder.iterdir()) == []
