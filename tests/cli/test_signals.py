"""What Ctrl-C does to commands that were started in the background; a shell ignores SIGINT for them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lite_env.cli.signals import Terminated, ending, handling

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


def test_signals_are_handled_in_the_block_and_given_back():
    seen = []
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with handling(lambda number, _: seen.append(number), signal.SIGINT, signal.SIGTERM):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
    assert seen == [signal.SIGINT, signal.SIGTERM]
    assert before == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))


def test_sigterm_ends_a_block_as_an_exception():
    with pytest.raises(Terminated), ending():
        signal.raise_signal(signal.SIGTERM)


def test_what_was_ignored_from_the_start_stays_so(ignored):
    seen = []
    with handling(lambda number, _: seen.append(number), signal.SIGINT, signal.SIGTERM):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
    assert seen == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_the_tests_of_ctrl_c_pass_in_the_background():
    tests = ["tests/cli/test_cli_run.py", "tests/cli/test_serve_command.py"]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        *tests,
        "-k",
        "ctrl_c or until",
    ]
    shell = ["sh", "-c", '"$@" & wait $!', "sh", *command]
    ended = subprocess.run(shell, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
    assert "4 passed" in ended.stdout
