"""Files as they are served: which one a URL stands for, its type, how long it may be kept, and opening it safely."""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    import io
    from collections.abc import Mapping

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

_EMBEDDER = "Cross-Origin-Embedder-Policy"
_KNOWS_CREDENTIALLESS = re.compile(r"(?:Chrom(?:e|ium)|Firefox)/")


def isolation_for(headers: tuple[tuple[str, str], ...], user_agent: str) -> tuple[tuple[str, str], ...]:
    """The headers for a browser: `credentialless` where it knows it, `require-corp` else (WebKit)."""
    return credentialless(headers) if _KNOWS_CREDENTIALLESS.search(user_agent) else headers


def credentialless(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The same headers with `credentialless` in place of `require-corp`.

    A page that has it may load pictures of other origins, and a kernel can tell a server that is not there from one
    that does not allow the page to read its answers.
    """
    return tuple((name, "credentialless" if name == _EMBEDDER else value) for name, value in headers)


IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"

_HASHED = re.compile(r"(?:^|[-.])[0-9a-f]{16,64}\.")


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


def open_regular(path: Path) -> io.BufferedReader:
    """Open a file for reading, if it is a regular one; of a pipe or a device nothing is waited for or read.

    Raises:
        OSError: it is none, or cannot be read.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    stream = os.fdopen(os.open(path, flags), "rb")
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return stream
