"""The snapshots that a pack brings: made of its kernels, and not twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import zstandard

from lite_env.errors import HostError, MissingEngineError
from lite_env.host.find import node_version
from lite_env.host.snapshot import make_snapshot
from lite_env.pack.reader import MANIFEST
from lite_env.pack.snapshots import MadeSnapshot
from lite_env.store.digest import sha256_of_bytes, sha256_of_file
from lite_env.store.protocol import key_of
from lite_env.store.typed import decode_json
from lite_env.workflow.start import runtime_digest

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.pack.manifest import Kernel, Manifest
    from lite_env.pack.press import Press
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Key, Store

_FORM = 2
_SNAPSHOT, _TOLD = "snapshot", "told"
_HINT = (
    "pack without `--snapshot`: browsers make a snapshot of their own after the first visit, of kernels that have any"
)


class Snapshots:
    """See `lite_env.pack.snapshots.SnapshotMaker`."""

    def __init__(self, *, store: Store, press: Press, reporter: Reporter, modules: bool = False) -> None:
        """With `modules` they have imported what the manifest names; where that cannot be, a warning says why."""
        self._store = store
        self._modules = modules
        self._press = press
        self._reporter = reporter

    def make(self, pack: Path, manifest: Manifest) -> dict[str, MadeSnapshot]:
        """Of each kernel that can have one; of the others a warning says why not.

        Raises:
            MissingEngineError: there is no Node.js.
            HostError: none of the kernels can have one.
        """
        digest = sha256_of_file(pack / MANIFEST)
        made: dict[str, MadeSnapshot] = {}
        refused: list[HostError] = []
        with self._reporter.task("keeping started kernels", len(manifest.kernels), "items") as task:
            for kernel in manifest.kernels:
                try:
                    made[kernel.name] = self._of(pack, digest, kernel)
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
        for name, snapshot in made.items():
            if snapshot.without:
                self._reporter.warn(f"the snapshot of '{name}' is one without preloaded modules: {snapshot.without}")
        return made

    def _of(self, pack: Path, digest: str, kernel: Kernel) -> MadeSnapshot:
        modules = self._modules and bool(kernel.preload)
        key = key_of("snapshot", _FORM, digest, runtime_digest(), node_version(), kernel.name, modules)
        found = self._find(key)
        if found is None:
            found = make_snapshot(pack, kernel.name, modules=modules)
            self._keep(key, found)
        return found

    def _find(self, key: Key) -> MadeSnapshot | None:
        results = self._store.recall(key)
        if results is None or not {_SNAPSHOT, _TOLD} <= results.keys():
            return None
        data, told = self._store.read(results[_SNAPSHOT]), self._store.read(results[_TOLD])
        if data is None or told is None:
            return None
        try:
            known = decode_json(told, _Told)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        raw = zstandard.ZstdDecompressor().decompress(data)
        return MadeSnapshot(raw=raw, archives=known.archives, without=known.without)

    def _keep(self, key: Key, made: MadeSnapshot) -> None:
        """What is kept is what lies in the pack, so that it lies once."""
        data = self._press.compressed(sha256_of_bytes(made.raw), made.raw)
        told = msgspec.json.encode(_Told(archives=made.archives, without=made.without))
        results = {
            _SNAPSHOT: self._store.write(data, kind=key.kind, vouched=True),
            _TOLD: self._store.write(told, kind=key.kind),
        }
        self._store.record(key, results)


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept beside the bytes."""

    archives: tuple[int, ...]
    without: str
