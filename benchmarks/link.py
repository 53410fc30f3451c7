"""A link with a latency and a rate, between programs that speak TCP."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PIECE = 16_384


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """What a link does to what goes through it.

    Attributes:
        round_trip: seconds from a question to its answer.
        rate: bits a second in each direction, of all connections together.
    """

    round_trip: float
    rate: float


class _Direction:
    """One direction: each piece leaves when those before it have, and arrives half a round trip later."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._free = 0.0

    def arrival(self, size: int) -> float:
        now = asyncio.get_running_loop().time()
        self._free = max(self._free, now) + size * 8 / self._link.rate
        return self._free + self._link.round_trip / 2


@contextmanager
def linked(port: int, link: Link) -> Iterator[int]:
    """A port of this machine that leads to its `port` through `link`."""
    begun: Future[tuple[int, Callable[[], None]]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_lead(port, link, begun)), daemon=True)
    thread.start()
    through, end = begun.result()
    try:
        yield through
    finally:
        end()
        thread.join()


async def _lead(port: int, link: Link, begun: Future[tuple[int, Callable[[], None]]]) -> None:
    there, back = _Direction(link), _Direction(link)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # To connect takes a round trip.
        await asyncio.sleep(link.round_trip)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_carry(reader, far_writer, there), _carry(far_reader, writer, back))

    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    begun.set_result((server.sockets[0].getsockname()[1], lambda: _soon(loop, ended)))
    await ended.wait()
    server.close()


def _soon(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    loop.call_soon_threadsafe(ended.set)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: _Direction) -> None:
    """Pass on what comes, when it arrives, until it ends."""
    loop = asyncio.get_running_loop()
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        with suppress(OSError):
            while True:
                due, piece = await under_way.get()
                await asyncio.sleep(due - loop.time())
                if not piece:
                    break
                writer.write(piece)
                await writer.drain()
        writer.close()

    delivering = loop.create_task(deliver())
    with suppress(OSError):
        while piece := await reader.read(_PIECE):
            under_way.put_nowait((direction.arrival(len(piece)), piece))
    under_way.put_nowait((direction.arrival(0), b""))
    await delivering
