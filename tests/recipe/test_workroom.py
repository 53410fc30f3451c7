from __future__ import annotations

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from lite_env.errors import RecipeError
from lite_env.recipe.workroom import workroom
from lite_env.store.location import CACHE_VARIABLE, cache_directory

HELD = """
import os, signal
from lite_env.recipe.workroom import workroom
with workroom() as folder:
    (folder / "left").mkdir()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_build_left_is_removed_and_what_another_one_holds_is_not(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    assert subprocess.run([sys.executable, "-c", HELD], check=False).returncode != 0
    (killed,) = (path for path in cache_directory("builds").iterdir() if path.is_dir())
    with workroom() as one:
        assert not killed.exists()
        with workroom() as two:
            assert one.is_dir()
            assert one != two
        assert not two.exists()
    assert not one.exists()


def test_builds_at_the_same_time_do_not_take_each_other_s_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    count = 8
    barrier = Barrier(count)

    def hold(_: int) -> bool:
        with workroom() as folder:
            barrier.wait(timeout=60)
            return folder.is_dir()

    with ThreadPoolExecutor(count) as pool:
        assert all(pool.map(hold, range(count)))


def test_no_folder_has_a_blank_in_its_path(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "a cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with workroom() as folder:
        assert folder.parent == tmp_path
    assert not folder.exists()
    (tmp_path / "no better").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no better"))
    with pytest.raises(RecipeError, match="whose path has a blank") as caught, workroom():
        pass
    assert dict(caught.value.context)["found"] == str(tmp_path / "no better")
    assert list((tmp_path / "no better").iterdir()) == []
