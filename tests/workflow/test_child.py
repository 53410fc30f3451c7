from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager

import pytest

from lite_env.channel.index import index_channel
from lite_env.errors import DriveError, ProcessError, SolveError, SpecError
from lite_env.spec.address import Channel
from lite_env.workflow.child import run_in_child
from lite_env.workflow.lock import lock_environment
from tests import child_work
from tests.command_line import SECONDS
from tests.conda_packages import make_package
from tests.prefixes import Heard


@pytest.mark.parametrize(
    ("work", "arguments", "how"),
    [
        (child_work.abort, (), "was ended by SIGABRT"),
        (child_work.crash_in_rattler, (), "was ended by SIG(SEGV|ABRT|BUS)"),
        (child_work.leave, (0,), "ended with exit code 0"),
        (child_work.leave, (7,), "ended with exit code 7"),
    ],
)
def test_what_ends_the_child_does_not_end_the_caller(work, arguments, how):
    with pytest.raises(ProcessError, match=f"a process that calls the conda library {how} before its work was done"):
        run_in_child(work, *arguments)
    # The next one is none the worse.
    assert run_in_child(child_work.echo, 1) == 1


def test_what_comes_after_the_answer_does_not_count():
    assert run_in_child(child_work.abort_at_the_end) == "done"


def test_what_the_child_tells_arrives_in_order():
    heard = Heard()
    value, more, pid = run_in_child(child_work.tell, {"a": (1, 2)}, more="x", reporter=heard)
    assert (value, more) == ({"a": (1, 2)}, "x")
    assert pid != os.getpid()
    assert (heard.notes, heard.warnings) == (["a passing note", "a note"], ["a warning", "a passing warning"])
    assert heard.passing == ["a passing note", "a passing warning"]
    assert (heard.totals, heard.done) == ({"bytes": 10, "things": None}, {"bytes": 10, "things": 1})


def test_errors_arrive_as_they_are():
    with pytest.raises(SpecError) as spec:
        run_in_child(child_work.refuse, "spec")
    assert (spec.value.message, spec.value.hint) == ("wrong", "do it right")
    assert spec.value.context == (("file", "x.yml"), ("line", 3))
    with pytest.raises(DriveError) as drive:
        run_in_child(child_work.refuse, "drive")
    assert drive.value.code == "ENOENT"
    with pytest.raises(FileNotFoundError) as system:
        run_in_child(child_work.refuse, "os")
    assert system.value.filename == "/nowhere/at/all"
    with pytest.raises(ProcessError, match="unexpected TypeError: a bug"):
        run_in_child(child_work.refuse, "bug")


def test_a_channel_keeps_its_secret_on_the_way():
    channel = Channel.parse("https://me:pw@host/t/tk/chan")
    back = run_in_child(child_work.echo, channel)
    assert (back, back.address_for_request()) == (channel, channel.address_for_request())
    assert back.authorization_for_request() == channel.authorization_for_request()


class Interrupting(Heard):
    """A reporter that is interrupted as soon as it hears something, as a notebook's cell is."""

    def note(self, message, *, passing=False):
        super().note(message, passing=passing)
        raise KeyboardInterrupt


def test_an_interrupt_ends_the_child_first(tmp_path):
    heard = Interrupting()
    with pytest.raises(KeyboardInterrupt):
        run_in_child(child_work.wait, str(tmp_path / "mark"), reporter=heard)
    with pytest.raises(ProcessLookupError):
        os.kill(int(heard.notes[0]), 0)
    assert (tmp_path / "mark").read_text() == "interrupted"


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def wait_for(condition):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_child_does_not_outlive_its_caller(tmp_path):
    heard = Heard()
    caller = os.fork()
    if caller == 0:
        with_pid = threading.Thread(target=_write_pid, args=(heard, tmp_path / "pid"), daemon=True)
        with_pid.start()
        run_in_child(child_work.wait, str(tmp_path / "mark"), reporter=heard)
        os._exit(0)
    wait_for((tmp_path / "pid").exists)
    os.kill(caller, signal.SIGKILL)
    os.waitpid(caller, 0)
    child = int((tmp_path / "pid").read_text())
    wait_for(lambda: gone(child))


def _write_pid(heard, path):
    while not heard.notes:
        time.sleep(0.01)
    path.with_suffix(".new").write_text(heard.notes[0])
    path.with_suffix(".new").rename(path)


@contextmanager
def project(tmp_path):
    make_package(tmp_path / "channel", "tool", depends=["base"])
    make_package(tmp_path / "channel", "base", noarch="generic")
    index_channel(tmp_path / "channel")
    environment = tmp_path / "environment.yml"
    environment.write_text("name: demo\nchannels: [./channel]\ndependencies: [tool]\n")
    yield environment


def test_a_real_step_comes_to_the_same(tmp_path):
    with project(tmp_path) as environment:
        apart = run_in_child(lock_environment, environment)
        assert apart.written
        here = lock_environment(environment)
        assert apart.lock == here.lock
        environment.write_text(environment.read_text().replace("[tool]", "[toll]"))
        with pytest.raises(SolveError) as caught:
            run_in_child(lock_environment, environment)
        assert "did you mean tool?" in caught.value.hint
