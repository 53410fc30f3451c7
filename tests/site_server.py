"""Serves a site's folder to a browser: counts what is asked for, breaks what a test breaks, is dead for a while."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote

from lite_env.host.files import cache_control, content_type

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(kw_only=True)
class Answer:
    """What the server says to a request; a fault changes it."""

    body: bytes
    status: int = 200
    type: str = "application/octet-stream"
    # None: the true length. More than the body has is a connection that breaks off.
    length: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


class SiteServer:
    """A site on a port of 127.0.0.1 that stays the same when the server dies and comes back."""

    def __init__(
        self, folder: Path, *, isolated: bool = True, host: str = "127.0.0.1", policy: str = "require-corp"
    ) -> None:
        self.folder = folder
        self.isolated = isolated
        # Of a page that is isolated: what it may load of other origins.
        self.policy = policy
        self.host = host
        self.requests: list[str] = []
        # By the end of a path: what becomes of its answer.
        self.faults: dict[str, Callable[[Answer], Answer]] = {}
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self._connections: set[socket.socket] = set()
        self._port = 0

    def start(self) -> None:
        self._server = _Server((self.host, self._port), _handler_of(self))
        self._server.connections = self._connections
        self._port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Be dead: refuse connections, and break those that are open."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self._port}/"

    def answer(self, path: str) -> Answer:
        name = unquote(path).strip("/")
        file = self.folder / name
        if file.is_dir():
            if not path.endswith("/"):
                return Answer(body=b"", status=301, headers={"Location": f"{path.rpartition('/')[2]}/"})
            file, name = file / "index.html", f"{name}/index.html".lstrip("/")
        if not file.is_file():
            return Answer(body=b"not found", status=404, type="text/plain")
        headers = {"Cache-Control": cache_control(name)}
        if name.startswith("runtime/"):
            headers["Cache-Control"] = "public, max-age=31536000, immutable"
        if self.isolated:
            headers |= {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": self.policy}
        answer = Answer(body=file.read_bytes(), type=content_type(name), headers=headers)
        for end, fault in self.faults.items():
            if name.endswith(end):
                answer = fault(answer)
        return answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    connections: set[socket.socket]

    def process_request(self, request, client_address) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address) -> None:
        """Say nothing: connections are broken on purpose."""


def _handler_of(site: SiteServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            if self.command == "GET":
                site.requests.append(path)
            answer = site.answer(path)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.type)
            length = len(answer.body) if answer.length is None else answer.length
            self.send_header("Content-Length", str(length))
            for name, value in answer.headers.items():
                # As hosts of static files do it: the query goes with the folder's name.
                query = self.path[len(path) :] if name == "Location" else ""
                self.send_header(name, value + query)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)
            if length != len(answer.body):
                self.close_connection = True

        do_HEAD = do_GET  # noqa: N815 - as the base class wants it

        def log_message(self, *args) -> None:
            """Stay silent."""

    return Handler
