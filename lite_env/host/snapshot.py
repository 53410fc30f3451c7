"""Makes the snapshot of a packed kernel that a pack brings along."""

from __future__ import annotations

import tempfile
from pathlib import Path

from lite_env.bootstrap import runtime_dir
from lite_env.errors import HostError
from lite_env.host.client import KernelClient
from lite_env.host.engine import SnapshotEnvelope
from lite_env.host.node import NodeEngine
from lite_env.host.run import START_SECONDS
from lite_env.pack.snapshots import MadeSnapshot


def make_snapshot(pack: Path, kernel: str, *, modules: bool = False) -> MadeSnapshot:
    """Start a kernel of `pack` in Node.js, and copy it before anything else is done in it.

    It is the same whenever and wherever it is made: the kernel has one clock, one chance and one language.

    Args:
        pack: its folder.
        kernel: its name.
        modules: whether the modules that the manifest names are imported first.

    Raises:
        MissingEngineError: there is no Node.js.
        HostError: the kernel does not start, or no snapshot can be made of it.
    """
    engine = NodeEngine(pack, runtime=runtime_dir())
    with tempfile.TemporaryDirectory(prefix="lite-env-") as folder:
        file = Path(folder) / "snapshot"
        try:
            engine.start_for_snapshot(kernel=kernel, file=file, modules=modules)
            answer = KernelClient(engine).ask(None, SnapshotEnvelope, timeout=START_SECONDS)
        finally:
            engine.close()
        if not answer.made or answer.shipped is None:
            raise HostError(f"no snapshot can be made of the kernel '{kernel}': {answer.why}")
        return MadeSnapshot(raw=file.read_bytes(), archives=answer.shipped.archives, without=answer.shipped.without)
