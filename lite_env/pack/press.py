"""Compresses for a pack: out of the store where the same was compressed before, and ahead of what is planned."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from lite_env.pack.archive import FRAME, compress, compressor_version
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.protocol import key_of
from lite_env.store.results import find_result, keep_result

if TYPE_CHECKING:
    from collections.abc import Callable

    from lite_env.store.protocol import Key, Store


class Press:
    """Makes compressed files at one level of zstd; what is asked for while it is made is not made twice.

    Until the block ends, what a pack will probably hold can be compressed `ahead`, on a thread beside other work.
    """

    def __init__(self, store: Store, level: int) -> None:
        self.level = level
        self._store = store
        self._lock = threading.Lock()
        self._under_way: dict[str, Future[bytes]] = {}
        # More may look for what was compressed before.
        self._cores = threading.Semaphore(os.cpu_count() or 1)
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(max_workers=1)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def ahead(self, read: Callable[[], bytes], digest: str | None = None) -> None:
        """Compress soon what `read` gives; what fails there is told by who asks for the same and needs it.

        Where its SHA-256, `digest`, is known, it is not even read when the same was compressed before.
        """
        if digest is not None and self._store.recall(self._key(digest)) is not None:
            return

        def work() -> None:
            raw = read()
            self.compressed(sha256_of_bytes(raw), raw)

        if self._pool is not None:
            with suppress(RuntimeError):  # it is settled what is needed
                self._pool.submit(work)

    def settle(self) -> None:
        """Forget what was to be compressed ahead and is not begun: now it is known what is needed."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def compressed(self, digest: str, raw: bytes) -> bytes:
        """`raw`, whose SHA-256 is `digest`, compressed."""
        with self._lock:
            other = self._under_way.get(digest)
            mine: Future[bytes] = self._under_way.setdefault(digest, Future())
        if other is not None:
            return other.result()
        try:
            data = self._find_or_make(digest, raw)
            mine.set_result(data)
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._under_way[digest]
        return data

    def _find_or_make(self, digest: str, raw: bytes) -> bytes:
        key = self._key(digest)
        data = find_result(self._store, key)
        if data is None:
            with self._cores:
                data = compress(raw, self.level)
            keep_result(self._store, key, data, vouched=True)
        return data

    def _key(self, digest: str) -> Key:
        """All that decides the bytes."""
        return key_of("archive", FRAME, digest, compressor_version(), self.level)
