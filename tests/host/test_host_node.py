"""The engine's handling of its process; Python plays Node, small scripts play the runtime."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest
import requests

from lite_env.errors import HostError
from lite_env.host import node as node_module
from lite_env.host.drive import FolderDrive
from lite_env.host.engine import Interrupt, Log
from lite_env.host.node import HOST_SCRIPT, NodeEngine

SAY = """import json, sys
def say(text):
    print(json.dumps({'type': 'log', 'level': 'info', 'text': text}), flush=True)
"""
ECHO = SAY + "for line in sys.stdin:\n    if '\"close\"' in line:\n        break\n    say(line.strip())\n"


@pytest.fixture
def engine_for(tmp_path):
    engines = []

    def make(script: str) -> NodeEngine:
        runtime = tmp_path / "runtime"
        runtime.mkdir(exist_ok=True)
        (runtime / HOST_SCRIPT).write_text(script)
        engine = NodeEngine(tmp_path, runtime=runtime, node=Path(sys.executable))
        engines.append(engine)
        return engine

    yield make
    for engine in engines:
        engine.close()


def take(engine: NodeEngine) -> str:
    envelope = engine.receive(10)
    assert isinstance(envelope, Log)
    return envelope.text


def test_the_first_line_starts_the_pack_and_others_follow_in_order(engine_for, tmp_path):
    engine = engine_for(ECHO)
    engine.start(kernel="k", env={"A": "ü"})
    engine.post(Interrupt())
    first = {"type": "start", "manifest": str(tmp_path), "kernel": "k", "env": {"A": "ü"}}
    usual = {"trace": False, "awaitsDrive": False, "network": "all", "startup": True}
    none = {
        "snapshots": False,
        "snapshotFolder": None,
        "makeSnapshot": False,
        "snapshotFile": None,
        "shipModules": False,
    }
    expected = {**first, **usual, **none}
    assert json.loads(take(engine)) == expected
    assert take(engine) == '{"type":"interrupt"}'
    assert engine.receive(0.01) is None


def test_a_drive_is_a_server_for_the_process_alone_that_ends_with_it(engine_for, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note.txt").write_text("hello")
    engine = engine_for(ECHO)
    engine.start(kernel="k", env={}, drive=FolderDrive(tmp_path / "mine"))
    assert json.loads(take(engine))["awaitsDrive"] is True
    drive = json.loads(take(engine))["drive"]
    request = {"data": {"method": "get", "path": "/note.txt"}}
    answer = requests.post(drive["url"], json=request, headers=drive["headers"], timeout=10)
    assert answer.json() == {"content": "aGVsbG8=", "format": "base64"}
    assert requests.post(drive["url"], json=request, timeout=10).status_code == 403
    engine.close()
    with pytest.raises(requests.ConnectionError):
        requests.post(drive["url"], json=request, headers=drive["headers"], timeout=10)


def test_close_ends_the_process_and_its_threads_and_may_come_twice(engine_for):
    engine = engine_for(ECHO)
    engine.start(kernel=None, env={})
    process = engine._process
    assert process is not None
    engine.close()
    assert process.returncode == 0
    assert not any(thread.is_alive() for thread in engine._threads)
    engine.close()


def test_close_before_the_start_does_nothing(engine_for):
    engine_for(ECHO).close()


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_process_that_does_not_listen_is_ended_by_force(engine_for, monkeypatch):
    monkeypatch.setattr(node_module, "_GRACE", 0.2)
    deaf = SAY + "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nsay('up')\ntime.sleep(60)\n"
    engine = engine_for(deaf)
    engine.start(kernel=None, env={})
    assert take(engine) == "up"
    process = engine._process
    assert process is not None
    engine.close()
    assert process.returncode == -9


def test_the_end_of_the_process_is_an_error_at_once_with_what_it_wrote(engine_for):
    engine = engine_for(SAY + "say('last word')\nsys.stderr.write('out of memory\\n')\nsys.exit(7)\n")
    engine.start(kernel=None, env={})
    assert take(engine) == "last word"
    began = time.monotonic()
    for _ in range(2):
        with pytest.raises(HostError, match="ended with exit code 7") as caught:
            engine.receive(30)
    assert time.monotonic() - began < 10
    assert dict(caught.value.context) == {"stderr": "out of memory"}


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_process_that_was_killed_names_the_signal(engine_for):
    engine = engine_for("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    engine.start(kernel=None, env={})
    with pytest.raises(HostError, match="was ended by signal 9"):
        engine.receive(30)


def test_a_process_that_closes_its_output_is_dead(engine_for, monkeypatch):
    monkeypatch.setattr(node_module, "_GRACE", 0.2)
    engine = engine_for("import os, time\nos.close(1)\nos.close(2)\ntime.sleep(60)\n")
    engine.start(kernel=None, env={})
    with pytest.raises(HostError, match="closed its output"):
        engine.receive(30)


def test_only_the_last_lines_of_stderr_are_kept(engine_for):
    engine = engine_for("import sys\nfor i in range(100):\n    sys.stderr.write(f'line {i}\\n')\n")
    engine.start(kernel=None, env={})
    with pytest.raises(HostError) as caught:
        engine.receive(30)
    lines = str(dict(caught.value.context)["stderr"]).split("\n    ")
    assert lines == [f"line {i}" for i in range(80, 100)]


def test_a_word_that_is_no_envelope_is_an_error(engine_for):
    engine = engine_for("print('hello', flush=True)\nimport time\ntime.sleep(60)\n")
    engine.start(kernel=None, env={})
    with pytest.raises(HostError, match="not understood") as caught:
        engine.receive(30)
    assert dict(caught.value.context)["received"] == "hello\n"


def test_empty_lines_mean_nothing(engine_for):
    engine = engine_for(SAY + "print('\\n\\n', flush=True)\nsay('x')\nsys.stdin.read()\n")
    engine.start(kernel=None, env={})
    assert take(engine) == "x"


def test_posting_to_a_dead_process_is_no_error_of_its_own(engine_for):
    engine = engine_for("")
    engine.start(kernel=None, env={})
    with pytest.raises(HostError, match="exit code 0"):
        engine.receive(30)
    engine.post(Interrupt())
    engine.close()


def test_a_program_that_cannot_be_started_is_named(tmp_path):
    engine = NodeEngine(tmp_path, runtime=tmp_path, node=tmp_path / "none")
    with pytest.raises(HostError, match="Node.js could not be started: No such file") as caught:  # noqa: RUF043
        engine.start(kernel=None, env={})
    assert dict(caught.value.context) == {"file": str(tmp_path / "none")}


@pytest.mark.skipif(os.name == "nt", reason="POSIX process groups")
def test_ctrl_c_of_the_terminal_does_not_reach_the_process(engine_for):
    engine = engine_for(SAY + "import os\nsay(str(os.getpgid(0)))\nsys.stdin.read()\n")
    engine.start(kernel=None, env={})
    assert take(engine) != str(os.getpgid(0))
