"""A server on loopback between rattler and the hosts that are asked with a secret in an address.

rattler's client follows redirects by itself and tells each server the address that led there (``Referer``), with the
token in it. What has a secret in its address is therefore asked here. Over a redirect to another origin no user,
password, token or cookie goes along, and none leads from https to http.
"""

from __future__ import annotations

import re
import secrets
import ssl
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urljoin

from lite_env.lock.urls import origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    import requests
    from requests.adapters import HTTPAdapter

    from lite_env.spec.address import Channel

_TIMEOUT = (10.0, 60.0)  # seconds to connect, and between two pieces
_REDIRECTS = 10
_PIECE = 1 << 16  # bytes
_AT_ONCE = 16  # connections to a host that are kept
_ASKED_WITH = (
    *("Accept", "Accept-Encoding", "Cache-Control", "If-Modified-Since", "If-None-Match", "Range", "User-Agent"),
)
_ANSWERED_WITH = (
    *("Accept-Ranges", "Cache-Control", "Content-Encoding", "Content-Range", "Content-Type", "ETag", "Expires"),
    *("Last-Modified", "Retry-After"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Network:
    """How servers are reached, as rattler's configuration has it.

    Attributes:
        proxies: by scheme; empty where only the environment may know some.
        direct: hosts that are asked without one of `proxies`.
        verify: whether certificates of servers are verified.
        system_certificates: whether those that this machine trusts are good, too.
    """

    proxies: Mapping[str, str] = field(default_factory=dict)
    direct: tuple[str, ...] = ()
    verify: bool = True
    system_certificates: bool = True

    def proxies_for(self, url: str) -> dict[str, str]:
        """The proxies of a request."""
        from requests.utils import should_bypass_proxies  # noqa: PLC0415 - see below

        bypass = not self.proxies or should_bypass_proxies(url, no_proxy=",".join(self.direct))
        return {} if bypass else dict(self.proxies)


@dataclass(kw_only=True, slots=True)
class _Origin:
    """A server: scheme, host and port; and what rattler's store has for it, which is learned by being asked."""

    url: str
    token: str = ""  # `/t/TOKEN` in front of each path
    asked: bool = False


class _RefusedError(Exception):
    """A redirect that is not followed."""


class Relay:
    """Answers rattler on a free port of 127.0.0.1 until the block ends; who does not know its address gets nothing.

    At first each request is answered with nothing and tells what rattler's store of credentials has for its origin;
    after :meth:`open` it is passed on.

    Args:
        origins: scheme, host and port of each server.
        channels: those whose addresses hold credentials, which go before those of rattler's store.
        network: how servers are reached.
    """

    def __init__(self, origins: Sequence[str], channels: Sequence[Channel], network: Network) -> None:
        self._origins = [_Origin(url=url) for url in origins]
        self._channels = sorted(
            (channel for channel in channels if channel.is_secret), key=lambda channel: len(channel.url), reverse=True
        )
        self._network = network
        self._nonce = secrets.token_urlsafe(24)
        self._session: requests.Session | None = None
        self._failure: str | None = None

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _Handler, self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        if self._session is not None:
            self._session.close()

    def address_of(self, origin: str) -> str:
        """Where rattler asks for what `origin` has; not to be shown."""
        number = next(number for number, each in enumerate(self._origins) if each.url == origin)
        return f"http://127.0.0.1:{self._server.server_port}/{self._nonce}/{number}"

    def has_token(self, origin: str) -> bool:
        """Whether rattler's store has a token for `origin` that is written into paths."""
        return any(each.url == origin and each.token for each in self._origins)

    def open(self) -> None:
        """Pass on what is asked from now on."""
        self._session = _session(self._network)

    def explain(self, text: str) -> str:
        """A message of rattler with the addresses that it does not know, and with the reason that it was not told."""
        for origin in self._origins:
            address = self.address_of(origin.url)
            text = text.replace(f"{address}{origin.token}/", f"{origin.url}/").replace(address, origin.url)
        return f"{text} ({self._failure})" if self._failure else text

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a request of rattler."""
        _, nonce, number, *rest = (*request.path.split("/", 3), "", "")
        if not secrets.compare_digest(nonce.encode(), self._nonce.encode()):
            _answer_empty(request, HTTPStatus.NOT_FOUND)
            return
        origin, path = self._origins[int(number)], f"/{''.join(rest)}"
        if self._session is None:
            before, mark, _ = path.rpartition("/")
            origin.token = before if mark and before.startswith("/t/") else ""
            _answer_empty(request, HTTPStatus.OK)
            return
        import requests  # noqa: PLC0415 - takes a tenth of a second, and few channels are private

        try:
            response = self._ask(self._session, request, origin, path)
        except _RefusedError as error:
            self._failure = str(error)
            _answer_empty(request, HTTPStatus.MISDIRECTED_REQUEST)
        except requests.exceptions.SSLError:
            self._failure = "SSLError: the server's certificate is not trusted here"
            _answer_empty(request, HTTPStatus.MISDIRECTED_REQUEST)
        except requests.exceptions.RequestException as error:
            # Without its text, which has the address.
            self._failure = f"{type(error).__name__}: the server cannot be reached"
            _answer_empty(request, HTTPStatus.BAD_GATEWAY)
        except ValueError:
            # Of requests as well, which looks where a redirect leads before it is asked to.
            self._failure = "the server redirects to what is no address"
            _answer_empty(request, HTTPStatus.MISDIRECTED_REQUEST)
        else:
            with response:
                _pass_on(request, response)

    def _ask(
        self, session: requests.Session, request: BaseHTTPRequestHandler, origin: _Origin, path: str
    ) -> requests.Response:
        url, authorization = self._target(origin, path, request.headers.get("Authorization"))
        home = origin.url
        headers = {name: request.headers[name] for name in _ASKED_WITH if name in request.headers}
        for _ in range(_REDIRECTS):
            response = session.request(
                request.command,
                url,
                headers=headers | ({"Authorization": authorization} if authorization else {}),
                # Without it a .netrc would put its own in place of ours.
                auth=_as_it_is,
                allow_redirects=False,
                stream=True,
                timeout=_TIMEOUT,
                verify=self._network.verify,
                proxies=self._network.proxies_for(url),
            )
            if not response.is_redirect:
                return response
            response.close()
            before, url = url, urljoin(url, response.headers["Location"])
            if not url.startswith("https://") and not (url.startswith("http://") and before.startswith("http://")):
                raise _RefusedError("the server redirects from https to what is not, which is not followed")
            if origin_of(url) != home:
                authorization, url = None, self._without_tokens(url)
        raise _RefusedError(f"the server redirects more than {_REDIRECTS} times")

    def _target(self, origin: _Origin, path: str, authorization: str | None) -> tuple[str, str | None]:
        """What is asked, and with which header: a channel's own credentials, or those of rattler's store."""
        public = f"{origin.url}{path.removeprefix(origin.token)}"
        for channel in self._channels:
            if unquote(public).startswith(f"{unquote(channel.url)}/"):
                rest = public.split("/", channel.url.count("/") + 1)[-1]
                return f"{channel.address_for_request()}/{rest}", channel.authorization_for_request()
        return f"{origin.url}{path}", authorization

    def _without_tokens(self, url: str) -> str:
        """An address at another server without what was copied into it out of the address that was asked."""
        tokens = {origin.token.removeprefix("/t/") for origin in self._origins if origin.token}
        for token in tokens.union(*(channel.tokens_for_request() for channel in self._channels)):
            url = re.sub(rf"/[^/]+/{re.escape(token)}(?=/|\Z)", "", url)
            if token in url:
                raise _RefusedError("the server redirects to another one, with the token in the address")
        return url


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], relay: Relay) -> None:
        super().__init__(address, handler)
        self.relay = relay

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: rattler hears that the connection ended, and there may be an address in the traceback."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60.0
    server: _Server

    def do_GET(self) -> None:
        self.server.relay.answer(self)

    do_HEAD = do_GET  # noqa: N815 - the base class's name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


def _answer_empty(request: BaseHTTPRequestHandler, status: HTTPStatus) -> None:
    request.send_response(status)
    request.send_header("Content-Length", "0")
    request.end_headers()


def _pass_on(request: BaseHTTPRequestHandler, response: requests.Response) -> None:
    """Send the answer of a server as it came; what ends too early there ends too early here."""
    length = response.headers.get("Content-Length")
    request.send_response(response.status_code)
    for name in _ANSWERED_WITH:
        if name in response.headers:
            request.send_header(name, response.headers[name])
    if length is not None:
        request.send_header("Content-Length", length)
    elif request.command == "GET" and response.status_code not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    if request.command == "HEAD" or response.status_code in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        return
    # Until all of it was sent.
    request.close_connection = True
    for piece in response.raw.stream(_PIECE, decode_content=False):
        request.wfile.write(piece if length is not None else b"%x\r\n%b\r\n" % (len(piece), piece))
    if length is None:
        request.wfile.write(b"0\r\n\r\n")
    request.close_connection = False


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _session(network: Network) -> requests.Session:
    import requests  # noqa: PLC0415 - see above
    from requests.adapters import HTTPAdapter  # noqa: PLC0415 - see above
    from urllib3 import disable_warnings  # noqa: PLC0415 - see above
    from urllib3.exceptions import InsecureRequestWarning  # noqa: PLC0415 - see above

    if not network.verify:
        # Who configured that knows it; rattler says nothing either.
        disable_warnings(InsecureRequestWarning)

    session = requests.Session()
    session.headers.clear()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # Proxies of rattler's configuration stand in place of those of the environment.
    session.trust_env = not network.proxies
    trusts_system = network.system_certificates and network.verify
    adapter = _trusting(ssl.create_default_context()) if trusts_system else HTTPAdapter(pool_maxsize=_AT_ONCE)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _trusting(context: ssl.SSLContext) -> HTTPAdapter:
    """What asks servers, and proxies, whose certificates `context` or the ones of requests vouch for."""
    from requests.adapters import HTTPAdapter  # noqa: PLC0415 - see above

    class Trusting(HTTPAdapter):
        def init_poolmanager(self, *arguments: Any, **how: Any) -> None:  # noqa: ANN401 - whatever requests hands on
            super().init_poolmanager(*arguments, **how, ssl_context=context)

        def proxy_manager_for(self, proxy: str, **how: Any) -> Any:  # noqa: ANN401 - see above
            # One of SOCKS has no TLS of its own.
            own = {} if proxy.lower().startswith("socks") else {"proxy_ssl_context": context}
            return super().proxy_manager_for(proxy, **how, **own, ssl_context=context)

    return Trusting(pool_maxsize=_AT_ONCE)
