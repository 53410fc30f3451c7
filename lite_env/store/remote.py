"""A remote store, in the form of a local one: asked for what is not here, and never again once it fails."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from lite_env.errors import LiteEnvError, without_secrets
from lite_env.store.digest import is_sha256
from lite_env.store.form import content_file, content_place, done_place, read_content, read_record, record_file
from lite_env.store.results import AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lite_env.progress import Reporter
    from lite_env.store.form import Head
    from lite_env.store.protocol import Key
    from lite_env.store.wire import Wire

T = TypeVar("T")


class RemoteStore:
    """What is at the other end of a wire. A failure ends its use for this run, with a warning.

    Bytes are named by their hash and may come from anybody. What came of a piece of work is believed only of a store
    that is trusted: a hash proves bytes, and not that they are the answer to a key.

    Args:
        wire: to it.
        label: its name, for people; without credentials.
        trusted: whether to believe it what came of which work.
        reporter: told when it fails.
    """

    def __init__(self, wire: Wire, *, label: str, trusted: bool, reporter: Reporter) -> None:
        self.label = label
        self.trusted = trusted
        self._wire = wire
        self._reporter = reporter
        self._lock = threading.Lock()
        self._turns = threading.Semaphore(AT_ONCE)
        self._failed = False
        self._absent: set[str] = set()
        self._broken: set[str] = set()

    @property
    def failed(self) -> bool:
        """Whether it is asked no more."""
        return self._failed

    def look_again(self) -> None:
        """Ask anew for what was not there: somebody may have put it there since."""
        self._absent.clear()

    def find(self, digest: str) -> tuple[Head, bytes] | None:
        """The bytes with this SHA-256, checked, and what is known of them."""
        if not is_sha256(digest):
            return None
        place = content_place(digest)
        file = self._get(place)
        found = read_content(file, digest) if file is not None else None
        if file is not None and found is None:
            self._damaged(place)
        return found

    def recall(self, key: Key) -> Mapping[str, str] | None:
        """What came of a piece of work, if it may be believed."""
        if not self.trusted:
            return None
        place = done_place(key)
        file = self._get(place)
        results = read_record(file) if file is not None else None
        if file is not None and results is None:
            self._damaged(place)
        return results

    def put_content(self, digest: str, head: Head, data: bytes) -> None:
        """Have it there."""
        place = content_place(digest)
        # Asked also where it was absent before: that is soon answered or fails, and to send it may take long.
        if place in self._broken or not self._guarded(lambda: self._wire.has(place), otherwise=True):
            self._put(place, content_file(head, data))

    def put_record(self, key: Key, results: Mapping[str, str]) -> None:
        """Have the record of a piece of work there."""
        self._put(done_place(key), record_file(results))

    def _get(self, place: str) -> bytes | None:
        if place in self._absent | self._broken:
            return None
        file = self._guarded(lambda: self._wire.get(place), otherwise=None)
        if file is None:
            self._absent.add(place)
        return file

    def _put(self, place: str, file: bytes) -> None:
        self._guarded(lambda: self._wire.put(place, file), otherwise=None)

    def _damaged(self, place: str) -> None:
        self._broken.add(place)
        self._reporter.warn(f"the remote store {self.label} has '{place}' damaged: it is passed over", passing=True)

    def _guarded(self, work: Callable[[], T], *, otherwise: T) -> T:
        try:
            with self._turns:
                return otherwise if self._failed else work()
        except (OSError, LiteEnvError) as error:
            with self._lock:
                told, self._failed = self._failed, True
            if not told:
                reason = error.message if isinstance(error, LiteEnvError) else str(error) or type(error).__name__
                hint = f" ({error.hint})" if isinstance(error, LiteEnvError) and error.hint else ""
                text = f"the remote store {self.label} fails, and this run goes on without it: {reason}{hint}"
                self._reporter.warn(without_secrets(text), passing=True)
            return otherwise
