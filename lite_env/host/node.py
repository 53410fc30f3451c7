"""The Node engine: the packed kernel in a Node.js process, envelopes as lines on its stdin and stdout."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from typing import IO, TYPE_CHECKING, Any, cast

from lite_env.errors import HostError
from lite_env.host.drive_api import DriveApi, link_to, new_token
from lite_env.host.engine import Close, Incoming, Outgoing, Start, encode_envelope
from lite_env.host.find import find_node
from lite_env.host.loopback import LoopbackServer
from lite_env.host.mailbox import Mailbox
from lite_env.host.network import SEALED
from lite_env.store.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lite_env.host.drive import FolderDrive
    from lite_env.host.network import Network

HOST_SCRIPT = "node-host.mjs"
_TAIL_LINES = 20
_GRACE = 3.0
_ANYWHERE = {"TZ": "UTC", "LANG": "C", "LANGUAGE": "C", "LC_ALL": "C"}
"""What of a machine JavaScript sees by itself."""


class NodeEngine:
    """Runs a pack in a Node.js process of its own, with a worker thread for the kernel."""

    def __init__(self, pack: Path, *, runtime: Path, node: Path | None = None) -> None:
        self._pack = pack
        self._runtime = runtime
        self._node = node
        self._process: subprocess.Popen[bytes] | None = None
        self._mailbox = Mailbox()
        # SimpleQueue.put may be called from a signal handler, a write to the pipe may not.
        self._outbox: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._threads: list[threading.Thread] = []
        self._drive: LoopbackServer | None = None

    def start_for_snapshot(self, *, kernel: str, file: Path, modules: bool) -> None:
        """Start the process, let it write a snapshot of the started kernel to `file`, and nothing else.

        With `modules` those that the manifest names are imported first. The snapshot is the same whenever and wherever
        it is made.

        Raises:
            HostError: Node.js is not on this machine.
        """
        self._launch(_ANYWHERE)
        manifest = str(self._pack.resolve())
        self.post(
            Start(
                manifest=manifest,
                kernel=kernel,
                network=SEALED,
                make_snapshot=True,
                snapshot_file=str(file.resolve()),
                ship_modules=modules,
            )
        )

    def start(
        self,
        *,
        kernel: str | None,
        env: dict[str, str],
        trace: bool = False,
        drive: FolderDrive | None = None,
        network: Network = "all",
        startup: bool = True,
        snapshots: Path | None = None,
    ) -> None:
        """Start the process; see `Engine.start`."""
        self._launch()
        manifest = str(self._pack.resolve())
        waits = drive is not None
        self.post(
            Start(
                manifest=manifest,
                kernel=kernel,
                env=env,
                trace=trace,
                awaits_drive=waits,
                network=network,
                startup=startup,
                snapshots=snapshots is not None,
                snapshot_folder=None if snapshots is None else str(snapshots),
            )
        )
        if drive is not None:
            token = new_token()
            self._drive = LoopbackServer(DriveApi(token=token, drive=drive))
            self._drive.__enter__()
            self.post(link_to(self._drive.url, token))

    def post(self, envelope: Outgoing) -> None:
        """Queue an envelope for the writing thread; see `Engine.post`."""
        self._outbox.put(encode_envelope(envelope))

    def receive(self, timeout: float) -> Incoming | None:
        """Take the next envelope; see `Engine.receive`."""
        return self._mailbox.take(timeout)

    def close(self) -> None:
        """End the process: by a word, by the end of its stdin, by force; each after some seconds."""
        process = self._process
        if process is None:
            return
        self.post(Close())
        self._outbox.put(None)
        for harder in (process.terminate, process.kill, None):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=_GRACE)
                break
            if harder is not None:
                harder()
        for thread in self._threads:
            # Ctrl-C may have come before all were started.
            if thread.is_alive():
                thread.join(timeout=_GRACE)
        for pipe in (process.stdin, process.stdout, process.stderr):
            # Closing flushes what the dead process did not read.
            with contextlib.suppress(OSError):
                _pipe(pipe).close()
        if self._drive is not None:
            self._drive.__exit__(None, None, None)
            self._drive = None
        self._process = None

    def _launch(self, variables: Mapping[str, str] | None = None) -> None:
        command = [str(self._node or find_node()), str(self._runtime / HOST_SCRIPT)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=None if variables is None else {**os.environ, **variables},
                **_own_group(),
            )
        except OSError as error:
            raise refusal(HostError, "Node.js could not be started", error, file=command[0]) from error
        self._watch(self._process)

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        errors = threading.Thread(target=self._read_errors, args=(_pipe(process.stderr),), daemon=True)
        reader = threading.Thread(target=self._read, args=(process, errors), daemon=True)
        writer = threading.Thread(target=self._write, args=(_pipe(process.stdin),), daemon=True)
        self._threads = [writer, errors, reader]
        for thread in self._threads:
            thread.start()

    def _write(self, pipe: IO[bytes]) -> None:
        # A broken pipe means that the process has ended: the reader says so.
        with contextlib.suppress(OSError, ValueError):
            while (line := self._outbox.get()) is not None:
                pipe.write(line.encode() + b"\n")
                pipe.flush()
            pipe.close()

    def _read(self, process: subprocess.Popen[bytes], errors: threading.Thread) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in _pipe(process.stdout):
                if line.strip():
                    self._mailbox.deliver(line)
        try:
            code: int | None = process.wait(timeout=_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            code = None
        errors.join(timeout=_GRACE)
        self._mailbox.die(self._death(code))

    def _read_errors(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in pipe:
                self._tail.append(line.decode("utf-8", "replace").rstrip())

    def _death(self, code: int | None) -> HostError:
        how = "closed its output" if code is None else f"ended with exit code {code}"
        if code is not None and code < 0:
            how = f"was ended by signal {-code}"
        return HostError(
            f"the Node.js process of the kernel {how}",
            hint="the kernel may have run out of memory; what Node.js wrote is shown above",
            stderr="\n    ".join(line for line in self._tail if line) or None,
        )


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    # Popen makes all three: this only tells the type checker.
    return cast("IO[bytes]", pipe)


def _own_group() -> dict[str, Any]:
    # Ctrl-C in a terminal goes to the whole group: the kernel's process must get our envelope instead.
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
