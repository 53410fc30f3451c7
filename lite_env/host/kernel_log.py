"""What a worker wrote to its console last, for the errors that end a kernel."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from lite_env.errors import HostError, KernelStartError
from lite_env.host.engine import Log

if TYPE_CHECKING:
    from collections.abc import Callable

    from lite_env.host.engine import ErrorEnvelope

_LINES = 20


class KernelLog:
    """The last lines of one kernel."""

    def __init__(self, on_log: Callable[[Log], None] | None = None) -> None:
        self._on_log = on_log
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._end: HostError | None = None

    def keep(self, log: Log) -> None:
        """Take in one line, and hand it on."""
        self._lines.append(f"{log.level}: {log.text}")
        if self._on_log is not None:
            self._on_log(log)

    @property
    def tail(self) -> str | None:
        """The last lines, for an error's context; None when there are none."""
        return "\n    ".join(self._lines) or None

    def take_failure(self, envelope: ErrorEnvelope, *, ready: bool) -> None:
        """Keep a failure that a kernel survives.

        Raises:
            KernelStartError: it is fatal, and the kernel was not `ready`.
            HostError: it is fatal, and the kernel was.
        """
        failure = envelope.error
        text = failure.message or failure.name
        if not envelope.fatal:
            where = f" ({failure.file})" if failure.file else ""
            self.keep(Log(level="error", text=f"{failure.name}: {text}{where}"))
            return
        kind = HostError if ready else KernelStartError
        what = "the kernel has stopped" if ready else "the kernel cannot start"
        traceback = "\n    ".join(failure.traceback) or None
        context = {"file": failure.file, "reported_as": failure.name, "traceback": traceback, "log": self.tail}
        self._end = kind(f"{what}: {text}", hint=failure.hint, **context)
        raise self._end

    def raise_end(self) -> None:
        """Raise the failure that ended the kernel, once there was one: nobody answers any more."""
        if self._end is not None:
            raise self._end

    def added_to(self, error: HostError) -> HostError:
        """The error of an engine that died, with the last lines."""
        return HostError(error.message, hint=error.hint, **{**dict(error.context), "log": self.tail})
