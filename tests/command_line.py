"""Runs `lite-env` as users do, in a process of its own, and finds what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MARK = "LITE_ENV_TEST_RUN"
_BACKGROUND = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")
SECONDS = 180.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    code: int
    out: str
    err: str
    seconds: float


class Command:
    """One run of `lite-env`; its descendants are known by a variable that they inherit."""

    def __init__(self, *args: object, in_background: bool = False, **environment: str) -> None:
        """Start it.

        Args:
            args: of the command line.
            in_background: whether SIGINT is ignored from the start, as a shell without job control has it for `… &`.
            environment: variables besides ours.
        """
        self._mark = uuid.uuid4().hex
        self._chunks: list[bytes] = []
        self._began = time.monotonic()
        self.process = subprocess.Popen(
            [*(_BACKGROUND if in_background else ()), sys.executable, "-m", "lite_env", *(str(arg) for arg in args)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "NO_COLOR": "", "PYTHONIOENCODING": "utf-8", _MARK: self._mark, **environment},
        )
        self._readers = [
            threading.Thread(target=self._collect, args=(pipe, into), daemon=True)
            for pipe, into in ((self.process.stdout, "out"), (self.process.stderr, "err"))
        ]
        self._text = {"out": bytearray(), "err": bytearray()}
        for reader in self._readers:
            reader.start()

    def _collect(self, pipe, into: str) -> None:
        while chunk := pipe.read1(65536):
            self._text[into] += chunk

    def out(self) -> str:
        return self._text["out"].decode()

    def err(self) -> str:
        return self._text["err"].decode()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` holds; fails when the process ends before."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, self.err()
            assert self.process.poll() is None, self.err()
            time.sleep(0.02)

    def write(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def end(self) -> Ended:
        """Close its stdin and wait for it; it must leave no process behind."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            code = self.process.wait(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end\nstdout: {self.out()}\nstderr: {self.err()}") from None
        finally:
            seconds = time.monotonic() - self._began
            self._reap()
        self._assert_nothing_left()
        return Ended(code=code, out=self.out(), err=self.err(), seconds=seconds)

    def _reap(self) -> None:
        self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join(timeout=10)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def descendants(self) -> dict[int, str]:
        """Command lines of the processes that this run has started, by process id; Linux only.

        Known by our variable, or, since Chromium's renderers overwrite their environment, by their parents.
        """
        mark = f"{_MARK}={self._mark}".encode()
        parents: dict[int, int] = {}
        lines: dict[int, str] = {}
        ours = {self.process.pid}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                pid = int(entry.name)
                parents[pid] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                lines[pid] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if mark in (entry / "environ").read_bytes():
                    ours.add(pid)
            except OSError:
                continue
        while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
            ours |= more
        # A process that has ended and waits for its parent has no command line.
        return {pid: lines[pid] for pid in ours - {self.process.pid} if lines.get(pid)}

    def _assert_nothing_left(self) -> None:
        # A process that was ended needs a moment to be gone.
        deadline = time.monotonic() + 5
        while (left := self.descendants()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert left == {}


def lite_env(*args: object, stdin: str = "", **environment: str) -> Ended:
    """Run `lite-env` to its end."""
    command = Command(*args, **environment)
    if stdin:
        command.write(stdin)
    return command.end()
