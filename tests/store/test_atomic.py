from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from lite_env.store import swap
from lite_env.store.atomic import new_directory, remove_unfinished, replace_directory, write_bytes, write_text
from lite_env.store.removal import remove_tree
from lite_env.store.swap import exchange, put_folder, recover

posix = pytest.mark.skipif(os.name == "nt", reason="permission bits, links, locks of open files")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def fill(path, text):
    with new_directory(path) as staging:
        (staging / "file").write_text(text)


@pytest.fixture(params=["exchanged", "in two steps"])
def way(request, monkeypatch):
    """Both ways to put a folder where another one stands."""
    if request.param == "in two steps":
        monkeypatch.setattr(swap, "exchange", lambda *_: False)
    return request.param


class TestFiles:
    def test_a_file_is_replaced_and_its_folder_made(self, tmp_path):
        target = tmp_path / "a" / "b"
        write_bytes(target, b"old")
        write_bytes(target, b"new", durable=True)
        assert target.read_bytes() == b"new"
        assert names(target.parent) == ["b"]

    @posix
    def test_permissions_are_the_umasks_or_those_that_are_asked_for(self, tmp_path):
        before = os.umask(0o027)
        try:
            write_bytes(tmp_path / "usual", b"")
            write_bytes(tmp_path / "asked", b"", mode=0o757)
        finally:
            os.umask(before)
        assert (tmp_path / "usual").stat().st_mode & 0o777 == 0o640
        assert (tmp_path / "asked").stat().st_mode & 0o777 == 0o757

    def test_a_name_as_long_as_the_file_system_allows_is_written(self, tmp_path):
        write_bytes(tmp_path / ("x" * 255), b"1")
        assert [len(name) for name in names(tmp_path)] == [255]

    def test_a_failure_leaves_the_old_file_alone(self, tmp_path, monkeypatch):
        target = tmp_path / "a"
        write_bytes(target, b"old")

        def fail(*_):
            raise OSError(errno.ENOSPC, "full")

        monkeypatch.setattr("pathlib.Path.replace", fail)
        with pytest.raises(OSError, match="full"):
            write_bytes(target, b"new")
        assert target.read_bytes() == b"old"
        assert names(tmp_path) == ["a"]

    @posix
    def test_a_link_stays_and_its_target_is_replaced(self, tmp_path):
        (tmp_path / "far").mkdir()
        (tmp_path / "far" / "file").write_text("old")
        (tmp_path / "middle").symlink_to("far/file")
        (tmp_path / "link").symlink_to("middle")
        write_text(tmp_path / "link", "new")
        assert (tmp_path / "far" / "file").read_text() == "new"
        assert (tmp_path / "link").readlink() == Path("middle")
        assert names(tmp_path) == ["far", "link", "middle"]

    @posix
    def test_a_link_to_nothing_is_written_through_and_one_to_itself_is_an_error(self, tmp_path):
        (tmp_path / "link").symlink_to("missing")
        write_text(tmp_path / "link", "new")
        assert (tmp_path / "missing").read_text() == "new"
        (tmp_path / "loop").symlink_to("loop")
        with pytest.raises(OSError, match="symbolic links"):
            write_text(tmp_path / "loop", "new")
        assert (tmp_path / "loop").is_symlink()

    @posix
    def test_a_pipe_is_written_to_and_not_replaced(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        got = []
        reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
        reader.start()
        write_bytes(tmp_path / "pipe", b"data")
        reader.join()
        assert got == [b"data"]
        assert (tmp_path / "pipe").is_fifo()


class TestFolders:
    def test_a_folder_replaces_another_and_nothing_is_left(self, tmp_path, way):
        for name in ("old", "new"):
            (tmp_path / name).mkdir()
            (tmp_path / name / name).write_text(name)
        replace_directory(tmp_path / "new", tmp_path / "old")
        assert names(tmp_path / "old") == ["new"]
        assert names(tmp_path) == ["old"]

    def test_the_old_folder_stays_when_there_is_no_new_one(self, tmp_path, way):
        (tmp_path / "old").mkdir()
        (tmp_path / "old" / "kept").write_text("kept")
        with pytest.raises(FileNotFoundError):
            put_folder(tmp_path / "new", tmp_path / "old")
        assert (tmp_path / "old" / "kept").read_text() == "kept"
        assert names(tmp_path) == ["old"]

    def test_a_block_that_fails_changes_nothing(self, tmp_path, way):
        fill(tmp_path / "folder", "old")

        def fail():
            with new_directory(tmp_path / "folder") as staging:
                (staging / "file").write_text("new")
                raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            fail()
        assert (tmp_path / "folder" / "file").read_text() == "old"
        assert names(tmp_path) == ["folder"]

    def test_a_file_is_not_replaced_by_a_folder(self, tmp_path, way):
        (tmp_path / "file").write_text("mine")
        with pytest.raises(NotADirectoryError):
            fill(tmp_path / "file", "new")
        assert (tmp_path / "file").read_text() == "mine"
        assert names(tmp_path) == ["file"]

    def test_a_folder_with_a_name_as_long_as_the_file_system_allows(self, tmp_path, way):
        for text in ("old", "new"):
            fill(tmp_path / ("x" * 255), text)
        assert (tmp_path / ("x" * 255) / "file").read_text() == "new"

    @posix
    @pytest.mark.parametrize(("umask", "mode"), [(0o027, 0o750), (0o022, 0o755), (0o077, 0o700)])
    def test_a_new_folder_has_the_permissions_that_the_umask_gives(self, tmp_path, umask, mode):
        before = os.umask(umask)
        try:
            for _ in range(2):
                fill(tmp_path / "folder", "text")
                assert (tmp_path / "folder").stat().st_mode & 0o777 == mode
        finally:
            os.umask(before)

    @posix
    def test_a_link_stays_and_the_folder_behind_it_is_replaced(self, tmp_path, way):
        (tmp_path / "far").mkdir()
        fill(tmp_path / "far" / "folder", "old")
        (tmp_path / "link").symlink_to("far/folder")
        fill(tmp_path / "link", "new")
        assert (tmp_path / "far" / "folder" / "file").read_text() == "new"
        assert (tmp_path / "link").is_symlink()
        assert (names(tmp_path), names(tmp_path / "far")) == (["far", "link"], ["folder"])


class TestUnfinished:
    def test_the_umask_is_never_changed(self, tmp_path, monkeypatch):
        def fail(_):
            raise AssertionError("all threads see it")

        monkeypatch.setattr(os, "umask", fail)
        write_bytes(tmp_path / "file", b"")
        fill(tmp_path / "folder", "text")

    @posix
    def test_what_a_killed_process_left_goes_and_what_a_living_one_writes_stays(self, tmp_path):
        (tmp_path / ".mine.part").write_text("a user's")
        dead = tmp_path / f".lite-env-{'0' * 16}.part"
        dead.mkdir()
        (dead / "file").write_text("half")
        (tmp_path / f".lite-env-{'1' * 16}.part").write_text("half")
        with new_directory(tmp_path / "folder") as staging:
            (staging / "file").write_text("new")
            write_bytes(tmp_path / "other", b"")
            remove_unfinished(tmp_path)
            assert names(tmp_path) == sorted([".mine.part", staging.name, "other"])
        assert names(tmp_path) == [".mine.part", "folder", "other"]

    def test_what_was_moved_aside_comes_back(self, tmp_path):
        fill(tmp_path / "folder", "old")
        (tmp_path / "folder").rename(swap._aside(tmp_path / "folder"))
        recover(tmp_path / "folder")
        assert (tmp_path / "folder" / "file").read_text() == "old"
        assert names(tmp_path) == ["folder"]

    def test_what_was_moved_aside_goes_when_the_new_one_is_there(self, tmp_path):
        fill(swap._aside(tmp_path / "folder"), "old")
        fill(tmp_path / "folder", "new")
        assert (tmp_path / "folder" / "file").read_text() == "new"
        assert names(tmp_path) == ["folder"]

    def test_a_failed_return_keeps_the_old_folder_and_says_where(self, tmp_path, monkeypatch):
        monkeypatch.setattr(swap, "exchange", lambda *_: False)
        fill(tmp_path / "folder", "old")
        original = Path.rename

        def rename(self, target):
            # The third step and the way back fail, as on a disk that goes read-only.
            if Path(target).name == "folder":
                raise OSError(errno.EROFS, "read-only")
            return original(self, target)

        monkeypatch.setattr(Path, "rename", rename)
        with pytest.raises(OSError, match="read-only") as caught:
            fill(tmp_path / "folder", "new")
        aside = swap._aside(tmp_path / "folder")
        assert (aside / "file").read_text() == "old"
        assert str(aside) in "".join(caught.value.__notes__)
        monkeypatch.undo()
        recover(tmp_path / "folder")
        assert (tmp_path / "folder" / "file").read_text() == "old"


class TestTheLockOfTwoSteps:
    @pytest.fixture
    def held(self, tmp_path, monkeypatch):
        """How often the lock is held at the moment, and what happens when it was just taken."""
        state = {"now": 0, "taken": lambda: None}
        original = swap._lock

        @contextmanager
        def lock(path):
            with original(path):
                state["now"] += 1
                state["taken"]()
                yield
                state["now"] -= 1

        monkeypatch.setattr(swap, "_lock", lock)
        monkeypatch.setattr(swap, "exchange", lambda *_: False)
        fill(tmp_path / "folder", "old")
        return state

    def test_it_is_held_while_there_is_a_gap(self, tmp_path, held, monkeypatch):
        original = Path.rename
        moved = []

        def rename(self, target):
            moved.append((self.name == "folder", held["now"]))
            return original(self, target)

        monkeypatch.setattr(Path, "rename", rename)
        fill(tmp_path / "folder", "new")
        assert moved == [(True, 1), (False, 1)]

    def test_the_only_copy_is_never_removed(self, tmp_path, held, monkeypatch):
        path, aside = tmp_path / "folder", swap._aside(tmp_path / "folder")

        def end_another_process_in_the_gap():
            held["taken"] = lambda: None
            path.rename(aside)

        held["taken"] = end_another_process_in_the_gap
        removed = []
        original = shutil.rmtree

        def rmtree(folder, **options):
            removed.append((folder == aside, path.exists()))
            original(folder, **options)

        monkeypatch.setattr(shutil, "rmtree", rmtree)
        fill(path, "new")
        assert (path / "file").read_text() == "new"
        assert (True, False) not in removed
        assert names(tmp_path) == ["folder"]


def deep_folder(folder, levels):
    """`folder` with folders in folders, made from the inside: no system takes so long a path."""
    inner = folder.with_name("inner")
    inner.mkdir()
    (inner / "file").write_text("x")
    for _ in range(levels):
        outer = folder.with_name("outer")
        outer.mkdir()
        inner.rename(outer / "d")
        (outer / "file").write_text("x")
        outer.rename(inner)
    inner.rename(folder)


@posix
@pytest.mark.parametrize("levels", [1_500, 5_000])
def test_a_folder_of_any_depth_is_removed_and_what_links_lead_to_stays(tmp_path, levels):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").write_text("kept")
    deep_folder(tmp_path / "deep", levels)
    (tmp_path / "deep/link").symlink_to("../kept")
    remove_tree(tmp_path / "deep")
    assert names(tmp_path) == ["kept"]
    assert names(tmp_path / "kept") == ["file"]
    (tmp_path / "link").symlink_to("kept")
    remove_tree(tmp_path / "link")
    assert names(tmp_path / "kept") == ["file"]


@posix
def test_an_unfinished_folder_of_any_depth_leaves_nothing(tmp_path):
    def fail():
        with new_directory(tmp_path / "new") as staging:
            deep_folder(staging / "deep", 1_500)
            message = "stop"
            raise ValueError(message)

    with pytest.raises(ValueError, match="stop"):
        fail()
    assert names(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it depends on the file system")
def test_linux_exchanges(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    assert exchange(tmp_path / "a", tmp_path / "b")
    assert (names(tmp_path / "a"), names(tmp_path / "b")) == (["b"], ["a"])
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "a", tmp_path / "c")


# Each generation of the folder has the same number in all of its files: a mixture or a gap would be seen.
WRITER = """
import sys
from pathlib import Path
from lite_env.store import swap
from lite_env.store.atomic import new_directory, write_text
if sys.argv[2] == "in two steps":
    swap.exchange = lambda *_: False
folder, rounds = Path(sys.argv[1]), int(sys.argv[3])
print("begun", flush=True)
for number in range(rounds):
    with new_directory(folder / "output") as staging:
        for name in "abcd":
            (staging / name).write_text(str(number))
    write_text(folder / "file", str(number) * 1000)
"""


def start(tmp_path, way, rounds):
    arguments = [sys.executable, "-c", WRITER, str(tmp_path), way, str(rounds)]
    run = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert run.stdout.readline() == "begun\n"
    return run


def end(run):
    with run:
        return run.wait()


def read_generation(folder):
    """The one number that all files of the folder have, through a handle that stays with it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        found = set()
        for name in os.listdir(handle):  # noqa: PTH208 - of a handle
            with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=handle)) as stream:
                found.add(stream.read())
        return found
    finally:
        os.close(handle)


@pytest.mark.parametrize("there", [False, True])
def test_a_writer_that_another_one_overtakes_ends_well(tmp_path, way, there, monkeypatch):
    path = tmp_path / "output"
    if there:
        fill(path, "old")
    original = swap._is_folder

    def is_folder(path):
        answer = original(path)
        # Right after the look another process takes the folder away, or puts its own there.
        monkeypatch.setattr(swap, "_is_folder", original)
        if there:
            path.rename(tmp_path / "taken")
        else:
            fill(path, "another's")
        return answer

    with new_directory(path) as staging:
        (staging / "file").write_text("mine")
        monkeypatch.setattr(swap, "_is_folder", is_folder)
    assert (path / "file").read_text() == "mine"
    assert names(tmp_path) == (["output", "taken"] if there else ["output"])


@posix
def test_concurrent_writers_of_one_output_all_end_well(tmp_path, way):
    runs = [start(tmp_path, way, 60) for _ in range(3)]
    while any(run.poll() is None for run in runs):
        fill(tmp_path / "output", "mine")
    assert [end(run) for run in runs] == [0, 0, 0]
    assert names(tmp_path) == ["file", "output"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it depends on the file system")
def test_a_reader_never_sees_a_gap(tmp_path):
    fill(tmp_path / "output", "0")
    run = start(tmp_path, "exchanged", 300)
    while run.poll() is None:
        assert (tmp_path / "output").is_dir()
    assert end(run) == 0


@posix
def test_a_writer_killed_at_any_moment_loses_nothing_and_leaves_nothing_to_the_next(tmp_path, way):
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)
    choose = random.Random(seed)  # noqa: S311 - no secrets
    with new_directory(tmp_path / "output") as staging:
        (staging / "a").write_text("first")
    write_text(tmp_path / "file", "first")
    left = 0
    for _ in range(25):
        run = start(tmp_path, way, 1_000_000)
        time.sleep(choose.random() * 0.05)
        run.send_signal(signal.SIGKILL)
        end(run)
        left += len(names(tmp_path)) > 2
        if way == "exchanged":
            # Nothing had to be repaired for this.
            assert len(read_generation(tmp_path / "output")) == 1
        recover(tmp_path / "output")
        assert len(read_generation(tmp_path / "output")) == 1
        text = (tmp_path / "file").read_text()
        assert text == "first" or text == text[: len(text) // 1000] * 1000
        if choose.random() < 0.5:
            with new_directory(tmp_path / "output") as staging:
                (staging / "a").write_text("next")
            assert names(tmp_path) == ["file", "output"]
    assert left, "no run was killed while it wrote"
