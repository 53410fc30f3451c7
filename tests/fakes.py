"""Stand-ins for the seams of lite_env; a test that claims to test the real thing uses none of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lite_env.errors import HostError
from lite_env.host.engine import AskFigures, Incoming, Message, MessageEnvelope, Outgoing, encode_envelope
from lite_env.host.mailbox import Mailbox
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.protocol import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from lite_env.host.drive import FolderDrive
    from lite_env.host.network import Network
    from lite_env.lock.model import LockedPackage
    from lite_env.lock.solver import SolveRequest
    from lite_env.store.protocol import Key

FIGURES = {"requests": 3, "bytes": 2_000_000, "files": 7, "seconds": 1.5}


class FakeEngine:
    """An engine whose runtime is a function: what is posted goes in, envelopes (as JSON values) come out.

    An exception among the answers is the engine's death.
    """

    def __init__(self, answer: Callable[[Outgoing], Iterable[dict[str, Any] | HostError]] = lambda _: ()) -> None:
        self._answer = answer
        self._mailbox = Mailbox()
        self.posted: list[Outgoing] = []
        self.started: tuple[str | None, dict[str, str]] | None = None
        self.drive: FolderDrive | None = None
        self.network: Network = ()
        self.closed = False

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
        self.started = (kernel, env)
        self.drive = drive
        self.network = network
        self.deliver({"type": "ready", "kernel": kernel or "fake", "figures": FIGURES, "drive": drive is not None})

    def post(self, envelope: Outgoing) -> None:
        encode_envelope(envelope)
        self.posted.append(envelope)
        self.deliver(*self._answer(envelope))

    def receive(self, timeout: float) -> Incoming | None:
        return self._mailbox.take(timeout)

    def close(self) -> None:
        self.closed = True

    def deliver(self, *items: dict[str, Any] | HostError) -> None:
        """Let the runtime say something without being asked."""
        for item in items:
            if isinstance(item, HostError):
                self._mailbox.die(item)
            else:
                self._mailbox.deliver(json.dumps(item))


class FakeSolver:
    """A solver that answers every request with the same packages and remembers what it was asked."""

    def __init__(self, *packages: LockedPackage) -> None:
        self._packages = packages
        self.asked: list[SolveRequest] = []

    def solve(self, request: SolveRequest) -> tuple[LockedPackage, ...]:
        self.asked.append(request)
        return self._packages


class FakeKernel:
    """The answers of an orderly kernel, for `FakeEngine`: a cell does what `cells` says for its code.

    A cell's value is a list of (type, content) of its iopub messages; the last may be ``("reply", content)``.
    Figures are asked behind every cell and are answered at once.
    """

    def __init__(self, cells: dict[str, list[tuple[str, dict[str, Any]]]] | None = None) -> None:
        self._cells = cells or {}
        self._count = 0

    def __call__(self, envelope: Outgoing) -> list[dict[str, Any]]:
        if isinstance(envelope, AskFigures):
            return [{"type": "figures", "figures": FIGURES}]
        if not isinstance(envelope, MessageEnvelope):
            return []
        request = envelope.message
        if request.type == "execute_request":
            return self._execute(request)
        kind = request.type.replace("_request", "_reply")
        content = {"status": "ok", "asked": request.content, "language_info": {"name": "fake", "file_extension": ".x"}}
        return [message(request, kind, content, channel=request.channel), idle(request)]

    def _execute(self, request: Message) -> list[dict[str, Any]]:
        self._count += 1
        said = list(self._cells.get(request.content["code"], []))
        reply: dict[str, Any] = {"status": "ok", "execution_count": self._count}
        if said and said[-1][0] == "reply":
            reply = {"execution_count": self._count, **said.pop()[1]}
        return [
            message(request, "status", {"execution_state": "busy"}),
            *(message(request, kind, content) for kind, content in said),
            message(request, "execute_reply", reply, channel="shell"),
            idle(request),
        ]


def message(request: Message, kind: str, content: dict[str, Any], *, channel: str = "iopub") -> dict[str, Any]:
    """The envelope of a message that a kernel sends because of `request`."""
    body = {
        "header": {"msg_id": f"{kind}-for-{request.id}", "msg_type": kind, "session": "kernel"},
        "parent_header": request.header,
        "metadata": {},
        "content": content,
        "channel": channel,
        "buffers": [],
    }
    return {"type": "message", "message": body}


def idle(request: Message) -> dict[str, Any]:
    """The envelope that says that all work for `request` is done."""
    return message(request, "status", {"execution_state": "idle"})


class MemoryStore:
    """A store that ends with the test; held to the same contract as the one in a folder."""

    def __init__(self, clock: Callable[[], float] = lambda: 0.0) -> None:
        self._clock = clock
        self._contents: dict[str, tuple[bytes, Entry]] = {}
        self._done: dict[Key, dict[str, str]] = {}

    def read(self, digest: str) -> bytes | None:
        if digest not in self._contents:
            return None
        data, entry = self._contents.pop(digest)
        if sha256_of_bytes(data) != digest:
            return None
        self._contents[digest] = (data, replace(entry, used=self._clock()))
        return data

    def write(self, data: bytes, *, kind: str, vouched: bool = False) -> str:
        digest = sha256_of_bytes(data)
        if self.read(digest) is not None:
            before = self._contents[digest][1]
            kind, vouched = before.kind, vouched or before.vouched
        entry = Entry(digest=digest, kind=kind, size=len(data), used=self._clock(), vouched=vouched)
        self._contents[digest] = (data, entry)
        return digest

    def recall(self, key: Key) -> Mapping[str, str] | None:
        return self._done.get(key)

    def record(self, key: Key, results: Mapping[str, str]) -> None:
        self._done[key] = dict(results)

    def entries(self) -> Iterator[Entry]:
        return iter([entry for _, (_, entry) in sorted(self._contents.items())])

    def damage(self, digest: str) -> None:
        """Change the bytes behind the store's back."""
        data, entry = self._contents[digest]
        self._contents[digest] = (data + b"!", entry)
