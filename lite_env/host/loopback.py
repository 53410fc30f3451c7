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
import re
import socket
import sys
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self
from urllib.parse import unquote_to_bytes, urlsplit

from lite_env.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

MIME_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".gz": "application/gzip",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".zst": "application/zstd",
}
ISOLATION = (
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
"""Headers by which a page gets SharedArrayBuffer; they belong on every answer, workers' scripts too."""

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"

_HASHED = re.compile(r"(?:^|[-.])[0-9a-f]{16,64}\.")
_CHUNK = 1 << 20  # bytes
_DRAINED = 64 << 20  # bytes of a refused body that are still read, so that the client sees the refusal
_LINGER = 2.0  # seconds without a byte of it
_ADDRESS = "127.0.0.1"


def content_type(name: str) -> str:
    """The MIME type by which a file is served; of ``x.json.zst`` it is zstd's, never a Content-Encoding."""
    return MIME_TYPES.get(Path(name).suffix.lower(), "application/octet-stream")


def cache_control(name: str) -> str:
    """``immutable`` for a file whose name holds its hash, else ask again every time."""
    return IMMUTABLE if _HASHED.search(name) else REVALIDATE


def resolve_path(url_path: str, mounts: Mapping[str, Path]) -> Path | None:
    """The file that a URL's path stands for; None when there is none, or when it is outside its mount.

    Args:
        url_path: still percent-encoded, with the leading slash.
        mounts: folders by URL prefix such as ``/pack/``.
    """
    path = decode_path(url_path)
    if path is None:
        return None
    for prefix, folder in mounts.items():
        if not path.startswith(prefix):
            continue
        parts = path[len(prefix) :].split("/")
        if any(part in {"", ".", ".."} or set(part) & set("\\\0:") for part in parts):
            return None
        root = folder.resolve()
        try:
            found = root.joinpath(*parts).resolve()
            return found if found.is_file() and found.is_relative_to(root) else None
        except OSError:
            # A name longer than the file system allows, or a loop of links.
            return None
    return None


def decode_path(url_path: str) -> str | None:
    """A URL's path without its percent signs; None when it is not UTF-8."""
    try:
        return unquote_to_bytes(url_path).decode()
    except UnicodeDecodeError:
        return None


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


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # Head and body are two packets: the second would wait 40 ms for the delayed acknowledgement of the first.
    disable_nagle_algorithm = True
    server_version = "lite_env"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Stay silent: stderr belongs to the kernel."""

    def _answer(self) -> None:
        length = self.headers.get("Content-Length", "")
        rest = int(length) if length.isascii() and length.isdecimal() else None

        def read() -> bytes:
            nonlocal rest
            wanted, rest = rest or 0, 0
            return self.rfile.read(wanted)

        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(method=self.command, path=urlsplit(self.path).path, headers=headers, read=read, length=rest)
        if self.headers.get("Host") not in self.server.hosts:
            reason = "this server answers for its own name only"
            response = refusal(HTTPStatus.MISDIRECTED_REQUEST, reason)
        else:
            try:
                response = self.server.application(request)
            except Exception:
                self._send(refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "this is a bug in lite_env"))
                raise
        if not rest and "Transfer-Encoding" not in self.headers:
            self._send(response)
            return
        # A body that nobody asked for: what follows it cannot be told apart from it.
        self.close_connection = True
        self._send(response)
        self._linger()

    def _linger(self) -> None:
        """Take in what the client still sends: closing at once would take the answer from it (RFC 9112, 9.6)."""
        taken = 0
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_LINGER)
            while taken < _DRAINED and (chunk := self.rfile.read1(_CHUNK)):
                taken += len(chunk)

    def _send(self, response: Response) -> None:
        with contextlib.ExitStack() as stack:
            body = response.body
            stream: io.BufferedIOBase = stack.enter_context(
                body.open("rb") if isinstance(body, Path) else io.BytesIO(body)
            )
            # The length that is announced is the length of this open file.
            size = stream.seek(0, io.SEEK_END)
            stream.seek(0)
            self.send_response(response.status)
            for name, value in response.headers:
                self.send_header(name, value)
            if response.status != HTTPStatus.NOT_MODIFIED:
                self.send_header("Content-Length", str(size))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            while self.command != "HEAD" and (chunk := stream.read(_CHUNK)):
                self.wfile.write(chunk)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # On Windows it would let a second server take the same port.
    allow_reuse_address = os.name != "nt"

    def __init__(self, application: Application, port: int) -> None:
        super().__init__((_ADDRESS, port), _Handler)
        self.application = application
        self.hosts = {f"{_ADDRESS}:{self.server_port}", f"localhost:{self.server_port}"}

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Show bugs only: a browser that goes away in the middle of an answer is no error."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


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
            with contextlib.suppress(OSError):
                self._server.server_close()
            self._server = None
