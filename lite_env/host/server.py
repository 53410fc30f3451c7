"""A small server on loopback for a pack, the runtime and one page; nothing else of this machine is reachable.

Cross-origin isolation (COOP, COEP) is on, so that the page has SharedArrayBuffer. Requests whose Host is not this
server are refused: a page of any origin can send requests to loopback, also by DNS rebinding.
"""

from __future__ import annotations

import contextlib
import re
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote_to_bytes, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
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
_HASHED = re.compile(r"(?:^|[-.])[0-9a-f]{16,64}\.")
_IMMUTABLE = "public, max-age=31536000, immutable"
_CHUNK = 1 << 20


def content_type(name: str) -> str:
    """The MIME type by which a file is served; of ``x.json.zst`` it is zstd's, never a Content-Encoding."""
    return MIME_TYPES.get(Path(name).suffix.lower(), "application/octet-stream")


def cache_control(name: str) -> str:
    """``immutable`` for a file whose name holds its hash, else ask again every time."""
    return _IMMUTABLE if _HASHED.search(name) else "no-cache"


def resolve_path(url_path: str, mounts: Mapping[str, Path]) -> Path | None:
    """The file that a URL's path stands for; None when there is none, or when it is outside its mount.

    Args:
        url_path: still percent-encoded, with the leading slash.
        mounts: folders by URL prefix such as ``/pack/``.
    """
    try:
        path = unquote_to_bytes(url_path).decode()
    except UnicodeDecodeError:
        return None
    for prefix, folder in mounts.items():
        if not path.startswith(prefix):
            continue
        parts = path[len(prefix) :].split("/")
        if any(part in {"", ".", ".."} or set(part) & set("\\\0:") for part in parts):
            return None
        root = folder.resolve()
        found = root.joinpath(*parts).resolve()
        return found if found.is_file() and found.is_relative_to(root) else None
    return None


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "lite_env"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Stay silent: stderr belongs to the kernel."""

    def _answer(self, *, body: bool) -> None:
        if self.headers.get("Host") not in self.server.hosts:
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "this server answers for its own name only")
            return
        path = urlsplit(self.path).path
        page = self.server.pages.get(path)
        if page is not None:
            self._head("page.html", len(page))
            if body:
                self.wfile.write(page)
            return
        file = resolve_path(path, self.server.mounts)
        if file is None:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such file")
            return
        with file.open("rb") as stream:
            # The length that is announced is the length of this open file.
            size = stream.seek(0, 2)
            stream.seek(0)
            self._head(file.name, size)
            while body and (chunk := stream.read(_CHUNK)):
                self.wfile.write(chunk)

    def _head(self, name: str, size: int) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", content_type(name))
        self.send_header("Content-Length", str(size))
        self.send_header("Cache-Control", cache_control(name))
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        text = f"{status.value} {status.phrase}: {reason}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *, mounts: Mapping[str, Path], pages: Mapping[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mounts = dict(mounts)
        self.pages = dict(pages)
        self.hosts = {f"127.0.0.1:{self.server_port}", f"localhost:{self.server_port}"}

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a browser that goes away in the middle of an answer is no error."""


class StaticServer:
    """Serves folders and pages on a free port of 127.0.0.1 until the block ends."""

    def __init__(self, *, mounts: Mapping[str, Path], pages: Mapping[str, bytes]) -> None:
        self._mounts = mounts
        self._pages = pages
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self._server = _Server(mounts=self._mounts, pages=self._pages)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
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
