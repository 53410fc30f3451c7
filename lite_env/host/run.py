"""Starts a pack's kernel on this machine and hands out a client for it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lite_env.bootstrap import runtime_dir
from lite_env.errors import HostError
from lite_env.host.choose import Choice, Wish, choose, choose_kernel
from lite_env.host.chromium import ChromiumEngine
from lite_env.host.client import KernelClient
from lite_env.host.drive import FolderDrive
from lite_env.host.engine import AskSnapshot, SnapshotEnvelope
from lite_env.host.node import NodeEngine
from lite_env.pack.files import refuse_foreign_files
from lite_env.pack.reader import read_manifest
from lite_env.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from threading import Event

    from lite_env.host.engine import Engine, Log, Message, Progress, Ready
    from lite_env.host.network import Network
    from lite_env.host.request import ExecuteResult, InputRequest
    from lite_env.pack.manifest import Kernel, Manifest
    from lite_env.progress import Reporter, Task

EngineName = Literal["node", "chromium"]
ENGINES: tuple[EngineName, ...] = ("node", "chromium")
START_SECONDS = 120.0
SNAPSHOT_SECONDS = 30.0
CELL_SECONDS = 600.0
"""Time that a cell gets where nobody says otherwise: more than one that works takes in a browser, less than a job."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """How to run a pack.

    Attributes:
        engine: where.
        kernel: its name; None takes the pack's first.
        start_timeout: seconds until the kernel has to be ready.
        env: variables besides those of the environment.
        trace: whether the runtime keeps which files are opened.
        drive: the folder that the kernel sees as ``/drive``, to read and to write, and in which it starts.
        network: which servers its programs may ask; in Chromium all.
        startup: whether the kernel's start-up code runs; where it does not, the kernel is not what users get.
        snapshots: the folder of copies of started kernels, from which it is restored and in which the next start finds
            one; None: a plain start, and nothing is kept.
    """

    engine: EngineName = "node"
    kernel: str | None = None
    start_timeout: float = START_SECONDS
    env: tuple[tuple[str, str], ...] = ()
    trace: bool = False
    drive: Path | None = None
    network: Network = "all"
    startup: bool = True
    snapshots: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningKernel:
    """A kernel that takes messages."""

    client: KernelClient
    manifest: Manifest
    kernel: Kernel
    ready: Ready


def find_kernel(pack: Path, wish: Wish) -> Choice:
    """The kernel of the pack in the folder `pack` for `wish`, and why it is this one.

    Raises:
        ManifestError: the pack cannot be read.
        HostError: none suits; see `choose`.
    """
    return choose(read_manifest(pack), wish)


@contextmanager
def start_kernel(
    pack: Path,
    *,
    options: RunOptions,
    on_message: Callable[[Message], None] | None = None,
    on_log: Callable[[Log], None] | None = None,
    reporter: Reporter = SILENT,
    stop: Event | None = None,
) -> Iterator[RunningKernel]:
    """Start a kernel of the pack in the folder `pack`; it and all that belongs to it ends with the block.

    Args:
        pack: folder with a ``manifest.json``.
        options: where and how.
        on_message: sees every message that the kernel sends.
        on_log: sees what the worker writes to its console.
        reporter: gets the progress of the start, in bytes.
        stop: ends the start, and every wait of the client, with a `HostError` when another thread sets it.

    Raises:
        ManifestError: the pack cannot be read, or one of its files is not in it.
        HostError: the engine is not on this machine, or the kernel does not start.
    """
    manifest = read_manifest(pack)
    # The runtime opens them by name, or asks a server that does.
    refuse_foreign_files(pack, (item.path for item in manifest.contents))
    kernel = choose_kernel(manifest, options.kernel)
    drive = None if options.drive is None else FolderDrive(options.drive)
    engine = _engine_of(options.engine, pack)
    try:
        engine.start(
            kernel=kernel.name,
            env=dict(options.env),
            trace=options.trace,
            drive=drive,
            network=options.network,
            startup=options.startup,
            snapshots=options.snapshots,
        )
        client = KernelClient(engine, on_message=on_message, on_log=on_log, stop=stop)
        with reporter.task(f"Starting {kernel.name}", manifest.start_size(kernel), "B") as task:
            ready = client.wait_until_ready(timeout=options.start_timeout, on_progress=_Advance(task).take)
        yield RunningKernel(client=client, manifest=manifest, kernel=kernel, ready=ready)
        if options.snapshots is not None and _may_have_one(ready):
            _let_the_next_start_have_one(client, kernel, reporter)
    finally:
        engine.close()


def run_code(
    pack: Path,
    code: str,
    *,
    options: RunOptions,
    timeout: float | None = None,
    on_output: Callable[[Message], None] | None = None,
    on_input: Callable[[InputRequest], str] | None = None,
    reporter: Reporter = SILENT,
) -> ExecuteResult:
    """Start the pack's kernel, run `code` as one cell within `timeout` seconds (None: no limit), end the kernel.

    Raises:
        ManifestError, HostError: as `start_kernel`; KernelTimeoutError: the cell took too long.
    """
    with start_kernel(pack, options=options, reporter=reporter) as running:
        result = running.client.execute(code, on_output=on_output, on_input=on_input, timeout=timeout)
        running.client.drain()
        return result


def _may_have_one(ready: Ready) -> bool:
    snapshot = ready.figures.snapshot
    return snapshot is not None and snapshot.wanted


def _let_the_next_start_have_one(client: KernelClient, kernel: Kernel, reporter: Reporter) -> None:
    """End the kernel and have it started once more, for a snapshot; what goes wrong costs the next start its speed."""
    with reporter.task(f"Keeping {kernel.name} for the next start", None, "B"):
        try:
            client.ask(AskSnapshot(), SnapshotEnvelope, timeout=SNAPSHOT_SECONDS)
        except HostError as error:
            reporter.note(f"the next start of {kernel.name} is a plain one: {error}")


def _engine_of(name: EngineName, pack: Path) -> Engine:
    if name == "chromium":
        return ChromiumEngine(pack, runtime=runtime_dir())
    return NodeEngine(pack, runtime=runtime_dir())


class _Advance:
    """Turns "so many bytes of this file so far" into steps of one bar."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._loaded: dict[str, int] = {}

    def take(self, progress: Progress) -> None:
        if progress.file is None:
            return
        before = self._loaded.get(progress.file, 0)
        if progress.loaded > before:
            self._loaded[progress.file] = progress.loaded
            self._task.advance(progress.loaded - before)
