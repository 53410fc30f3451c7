"""Servers of remote stores, each a process or thread of its own on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import fsspec
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUCKET = "caches"
KEY, SECRET = "AKIALITEENVTEST", "lite-env-test-secret"
_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class S3:
    """A server that speaks S3's protocol.

    Attributes:
        endpoint: its address.
        url: of a folder in a bucket that is there.
        environ: what AWS's own tools are told by.
    """

    endpoint: str
    url: str
    environ: dict[str, str]


@contextmanager
def s3_server(*, refusing: bool = False) -> Iterator[S3]:
    """moto's server; one that is `refusing` knows nobody, and lets nobody in."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    more = {"INITIAL_NO_AUTH_ACTION_COUNT": "0"} if refusing else {}
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        env=os.environ | more,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    endpoint = f"http://127.0.0.1:{port}"
    environ = {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
    }
    try:
        _wait(endpoint)
        system = fsspec.filesystem("s3", key=KEY, secret=SECRET, endpoint_url=endpoint, skip_instance_cache=True)
        if not refusing:
            system.mkdir(BUCKET)
        yield S3(endpoint=endpoint, url=f"s3://{BUCKET}/lite-env", environ=environ)
    finally:
        process.terminate()
        process.wait()


def _wait(address: str) -> None:
    for _ in range(int(_SECONDS / 0.1)):
        try:
            requests.get(address, timeout=1)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(address)


class FolderServer(ThreadingHTTPServer):
    """A folder by HTTP, and what was asked of it."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
        self.asked: list[str] = []
        self.seconds = 0.0
        """Waits so long before each answer."""
        self.status: int | None = None
        """Answers with this, if it is set."""
        self.drip = False
        """Sends a byte a second."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(SimpleHTTPRequestHandler):
    server: FolderServer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        time.sleep(self.server.seconds)
        if self.server.status is not None:
            self.send_error(self.server.status)
        elif self.server.drip:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(1)
        else:
            super().do_GET()

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@contextmanager
def folder_server(folder: Path) -> Iterator[FolderServer]:
    """`folder`, served by HTTP."""
    server = FolderServer(folder)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
