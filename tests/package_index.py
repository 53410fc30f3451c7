"""A package index on loopback by the simple repository API, and the wheels that it has."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
import sys
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

JSON = "application/vnd.pypi.simple.v1+json"


@dataclass(frozen=True, kw_only=True)
class BuiltWheel:
    """A wheel as a file."""

    file_name: str
    data: bytes
    metadata: bytes
    requires_python: str | None = None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def build_wheel(
    name: str,
    version: str = "1.0",
    *,
    requires: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
    tag: str = "py3-none-any",
    requires_python: str | None = None,
    record: Mapping[str, str] | None = None,
) -> BuiltWheel:
    """A wheel with one module that tells its version, or with `files`; `record` says something else of some of them."""
    stem = name.replace("-", "_")
    info = f"{stem}-{version}.dist-info"
    python = [f"Requires-Python: {requires_python}"] if requires_python else []
    needs = [f"Requires-Dist: {text}" for text in requires]
    head = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", f"Summary: The {name} of tests"]
    metadata = "\n".join([*head, *python, *needs, "", "Long text.\n"])
    content = dict(files if files is not None else {f"{stem.lower()}.py": f"version = {version!r}\n"})
    content[f"{info}/METADATA"] = metadata
    content[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n"
    rows = [f"{path},sha256={(record or {}).get(path) or _digest(text)},{len(text)}" for path, text in content.items()]
    content[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""])
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in content.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    file_name = f"{stem}-{version}-{tag}.whl"
    return BuiltWheel(
        file_name=file_name, data=stream.getvalue(), metadata=metadata.encode(), requires_python=requires_python
    )


def published_wheels(folder: Path, *requirements: str) -> tuple[BuiltWheel, ...]:
    """Wheels as they are published, of which only what is pure is taken; `folder` keeps them."""
    pure = ["--only-binary", ":all:", "--platform", "any", "--python-version", "3.11", "--no-deps"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder), *pure, *requirements]
    subprocess.run(command, check=True, capture_output=True)
    return tuple(_published(path) for path in sorted(folder.glob("*.whl")))


def _published(path: Path) -> BuiltWheel:
    with zipfile.ZipFile(path) as archive:
        (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return BuiltWheel(file_name=path.name, data=path.read_bytes(), metadata=archive.read(metadata))


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


@dataclass(kw_only=True)
class PackageIndex:
    """What the index has and what it was asked.

    Attributes:
        projects: file names and contents by the projects' names; what is no wheel is a source distribution.
        kind: how it answers: with JSON, or with HTML as static hosts do.
        tells_metadata: whether it has each wheel's METADATA beside it.
        absolute: whether the addresses of files are whole, and not relative to the page that names them.
        wrong: file names whose bytes are not those that it tells the digest of.
        asked: paths of requests.
    """

    projects: dict[str, list[BuiltWheel | str]] = field(default_factory=dict)
    kind: str = "json"
    tells_metadata: bool = True
    absolute: bool = False
    wrong: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/simple/"

    def add(self, *wheels: BuiltWheel) -> None:
        for wheel in wheels:
            self.projects.setdefault(wheel.file_name.split("-")[0].replace("_", "-").lower(), []).append(wheel)

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type, body."""
        self.asked.append(path)
        parts = path.strip("/").split("/")
        if parts[0] == "simple":
            files = self.projects.get(parts[-1])
            if files is None:
                return 404, "text/plain", b"not found"
            return (
                (200, JSON, self._json(parts[-1], files))
                if self.kind == "json"
                else (200, "text/html", self._html(files))
            )
        wheels = {
            file.file_name: file for files in self.projects.values() for file in files if not isinstance(file, str)
        }
        name = parts[-1]
        if wheel := wheels.get(name.removesuffix(".metadata")):
            return 200, "application/octet-stream", wheel.metadata if name.endswith(".metadata") else self._body(wheel)
        return 404, "text/plain", b"not found"

    def _body(self, wheel: BuiltWheel) -> bytes:
        return wheel.data[::-1] if wheel.file_name in self.wrong else wheel.data

    def _json(self, name: str, files: Sequence[BuiltWheel | str]) -> bytes:
        return json.dumps(
            {"meta": {"api-version": "1.1"}, "name": name, "files": [self._file(file) for file in files]}
        ).encode()

    def _file(self, file: BuiltWheel | str) -> dict[str, object]:
        if isinstance(file, str):
            return {"filename": file, "url": self._address(file), "hashes": {}}
        told: dict[str, object] = {
            "filename": file.file_name,
            "url": self._address(file.file_name),
            "hashes": {"sha256": file.sha256},
            "yanked": False,
        }
        if file.requires_python:
            told["requires-python"] = file.requires_python
        if self.tells_metadata:
            told["core-metadata"] = {"sha256": hashlib.sha256(file.metadata).hexdigest()}
        return told

    def _address(self, file_name: str) -> str:
        return f"http://127.0.0.1:{self.port}/files/{file_name}" if self.absolute else f"../../files/{file_name}"

    def _html(self, files: Sequence[BuiltWheel | str]) -> bytes:
        links = []
        for file in files:
            name = file if isinstance(file, str) else file.file_name
            fragment = "" if isinstance(file, str) else f"#sha256={file.sha256}"
            links.append(f'<a href="{self._address(name)}{fragment}">{name}</a><br>')
        return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode()


@contextmanager
def serve_index(*wheels: BuiltWheel) -> Iterator[PackageIndex]:
    """Serve an index with these wheels until the end of the block; every page may read it."""
    index = PackageIndex()
    index.add(*wheels)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, kind, body = index.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        index.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield index
        finally:
            server.shutdown()
            thread.join()
