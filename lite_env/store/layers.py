"""A local store with remote ones behind it: what is not here is asked for there, and what comes is kept here."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from lite_env.progress import SILENT
from lite_env.store.results import AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lite_env.progress import Reporter
    from lite_env.store.local import LocalStore
    from lite_env.store.protocol import Entry, Key
    from lite_env.store.remote import RemoteStore


class LayeredStore:
    """See `lite_env.store.protocol.Store`.

    Args:
        local: of this machine.
        remotes: asked in this order.
        written: those that are given what is done here, by `share`.
    """

    def __init__(
        self, local: LocalStore, remotes: Sequence[RemoteStore], *, written: Sequence[RemoteStore] = ()
    ) -> None:
        self._local = local
        self._remotes = tuple(remotes)
        self._written = tuple(written)
        self._lock = threading.Lock()
        self._made: dict[str, None] = {}
        self._done: dict[Key, Mapping[str, str]] = {}

    def read(self, digest: str) -> bytes | None:
        """The bytes with this SHA-256, from the first store that has them whole."""
        data = self._local.read(digest)
        if data is not None:
            return data
        for remote in self._remotes:
            found = remote.find(digest)
            if found is not None:
                head, data = found
                self._local.write(data, kind=head.kind, vouched=head.vouched)
                return data
        return None

    def write(self, data: bytes, *, kind: str, vouched: bool = False) -> str:
        """Keep `data` here; `share` gives it to others."""
        digest = self._local.write(data, kind=kind, vouched=vouched)
        if self._written:
            with self._lock:
                self._made[digest] = None
        return digest

    def recall(self, key: Key) -> Mapping[str, str] | None:
        """What came of a piece of work, from the first store that knows and may be believed."""
        results = self._local.recall(key)
        if results is not None:
            return results
        for remote in self._remotes:
            results = remote.recall(key)
            if results is not None:
                self._local.record(key, results)
                return results
        return None

    def record(self, key: Key, results: Mapping[str, str]) -> None:
        """Note it here; `share` tells others."""
        self._local.record(key, results)
        if self._written:
            with self._lock:
                self._done[key] = dict(results)

    def entries(self) -> Iterator[Entry]:
        """What is kept here."""
        return self._local.entries()

    def share(self, *, reporter: Reporter = SILENT) -> None:
        """Give what was done here since the last time to the stores that are written to: first bytes, then records.

        Several files at once. One that fails ends it for its store, with a warning.
        """
        with self._lock:
            made, done = dict(self._made), dict(self._done)
            self._made.clear()
            self._done.clear()
        digests = [*made, *({digest for results in done.values() for digest in results.values()} - made.keys())]
        if not digests and not done:
            return
        for remote in self._written:
            with (
                reporter.task(f"writing to {remote.label}", len(digests) + len(done), "items") as task,
                ThreadPoolExecutor(max_workers=AT_ONCE) as pool,
            ):
                for _ in pool.map(partial(self._give, remote=remote), digests):
                    task.advance(1)
                # A record of bytes that are not there would be of no use.
                for _ in pool.map(lambda item, remote=remote: remote.put_record(*item), done.items()):
                    task.advance(1)

    def _give(self, digest: str, *, remote: RemoteStore) -> None:
        found = self._local.find(digest) if not remote.failed else None
        if found is not None:
            remote.put_content(digest, *found)
