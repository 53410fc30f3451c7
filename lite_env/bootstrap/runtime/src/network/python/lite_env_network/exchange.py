"""One request and its answer, over the bridge to the kernel's host."""

from __future__ import annotations

import json
import time
from collections import deque

import lite_env_bridge as bridge

from lite_env_network.errors import explain, timed_out
from lite_env_network.wire import Headers, Request, chunk_bytes, head_bytes, header_of

# What the bridge says has come.
NOTHING, HEAD, PIECE, END, FAILED, INTERRUPTED = range(6)
SLICE_MS = 50
"""The longest that the kernel waits without Python's looking for an interrupt."""
_SPIN_SECONDS = 1.0

_OF_THE_CONNECTION = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"})
_NO_BODY = frozenset({204, 304})
_KEPT_SECONDS = 10.0
_MOST_KEPT = 4
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Exchange:
    """A request that was sent; `take` gives its answer as bytes of HTTP/1.1."""

    def __init__(self, request: Request, url: str, limit: float | None) -> None:
        self.request = request
        self.url = url
        # Whom the client has asked: behind a redirect that was followed, the address where it led.
        self.asked = url
        # Where the browser has followed redirects to.
        self.moved: str | None = None
        self._out: deque[bytes] = deque()
        self._chunked = False
        self._ended = False
        self._failure: OSError | None = None
        headers = [pair for pair in request.headers if pair[0].lower() not in _OF_THE_CONNECTION]
        self._id = bridge.open(request.method, url, json.dumps(headers), request.body, int((limit or 0) * 1000))

    @property
    def ready(self) -> bool:
        """Whether `take` gives at once what there is."""
        return bool(self._out) or self._ended or self._failure is not None

    @property
    def over(self) -> bool:
        """Whether all of it has been taken."""
        return self._ended and not self._out and self._failure is None

    def take(self) -> bytes:
        """The next bytes that have come; none at the end. Not to be called unless `ready`.

        Raises:
            OSError: there are none, for the reason in its text; once.
        """
        if self._out:
            return self._out.popleft()
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        return b""

    def give_back(self, data: bytes) -> None:
        """Let `take` give once more what it has given last."""
        self._out.appendleft(data)

    def fail(self) -> None:
        """Raise the failure, if that is what has come; it is kept for `take`."""
        if self._failure is not None and not self._out:
            raise self._failure

    def wait(self, seconds: float | None) -> None:
        """Wait until it is ready.

        Raises:
            TimeoutError: it was not, for `seconds`.
        """
        end = None if seconds is None else time.monotonic() + seconds
        while not self.ready:
            left = SLICE_MS if end is None else (end - time.monotonic()) * 1000
            if left <= 0:
                raise timed_out(self.request.method, self.url, seconds)
            self.poll(min(SLICE_MS, max(1, int(left))))

    def poll(self, milliseconds: int = 0) -> bool:
        """Whether it is ready, after waiting for so long at most."""
        if not self.ready:
            what = bridge.wait(self._id, milliseconds)
            if what == INTERRUPTED and milliseconds:
                let_interrupt()
            elif what not in {NOTHING, INTERRUPTED}:
                self._receive(what, bridge.take(self._id))
        return self.ready

    def close(self) -> None:
        """Nobody wants the rest."""
        if not self._ended:
            self._ended = True
            bridge.close(self._id)
        self._out.clear()

    def __del__(self) -> None:
        # A program that forgets a socket has done with it.
        if not getattr(self, "_ended", True):
            self.close()

    def _receive(self, what: int, data: bytes) -> None:
        if what == HEAD:
            self._begin(json.loads(data))
        elif what == PIECE:
            if data:
                self._out.append(chunk_bytes(data) if self._chunked else data)
        elif what == END:
            if self._chunked:
                self._out.append(chunk_bytes(b""))
            self._ended = True
        else:
            self._failure = explain(json.loads(data), self.request.method, self.url)
            self._ended = True

    def _begin(self, head: dict[str, object]) -> None:
        status = int(str(head["status"]))
        pairs: Headers = tuple((str(name), str(value)) for name, value in head["headers"])  # type: ignore[attr-defined]
        if head.get("redirected"):
            self.moved = str(head["url"])
        bodiless = self.request.method == "HEAD" or status in _NO_BODY
        dropped = set(_OF_THE_CONNECTION)
        if head.get("decoded"):
            # The length that was told is that of the compressed bytes, which nobody sees.
            dropped.add("content-encoding")
            if not bodiless:
                dropped.add("content-length")
        kept = tuple(pair for pair in pairs if pair[0].lower() not in dropped)
        self._chunked = not bodiless and not header_of(kept, "content-length")
        if self._chunked:
            kept += (("Transfer-Encoding", "chunked"),)
        self._out.append(head_bytes(status, str(head["reason"]), kept))


def let_interrupt() -> None:
    """Give Python, which looks for interrupts now and then only, the time to see the one that has come."""
    end = time.monotonic() + _SPIN_SECONDS
    while time.monotonic() < end and bridge.interrupted():
        pass


class Kept:
    """Answers that a browser got by following redirects: the client is told of the redirect first, and asks again."""

    def __init__(self) -> None:
        self._entries: list[tuple[tuple[str, ...], Exchange, float]] = []

    def keep(self, exchange: Exchange) -> None:
        """Keep an answer for the one who asks its final address next."""
        request = exchange.request
        method = request.method if request.method in _SAFE else "GET"
        self._entries.append((_key(method, exchange.moved or "", request), exchange, time.monotonic()))
        while len(self._entries) > _MOST_KEPT:
            self._entries.pop(0)[1].close()

    def claim(self, request: Request, url: str) -> Exchange | None:
        """The answer that was kept for this request; whatever is too old is let go."""
        wanted = _key(request.method, url, request)
        found = None
        for entry in self._entries[:]:
            key, exchange, since = entry
            if found is None and key == wanted:
                self._entries.remove(entry)
                found = exchange
            elif time.monotonic() - since > _KEPT_SECONDS or request.method not in _SAFE:
                self._entries.remove(entry)
                exchange.close()
        return found


def _key(method: str, url: str, request: Request) -> tuple[str, ...]:
    return (method, url.partition("#")[0], request.header("range"), request.header("accept"))


KEPT = Kept()


def begin(request: Request, url: str, limit: float | None) -> Exchange:
    """Send a request, or take the answer that came for it when a redirect was followed; `limit` is in seconds."""
    kept = KEPT.claim(request, url)
    if kept is not None:
        kept.asked = url
        return kept
    return Exchange(request, url, limit)


def redirect_bytes(exchange: Exchange, head: bytes) -> bytes:
    """What a client is told of an answer from another address; it is kept, with its head, for whoever asks there."""
    exchange.give_back(head)
    KEPT.keep(exchange)
    location = (("Location", exchange.moved or ""), ("Content-Length", "0"), ("X-Followed-By", "browser"))
    return head_bytes(302, "Found", location)
