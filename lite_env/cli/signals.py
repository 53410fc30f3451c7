"""Handlers of signals for the time of a block, as a guest of whoever started the process."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM as an exception: what Ctrl-C puts away is put away, and the exit code is another one."""


@contextmanager
def ending() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, by an exception."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise Terminated

    with handling(end, signal.SIGTERM):
        yield


@contextmanager
def handling(handler: Callable[[int, FrameType | None], None], *numbers: signal.Signals) -> Iterator[None]:
    """Call `handler` for these signals inside the block, and give back what was there before.

    A signal that is ignored stays so: a shell starts its jobs in the background with SIGINT ignored (POSIX, Shell
    Command Language, 2.11), and a Ctrl-C for the job in the foreground must not end them.
    """
    ours = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, handler) for number in ours}
    try:
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, before)
