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
    local = open_store()
    settings = () if offline else read_remotes(source if source.is_dir() else source.parent)
    if not settings:
        yield local
        return
    remotes = {remote: _remote_store(remote, reporter) for remote in settings}
    written = [store for remote, store in remotes.items() if remote.write]
    store = LayeredStore(local, tuple(remotes.values()), written=written)
    try:
        yield store
    finally:
        store.share(reporter=reporter)


def _remote_store(remote: Remote, reporter: Reporter) -> RemoteStore:
    return RemoteStore(FsspecWire(remote.url), label=remote.label, trusted=remote.trusted, reporter=reporter)
