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
    from collections.abc import Iterator
    from pathlib import Path

    from lite_env.progress import Reporter
    from lite_env.spec.remotes import Remote
    from lite_env.store.protocol import Store


@contextmanager
def opened_store(source: Path, *, offline: bool = False, reporter: Reporter = SILENT) -> Iterator[Store]:
    """The store, inside the block; at its end remote ones are given what was done, also where an error ends it.

    Args:
        source: what is worked at, a folder or a file in one: the settings there hold.
        offline: ask no remote one.
        reporter: warned when a remote store fails.

    Raises:
        SpecError: a setting is wrong.
    """
    with layered_store(() if offline else remotes_of(source), reporter=reporter) as store:
        yield store


def remotes_of(source: Path) -> tuple[Remote, ...]:
    """The remote stores of who works at `source`, a folder or a file in one.

    Raises:
        SpecError: a setting is wrong.
    """
    return read_remotes(source if source.is_dir() else source.parent)


@contextmanager
def layered_store(remotes: tuple[Remote, ...], *, reporter: Reporter = SILENT) -> Iterator[Store]:
    """The user's own store with `remotes` behind it, inside the block; at its end they are given what was done.

    Args:
        remotes: asked in this order.
        reporter: warned when one fails.
    """
    local = open_store()
    if not remotes:
        yield local
        return
    opened = {remote: _remote_store(remote, reporter) for remote in remotes}
    written = [store for remote, store in opened.items() if remote.write]
    store = LayeredStore(local, tuple(opened.values()), written=written)
    try:
        yield store
    finally:
        store.share(reporter=reporter)


def _remote_store(remote: Remote, reporter: Reporter) -> RemoteStore:
    return RemoteStore(FsspecWire(remote.url), label=remote.label, trusted=remote.trusted, reporter=reporter)
