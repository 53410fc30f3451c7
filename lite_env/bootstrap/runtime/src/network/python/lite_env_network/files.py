"""Files over sockets, as `socket.makefile` makes them."""

from __future__ import annotations

import io
from typing import Any, Protocol


class Owner(Protocol):
    """A socket, as its files see it."""

    def recv_into(self, buffer: Any) -> int: ...
    def send(self, data: Any) -> int: ...
    def fileno(self) -> int: ...
    def release(self) -> None: ...


class SocketFile(io.RawIOBase):
    """A file over a socket."""

    def __init__(self, owner: Owner, mode: str) -> None:
        super().__init__()
        self._owner = owner
        self._mode = mode

    def readable(self) -> bool:
        return "r" in self._mode

    def writable(self) -> bool:
        return "w" in self._mode

    def readinto(self, buffer: Any) -> int | None:
        try:
            return self._owner.recv_into(buffer)
        except BlockingIOError:
            return None

    def write(self, data: Any) -> int:
        return self._owner.send(data)

    def fileno(self) -> int:
        return self._owner.fileno()

    @property
    def name(self) -> int:
        return self.fileno()

    @property
    def mode(self) -> str:
        return self._mode

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._owner.release()
