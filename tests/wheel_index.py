"""Wheels by HTTP on loopback (PEP 691, 700, 714): the files of a folder, each with the time of its upload."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class WheelIndex:
    """Serves the wheels in `folder`.

    Attributes:
        port: on 127.0.0.1.
        uploads: the time of a file's upload, by its name.
        hashes: whether it tells them.
        user: ``USER:PASSWORD`` that every request needs.
        elsewhere: the address of a server that the files are at; else they are here.
        asked: the paths of the requests so far.
        headers: those of the requests so far, with names in small letters.
    """

    folder: Path
    port: int = 0
    uploads: dict[str, str] = field(default_factory=dict)
    hashes: bool = True
    user: str | None = None
    elsewhere: str | None = None
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/simple"

    def answer(self, path: str, headers: dict[str, str]) -> tuple[int, str, bytes]:
        """Status, type and content."""
        self.asked.append(path)
        self.headers.append(headers)
        wanted = f"Basic {base64.b64encode(self.user.encode()).decode()}" if self.user else None
        if wanted is not None and headers.get("authorization") != wanted:
            return 401, "text/plain", b""
        parts = path.strip("/").split("/")
        if parts[0] == "files" and parts[1].endswith(".metadata"):
            with zipfile.ZipFile(self.folder / parts[1].removesuffix(".metadata")) as archive:
                name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
                return 200, "text/plain", archive.read(name)
        if parts[0] == "files":
            return 200, "application/octet-stream", (self.folder / parts[1]).read_bytes()
        files = [each for each in self.folder.iterdir() if canonicalize_name(each.name.split("-")[0]) == parts[-1]]
        if not files:
            return 404, "text/plain", b""
        page = {
            "meta": {"api-version": "1.1"},
            "name": parts[-1],
            "versions": sorted({each.name.split("-")[1] for each in files}),
            "files": [self._file(each) for each in sorted(files)],
        }
        return 200, "application/vnd.pypi.simple.v1+json", json.dumps(page).encode()

    def _file(self, path: Path) -> dict[str, object]:
        data = path.read_bytes()
        return {
            "filename": path.name,
            "url": f"{self.elsewhere or f'http://127.0.0.1:{self.port}'}/files/{path.name}",
            "hashes": {"sha256": hashlib.sha256(data).hexdigest()} if self.hashes else {},
            "size": len(data),
            "core-metadata": True,
            "upload-time": self.uploads.get(path.name, "2024-01-01T00:00:00Z"),
        }


@contextmanager
def serving(index: WheelIndex) -> Iterator[WheelIndex]:
    """The index while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, body = index.answer(self.path, {name.lower(): text for name, text in self.headers.items()})
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="wheels"')
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    index.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
