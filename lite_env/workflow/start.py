"""Whether the kernels of a pack start: each is started once, and a pack whose kernels did is not tried again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from lite_env.bootstrap import runtime_dir
from lite_env.errors import HostError, MissingEngineError
from lite_env.host.capacity import kernels_at_once
from lite_env.host.find import locate_node
from lite_env.host.run import RunOptions, start_kernel
from lite_env.pack.reader import MANIFEST
from lite_env.progress import SILENT
from lite_env.store.digest import sha256_of_bytes, sha256_of_file
from lite_env.store.protocol import key_of

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.pack.manifest import Manifest
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Key, Store

NO_CHECK = "`--no-check` packs it all the same"

_FORM = 1


def check_starts(
    pack: Path, manifest: Manifest, *, store: Store, jobs: int | None = None, reporter: Reporter = SILENT
) -> None:
    """Start each kernel of `pack` and ask it who it is, unless these very bytes were started by this Node.js before.

    Where there is no Node.js, it is enough that another one started them.

    Args:
        pack: the folder of a whole pack.
        manifest: of it.
        store: knows what was started.
        jobs: kernels at once; None for what cores and memory allow.
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
    names = [kernel.name for kernel in manifest.kernels]
    with (
        reporter.task("starting", len(names), "items") as task,
        ThreadPoolExecutor(max_workers=min(kernels_at_once(jobs), len(names))) as pool,
    ):
        for _ in pool.map(partial(_start, pack), names):
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


def _start(pack: Path, kernel: str) -> None:
    try:
        with start_kernel(pack, options=RunOptions(kernel=kernel)) as running:
            running.client.kernel_info()
    except HostError as error:
        raise not_started(error, kernel) from error


def _key(manifest_digest: str, node: str) -> Key:
    return key_of("start", _FORM, manifest_digest, runtime_digest(), node)
