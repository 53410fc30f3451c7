"""The snapshots that a pack brings: made of its kernels, and not twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import zstandard

from lite_env.errors import HostError, MissingEngineError
from lite_env.host.snapshot import make_snapshot
from lite_env.pack.reader import MANIFEST
from lite_env.store.digest import sha256_of_bytes, sha256_of_file
from lite_env.store.protocol import key_of
from lite_env.store.results import find_result, keep_result
from lite_env.workflow.start import runtime_digest

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.pack.manifest import Manifest
    from lite_env.pack.press import Press
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store

_FORM = 1
_HINT = (
    "pack without `--snapshot`: browsers make a snapshot of their own after the first visit, of kernels that have any"
)


class Snapshots:
    """See `lite_env.pack.snapshots.SnapshotMaker`."""

    def __init__(self, *, store: Store, press: Press, reporter: Reporter) -> None:
        self._store = store
        self._press = press
        self._reporter = reporter

    def make(self, pack: Path, manifest: Manifest) -> dict[str, bytes]:
        """Of each kernel that can have one; of the others a warning says why not.

        Raises:
            MissingEngineError: there is no Node.js.
            HostError: none of the kernels can have one.
        """
        digest = sha256_of_file(pack / MANIFEST)
        made: dict[str, bytes] = {}
        refused: list[HostError] = []
        with self._reporter.task("keeping started kernels", len(manifest.kernels), "items") as task:
            for kernel in manifest.kernels:
                try:
                    made[kernel.name] = self._of(pack, digest, kernel.name)
                except MissingEngineError:
                    raise
                except HostError as error:
                    refused.append(error)
                task.advance(1)
        if not made:
            first = refused[0]
            raise type(first)(first.message, hint=first.hint or _HINT, **dict(first.context)) from first
        for other in refused:
            self._reporter.warn(other.message)
        return made

    def _of(self, pack: Path, digest: str, kernel: str) -> bytes:
        """What is kept is what lies in the pack, so that it lies once."""
        key = key_of("snapshot", _FORM, digest, runtime_digest(), kernel)
        data = find_result(self._store, key)
        if data is not None:
            return zstandard.ZstdDecompressor().decompress(data)
        raw = make_snapshot(pack, kernel)
        keep_result(self._store, key, self._press.compressed(sha256_of_bytes(raw), raw), vouched=True)
        return raw
