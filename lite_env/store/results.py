"""Work whose result is some bytes, done once: the usual way to use a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lite_env.store.protocol import Key, Store

_RESULT = "result"

AT_ONCE = 8
"""Results that are looked for at the same time: a store may have to ask another machine."""


def find_result(store: Store, key: Key) -> bytes | None:
    """The bytes that came of the work `key`; None when it was not done, or they are lost or damaged."""
    done = store.recall(key)
    return None if done is None or _RESULT not in done else store.read(done[_RESULT])


def keep_result(store: Store, key: Key, data: bytes, *, vouched: bool = False) -> str:
    """Keep the bytes that came of the work `key`; their SHA-256."""
    digest = store.write(data, kind=key.kind, vouched=vouched)
    store.record(key, {_RESULT: digest})
    return digest
