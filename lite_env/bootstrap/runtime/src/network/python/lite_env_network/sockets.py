"""`socket.socket` where there are no sockets: what is written to one must be HTTP, and is answered as HTTP."""

from __future__ import annotations

import io
import itertools
import socket as socket_module
import weakref
from typing import TYPE_CHECKING, Any, Self

from lite_env_network import exchange
from lite_env_network.errors import no_sockets
from lite_env_network.files import SocketFile
from lite_env_network.settings import Settings
from lite_env_network.wire import NotHttpError, RequestParser

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lite_env_network.exchange import Exchange
    from lite_env_network.wire import Request

# Descriptors of ours lie where no file's do.
_FIRST_DESCRIPTOR = 1 << 24
_BUFFER = 1 << 16
_HTTPS = 443
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_TUNNEL = b"HTTP/1.1 200 Connection established\r\n\r\n"

_numbers = itertools.count(_FIRST_DESCRIPTOR)
by_number: weakref.WeakValueDictionary[int, Socket] = weakref.WeakValueDictionary()


class Socket(Settings):
    """A socket as HTTP clients use it: connect, send a request, receive its answer, again and again."""

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:  # noqa: A002 - as Python's
        if fileno is not None:
            raise no_sockets("a descriptor cannot become a socket")
        self.family = socket_module.AF_INET if family == -1 else family
        self.type = socket_module.SOCK_STREAM if type == -1 else type
        self.proto = 0 if proto == -1 else proto
        self.tls = False
        self._timeout = socket_module.getdefaulttimeout()
        self._peer: tuple[Any, ...] | None = None
        self._parser = RequestParser()
        self._exchange: Exchange | None = None
        # Bytes for the client that have come, from the position on.
        self._piece = b""
        self._at = 0
        self._files = 0
        self._closed = False
        self._asked = False
        # A time limit that was over when the request had been sent, which the next receive says.
        self._late: TimeoutError | None = None
        self._number = next(_numbers)
        by_number[self._number] = self

    # What a connection is made of.

    def connect(self, address: Any) -> None:
        """Note whom the requests are for; nothing is sent yet."""
        if self.family not in {socket_module.AF_INET, socket_module.AF_INET6} or not isinstance(address, tuple):
            raise no_sockets(f"cannot connect to {address!r}")
        if self.type & 0xF != socket_module.SOCK_STREAM:
            raise no_sockets(f"cannot send datagrams to {address!r}")
        self._peer = address

    def connect_ex(self, address: Any) -> int:
        """As `connect`, which cannot be under way."""
        self.connect(address)
        return 0

    def getpeername(self) -> tuple[Any, ...]:
        """The address that was connected to."""
        if self._peer is None:
            raise OSError("the socket is not connected")
        return self._peer

    def getsockname(self) -> tuple[Any, ...]:
        """An address that is nobody's: the host has one of its own, which is not told."""
        return ("0.0.0.0", 0)  # noqa: S104 - nothing is bound to it

    # What is sent.

    def sendall(self, data: Any, flags: int = 0) -> None:  # noqa: ARG002 - as Python's
        """Take what the client writes; the request is on its way when its last byte was written.

        A socket that waits does so here until the answer begins: clients tell a server that is not there from one that
        breaks off by where the error is raised.

        Raises:
            OSError: it is no HTTP; the request failed, which the next receive says too.
        """
        if self._is_closed:
            raise OSError(9, "Bad file descriptor")
        try:
            request = self._parser.feed(memoryview(data).cast("B"))
        except NotHttpError as error:
            raise no_sockets(f"{self._where()} was sent {error.args[0]!r}") from None
        if request is not None:
            self._send(request)
        elif self._parser.awaits_continue:
            self._unread(_CONTINUE)

    def send(self, data: Any, flags: int = 0) -> int:
        """As `sendall`."""
        self.sendall(data, flags)
        return memoryview(data).nbytes

    def sendmsg(self, buffers: Iterable[Any], *_: Any) -> int:
        """As `sendall`."""
        return self.send(b"".join(buffers))

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send what is in a file."""
        file.seek(offset)
        data = file.read() if count is None else file.read(count)
        self.sendall(data)
        return len(data)

    def _send(self, request: Request) -> None:
        if request.method == "CONNECT":
            # The host has proxies of its own: what goes through this one is for whom it names.
            name, _, port = request.target.rpartition(":")
            self._peer = (name.strip("[]"), int(port or _HTTPS))
            self._unread(_TUNNEL)
            return
        if request.header("upgrade"):
            raise no_sockets(f"{self._where()} was asked to become {request.header('upgrade')!r}")
        if self._exchange is not None:
            self._exchange.close()
        self._exchange = exchange.begin(request, self._address(request.target), self._timeout)
        self._asked, self._late = True, None
        if self._timeout != 0:
            try:
                self._exchange.wait(self._timeout)
                self._exchange.fail()
            except TimeoutError as error:
                self._late = error

    def _address(self, target: str) -> str:
        if "://" in target.partition("?")[0]:
            return target
        host, port = (self._peer or ("", 0))[:2]
        host = host.decode("ascii") if isinstance(host, bytes) else str(host)
        shown = f"[{host}]" if ":" in host else host
        scheme, usual = ("https", _HTTPS) if self.tls else ("http", 80)
        return f"{scheme}://{shown}{'' if port == usual else f':{port}'}{target}"

    def _where(self) -> str:
        return "nobody" if self._peer is None else f"{self._peer[0]}:{self._peer[1]}"

    # What is received.

    def recv(self, size: int, flags: int = 0) -> bytes:
        """The next bytes of the answer.

        Raises:
            TimeoutError, BlockingIOError: they have not come.
            OSError: there are none, for the reason in its text.
        """
        if self._at == len(self._piece):
            self._next()
        end = min(self._at + size, len(self._piece))
        found = self._piece[self._at : end]
        if not flags & socket_module.MSG_PEEK:
            self._at = end
        return found

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """As `recv`."""
        view = memoryview(buffer).cast("B")
        found = self.recv(nbytes or len(view), flags)
        view[: len(found)] = found
        return len(found)

    def recvfrom(self, size: int, flags: int = 0) -> tuple[bytes, tuple[Any, ...]]:
        """As `recv`, and from whom."""
        return self.recv(size, flags), self.getpeername()

    @property
    def awaits(self) -> bool:
        """Whether anything can come: bytes that were not taken, or an answer that is under way."""
        return self._at < len(self._piece) or self._exchange is not None

    def ready(self) -> bool:
        """Whether a receive would not wait: there are bytes, or an error."""
        if self._is_closed or self._at < len(self._piece):
            return True
        # An answer that is over leaves a connection that is open and silent.
        return self._exchange is not None and self._exchange.poll() and not self._is_over()

    @property
    def _is_closed(self) -> bool:
        return self._closed and self._files == 0

    def _is_over(self) -> bool:
        if self._exchange is not None and self._exchange.over:
            self._exchange = None
        return self._exchange is None

    def _next(self) -> None:
        if self._is_closed:
            raise OSError(9, "Bad file descriptor")
        if self._late is not None:
            late, self._late = self._late, None
            if not self._exchange or not self._exchange.poll():
                raise late
        if self._exchange is None or self._is_over():
            if self._timeout == 0:
                raise BlockingIOError(11, "nothing has come")
            if not self._asked:
                raise no_sockets(f"nothing was asked of {self._where()}, so that nothing can come of it")
            self._piece, self._at = b"", 0
            return
        if self._timeout == 0 and not self._exchange.poll():
            raise BlockingIOError(11, "nothing has come")
        self._exchange.wait(self._timeout)
        current = self._exchange
        piece = current.take()
        if current.moved is not None and current.moved.partition("#")[0] != current.asked.partition("#")[0]:
            piece, self._exchange = exchange.redirect_bytes(current, piece), None
        self._piece, self._at = piece, 0

    def _unread(self, data: bytes) -> None:
        self._piece, self._at = self._piece[self._at :] + data, 0
        self._asked = True

    # Its end.

    def fileno(self) -> int:
        """A number that stands for this socket, and for no file."""
        return -1 if self._closed else self._number

    def shutdown(self, how: int) -> None:
        """Say that nothing more is sent or received."""
        if how != socket_module.SHUT_WR and self._exchange is not None:
            self._exchange.close()
            self._exchange = None

    def close(self) -> None:
        """Let go of the answer, once no file of `makefile` reads it."""
        self._closed = True
        if self._files == 0 and self._exchange is not None:
            self._exchange.close()
            self._exchange = None

    def makefile(
        self,
        mode: str = "r",
        buffering: int | None = None,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> Any:
        """A file over this socket, as `socket.makefile`."""
        self._files += 1
        raw = SocketFile(self, mode)
        if buffering == 0:
            return raw
        size = _BUFFER if buffering is None or buffering < 0 else buffering
        file: Any
        if "r" in mode and "w" in mode:
            file = io.BufferedRWPair(raw, raw, size)
        else:
            file = io.BufferedWriter(raw, size) if "w" in mode else io.BufferedReader(raw, size)
        return file if "b" in mode else io.TextIOWrapper(file, encoding, errors, newline)

    def release(self) -> None:
        """A file of `makefile` was closed."""
        self._files -= 1
        if self._closed:
            self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<socket of HTTP, fd={self.fileno()}, raddr={self._peer}>"

    def pending(self) -> int:
        """Bytes that can be received at once."""
        return len(self._piece) - self._at
