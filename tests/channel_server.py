"""A conda channel by HTTP on loopback: it can demand credentials, answer wrongly, and remembers what it was asked."""

from __future__ import annotations

import base64
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.origins import tls_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COOKIE = "COOKIESECRET"
"""What a redirect sets."""

_FILE = re.compile(r"/(?P<subdir>noarch|emscripten-wasm32|linux-64)/(?P<name>[^/?]+)")


@dataclass
class Asked:
    """One request; names of headers are in small letters."""

    path: str
    headers: dict[str, str]

    @property
    def authorization(self) -> str | None:
        return self.headers.get("authorization")


@dataclass
class ChannelServer:
    """Serves the channel in `folder` under every path that ends in ``/<subdir>/<file>``.

    Attributes:
        port: on 127.0.0.1.
        asked: the requests so far.
        user: ``USER:PASSWORD`` that every request needs.
        bearer: a token that every request needs in its header.
        token: a part that every path needs.
        status: to answer every request with.
        body: in place of each package list.
        redirect: where every request is sent that has what it needs; ``PATH`` in it stands for what was asked.
        certificate: of TLS; without one it is http.
    """

    folder: Path
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    user: str | None = None
    token: str | None = None
    status: int | None = None
    body: bytes | None = None
    bearer: str | None = None
    redirect: str | None = None
    certificate: Path | None = None

    def url(self, path: str = "/chan", host: str = "127.0.0.1") -> str:
        """An address here."""
        return f"{'https' if self.certificate else 'http'}://{host}:{self.port}{path}"

    def answer(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        """The status and the content."""
        asked = Asked(path=path, headers=headers)
        self.asked.append(asked)
        expected = f"Basic {base64.b64encode(self.user.encode()).decode()}" if self.user else None
        if self.bearer:
            expected = f"Bearer {self.bearer}"
        if self.status is not None:
            return self.status, b""
        if expected and asked.authorization != expected:
            return 401, b""
        if self.token and self.token not in path:
            return 403, b""
        if self.redirect is not None:
            return 302, b""
        found = _FILE.search(path)
        file = self.folder / found["subdir"] / found["name"] if found else None
        if file is None or not file.is_file():
            return 404, b""
        return 200, self.body if self.body is not None and file.name == "repodata.json" else file.read_bytes()


@contextmanager
def serve_channel(folder: Path, **options: object) -> Iterator[ChannelServer]:
    """Serve until the end of the block; options as the attributes of `ChannelServer`."""
    server = ChannelServer(folder, **options)  # type: ignore[arg-type]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, content = server.answer(self.path, {name.lower(): value for name, value in self.headers.items()})
            self.send_response(status)
            if status == 302 and server.redirect is not None:
                self.send_header("Location", server.redirect.replace("PATH", self.path))
                self.send_header("Set-Cookie", f"session={COOKIE}; Path=/")
            # Kernels in a browser ask, too.
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET  # noqa: N815 - the base class's name

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that has heard enough closes."""

    with Server(("127.0.0.1", 0), Handler) as http:
        if server.certificate is not None:
            http.socket = tls_of(server.certificate).wrap_socket(http.socket, server_side=True)
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        server.port = http.server_port
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
