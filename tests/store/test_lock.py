from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from lite_env.store.lock import held

COUNT = """
import sys
from pathlib import Path
from lite_env.store.lock import held
folder = Path(sys.argv[1])
for _ in range(100):
    with held(folder / "lock", sleep=lambda _: None, seconds=100_000):
        number = int((folder / "number").read_text())
        (folder / "number").write_text(str(number + 1))
"""


def test_one_process_at_a_time(tmp_path):
    (tmp_path / "number").write_text("0")
    runs = [subprocess.Popen([sys.executable, "-c", COUNT, str(tmp_path)]) for _ in range(3)]
    assert [run.wait() for run in runs] == [0, 0, 0]
    assert (tmp_path / "number").read_text() == "300"
    assert [path.name for path in tmp_path.iterdir()] == ["number"]


def test_who_waits_says_so_once_and_is_told(tmp_path):
    said = []
    sleeps = []
    got_it = threading.Event()
    inside = held(tmp_path / "lock")
    assert inside.__enter__() is False

    def sleep(seconds):
        sleeps.append(seconds)
        if len(sleeps) == 3:
            inside.__exit__(None, None, None)
            got_it.set()

    with held(tmp_path / "lock", waiting=lambda: said.append("waiting"), sleep=sleep) as waited:
        assert waited
    assert (said, len(sleeps), got_it.is_set()) == (["waiting"], 3, True)


def test_nobody_waits_for_ever(tmp_path):
    sleeps = []
    with (
        held(tmp_path / "lock"),
        pytest.raises(TimeoutError, match="for 60 seconds"),
        held(tmp_path / "lock", seconds=60, sleep=sleeps.append),
    ):
        pass
    assert sum(sleeps) == pytest.approx(60)


@pytest.mark.skipif(os.name == "nt", reason="there the file is another one's")
def test_a_process_that_was_killed_holds_nothing(tmp_path):
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom lite_env.store.lock import held\n"
        "with held(Path(sys.argv[1])):\n    os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", program, tmp_path / "lock"], check=False).returncode == -9
    assert (tmp_path / "lock").exists()
    with held(tmp_path / "lock", seconds=0) as waited:
        assert not waited
    assert not (tmp_path / "lock").exists()


def test_an_error_inside_lets_go(tmp_path):
    def fail():
        with held(tmp_path / "lock"):
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    with held(tmp_path / "lock", seconds=0):
        pass
