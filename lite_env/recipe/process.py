"""A build as a group of processes that ends when it is asked to, and when its caller is gone, however that ended.

rattler-build holds the interpreter for as long as a build lasts: nothing in the process that builds can watch. So the
process that is started only leads: it forks the one that builds, into a group of its own, and ends that group when the
pipe from the caller is closed, which the kernel does for a caller that was killed::

    caller ──pipe──▶ leader ──fork──▶ builder ─▶ scripts, compilers, … (one group)
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import traceback
from contextlib import suppress
from typing import IO, TYPE_CHECKING, cast

from lite_env.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from threading import Event

_POLL = 0.1  # seconds between two looks at whether it is to end
_BY_SIGNAL = 128  # what a shell adds to the number of the signal that ended a program


def run_group(
    command: Sequence[str], request: bytes, *, output: IO[bytes], environ: Mapping[str, str], stop: Event
) -> int:
    """Run a program whose first call is `lead`, and answer its exit code; at the end nothing of its group is left.

    Args:
        command: of the program.
        request: one line for it.
        output: takes what the group says.
        environ: of the group.
        stop: ends it when it is set.

    Raises:
        RecipeError: it was ended.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=environ,
        # Ctrl-C in a terminal goes to the caller alone, who ends this.
        start_new_session=True,
    )
    pipe = cast("IO[bytes]", process.stdin)
    try:
        # Who does not read it has ended, with an exit code.
        with suppress(BrokenPipeError):
            pipe.write(request + b"\n")
            pipe.flush()
        while not stop.is_set():
            with suppress(subprocess.TimeoutExpired):
                return process.wait(timeout=_POLL)
        raise RecipeError("the build was ended before it was done")
    finally:
        with suppress(BrokenPipeError):
            pipe.close()
        process.wait()


def lead(work: Callable[[bytes], None]) -> None:
    """Do `work` with the line on stdin in a group of its own, which ends with it or with the caller.

    It does not return: the process ends with the exit code of what it forked.
    """
    request = sys.stdin.buffer.readline()
    alive, held = os.pipe()
    builder = os.fork()
    if not builder:
        os.setpgid(0, 0)
        os.close(alive)
        # Nobody answers a script that asks.
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        _leave(work, request)
    with suppress(OSError):  # The other side was first.
        os.setpgid(builder, builder)
    os.close(held)
    # `held` is closed when the builder ends: what it starts does not inherit it.
    ready, _, _ = select.select([0, alive], [], [])
    if alive not in ready:
        os.killpg(builder, signal.SIGKILL)
    _, status = os.waitpid(builder, 0)
    # What a script has left in the background.
    with suppress(ProcessLookupError):
        os.killpg(builder, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else _BY_SIGNAL - code)


def _leave(work: Callable[[bytes], None], request: bytes) -> None:
    """Work, and end without the interpreter's own end, which the library's threads may turn into an abort."""
    code = 1
    try:
        work(request)
        code = 0
    except SystemExit as error:
        sys.stderr.write(f"{error}\n")
    except BaseException:  # noqa: BLE001 - rattler raises PanicException, a BaseException
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
