"""Runs a step of the work in a Python process of its own, so that what ends that process does not end the caller.

The conda library is compiled code: it can end a process with a signal, and it has aborted the interpreter after its
work was done. A command has its process to itself, and leaves it before that can happen
(:mod:`lite_env.cli.boundary`); there a second process would only cost its start, half a second. Who calls lite_env as a
library, inside of a server or a notebook, calls through :func:`run_in_child`.

Values go through pipes, pickled: between processes of one program that trust each other, and never into a file.
"""

from __future__ import annotations

import collections
import contextlib
import copyreg
import io
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING, Any, TypeVar

from lite_env.errors import LiteEnvError, ProcessError
from lite_env.progress import SILENT
from lite_env.spec.address import Channel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lite_env.progress import Reporter, Task, Unit

T = TypeVar("T")

_SIZE = struct.Struct("<Q")
_PATIENCE = 5.0  # seconds that an interrupted child has to end by itself
_KEPT_LINES = 20  # of what a child said before it ended
# The path of the caller is set before anything of ours is looked for.
_START = "import sys; sys.path[:] = {path!r}; from lite_env.workflow.child import main; main()"


def run_in_child(function: Callable[..., T], *args: object, reporter: Reporter = SILENT, **options: object) -> T:
    """What `function` returns for these arguments, called in a new process.

    Args:
        function: of a module, found by its name there; it takes ``reporter``.
        args: for it; values that can be pickled, channels among them.
        reporter: told, in this thread, what the function tells its own.
        options: for it, by name.

    Raises:
        ProcessError: the process ended before its work was done, by a signal for example.
        LiteEnvError: whatever the function raises; an `OSError` stays one.
        KeyboardInterrupt: the child was ended before it is passed on.
    """
    request = _encode((function, args, options))
    child = subprocess.Popen(
        [sys.executable, "-c", _START.format(path=sys.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdin is not None  # noqa: S101 - for the type checker: they are pipes
    assert child.stdout is not None  # noqa: S101
    assert child.stderr is not None  # noqa: S101
    said: collections.deque[bytes] = collections.deque(maxlen=_KEPT_LINES)
    listener = threading.Thread(target=said.extend, args=(child.stderr,), daemon=True)
    listener.start()
    try:
        with contextlib.suppress(BrokenPipeError):
            _send(child.stdin, request)
        outcome = _follow(child.stdout, reporter)
        if outcome is None:
            child.wait()
            listener.join(_PATIENCE)
            raise _ended(child.returncode, b"".join(said).decode(errors="replace"))
    finally:
        _end(child)
        listener.join(_PATIENCE)
        for pipe in (child.stdin, child.stdout, child.stderr):
            with contextlib.suppress(OSError):
                pipe.close()
    kind, value = outcome
    if kind == "error":
        raise value
    result: T = value
    return result


def main() -> None:
    """The child: reads one request from stdin, does it, and answers on what was its stdout."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - not on Windows

        # The memory of a process that crashes may hold a password.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A shell starts what runs in its background deaf to interrupts; ours come from the caller.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    answers = os.fdopen(os.dup(1), "wb")
    # Whatever prints shall not end up among the answers.
    os.dup2(2, 1)
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    request = _receive(requests)
    threading.Thread(target=_end_with_caller, args=(requests,), daemon=True).start()
    told = _Told(answers)
    try:
        function, args, options = pickle.loads(request or b"")  # noqa: S301 - from the process that started this one
        answer = _encode(("value", function(*args, reporter=told, **options)))
    except KeyboardInterrupt:
        os._exit(130)
    except BaseException as error:  # noqa: BLE001 - rattler raises PanicException, a BaseException
        answer = _encode(("error", _portable(error)))
    told.send(answer)
    # Not by the interpreter's own end, which the library's threads sometimes turn into an abort.
    os._exit(0)


def _follow(answers: IO[bytes], reporter: Reporter) -> tuple[str, Any] | None:
    """Pass on what the child tells until its outcome comes; None when it ends without one."""
    with contextlib.ExitStack() as stack:
        tasks: dict[int, tuple[Task, contextlib.ExitStack]] = {}
        while (data := _receive(answers)) is not None:
            kind, value = pickle.loads(data)  # noqa: S301 - from our own child
            if kind in ("value", "error"):
                return kind, value
            if kind == "note":
                reporter.note(value[0], passing=value[1])
            elif kind == "warn":
                reporter.warn(value[0], passing=value[1])
            elif kind == "open":
                number, label, total, unit = value
                bar = stack.enter_context(contextlib.ExitStack())
                tasks[number] = (bar.enter_context(reporter.task(label, total, unit)), bar)
            elif kind == "advance":
                tasks[value[0]][0].advance(value[1])
            elif kind == "close":
                tasks.pop(value)[1].close()
    return None


class _Told:
    """The reporter of the child: what it is told goes to the caller, from whichever thread."""

    def __init__(self, answers: IO[bytes]) -> None:
        self._answers = answers
        self._one_at_a_time = threading.Lock()
        self._tasks = 0

    def send(self, message: bytes) -> None:
        """Hand over one message."""
        with self._one_at_a_time:
            _send(self._answers, message)

    def note(self, message: str, *, passing: bool = False) -> None:
        """Pass on a note."""
        self.send(_encode(("note", (message, passing))))

    def warn(self, message: str, *, passing: bool = False) -> None:
        """Pass on a warning."""
        self.send(_encode(("warn", (message, passing))))

    @contextlib.contextmanager
    def task(self, label: str, total: int | None, unit: Unit) -> Iterator[Task]:
        """Pass on a bar."""
        self._tasks += 1
        number = self._tasks
        self.send(_encode(("open", (number, label, total, unit))))
        yield _ToldTask(self, number)
        self.send(_encode(("close", number)))


class _ToldTask:
    def __init__(self, told: _Told, number: int) -> None:
        self._told, self._number = told, number

    def advance(self, amount: int) -> None:
        self._told.send(_encode(("advance", (self._number, amount))))


def _encode(value: object) -> bytes:
    """Pickled, the addresses of channels with their secrets, which nothing else pickles."""
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer, protocol=pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = {**copyreg.dispatch_table, Channel: _reduce_channel}
    pickler.dump(value)
    return buffer.getvalue()


def _reduce_channel(channel: Channel) -> tuple[Any, ...]:
    return _make_channel, (channel.encoded_for_child(),)


def _make_channel(encoded: dict[str, Any]) -> Channel:
    return Channel(**encoded)


def _portable(error: BaseException) -> BaseException:
    if isinstance(error, LiteEnvError):
        return error
    if isinstance(error, OSError):
        return OSError(error.errno, error.strerror, error.filename) if error.errno else OSError(str(error))
    return ProcessError(f"unexpected {type(error).__name__}: {error}", hint="this is a bug in lite_env")


def _ended(code: int, said: str) -> ProcessError:
    try:
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    except ValueError:
        how = f"was ended by signal {-code}"
    return ProcessError(
        f"a process that calls the conda library {how} before its work was done",
        hint="run it again; if it happens each time, this is a bug in lite_env or in py-rattler",
        said=said.strip() or None,
    )


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child: what it has answered is all that was wanted."""
    if child.poll() is None and sys.exc_info()[0] is not None:
        with contextlib.suppress(OSError):
            # As Ctrl-C would, so that it puts away what it has half written.
            child.send_signal(signal.SIGINT if os.name != "nt" else signal.SIGTERM)
    try:
        child.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _end_with_caller(requests: IO[bytes]) -> None:
    # Nothing more comes; the end of the pipe is the end of the caller.
    with contextlib.suppress(OSError):
        requests.read()
    os._exit(1)


def _send(pipe: IO[bytes], message: bytes) -> None:
    pipe.write(_SIZE.pack(len(message)) + message)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes | None:
    """One message; None at the end, also when it comes amid a message."""
    head = _read(pipe, _SIZE.size)
    return _read(pipe, _SIZE.unpack(head)[0]) if head is not None else None


def _read(pipe: IO[bytes], size: int) -> bytes | None:
    parts = []
    while size and (part := pipe.read(size)):
        parts.append(part)
        size -= len(part)
    return None if size else b"".join(parts)
