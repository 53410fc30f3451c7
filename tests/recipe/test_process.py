"""A group of processes that ends when it is asked to, and with its caller; the real ones, without rattler-build."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Timer

import pytest

from lite_env.errors import RecipeError
from lite_env.recipe.process import run_group

# What a build is: it holds the interpreter, in a process that has started others.
HOLDS = """
import subprocess, sys
def work(line):
    subprocess.Popen(["sleep", "600"])
    print(line.decode(), flush=True)
    {end}
from lite_env.recipe.process import lead
lead(work)
"""
FOREVER = "import re; re.match('(a*)*b', 'a' * 60)"
CALLER = """
import sys
from pathlib import Path
from threading import Event
from lite_env.recipe.process import run_group
with Path(sys.argv[1]).open("wb") as log:
    run_group([sys.executable, "-c", sys.argv[2]], b"x", output=log, environ={"MARK": sys.argv[1]}, stop=Event())
"""


def marked(mark: str) -> dict[int, str]:
    """Command lines of processes that have `mark` in their environment, by process id."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"MARK={mark}".encode() in (entry / "environ").read_bytes():
                found[int(entry.name)] = (entry / "cmdline").read_bytes().decode()
        except OSError:
            continue
    return found


def assert_gone(mark: str) -> None:
    deadline = time.monotonic() + 5
    while (left := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left == {}


def run(tmp_path, end: str, stop: Event) -> int:
    command = [sys.executable, "-c", HOLDS.format(end=end)]
    with (tmp_path / "log").open("wb") as log:
        return run_group(command, b"request", output=log, environ={**os.environ, "MARK": str(tmp_path)}, stop=stop)


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("pass", 0),
        ("raise SystemExit('wrong')", 1),
        ("raise KeyError('x')", 1),
        ("import os; os.kill(os.getpid(), 9)", 137),
    ],
)
def test_the_answer_is_how_the_work_ended_and_what_it_left_in_the_background_is_ended(tmp_path, end, code):
    assert run(tmp_path, end, Event()) == code
    assert (tmp_path / "log").read_text().startswith("request\n\n")
    assert_gone(str(tmp_path))
    if "wrong" in end:
        assert "wrong" in (tmp_path / "log").read_text()


def test_work_that_holds_the_interpreter_is_ended_at_once(tmp_path):
    stop = Event()
    timer = Timer(1.0, stop.set)
    timer.start()
    begun = time.monotonic()
    with pytest.raises(RecipeError, match="was ended"):
        run(tmp_path, FOREVER, stop)
    assert time.monotonic() - begun < 3
    assert_gone(str(tmp_path))
    timer.join()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_work_ends_with_its_caller_however_that_ends(tmp_path, number):
    mark = str(tmp_path / "log")
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER, mark, HOLDS.format(end=FOREVER)], stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 30
    while "sleep" not in "".join(marked(mark).values()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    caller.send_signal(number)
    caller.wait(timeout=5)
    assert_gone(mark)
