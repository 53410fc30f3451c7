"""HTTP/1.1 as clients write requests and read answers (RFC 9112)."""

from __future__ import annotations

MOST_HEAD_BYTES = 1 << 20
_METHODS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-")
_END_OF_HEAD = b"\r\n\r\n"
_LINE = b"\r\n"

Headers = tuple[tuple[str, str], ...]


class NotHttpError(ValueError):
    """What was written is no HTTP request."""


class Request:
    """One request, whole."""

    __slots__ = ("body", "headers", "method", "target")

    def __init__(self, method: str, target: str, headers: Headers, body: bytes) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body

    def header(self, name: str) -> str:
        """Value of the header `name` (lower case); empty where it was not sent."""
        return header_of(self.headers, name)


class RequestParser:
    """Takes what a client writes, piece by piece."""

    def __init__(self) -> None:
        self._unread = bytearray()
        self._head: Request | None = None
        self._body = bytearray()
        # Bytes of the body, or of its present chunk, that are to come; None where the next chunk's length is.
        self._missing: int | None = 0
        self._chunked = False

    @property
    def begun(self) -> bool:
        """Whether a part of a request has been written."""
        return self._head is not None or bool(self._unread)

    @property
    def awaits_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it writes a body."""
        return self._head is not None and self._head.header("expect").lower() == "100-continue"

    def feed(self, data: bytes | bytearray | memoryview) -> Request | None:
        """Take what was written; the request, once it is whole.

        Raises:
            NotHttpError: it is none.
        """
        self._unread += data
        if self._head is None:
            self._head = self._take_head()
            if self._head is None:
                return None
        done = self._take_chunks() if self._chunked else self._take_body()
        if not done:
            return None
        head, body = self._head, bytes(self._body)
        self._head, self._body = None, bytearray()
        return Request(head.method, head.target, head.headers, body)

    def _take_head(self) -> Request | None:
        while self._unread.startswith(_LINE):
            del self._unread[:2]
        if self._unread == b"\r":
            return None
        first = self._unread[:16].split(b" ", 1)[0]
        if not _METHODS.issuperset(first):
            raise NotHttpError(bytes(self._unread[:20]))
        end = self._unread.find(_END_OF_HEAD)
        if end < 0:
            if len(self._unread) > MOST_HEAD_BYTES:
                raise NotHttpError(bytes(self._unread[:20]))
            return None
        lines = self._unread[:end].decode("latin-1").split("\r\n")
        del self._unread[: end + len(_END_OF_HEAD)]
        words = lines[0].split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/"):  # noqa: PLR2004 - method, target, version
            raise NotHttpError(lines[0][:60])
        headers = tuple(_split(line) for line in lines[1:])
        self._chunked = "chunked" in header_of(headers, "transfer-encoding").lower()
        self._missing = None if self._chunked else _length(header_of(headers, "content-length") or "0", 10)
        return Request(words[0], words[1], headers, b"")

    def _take_body(self) -> bool:
        missing = self._missing or 0
        piece = self._unread[:missing]
        del self._unread[:missing]
        self._body += piece
        self._missing = missing - len(piece)
        return self._missing == 0

    def _take_chunks(self) -> bool:
        while True:
            if self._missing is None:
                end = self._unread.find(_LINE)
                if end < 0:
                    return False
                self._missing = _length(bytes(self._unread[:end]).split(b";")[0].decode("latin-1"), 16)
                del self._unread[: end + 2]
                if self._missing == 0:
                    self._missing = -1
            if self._missing < 0:
                return self._take_trailers()
            if len(self._unread) < self._missing + 2:
                return False
            self._body += self._unread[: self._missing]
            del self._unread[: self._missing + 2]
            self._missing = None

    def _take_trailers(self) -> bool:
        while (end := self._unread.find(_LINE)) >= 0:
            del self._unread[: end + 2]
            if end == 0:
                return True
        return False


def header_of(headers: Headers, name: str) -> str:
    """Value of the first header `name` (lower case); empty where there is none."""
    return next((value for key, value in headers if key.lower() == name), "")


def head_bytes(status: int, reason: str, headers: Headers) -> bytes:
    """The head of an answer."""
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace")


def chunk_bytes(piece: bytes) -> bytes:
    """A chunk of a body whose length was not told; an empty one ends it."""
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def _split(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name:
        raise NotHttpError(line[:60])
    return name.strip(), value.strip()


def _length(text: str, base: int) -> int:
    try:
        number = int(text.strip(), base)
    except ValueError:
        raise NotHttpError(text[:60]) from None
    if number < 0:
        raise NotHttpError(text[:60])
    return number
