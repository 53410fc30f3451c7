"""The queue between an engine's threads and the thread that drives the kernel."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING

from lite_env.errors import HostError
from lite_env.host.engine import decode_envelope

if TYPE_CHECKING:
    from lite_env.host.engine import Incoming


class Mailbox:
    """Envelopes in the order they came, and at last the reason why no more will come."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[str | bytes | HostError] = queue.SimpleQueue()
        self._dead: HostError | None = None

    def deliver(self, text: str | bytes) -> None:
        """Put in one envelope as it came; called by the engine's threads."""
        self._queue.put(text)

    def die(self, error: HostError) -> None:
        """Say that nothing more will come; what was delivered before can still be taken."""
        self._queue.put(error)

    def take(self, timeout: float) -> Incoming | None:
        """The next envelope, None after `timeout` seconds.

        Raises:
            HostError: the engine has died or sent something foreign; every later call raises it again.
        """
        if self._dead is not None:
            raise self._dead
        try:
            item = self._queue.get(timeout=timeout) if timeout > 0 else self._queue.get_nowait()
        except queue.Empty:
            return None
        try:
            if isinstance(item, str | bytes):
                return decode_envelope(item)
            raise item
        except HostError as error:
            self._dead = error
            raise
