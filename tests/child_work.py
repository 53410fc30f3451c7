"""What a child process is asked to do in tests: found by its name, so it lives in a module of its own."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import rattler

from lite_env.errors import DriveError, SpecError


def abort(*, reporter):
    reporter.note("before")
    os.abort()


def crash_in_rattler(*, reporter):
    """End the process by a segmentation fault, as a hostile dependency does."""
    rattler.MatchSpec("x " + "(" * 200_000)


def leave(code, *, reporter):
    os._exit(code)


def abort_at_the_end(*, reporter):
    import atexit  # noqa: PLC0415

    atexit.register(os.abort)
    return "done"


def tell(value, *, reporter, more):
    print("this goes to nobody")
    sys.stdout.flush()
    reporter.note("a passing note", passing=True)
    reporter.note("a note")
    reporter.warn("a warning")
    reporter.warn("a passing warning", passing=True)
    with reporter.task("bytes", 10, "B") as task:
        task.advance(4)
        with reporter.task("things", None, "items") as inner:
            inner.advance(1)
        task.advance(6)
    return value, more, os.getpid()


def refuse(kind, *, reporter):
    if kind == "spec":
        raise SpecError("wrong", hint="do it right", file="x.yml", line=3)
    if kind == "drive":
        raise DriveError("ENOENT", "not there")
    if kind == "os":
        Path("/nowhere/at/all").read_text()
    raise TypeError("a bug")


def wait(mark, *, reporter):
    try:
        reporter.note(str(os.getpid()))
        time.sleep(600)
    except KeyboardInterrupt:
        Path(mark).write_text("interrupted")
        raise


def echo(value, *, reporter):
    return value
