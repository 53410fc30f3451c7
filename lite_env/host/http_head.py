"""The head of an HTTP/1.1 request, read without trusting it: pure, so that it is tested and fuzzed without a socket.

Stricter than most servers (RFC 9112 allows it all): what two readers could understand in two ways is refused. Nobody
but browsers and scripts on this machine asks here, and none of them writes such requests.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_HEAD = 64 << 10
"""Bytes of the longest head; cookies of other servers on this machine are in it."""
MAX_FIELDS = 100

METHODS = frozenset({"GET", "HEAD", "POST"})

_LINE_END = re.compile(rb"\r?\n")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP/([0-9])\.([0-9])")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_ABSOLUTE = re.compile(r"http://([^/?#]*)([^#]*)", re.IGNORECASE)
_SINGLE = frozenset({"host", "content-length", "transfer-encoding"})
"""Fields of which a second one could be the one that another reader takes."""
_LONGEST_LENGTH = 15  # digits: more bytes than any disk has


class RequestError(Exception):
    """A request that cannot be answered as what it asks for; the connection ends with this refusal."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """What a request says of itself.

    Attributes:
        method: one of `METHODS`.
        path: of the URL, still percent-encoded, without the query; begins with a slash.
        headers: by name in lower case; of several fields with one name, their values with commas between. ``host`` is
            that of an absolute address, where one was asked for.
        length: bytes of the body; None when it was not announced.
        chunked: whether a body of unknown length follows.
        persistent: whether another request may follow on the same connection.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    length: int | None
    chunked: bool
    persistent: bool


def end_of_head(data: bytes | bytearray, start: int) -> int | None:
    """Where the head that `data` begins with is over, looked for from `start` on; None when it goes on."""
    found = _HEAD_END.search(data, start)
    return found.end() if found else None


def parse_head(data: bytes) -> Head:
    """Parse the head of a request, up to and with its empty line.

    Raises:
        RequestError: it is malformed, or asks for what this server does not do.
    """
    first, *lines = _LINE_END.split(data.rstrip(b"\r\n"))
    match = _REQUEST_LINE.fullmatch(first)
    if match is None:
        raise _malformed("the first line is not that of an HTTP/1.1 request")
    method, target, major, minor = (part.decode("ascii") for part in match.groups())
    if major != "1":
        raise RequestError(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "this server speaks HTTP/1.1")
    if method not in METHODS:
        raise RequestError(HTTPStatus.NOT_IMPLEMENTED, "this server knows GET, HEAD and POST")
    headers = _fields(lines)
    path, authority = _split_target(target)
    if authority is not None:
        headers["host"] = authority
    chunked = "transfer-encoding" in headers
    length = _length(headers.get("content-length"))
    if chunked and length is not None:
        raise _malformed("it has both a Content-Length and a Transfer-Encoding")
    options = {option.strip().lower() for option in headers.get("connection", "").split(",")}
    # Of HTTP/1.0 no connection is kept: its clients read until the end.
    persistent = minor != "0" and "close" not in options
    return Head(method=method, path=path, headers=headers, length=length, chunked=chunked, persistent=persistent)


def _fields(lines: list[bytes]) -> dict[str, str]:
    if len(lines) > MAX_FIELDS:
        raise RequestError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"it has more than {MAX_FIELDS} header fields")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        # This refuses a continued line, too, and a blank before the colon.
        if not colon or not _NAME.fullmatch(name):
            raise _malformed("a line of its head is no header field")
        if _CONTROL.search(value):
            raise _malformed("a header field holds a control character")
        key, text = name.decode("ascii").lower(), value.strip(b" \t").decode("latin-1")
        if key in headers and key in _SINGLE:
            raise _malformed(f"it has two fields {key}")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _split_target(target: str) -> tuple[str, str | None]:
    """The path of a request's target, and its host where it names one."""
    authority: str | None = None
    if not target.startswith("/"):
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None:
            raise _malformed("it does not ask for a path")
        authority, target = absolute[1], absolute[2]
    if "#" in target:
        raise _malformed("it asks for a fragment")
    path = target.partition("?")[0]
    return path or "/", authority


def _length(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal():
        raise _malformed("its Content-Length is not a number")
    digits = text.lstrip("0")
    if len(digits) > _LONGEST_LENGTH:
        raise RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "its Content-Length is more than anything has")
    return int(digits or "0")


def _malformed(reason: str) -> RequestError:
    return RequestError(HTTPStatus.BAD_REQUEST, f"the request is malformed: {reason}")
