"""What `http.client` and `urllib.request` lack where Python was built without `ssl`."""

from __future__ import annotations

import http.client
import urllib.request
from typing import Any

_NAMES = {"http.client": "HTTPSConnection", "urllib.request": "HTTPSHandler"}


class HTTPSConnection(http.client.HTTPConnection):
    """As `http.client.HTTPSConnection`."""

    default_port = http.client.HTTPS_PORT

    def __init__(
        self,
        host: str,
        port: int | None = None,
        key_file: Any = None,
        cert_file: Any = None,
        timeout: Any = None,
        source_address: Any = None,
        *,
        context: Any = None,
        check_hostname: bool | None = None,
        blocksize: int = 8192,
    ) -> None:
        given = {} if timeout is None else {"timeout": timeout}
        super().__init__(host, port, source_address=source_address, blocksize=blocksize, **given)
        import ssl

        self.key_file = key_file
        self.cert_file = cert_file
        self._context = context or ssl._create_default_https_context()  # noqa: SLF001 - as Python's
        if cert_file or key_file:
            self._context.load_cert_chain(cert_file, key_file)
        if check_hostname is not None:
            self._context.check_hostname = check_hostname

    def connect(self) -> None:
        """Connect by https."""
        super().connect()
        name = self._tunnel_host or self.host  # type: ignore[attr-defined]
        self.sock = self._context.wrap_socket(self.sock, server_hostname=name)


class HTTPSHandler(urllib.request.AbstractHTTPHandler):
    """As `urllib.request.HTTPSHandler`."""

    def __init__(self, debuglevel: int = 0, context: Any = None, check_hostname: bool | None = None) -> None:
        super().__init__(debuglevel)
        self._context = context
        self._check_hostname = check_hostname

    def https_open(self, req: Any) -> Any:
        """Ask by https."""
        how = {"context": self._context, "check_hostname": self._check_hostname}
        return self.do_open(HTTPSConnection, req, **how)

    https_request = urllib.request.AbstractHTTPHandler.do_request_


def install() -> None:
    """Give both modules what they lack, unless they have it."""
    if not isinstance(vars(http.client).get("HTTPSConnection"), type):
        HTTPSConnection.__module__ = "http.client"
        vars(http.client).update(HTTPSConnection=HTTPSConnection)
        http.client.__all__.append("HTTPSConnection")
    if not isinstance(vars(urllib.request).get("HTTPSHandler"), type):
        HTTPSHandler.__module__ = "urllib.request"
        vars(urllib.request).update(HTTPSHandler=HTTPSHandler)
