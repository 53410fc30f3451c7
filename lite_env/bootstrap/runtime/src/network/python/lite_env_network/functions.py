"""The functions of `socket` that make sockets or look up names, and all of the layer put in its place."""

from __future__ import annotations

import select as select_module
import socket as socket_module
import sys
from typing import Any, NoReturn

from lite_env_network.errors import no_sockets
from lite_env_network.sockets import Socket

REAL = {name: getattr(select_module, name) for name in ("select", "poll") if hasattr(select_module, name)}
"""What the interpreter has of the module `select`."""
_PORTS = {"http": 80, "https": 443, None: 0}


def getaddrinfo(
    host: Any,
    port: Any,
    family: int = 0,  # noqa: ARG001 - as Python's
    type: int = 0,  # noqa: A002 - as Python's
    proto: int = 0,  # noqa: ARG001 - as Python's
    flags: int = 0,  # noqa: ARG001 - as Python's
) -> list[tuple[int, int, int, str, tuple[str, int]]]:
    """The name itself in place of its addresses, which the host looks up and does not tell."""
    name = host.decode("ascii") if isinstance(host, bytes) else host
    number = _PORTS.get(port)
    if number is None:
        try:
            number = int(port)
        except (TypeError, ValueError):
            raise socket_module.gaierror(socket_module.EAI_SERVICE, f"no such service: {port!r}") from None
    kind = type or socket_module.SOCK_STREAM
    return [(socket_module.AF_INET, kind, socket_module.IPPROTO_TCP, "", (name or "localhost", number))]


def gethostbyname(name: str) -> str:
    """The name itself, in place of its address."""
    return name


def create_connection(
    address: tuple[Any, ...],
    timeout: Any = socket_module._GLOBAL_DEFAULT_TIMEOUT,  # type: ignore[attr-defined] # noqa: SLF001 - as Python's
    source_address: Any = None,  # noqa: ARG001 - as Python's
    *,
    all_errors: bool = False,  # noqa: ARG001 - as Python's
) -> Socket:
    """As `socket.create_connection`."""
    made = Socket()
    if isinstance(timeout, int | float) or timeout is None:
        made.settimeout(timeout)
    made.connect(tuple(address))
    return made


def refused(name: str) -> Any:
    """A function of the module `socket` that needs sockets that are ones."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise no_sockets(f"socket.{name}")

    refuse.__name__ = name
    return refuse


def install() -> None:
    """Put all of it in the place of what the interpreter has."""
    for name in ("socketpair", "fromfd", "create_server", "gethostbyaddr", "gethostbyname_ex"):
        setattr(socket_module, name, refused(name))
    vars(socket_module).update(
        socket=Socket,
        create_connection=create_connection,
        getaddrinfo=getaddrinfo,
        gethostbyname=gethostbyname,
        has_dualstack_ipv6=lambda: False,
    )
    for name in REAL:
        setattr(select_module, name, _late(name))
    loaded = sys.modules.get("ssl")
    if loaded is not None and "_ssl" in sys.modules:
        from lite_env_network import clients

        clients.mend(loaded)


def _late(name: str) -> Any:
    """A function of `select` that brings the one of `watch` when it is called: most requests need neither."""

    def call(*args: Any, **how: Any) -> Any:
        from lite_env_network import watch

        watch.install()
        return getattr(select_module, name)(*args, **how)

    call.__name__ = name
    return call
