"""One client's connection: bytes taken in and sent within bounds of size and time.

A client that is slow, silent or gone costs one thread for a bounded time, and never holds up another.
"""

from __future__ import annotations

import contextlib
import socket
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from lite_env.host.http_head import MAX_HEAD, RequestError, end_of_head

if TYPE_CHECKING:
    from collections.abc import Callable

IDLE_SECONDS = 300.0  # until the first byte of a request: browsers keep connections this long
HEAD_SECONDS = 20.0  # from the first byte of a head to its last
BODY_SECONDS = 60.0  # between two pieces of a body
SEND_SECONDS = 120.0  # until a client has taken a piece of an answer: a page that is being debugged takes none
PIECE = 256 << 10  # bytes

_LINGER = 2.0  # seconds without a byte of a body that was refused
_LINGER_AT_MOST = 30.0  # seconds
_DRAINED = 64 << 20  # bytes of such a body that are still read


class Wire:
    """Reads requests from a socket, and writes answers to it."""

    def __init__(self, connection: socket.socket, clock: Callable[[], float] = time.monotonic) -> None:
        self._socket = connection
        self._clock = clock
        self._received = bytearray()

    def read_head(self) -> bytes | None:
        """The head of the next request, with its empty line; None when there will be none.

        Raises:
            RequestError: it is too long, or takes too long.
        """
        deadline = self._clock() + HEAD_SECONDS if self._received else None
        searched = 0
        while True:
            self._skip_empty_lines()
            end = end_of_head(self._received, max(0, searched - 3))
            if end is not None and end <= MAX_HEAD:
                head = bytes(self._received[:end])
                del self._received[:end]
                return head
            searched = len(self._received)
            if searched > MAX_HEAD:
                reason = f"its head has more than {MAX_HEAD} bytes"
                raise RequestError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, reason)
            piece = self._receive(IDLE_SECONDS if deadline is None else deadline - self._clock())
            if deadline is None:
                deadline = self._clock() + HEAD_SECONDS
            if piece is None and self._received:
                raise RequestError(HTTPStatus.REQUEST_TIMEOUT, "its head does not end")
            if not piece:
                return None
            self._received += piece

    def read_body(self, length: int) -> bytes:
        """The next `length` bytes.

        Raises:
            RequestError: they do not come.
        """
        body = self._received[:length]
        del self._received[:length]
        while len(body) < length:
            piece = self._receive(BODY_SECONDS, min(PIECE, length - len(body)))
            if piece is None:
                raise RequestError(HTTPStatus.REQUEST_TIMEOUT, "its body does not come")
            if not piece:
                raise RequestError(HTTPStatus.BAD_REQUEST, f"its body ends after {len(body)} of {length} bytes")
            body += piece
        return bytes(body)

    def send(self, data: bytes) -> None:
        """Send all of `data`.

        Raises:
            OSError: the client is gone, or does not take it.
        """
        self._socket.settimeout(SEND_SECONDS)
        self._socket.sendall(data)

    def linger(self) -> None:
        """Take in what the client still sends: closing at once would take the answer from it (RFC 9112, 9.6)."""
        deadline = self._clock() + _LINGER_AT_MOST
        taken = 0
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            while taken < _DRAINED and self._clock() < deadline and (piece := self._receive(_LINGER)):
                taken += len(piece)

    def _skip_empty_lines(self) -> None:
        """Some clients send a line end after a body (RFC 9112, 2.2)."""
        while self._received[:1] == b"\n" or self._received[:2] == b"\r\n":
            del self._received[: 1 if self._received[:1] == b"\n" else 2]

    def _receive(self, seconds: float, size: int = PIECE) -> bytes | None:
        """Bytes; none when the client has ended, None when the time is over."""
        if seconds <= 0:
            return None
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(size)
        except TimeoutError:
            return None
