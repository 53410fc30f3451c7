"""HTTP on loopback: a server that hands requests to an application and sends its responses, and what both need to know.

An application is a function from values to values (`Request` in, `Response` out), so it is tested without a socket.
Requests whose Host is not this server are refused before the application sees them: a page of any origin can send
requests to loopback, also by DNS rebinding.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import socket
import socketserver
import sys
import threading
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol, Self

from lite_env.errors import HostError
from lite_env.host.files import open_regular
from lite_env.host.http_head import RequestError, parse_head
from lite_env.host.wire import PIECE, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from lite_env.host.http_head import Head

MAX_CONNECTIONS = 128
"""More than any number of open pages has; a client that opens them without end takes no more threads than these."""

_ADDRESS = "127.0.0.1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What was asked.

    Attributes:
        method: ``GET``, ``HEAD`` or ``POST``.
        path: of the URL, still percent-encoded, without the query.
        headers: by name in lower case.
        read: gives the body, once; `length` bytes.
        length: bytes of the body; None when it was not announced.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    read: Callable[[], bytes] = bytes
    length: int | None = None

    @property
    def own_origin(self) -> str:
        """The origin of this server's pages, as the asker calls it; its Host was checked to be ours."""
        return f"http://{self.headers.get('host', '')}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """What is answered; a `body` that is a path is streamed from that file. Content-Length is added when it is sent."""

    status: HTTPStatus = HTTPStatus.OK
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | Path = b""


class Application(Protocol):
    """What answers requests; called from several threads at once."""

    def __call__(self, request: Request) -> Response:
        """Answer one request."""


def refusal(status: HTTPStatus, reason: str, *headers: tuple[str, str]) -> Response:
    """A refusal as one line of plain text."""
    text = f"{status.value} {status.phrase}: {reason}\n".encode()
    kind = ("Content-Type", "text/plain; charset=utf-8")
    return Response(status=status, headers=(kind, ("Cache-Control", "no-store"), *headers), body=text)


class _Handler(socketserver.BaseRequestHandler):
    """Answers the requests of one connection, one after the other."""

    server: _Server

    def setup(self) -> None:
        # Head and body are two packets: the second would wait 40 ms for the delayed acknowledgement of the first.
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.wire = Wire(self.request)

    def handle(self) -> None:
        try:
            while (raw := self.wire.read_head()) is not None:
                head = parse_head(raw)
                with self.server.answering(self.request):
                    if not self.answer(head):
                        return
        except RequestError as error:
            self._send(refusal(error.status, error.reason), persistent=False)
            self.wire.linger()

    def answer(self, head: Head) -> bool:
        """Answer one request; whether another may follow."""
        unread = head.length or 0

        def read() -> bytes:
            nonlocal unread
            wanted, unread = unread, 0
            if wanted and head.headers.get("expect", "").lower() == "100-continue":
                self.wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            return self.wire.read_body(wanted)

        request = Request(method=head.method, path=head.path, headers=head.headers, read=read, length=head.length)
        response = self._response(request)
        # A body that nobody asked for: what follows it cannot be told apart from it.
        unwanted = bool(unread) or head.chunked
        persistent = head.persistent and not unwanted
        self._send(response, with_body=head.method != "HEAD", persistent=persistent)
        if unwanted:
            self.wire.linger()
        return persistent

    def _response(self, request: Request) -> Response:
        if request.headers.get("host") not in self.server.hosts:
            return refusal(HTTPStatus.MISDIRECTED_REQUEST, "this server answers for its own name only")
        try:
            return self.server.application(request)
        except (RequestError, ConnectionError):
            raise
        except OSError as error:
            return refusal(HTTPStatus.INTERNAL_SERVER_ERROR, f"a file cannot be read: {error.strerror}")
        except Exception:
            with contextlib.suppress(OSError):
                bug = refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "this is a bug in lite_env")
                self._send(bug, with_body=request.method != "HEAD", persistent=False)
            raise

    def _send(self, response: Response, *, with_body: bool = True, persistent: bool) -> None:
        with contextlib.ExitStack() as stack:
            stream, response = _open_body(response)
            stack.enter_context(stream)
            # The length that is announced is the length of this open file, and so much is sent of it.
            left = stream.seek(0, io.SEEK_END)
            stream.seek(0)
            self.wire.send(_response_head(response, left, persistent=persistent))
            while with_body and left:
                piece = stream.read(min(left, PIECE))
                if not piece:
                    raise ConnectionAbortedError("the file became shorter while it was sent")
                self.wire.send(piece)
                left -= len(piece)


def _open_body(response: Response) -> tuple[io.BufferedIOBase, Response]:
    """The body as an open stream, and the response that goes with it: a refusal where the file cannot be read."""
    if isinstance(response.body, bytes):
        return io.BytesIO(response.body), response
    try:
        return open_regular(response.body), response
    except FileNotFoundError:
        other = refusal(HTTPStatus.NOT_FOUND, "there is no such file any more")
    except OSError as error:
        other = refusal(HTTPStatus.INTERNAL_SERVER_ERROR, f"the file cannot be read: {error.strerror}")
    return io.BytesIO(other.body if isinstance(other.body, bytes) else b""), other


def _response_head(response: Response, length: int, *, persistent: bool) -> bytes:
    fields = [("Server", "lite_env"), ("Date", formatdate(usegmt=True)), *response.headers]
    if response.status != HTTPStatus.NOT_MODIFIED:
        fields.append(("Content-Length", str(length)))
    if not persistent:
        fields.append(("Connection", "close"))
    lines = [
        f"HTTP/1.1 {response.status.value} {response.status.phrase}",
        *(f"{name}: {text}" for name, text in fields),
    ]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    # On Windows it would let a second server take the same port.
    allow_reuse_address = os.name != "nt"
    # A page opens its connections at once, and several pages may be open.
    request_queue_size = 128

    def __init__(self, application: Application, port: int) -> None:
        super().__init__((_ADDRESS, port), _Handler)
        self.application = application
        self.server_port: int = self.server_address[1]
        self.hosts = {f"{_ADDRESS}:{self.server_port}", f"localhost:{self.server_port}"}
        self._lock = threading.Lock()
        # Every open connection; those that wait for a request come first in the order in which they began to.
        self._waiting: dict[socket.socket, None] = {}
        self._busy: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base class's types
        """Serve a connection in a thread of its own; with too many of them, one that waits for a request ends."""
        with self._lock:
            if len(self._waiting) + len(self._busy) >= MAX_CONNECTIONS:
                oldest = next(iter(self._waiting), None)
                if oldest is None:
                    self.shutdown_request(request)
                    return
                del self._waiting[oldest]
                _end(oldest)
            self._waiting[request] = None
        try:
            super().process_request(request, client_address)
        except RuntimeError:
            # The system has no thread for it; there may be one for the next.
            self._forget(request)
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as above
        """Forget the connection when it is over."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._forget(request)

    def _forget(self, connection: socket.socket) -> None:
        with self._lock:
            self._waiting.pop(connection, None)
            self._busy.discard(connection)

    @contextlib.contextmanager
    def answering(self, connection: socket.socket) -> Iterator[None]:
        """While the block runs, the connection is not one that waits."""
        with self._lock:
            self._waiting.pop(connection, None)
            self._busy.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(connection)
                self._waiting[connection] = None

    def end_connections(self) -> None:
        """End all that is open: who asks after the end is to learn that there is nobody."""
        with self._lock:
            for connection in (*self._waiting, *self._busy):
                _end(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as above
        """Show bugs only: a browser that goes away in the middle of an answer is no error."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class LoopbackServer:
    """Serves an application on 127.0.0.1 until the block ends."""

    def __init__(self, application: Application, *, port: int = 0) -> None:
        """Nothing is opened yet.

        Args:
            application: called in threads of the server.
            port: 0 for a free one.
        """
        self._application = application
        self._port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self.url = ""

    def __enter__(self) -> Self:
        """Open the port and serve.

        Raises:
            HostError: the port is taken, or may not be used.
        """
        try:
            self._server = _Server(self._application, self._port)
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise
            reason = "is taken by another program" if error.errno == errno.EADDRINUSE else "may not be used"
            raise HostError(
                f"port {self._port} {reason}", hint="choose another one, or 0 for any that is free", port=self._port
            ) from error
        self.url = f"http://{_ADDRESS}:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.end_connections()
            with contextlib.suppress(OSError):
                self._server.server_close()
            self._server = None
