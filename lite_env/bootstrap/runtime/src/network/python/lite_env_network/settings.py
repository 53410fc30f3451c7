"""What sockets are asked besides HTTP: settings that they keep, TLS of which they say little, and what they refuse."""

from __future__ import annotations

import socket as socket_module
from typing import Any, NoReturn, Self

from lite_env_network.errors import no_sockets


class Settings:
    """Of a socket."""

    type: int
    tls: bool
    _timeout: float | None
    _peer: tuple[Any, ...] | None

    def setsockopt(self, *option: Any) -> None:
        """Options of a connection are the host's affair."""

    def getsockopt(self, level: int, name: int, length: int = 0) -> int | bytes:
        """Errors are raised where they come, so none is pending; other options are 0 too."""
        if level == socket_module.SOL_SOCKET and name == socket_module.SO_TYPE:
            return self.type
        return bytes(length) if length else 0

    def settimeout(self, seconds: float | None) -> None:
        """Seconds that a receive may take; 0 for one that never waits."""
        if seconds is not None and seconds < 0:
            raise ValueError("Timeout value out of range")
        self._timeout = seconds

    def gettimeout(self) -> float | None:
        """As it was set."""
        return self._timeout

    @property
    def timeout(self) -> float | None:
        """As it was set."""
        return self._timeout

    def setblocking(self, flag: bool) -> None:
        """Wait without limit, or never."""
        self._timeout = None if flag else 0.0

    def getblocking(self) -> bool:
        """Whether a receive waits."""
        return self._timeout != 0

    def get_inheritable(self) -> bool:
        """There is nobody to inherit."""
        return False

    def set_inheritable(self, inheritable: bool) -> None:
        """There is nobody to inherit."""

    # What clients ask of one with TLS.

    def version(self) -> str | None:
        """The host's TLS, of which it says nothing."""
        return "TLSv1.3" if self.tls else None

    def cipher(self) -> tuple[str, str, int] | None:
        """The host's TLS, of which it says nothing."""
        return ("TLS_AES_256_GCM_SHA384", "TLSv1.3", 256) if self.tls else None

    def selected_alpn_protocol(self) -> str | None:
        """What is read here is HTTP/1.1, whatever the host speaks."""
        return "http/1.1" if self.tls else None

    def getpeercert(self, binary_form: bool = False) -> Any:
        """The certificate, which the host has checked and does not show; only for whom it is."""
        if binary_form:
            return b""
        return {"subjectAltName": (("DNS", str((self._peer or ("",))[0])),)}

    def do_handshake(self) -> None:
        """The host's affair."""

    def unwrap(self) -> Self:
        """The same connection: TLS does not end before it."""
        return self

    # What is refused.

    def bind(self, address: Any) -> NoReturn:
        """Refused."""
        raise no_sockets(f"cannot listen at {address!r}")

    def listen(self, backlog: int = 0) -> NoReturn:  # noqa: ARG002 - as Python's
        """Refused."""
        raise no_sockets("cannot listen")

    def accept(self) -> NoReturn:
        """Refused."""
        raise no_sockets("cannot accept a connection")

    def sendto(self, data: Any, *where: Any) -> NoReturn:  # noqa: ARG002 - as Python's
        """Refused."""
        raise no_sockets(f"cannot send datagrams to {where[-1] if where else None!r}")

    def detach(self) -> int:
        """Refused: the number is no file's."""
        raise no_sockets("a socket cannot become a descriptor")

    def dup(self) -> NoReturn:
        """Refused: the number is no file's."""
        raise no_sockets("a socket cannot be duplicated")
