"""HTTP servers of another origin, for kernels to ask: with and without CORS, plain and with TLS."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import socket
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path

BIG = 1 << 30
"""Bytes of `/big`, of which each eight say where they stand."""
TABLE = b"a,b\n1,2\n3,4\n"
_ALLOWED = "Content-Range, Content-Length, ETag, Accept-Ranges, X-Thing"


def block(start: int, size: int) -> bytes:
    """Bytes of `/big`."""
    first = start - start % 8
    whole = b"".join(at.to_bytes(8, "big") for at in range(first, start + size + 8, 8))
    return whole[start - first : start - first + size]


class Origin:
    """A server on a free port of this machine; it keeps which requests came; `files` are by path, with types."""

    def __init__(self, *, cors: bool = True, tls: ssl.SSLContext | None = None) -> None:
        self.files: dict[str, tuple[str, bytes]] = {}
        handler = type("Handler", (_Handler,), {"cors": cors, "asked": [], "files": self.files})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._tls = tls is not None
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.asked: list[tuple[str, str, dict[str, str]]] = handler.asked  # type: ignore[attr-defined]

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def closed_port() -> str:
    """An address of this machine at which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


def own_certificate(folder: Path) -> Path:
    """A certificate for this machine that nobody has signed, and its key, in one file."""
    file = folder / "own.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    made = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject, *made]
    subprocess.run(command, check=True, capture_output=True)
    file.write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    return file


def tls_of(certificate: Path) -> ssl.SSLContext:
    """A server's side of TLS with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def fingerprint(certificate: Path) -> str:
    """SHA-256 of the certificate's public key in base64, as browsers' flags want it."""
    public = subprocess.run(
        ["openssl", "x509", "-in", str(certificate), "-pubkey", "-noout"], check=True, capture_output=True
    ).stdout
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "der"], input=public, check=True, capture_output=True
    )
    return base64.b64encode(hashlib.sha256(der.stdout).digest()).decode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    cors = True
    asked: list[tuple[str, str, dict[str, str]]]
    files: dict[str, tuple[str, bytes]]

    def log_message(self, *_: Any) -> None:
        """Tests say themselves what went wrong."""

    def handle(self) -> None:
        # A client that has had enough closes.
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def do_OPTIONS(self) -> None:
        self._note()
        self.send_response(204)
        if self.cors:
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Access-Control-Allow-Methods", "*")
            self.send_header("Access-Control-Allow-Headers", self.headers.get("Access-Control-Request-Headers", "*"))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self._note()
        name = re.sub(r"\W.*", "", self.path.lstrip("/"))
        answer = getattr(self, f"answer_{name}", None)
        if self.path in self.files:
            kind, body = self.files[self.path]
            self._answer(200, {"Content-Type": kind}, body)
        elif answer is None:
            self._answer(404, {"Content-Type": "text/plain"}, b"nothing here")
        else:
            answer()

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_GET  # noqa: N815 - as the base class wants them

    def answer_hello(self) -> None:
        self._answer(200, {"Content-Type": "text/plain", "X-Thing": "thing"}, b"hello\n")

    def answer_table(self) -> None:
        self._answer(200, {"Content-Type": "text/csv"}, TABLE)

    def answer_echo(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        told = {"method": self.command, "headers": dict(self.headers), "body": body.decode("latin-1")}
        self._answer(200, {"Content-Type": "application/json"}, json.dumps(told).encode())

    def answer_gzip(self) -> None:
        kind = {"Content-Type": "text/plain", "Content-Encoding": "gzip"}
        self._answer(200, kind, gzip.compress(b"zipped " * 1000))

    def answer_redirect(self) -> None:
        self._answer(302, {"Location": "/hello"}, b"")

    def answer_moved(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(307, {"Location": "/echo"}, b"")

    def answer_loop(self) -> None:
        self._answer(302, {"Location": "/loop"}, b"")

    def answer_slow(self) -> None:
        time.sleep(4)
        self._answer(200, {}, b"slow")

    def answer_lines(self) -> None:
        self._begin(200, {"Content-Type": "text/plain", "Transfer-Encoding": "chunked"})
        for number in range(5):
            line = b"line %d\n" % number
            self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
            self.wfile.flush()
            time.sleep(0.3)
        self.wfile.write(b"0\r\n\r\n")

    def answer_broken(self) -> None:
        self._begin(200, {"Content-Length": "1000000"})
        self.wfile.write(b"x" * 1000)
        self.wfile.flush()
        self.close_connection = True

    def answer_big(self) -> None:
        kept = {"Content-Type": "application/octet-stream", "ETag": '"v1"', "Accept-Ranges": "bytes"}
        kept["Cache-Control"] = "max-age=600"
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if match is None:
            self._begin(200, {**kept, "Content-Length": str(BIG)})
            self._write(0, BIG - 1)
            return
        first, last = int(match[1]), min(int(match[2] or BIG - 1), BIG - 1)
        told = {"Content-Range": f"bytes {first}-{last}/{BIG}", "Content-Length": str(last - first + 1)}
        self._begin(206, {**kept, **told})
        self._write(first, last)

    def _write(self, first: int, last: int) -> None:
        while first <= last and self.command != "HEAD":
            size = min(1 << 20, last - first + 1)
            self.wfile.write(block(first, size))
            first += size

    def _note(self) -> None:
        self.asked.append((self.command, self.path, dict(self.headers)))

    def _begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        if self.cors:
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Access-Control-Expose-Headers", _ALLOWED)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self._begin(status, {**headers, "Content-Length": str(len(body))})
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()
