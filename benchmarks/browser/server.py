"""The one server of all variants: files compressed beforehand, cached for ever, counted by what went over the wire.

Each response is one write to a socket without Nagle's algorithm, so that no variant pays more for its many small files
than the network makes it pay.
"""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import threading
import zlib
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urlsplit

from lite_env.host.files import IMMUTABLE, REVALIDATE, content_type
from lite_env.host.find import find_node
from lite_env.store.atomic import write_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from benchmarks.browser.model import Encoding

_GAIN = 0.99  # an encoding that does not make a file at least this much smaller is not used
_COMPRESSED = (".gz", ".png", ".zst")  # sent as they are, whoever they belong to
_BROTLI = (
    "const z = require('node:zlib'), c = z.constants, [n] = process.argv.slice(1);"
    "const d = require('node:fs').readFileSync(0);"
    "const params = {[c.BROTLI_PARAM_QUALITY]: 11, [c.BROTLI_PARAM_SIZE_HINT]: Number(n)};"
    "process.stdout.write(z.brotliCompressSync(d, {params}))"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """A file as it is sent."""

    head: bytes
    body: bytes
    etag: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """One response: its bytes with headers."""

    path: str
    status: int
    size: int


class Encoder:
    """Compresses files once and keeps the results by content."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    def encode(self, data: bytes, encoding: Encoding) -> bytes | None:
        """`data` as gzip of level 9 or brotli of level 11; None where that gains less than a hundredth."""
        digest = hashlib.sha256(data).hexdigest()
        kept = self._cache / f"{digest}.{encoding}"
        if not kept.exists():
            encoded = _gzip(data) if encoding == "gzip" else _brotli(data)
            write_bytes(kept, encoded if len(encoded) < len(data) * _GAIN else b"")
        return kept.read_bytes() or None


def load_tree(tree: Path, prefix: str, encoding: Encoding, encoder: Encoder) -> dict[str, Resource]:
    """All files of a folder as they will be sent, by their paths on the server."""
    return {
        f"{prefix}{path.relative_to(tree).as_posix()}": make_resource(path.name, path.read_bytes(), encoding, encoder)
        for path in sorted(tree.rglob("*"))
        if path.is_file()
    }


def make_resource(name: str, data: bytes, encoding: Encoding, encoder: Encoder) -> Resource:
    """One file with its headers. Only pages, manifests and service workers are asked for again on a second visit."""
    encoded = None if name.endswith(_COMPRESSED) else encoder.encode(data, encoding)
    body = data if encoded is None else encoded
    etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    revalidated = name.endswith(".html") or name in {"manifest.json", "service-worker.js", "sw.js"}
    headers = {
        "Content-Type": content_type(name),
        "Cache-Control": REVALIDATE if revalidated else IMMUTABLE,
        "ETag": etag,
        "Vary": "Accept-Encoding",
    }
    if encoded is not None:
        headers["Content-Encoding"] = encoding
    head = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
    return Resource(head=head.encode(), body=body, etag=etag)


class CountingServer:
    """Serves resources on a free port of loopback until the block ends, and keeps what it sent."""

    def __init__(self) -> None:
        self.resources: dict[str, Resource] = {}
        self._sent: list[Sent] = []
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def add(self, resources: Mapping[str, Resource]) -> None:
        """Serve these too."""
        self.resources.update(resources)

    def note(self, sent: Sent) -> None:
        """Keep what was sent; called by the server's threads."""
        with self._lock:
            self._sent.append(sent)

    def sent(self) -> list[Sent]:
        """All responses so far."""
        with self._lock:
            return list(self._sent)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        resource = self.server.owner.resources.get(f"{path}index.html" if path.endswith("/") else path)
        if resource is None:
            status, head, body = 404, b"Content-Type: text/plain\r\n", b""
        elif self.headers.get("If-None-Match") == resource.etag:
            status, head, body = 304, resource.head, b""
        else:
            status, head, body = 200, resource.head, resource.body
        length = b"" if status == 304 else b"Content-Length: %d\r\n" % len(body)  # noqa: PLR2004 - Not Modified
        data = b"HTTP/1.1 %d x\r\n" % status + head + length + b"\r\n" + body
        self.server.owner.note(Sent(path=path, status=status, size=len(data)))
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Stay silent: what was sent is kept."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, owner: CountingServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.owner = owner

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that goes away in the middle of a response is no error."""


def _gzip(data: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    return compressor.compress(data) + compressor.flush()


def _brotli(data: bytes) -> bytes:
    command = [str(find_node()), "-e", _BROTLI, str(len(data))]
    with contextlib.suppress(BrokenPipeError):
        return subprocess.run(command, input=data, capture_output=True, check=True).stdout
    return data
