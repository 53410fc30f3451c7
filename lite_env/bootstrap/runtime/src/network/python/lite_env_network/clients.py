"""What clients need besides sockets, each mended when it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType


def mend(module: ModuleType) -> None:
    """Mend a module that was just loaded."""
    _MENDERS[module.__name__](vars(module))


def _ssl(space: dict[str, Any]) -> None:
    """A Python with `ssl` has no more sockets than others: theirs is the host's TLS, too."""
    from lite_env_network.sockets import Socket

    context = space["SSLContext"]
    wrap = context.wrap_socket

    def wrap_socket(self: Any, sock: Any, *args: Any, **how: Any) -> Any:
        if not isinstance(sock, Socket):
            return wrap(self, sock, *args, **how)
        sock.tls = True
        return sock

    context.wrap_socket = wrap_socket
    if "stub" in space["OPENSSL_VERSION"]:
        # That of some Python 3.14 has the property, and nothing behind it.
        context.hostname_checks_common_name = False


def _fsspec(space: dict[str, Any]) -> None:
    """Its coroutines run in a thread of their own elsewhere; here where they are called."""
    from lite_env_network import loop

    space["get_loop"] = loop.shared_loop
    space["sync"] = loop.sync


def _anyio(space: dict[str, Any]) -> None:
    """TLS is the host's: the stream stays as it is, and its socket asks by https."""
    from anyio.abc import SocketAttribute  # type: ignore[import-not-found]

    async def wrap(_cls: Any, transport_stream: Any, **_: Any) -> Any:
        transport_stream.extra(SocketAttribute.raw_socket).tls = True  # noqa: S610 - nothing of Django's
        return transport_stream

    space["TLSStream"].wrap = classmethod(wrap)  # type: ignore[arg-type] # it is called with names


def _anyio_errors(space: dict[str, Any]) -> None:
    """What a stream that was lost raises says why."""
    stream, broken = space["SocketStream"], space["BrokenResourceError"]

    def telling(method: Any) -> Any:
        async def call(self: Any, *args: Any, **how: Any) -> Any:
            try:
                return await method(self, *args, **how)
            except broken as error:
                error.args = error.args or (str(error.__cause__ or ""),)
                raise

        return call

    stream.receive, stream.send = telling(stream.receive), telling(stream.send)


def _pip(_space: dict[str, Any]) -> None:
    """The mask of new files says that nobody may read them, which pip's own checks trip over."""
    import os

    os.umask(0o22)


_MENDERS = {
    "ssl": _ssl,
    "fsspec.asyn": _fsspec,
    "anyio.streams.tls": _anyio,
    "anyio._backends._asyncio": _anyio_errors,
    "pip._internal.cli.main": _pip,
}
