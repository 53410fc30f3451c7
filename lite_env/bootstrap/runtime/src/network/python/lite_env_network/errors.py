"""Why a request got no answer: errors of Python's own kinds, whose text names the address and the reason."""

from __future__ import annotations

from typing import Any

_CORS = (
    "the server answers, but does not allow this page to read it (CORS): "
    "it would have to send Access-Control-Allow-Origin, and to allow the request's method and headers"
)
_REASONS = {
    "cors": _CORS,
    "cors-or-unreachable": "blocked by CORS, or the server cannot be reached: the browser does not tell which",
    "mixed": "mixed content: a page of https may not ask a server by http; use https",
    "unreachable": "the server cannot be reached",
    "offline": "this device has no network",
    "policy": "the page's Content-Security-Policy forbids it: its connect-src must allow the server",
    "tls": "the server's certificate is not trusted",
    "handshake": "no TLS connection could be made; is it a server of https?",
    "not-granted": "the network is not granted to this kernel",
    "broken": "the connection broke in the middle of the answer",
    "body": "browsers send no body with GET and HEAD",
    "address": "no address of http or https",
    "long": "the answer's beginning is longer than fits",
    "lost": "whoever sends the kernel's requests does not answer",
}

# What a browser does not tell from a server that is not there; whoever tells more gives details.
_UNTRUSTED = "or the browser does not trust its certificate: open the address in a tab to see"

NO_SOCKETS = "there are no sockets in a browser, only HTTP requests"


class NetworkError(ConnectionError):
    """A request got no answer."""


class UnreachableError(NetworkError):
    """The server cannot be reached."""


class CorsError(NetworkError):
    """The server does not allow the page to read its answer."""


class MixedContentError(NetworkError):
    """A page of https asks by http."""


class NotGrantedError(NetworkError, PermissionError):
    """Whoever runs the kernel gave it no network, or not this server."""


class BrokenAnswerError(NetworkError, ConnectionResetError):
    """The answer ended before its end."""


_KINDS: dict[str, type[NetworkError]] = {
    "cors": CorsError,
    "mixed": MixedContentError,
    "unreachable": UnreachableError,
    "offline": UnreachableError,
    "not-granted": NotGrantedError,
    "broken": BrokenAnswerError,
}


def explain(failure: dict[str, Any], method: str, url: str) -> OSError:
    """The error of a request that failed, by what the host says of it."""
    kind = str(failure.get("kind"))
    detail = str(failure.get("detail") or "")
    if not detail and url.startswith("https:") and kind in {"unreachable", "cors-or-unreachable"}:
        detail = _UNTRUSTED
    reason = _REASONS.get(kind, kind)
    text = f"{method} {url}: {reason}" + (f" ({detail})" if detail else "")
    if kind == "time":
        return timed_out(method, url, None)
    if kind in {"tls", "handshake"}:
        import ssl

        return (ssl.SSLCertVerificationError if kind == "tls" else ssl.SSLError)(1, text)
    return _KINDS.get(kind, NetworkError)(text)


def timed_out(method: str, url: str, seconds: float | None) -> TimeoutError:
    """The error of a time limit."""
    after = "" if seconds is None else f" after {seconds:g} s"
    return TimeoutError(f"timed out{after}: {method} {url}")


def no_sockets(what: str) -> OSError:
    """The error of what needs a socket that is one."""
    return OSError(f"{NO_SOCKETS}: {what}")
