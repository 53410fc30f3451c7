"""Event loops where there are no sockets: connections for the loop that JavaScript runs, and a loop that blocks.

The one that JavaScript runs goes on while the kernel is idle or a cell awaits. Where Python itself runs a loop
(`asyncio.run`), no JavaScript runs until it is done: that loop waits for answers by looking for them.
"""

from __future__ import annotations

import asyncio
import time
from asyncio import events
from typing import TYPE_CHECKING, Any

from lite_env_network import functions
from lite_env_network.errors import no_sockets
from lite_env_network.exchange import SLICE_MS
from lite_env_network.watch import nap

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from lite_env_network.sockets import Socket

_FIRST_LOOK = 0.001
_LAST_LOOK = 0.02
_SLOWER = 1.5
_PIECE = 1 << 18


class Transport(asyncio.Transport):
    """Carries what a protocol writes to a socket, and looks for what has come while an answer is under way."""

    def __init__(self, loop: Any, sock: Socket, protocol: Any, ready: asyncio.Future[None]) -> None:
        super().__init__({"socket": sock, "peername": sock.getpeername(), "sockname": sock.getsockname()})
        self._loop = loop
        self._sock = sock
        self._protocol = protocol
        self._paused = False
        self._closing = False
        self._timer: Any = None
        self._pause = _FIRST_LOOK
        loop.call_soon(self._begin, ready)

    def _begin(self, ready: asyncio.Future[None]) -> None:
        self._protocol.connection_made(self)
        if not ready.done():
            ready.set_result(None)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Of the socket."""
        if name in {"ssl_object", "sslcontext", "cipher", "peercert", "compression"}:
            return default
        return super().get_extra_info(name, default)

    def write(self, data: Any) -> None:
        """Send it; errors end the connection, as they do with others."""
        if self._closing or not data:
            return
        try:
            self._sock.sendall(data)
        except OSError as error:
            self._loop.call_soon(self._lose, error)
            return
        self._pause = _FIRST_LOOK
        self._look_later()

    def writelines(self, list_of_data: Any) -> None:
        """As `write`."""
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """The other direction would be open, and nothing could come of it."""
        return False

    def get_write_buffer_size(self) -> int:
        """What is written is on its way."""
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """What is written is on its way."""

    def set_protocol(self, protocol: Any) -> None:
        """From now on it gets what comes."""
        self._protocol = protocol

    def get_protocol(self) -> Any:
        """Who gets what comes."""
        return self._protocol

    def is_reading(self) -> bool:
        """Whether the protocol wants what comes."""
        return not self._paused and not self._closing

    def pause_reading(self) -> None:
        """Hand over nothing for now."""
        self._paused = True

    def resume_reading(self) -> None:
        """Hand over again what comes."""
        self._paused = False
        self._look_later()

    def is_closing(self) -> bool:
        """Whether it ends."""
        return self._closing

    def close(self) -> None:
        """End it."""
        if not self._closing:
            self._loop.call_soon(self._lose, None)

    abort = close

    def _look_later(self) -> None:
        if self._timer is None and self.is_reading() and self._sock.awaits:
            self._timer = self._loop.call_later(self._pause, self._look)
            self._pause = min(self._pause * _SLOWER, _LAST_LOOK)

    def _look(self) -> None:
        self._timer = None
        if not self.is_reading():
            return
        try:
            if self._sock.ready():
                data = self._sock.recv(_PIECE)
                self._pause = 0.0
                self._hand_over(data)
                self._pause = max(self._pause, 0.0)
        except BlockingIOError:
            pass
        except OSError as error:
            self._lose(error)
            return
        self._look_later()
        self._pause = max(self._pause, _FIRST_LOOK)

    def _hand_over(self, data: bytes) -> None:
        if not isinstance(self._protocol, asyncio.BufferedProtocol):
            self._protocol.data_received(data)
            return
        while data:
            buffer = memoryview(self._protocol.get_buffer(len(data)))
            part, data = data[: len(buffer)], data[len(buffer) :]
            buffer[: len(part)] = part
            self._protocol.buffer_updated(len(part))

    def _lose(self, error: OSError | None) -> None:
        if self._closing:
            return
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        self._sock.close()
        self._protocol.connection_lost(error)


# Methods of event loops, of whichever loop.


async def create_connection(
    loop: Any,
    protocol_factory: Callable[[], Any],
    host: Any = None,
    port: Any = None,
    *,
    ssl: Any = None,
    sock: Any = None,
    **_: Any,
) -> tuple[Transport, Any]:
    """As `loop.create_connection`."""
    if sock is None:
        sock = functions.create_connection((host, port))
    sock.setblocking(False)
    if ssl:
        sock.tls = True
    protocol = protocol_factory()
    ready = loop.create_future()
    transport = Transport(loop, sock, protocol, ready)
    await ready
    return transport, protocol


async def getaddrinfo(_loop: Any, host: Any, port: Any, **how: Any) -> Any:
    """As `loop.getaddrinfo`."""
    return functions.getaddrinfo(host, port, **how)


async def getnameinfo(_loop: Any, sockaddr: Any, flags: int = 0) -> tuple[str, str]:  # noqa: ARG001 - as Python's
    """As `loop.getnameinfo`."""
    return str(sockaddr[0]), str(sockaddr[1])


async def sock_connect(_loop: Any, sock: Any, address: Any) -> None:
    """As `loop.sock_connect`."""
    sock.connect(address)


async def start_tls(_loop: Any, transport: Any, protocol: Any, _context: Any, **__: Any) -> Any:
    """As `loop.start_tls`: from now on the requests are of https."""
    transport.get_extra_info("socket").tls = True
    transport.set_protocol(protocol)
    return transport


def run_in_executor(loop: Any, _executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
    """Call it at once: there are no threads."""
    future: asyncio.Future[Any] = loop.create_future()
    try:
        future.set_result(func(*args))
    except Exception as error:  # noqa: BLE001 - all that an executor hands on
        future.set_exception(error)
    return future


class _Waiting:
    """What a loop waits with when it has nothing to do."""

    def select(self, timeout: float | None = None) -> list[Any]:
        """Wait for so many seconds."""
        if timeout is None:
            raise RuntimeError(
                "this waits for something that only JavaScript can bring, and none runs until Python is done: "
                "use a top-level `await` in place of a loop of your own (asyncio.run, run_until_complete)"
            )
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            nap(min(left * 1000, SLICE_MS))
        return []

    def close(self) -> None:
        """There is nothing to close."""


class _SetAside:
    """Let no loop run, and no task be the present one (which is a thread's from 3.12 on, not a loop's)."""

    def __enter__(self) -> None:
        self._loop = events._get_running_loop()  # noqa: SLF001 - Python has no other way to set one aside
        self._swap = getattr(asyncio.tasks, "_swap_current_task", None) if self._loop is not None else None
        self._task = self._swap(self._loop, None) if self._swap else None
        events._set_running_loop(None)  # noqa: SLF001

    def __exit__(self, *_: object) -> None:
        events._set_running_loop(self._loop)  # noqa: SLF001
        if self._swap:
            self._swap(self._loop, self._task)


class BlockingLoop(asyncio.BaseEventLoop):
    """A loop that runs where it is called, also while another one runs, which has to wait."""

    blocks = True

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Waiting()

    create_connection = create_connection
    getaddrinfo = getaddrinfo
    getnameinfo = getnameinfo
    sock_connect = sock_connect
    start_tls = start_tls  # type: ignore[assignment]
    run_in_executor = run_in_executor  # type: ignore[assignment]

    async def create_server(self, *_: Any, **__: Any) -> Any:
        """Refused."""
        raise no_sockets("cannot listen")

    def run_forever(self) -> None:
        """As any loop, in the place of the one that runs."""
        with _SetAside():
            super().run_forever()

    def run_until_complete(self, future: Any) -> Any:
        """As any loop, in the place of the one that runs."""
        with _SetAside():
            return super().run_until_complete(future)

    def cancel_all(self) -> None:
        """Let nothing that is under way go on: each task is cancelled and has ended when this returns."""
        tasks = asyncio.all_tasks(self)
        for task in tasks:
            task.cancel()
        if tasks:
            self.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))

    def _process_events(self, event_list: Any) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """There is no other thread that would wake it."""


def run(main: Coroutine[Any, Any, Any], *, debug: bool | None = None, **_: Any) -> Any:
    """As `asyncio.run`, also where a loop runs already."""
    if not asyncio.iscoroutine(main):
        raise ValueError(f"a coroutine was expected, got {main!r}")
    loop = BlockingLoop()
    if debug is not None:
        loop.set_debug(debug)
    try:
        return loop.run_until_complete(main)
    finally:
        try:
            loop.cancel_all()
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()


_shared: BlockingLoop | None = None


def shared_loop() -> BlockingLoop:
    """The loop of clients that keep connections over several calls."""
    global _shared  # noqa: PLW0603 - made when it is first needed
    if _shared is None or _shared.is_closed():
        _shared = BlockingLoop()
    return _shared


def sync(loop: Any, func: Callable[..., Any], *args: Any, timeout: float | None = None, **kwargs: Any) -> Any:
    """As `fsspec.asyn.sync`: call a coroutine function and wait for its result."""
    if not isinstance(loop, BlockingLoop):
        raise RuntimeError("Loop is not running")  # noqa: TRY004 - as fsspec's
    try:
        return loop.run_until_complete(asyncio.wait_for(func(*args, **kwargs), timeout))
    except KeyboardInterrupt:
        loop.cancel_all()
        raise
