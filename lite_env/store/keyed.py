"""Results kept under a name for all that they follow from, so that the same work is not done twice."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.store.atomic import write_bytes
from lite_env.store.location import cache_directory

if TYPE_CHECKING:
    from pathlib import Path

_DIGEST_SIZE = 32


@dataclass(frozen=True, slots=True)
class KeyedCache:
    """A folder of results by key; what was damaged on disk is as if it were not there."""

    directory: Path

    def find(self, key: str) -> bytes | None:
        """The result that was kept under `key`."""
        try:
            content = self._path(key).read_bytes()
        except OSError:
            return None
        digest, data = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
        return data if hashlib.sha256(data).digest() == digest else None

    def keep(self, key: str, data: bytes) -> None:
        """Keep a result; a cache that cannot be written is no reason to fail."""
        try:
            write_bytes(self._path(key), hashlib.sha256(data).digest() + data)
        except OSError:
            return

    def _path(self, key: str) -> Path:
        return self.directory / key[:2] / key


def user_cache(name: str) -> KeyedCache:
    """The cache for one kind of result in the user's cache folder."""
    return KeyedCache(cache_directory(name))


def key_of(*parts: object) -> str:
    """A key for what `parts` (JSON values) say."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
