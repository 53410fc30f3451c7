"""Which sockets have something to say: `select` for those of ours beside what else has a descriptor."""

from __future__ import annotations

import select as select_module
import time
from typing import TYPE_CHECKING, Any

import lite_env_bridge as bridge

from lite_env_network import exchange
from lite_env_network.functions import REAL
from lite_env_network.sockets import by_number as _sockets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lite_env_network.sockets import Socket


def socket_of(file: Any) -> Socket | None:
    """The socket of ours that a descriptor, or what has one, stands for."""
    number = file if isinstance(file, int) else file.fileno()
    return _sockets.get(number)


_real_select: Any = REAL["select"]


def select(readers: Iterable[Any], writers: Iterable[Any], others: Iterable[Any], timeout: float | None = None) -> Any:
    """As `select.select`, of sockets and of what else has a descriptor."""
    readers, writers, others = list(readers), list(writers), list(others)
    ours = {id(file): socket_of(file) for file in (*readers, *writers, *others)}
    if not any(ours.values()):
        return _real_select(readers, writers, others, timeout)
    foreign = [[file for file in files if ours[id(file)] is None] for files in (readers, writers, others)]
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        found = [list(files) for files in (_real_select(*foreign, 0) if any(foreign) else ([], [], []))]
        found[0] += [file for file in readers if (own := ours[id(file)]) is not None and own.ready()]
        found[1] += [file for file in writers if ours[id(file)] is not None]
        left = exchange.SLICE_MS if end is None else (end - time.monotonic()) * 1000
        if any(found) or left <= 0:
            return tuple(found)
        nap(min(left, 5))


class Poll:
    """As `select.poll`, of sockets and of what else has a descriptor."""

    def __init__(self) -> None:
        self._events: dict[int, int] = {}
        self._real = _real_poll()

    def register(self, fd: Any, eventmask: int = select_module.POLLIN | select_module.POLLOUT) -> None:
        """Watch it."""
        own = socket_of(fd)
        if own is None:
            self._real.register(fd, eventmask)
        else:
            self._events[own.fileno()] = eventmask

    modify = register

    def unregister(self, fd: Any) -> None:
        """Watch it no more."""
        number = fd if isinstance(fd, int) else fd.fileno()
        if self._events.pop(number, None) is None:
            self._real.unregister(fd)

    def poll(self, timeout: float | None = None) -> list[tuple[int, int]]:
        """What can be done at once, within so many milliseconds."""
        if not self._events:
            return self._real.poll(timeout)
        end = None if timeout is None or timeout < 0 else time.monotonic() + timeout / 1000
        while True:
            found = self._real.poll(0)
            for number, mask in self._events.items():
                own = _sockets.get(number)
                readable = own is not None and own.ready()
                events = mask & (select_module.POLLOUT | (select_module.POLLIN if readable else 0))
                if own is None or events:
                    found.append((number, events if own is not None else select_module.POLLNVAL))
            left = exchange.SLICE_MS if end is None else (end - time.monotonic()) * 1000
            if found or left <= 0:
                return found
            nap(min(left, 5))


_real_poll: Any = REAL.get("poll")


def nap(milliseconds: float) -> None:
    """Do nothing for so long, unless there is an interrupt."""
    bridge.nap(max(1, int(milliseconds)))
    exchange.let_interrupt()


def install() -> None:
    """Put it in the place of what the interpreter has."""
    select_module.select = select
    if _real_poll is not None:
        select_module.poll = Poll
