"""Builds inputs for channel tests: archives, wheels, definitions, and an HTTP server that misbehaves on demand."""

from __future__ import annotations

import functools
import gzip
import hashlib
import io
import json
import tarfile
import threading
import zipfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

BUNDLE = b"(()=>{var t={213:(t,r,e)=>{e(806)},806:t=>{t.exports=42}};function e(n){return n}e.o=1,e(213)})();"
"""A webpack bundle in miniature: its entry is module 213."""


def make_tar(files: Mapping[str, bytes], *, executable: tuple[str, ...] = (), link: str | None = None) -> bytes:
    """A ``.tar.gz`` of files, and of a symbolic link called `link` if one is asked for."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.mode = 0o755 if name in executable else 0o644
            archive.addfile(member, io.BytesIO(data))
        if link:
            member = tarfile.TarInfo(link)
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(member)
    # Without the clock's time: who asks twice gets equal bytes.
    return gzip.compress(buffer.getvalue(), mtime=0)


def make_zip(files: Mapping[str, bytes]) -> bytes:
    """A zip of files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            # Not the clock's time here either.
            archive.writestr(zipfile.ZipInfo(name, (2023, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def make_wheel(name: str, version: str, files: Mapping[str, bytes]) -> tuple[str, bytes]:
    """File name and bytes of a wheel that pip takes."""
    info = f"{name}-{version}.dist-info"
    meta = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    everything = {**files, **meta}
    everything[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*everything, f"{info}/RECORD")).encode()
    return f"{name}-{version}-py3-none-any.whl", make_zip(everything)


def packed(name: str, version: str, build: str, number: int, files: Mapping[str, bytes]) -> bytes:
    """An archive as empack makes them: files of an installed environment, and who they are in ``conda-meta``."""
    record = {"name": name, "version": version, "build": build, "build_number": number}
    return make_tar({f"conda-meta/{name}.json": json.dumps(record).encode(), **files}, executable=("bin/tool",))


def source_zip() -> bytes:
    """The source that `DEFINITION` is made for."""
    site = "lib/python3.11/site-packages"
    return make_zip(
        {
            "inner/static/pure-1.0-py_0.tar.gz": packed(
                "pure", "1.0", "py_0", 0, {f"{site}/pure/__init__.py": b"x = 1\n", "bin/tool": b"#!python\n"}
            ),
            "inner/static/kernel.js": b"// glue\n",
            "inner/static/kernel.wasm": b"\0asm\1\0\0\0",
            "inner/static/bundle.js": BUNDLE,
        }
    )


DEFINITION = """\
format: 1
name: small
summary: A channel for tests.
timestamp: 2024-01-02T03:04:05Z
sources:
  things:
    url: ["{url}"]
    file: things.zip
    sha256: {sha256}
    size: {size}
    root: inner/static
packages:
  - name: pure
    version: "1.0"
    build: py_0
    build_number: 0
    subdir: noarch
    noarch: python
    license: MIT
    summary: pure Python
    home: https://example.org/pure
    depends:
      - python >=3.5
    constrains:
      - other 1.0
    from: things:pure-1.0-py_0.tar.gz
  - name: kernel
    version: "2.0"
    build: h1_3
    build_number: 3
    subdir: emscripten-wasm32
    license: BSD-3-Clause
    summary: a kernel
    home: https://example.org/kernel
    files:
      bin/kernel.js: things:kernel.js
      bin/kernel.wasm: things:kernel.wasm
      bin/glue.js:
        from: things:bundle.js
        transform:
          name: webpack-module-as-global
          entry: 213
          module: 806
          global: create
          sha256: GLUE
    text:
      share/jupyter/kernels/k/kernel.json: |
        {{"argv": ["@PREFIX@/bin/kernel", "{{connection_file}}"]}}
"""
GLUE = (
    b"var create=(()=>{var t={213:(t,r,e)=>{e(806)},806:t=>{t.exports=42}};"
    b"function e(n){return n}e.o=1;return e(806)})();"
)
"""What the transformation in `DEFINITION` makes of `BUNDLE`."""


def definition_text(url: str = "https://example.org/things.zip", data: bytes | None = None) -> str:
    """The text of a definition whose source is `data`, to be had from `url`."""
    data = source_zip() if data is None else data
    text = DEFINITION.format(url=url, sha256=hashlib.sha256(data).hexdigest(), size=len(data))
    return text.replace("sha256: GLUE", f"sha256: {hashlib.sha256(GLUE).hexdigest()}")


def write_definition(directory: Path, text: str) -> Path:
    """Make `directory` a definition."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "channel.yaml").write_text(text, encoding="utf-8")
    return directory


def _set_event() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


@dataclass
class Served:
    """What a test server answers with.

    Attributes:
        files: path to content.
        failures: how many requests are answered with 503 before it works.
        cut: after how many bytes of the whole content a connection ends, one entry a request.
        ignore_range: whether Range requests get the whole file.
        requests: (path, Range header) of every request.
        go: no request is answered before it is set; it is, unless a test clears it.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    failures: int = 0
    cut: list[int] = field(default_factory=list)
    ignore_range: bool = False
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    go: threading.Event = field(default_factory=_set_event)
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, served: Served, *args: object) -> None:
        self.served = served
        super().__init__(*args)  # type: ignore[arg-type]

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        served, wanted = self.served, self.headers.get("Range")
        served.requests.append((self.path, wanted))
        served.go.wait()
        data = served.files.get(self.path.lstrip("/"))
        if served.failures:
            served.failures -= 1
            self.send_error(503)
        elif data is None:
            self.send_error(404)
        else:
            self._send(data, wanted)

    def _send(self, data: bytes, wanted: str | None) -> None:
        first = 0
        if wanted and not self.served.ignore_range:
            first = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if first >= len(data):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        last = self.served.cut.pop(0) if self.served.cut else len(data)
        with suppress(ConnectionError):  # Who asked may have enough.
            self.wfile.write(data[first:last])


@contextmanager
def serving(served: Served) -> Iterator[Served]:
    """Run a server on this machine; its address is in ``served.url``."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, served))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class RecordingReporter:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.tasks: list[tuple[str, int | None, str]] = []
        self.advanced: dict[str, int] = {}

    def note(self, message: str, *, passing: bool = False) -> None:
        self.notes.append(message)

    def warn(self, message: str, *, passing: bool = False) -> None:
        self.notes.append(f"warning: {message}")

    @contextmanager
    def task(self, label: str, total: int | None, unit: str) -> Iterator[object]:
        self.tasks.append((label, total, unit))
        self.advanced.setdefault(label, 0)
        outer = self

        class _Task:
            def advance(self, amount: int) -> None:
                outer.advanced[label] += amount

        yield _Task()
