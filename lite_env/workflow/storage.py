"""The store that a command works with: the user's own, and behind it the remote ones that the settings name."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lite_env.progress import SILENT
from lite_env.spec.remotes import read_remotes
from lite_env.store.layers import LayeredStore
from lite_env.store.local import open_store
from lite_env.store.remote import RemoteStore
from lite_env.store.wire import FsspecWire

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lite_env.progress import Reporter
    from lite_env.spec.remotes import Remote
    from lite_env.store.protocol import Store


class Stores:
    """The user's own store with remote ones behind it, which may be opened several times in a run.

    A remote one that has failed is asked no more, however often it is opened; what was not there is asked for anew.

    Args:
        remotes: asked in this order.
        reporter: warned when one fails.
    """

    def __init__(self, remotes: Sequence[Remote] = (), *, reporter: Reporter = SILENT) -> None:
        self._reporter = reporter
        self._remotes = {remote: _remote_store(remote, reporter) for remote in remotes}

    @property
    def remotes(self) -> tuple[Remote, ...]:
        """The remote ones, in the order in which they are asked."""
        return tuple(self._remotes)

    @contextmanager
    def __call__(self) -> Iterator[Store]:
        """The store, inside the block; at its end remote ones are given what was done, also where an error ends it."""
        local = open_store()
        if not self._remotes:
            yield local
            return
        for opened in self._remotes.values():
            opened.look_again()
        written = [opened for remote, opened in self._remotes.items() if remote.write]
        store = LayeredStore(local, tuple(self._remotes.values()), written=written)
        try:
            yield store
        finally:
            store.share(reporter=self._reporter)


def stores_of(source: Path, *, offline: bool = False, reporter: Reporter = SILENT) -> Stores:
    """The stores of who works at `source`.

    Args:
        source: a folder or a file in one: the settings there hold.
        offline: ask no remote one.
        reporter: warned when a remote store fails.

    Raises:
        SpecError: a setting is wrong.
    """
    remotes = () if offline else read_remotes(source if source.is_dir() else source.parent)
    return Stores(remotes, reporter=reporter)


@contextmanager
def opened_store(source: Path, *, offline: bool = False, reporter: Reporter = SILENT) -> Iterator[Store]:
    """One of `stores_of`, opened once.

    Raises:
        SpecError: a setting is wrong.
    """
    with stores_of(source, offline=offline, reporter=reporter)() as store:
        yield store


def _remote_store(remote: Remote, reporter: Reporter) -> RemoteStore:
    return RemoteStore(FsspecWire(remote.url), label=remote.label, trusted=remote.trusted, reporter=reporter)
