"""Whether the kernels of a pack start: each is started once, and a pack whose kernels did is not tried again."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lite_env.bootstrap import runtime_dir
from lite_env.errors import HostError, LiteEnvError, MissingEngineError
from lite_env.host.capacity import kernels_at_once
from lite_env.host.find import locate_node
from lite_env.host.network import SEALED
from lite_env.host.run import RunOptions, start_kernel
from lite_env.pack.early import left_open
from lite_env.pack.reader import MANIFEST
from lite_env.pack.snapshots import without_snapshots
from lite_env.progress import SILENT
from lite_env.store.digest import sha256_of_bytes, sha256_of_file
from lite_env.store.protocol import key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lite_env.host.engine import Log, Ready
    from lite_env.pack.manifest import Manifest
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Key, Store

NO_CHECK = "`--no-check` packs it all the same"

_FORM = 2


class StartCheck:
    """Whether the kernels of one pack start: early, from what they read, or from the whole pack.

    See `lite_env.pack.writer.StartCheck`.
    """

    def __init__(self, *, store: Store, jobs: int | None = None, reporter: Reporter = SILENT) -> None:
        self._store = store
        self._jobs = jobs
        self._reporter = reporter
        self._early: Manifest | None = None
        self.missing: MissingEngineError | None = None

    def early(self, pack: Path, manifest: Manifest) -> None:
        """Start each kernel of a pack that has only what starts should read; whether they do is told by `whole`."""
        names = [kernel.name for kernel in manifest.kernels]
        with suppress(LiteEnvError, OSError):
            locate_node()
            for _ in _started(names, partial(_start, pack, on_log=_refuse_errors), self._jobs):
                pass
            self._early = manifest

    def whole(self, pack: Path, manifest: Manifest) -> None:
        """Check that they start; where there is no Node.js, warn.

        Raises:
            HostError: as `check_starts`.
        """
        # They read all of the pack but what that manifest leaves open.
        known = self._early is not None and left_open(without_snapshots(manifest)) == self._early
        try:
            check_starts(pack, manifest, store=self._store, jobs=self._jobs, started=known, reporter=self._reporter)
        except MissingEngineError as error:
            self.missing = error
            self._reporter.warn(left_out("starting its kernels", error))


def check_starts(
    pack: Path,
    manifest: Manifest,
    *,
    store: Store,
    jobs: int | None = None,
    started: bool = False,
    reporter: Reporter = SILENT,
) -> None:
    """Start each kernel of `pack` and ask it who it is, unless these very bytes were started by this Node.js before.

    One of which the pack brings a snapshot is restored from it. Where there is no Node.js, it is enough that another
    one started them.

    Args:
        pack: the folder of a whole pack.
        manifest: of it.
        store: knows what was started.
        jobs: kernels at once; None for what cores and memory allow.
        started: whether they were, from these bytes, just now, if not from a snapshot.
        reporter: progress.

    Raises:
        MissingEngineError: there is no Node.js, and was none before.
        HostError: a kernel does not start; with its name and its log.
    """
    digest = sha256_of_file(pack / MANIFEST)
    anywhere = _key(digest, "")
    try:
        here = _key(digest, locate_node().version)
    except MissingEngineError:
        if store.recall(anywhere) is None:
            raise
        return
    if store.recall(here) is not None:
        return
    saved = {kernel.name for kernel in manifest.kernels if kernel.snapshot is not None}
    names = [kernel.name for kernel in manifest.kernels if not started or kernel.name in saved]
    if names:
        with reporter.task("starting", len(names), "items") as task:
            for _ in _started(names, lambda name: (_restore if name in saved else _start)(pack, name), jobs):
                task.advance(1)
    for key in (here, anywhere):
        store.record(key, {})


def not_started(error: HostError, kernel: str) -> HostError:
    """The error that says which kernel did not start, and what to do about it; a missing Node.js is no such thing."""
    if isinstance(error, MissingEngineError):
        return error
    hint = f"{error.hint}; {NO_CHECK}" if error.hint else f"see what it wrote above; {NO_CHECK}"
    return type(error)(f"the kernel '{kernel}' does not start: {error.message}", hint=hint, **dict(error.context))


def left_out(what: str, error: HostError) -> str:
    """The warning that a pack is written without `what`."""
    return f"packed without {what}: {error.message}" + (f" ({error.hint})" if error.hint else "")


def runtime_digest() -> str:
    """SHA-256 of the built JavaScript that starts kernels here."""
    files = sorted(runtime_dir().glob("node-*.mjs"))
    return sha256_of_bytes(b"".join(file.read_bytes() for file in files))


def _started(names: Sequence[str], start: Callable[[str], None], jobs: int | None) -> Iterator[None]:
    with ThreadPoolExecutor(max_workers=min(kernels_at_once(jobs), len(names))) as pool:
        yield from pool.map(start, names)


def _refuse_errors(log: Log) -> None:
    """Of a pack that is not whole yet: a file that could not be read may be one that is still to come."""
    if log.level == "error":
        raise HostError(f"the kernel asks for more than a start should: {log.text}")


def _start(pack: Path, kernel: str, *, on_log: Callable[[Log], None] | None = None) -> None:
    try:
        with start_kernel(pack, options=RunOptions(kernel=kernel, network=SEALED), on_log=on_log) as running:
            running.client.kernel_info()
    except HostError as error:
        raise not_started(error, kernel) from error


def _restore(pack: Path, kernel: str) -> None:
    with tempfile.TemporaryDirectory(prefix="lite-env-") as folder:
        options = RunOptions(kernel=kernel, network=SEALED, snapshots=Path(folder))
        try:
            with start_kernel(pack, options=options) as running:
                _see_restored(running.ready)
                running.client.kernel_info()
        except HostError as error:
            raise not_started(error, kernel) from error


def _see_restored(ready: Ready) -> None:
    figures = ready.figures.snapshot
    if figures is None or not figures.shipped:
        why = figures.why if figures else "it has none"
        raise HostError(
            f"it is not restored from the snapshot that was just made of it: {why}",
            hint="pack without `--snapshot`, and report this",
        )


def _key(manifest_digest: str, node: str) -> Key:
    return key_of("start", _FORM, manifest_digest, runtime_digest(), node)
