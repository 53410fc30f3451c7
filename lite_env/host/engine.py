"""The seam between Python and the JavaScript that runs a packed kernel.

An engine starts the runtime of :mod:`lite_env.bootstrap` somewhere (a Node process, a headless browser) and carries
*envelopes*: one JSON object each, in both directions. What they hold is the runtime's contract; they are parsed
strictly, so that a runtime and a host that do not belong together are found out at the first word.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

import msgspec

from lite_env.errors import HostError
from lite_env.host.figures import Figures  # noqa: TC001 - msgspec reads it

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.host.drive import FolderDrive
    from lite_env.host.network import Network

Channel = Literal["shell", "control", "stdin", "iopub"]
Phase = Literal["manifest", "index", "kernel", "archive", "interpreter", "startup", "ready"]
Level = Literal["info", "warn", "error"]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the Jupyter protocol, version 5.3.

    Attributes:
        header: has at least ``msg_id`` and ``msg_type``.
        parent_header: header of the request that this belongs to; may be empty.
        metadata: as the kernel sent it.
        content: depends on the type.
        channel: which socket a real kernel would have used.
        buffers: binary attachments, base64.
    """

    header: dict[str, Any]
    channel: Channel
    parent_header: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    content: dict[str, Any] = {}
    buffers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for key in ("msg_id", "msg_type"):
            if not isinstance(self.header.get(key), str):
                raise ValueError(f"a message's header has no text under {key!r}")  # noqa: TRY004 - msgspec wants it

    @property
    def type(self) -> str:
        """The message's type, such as ``execute_reply``."""
        return str(self.header["msg_type"])

    @property
    def id(self) -> str:
        """The message's own id."""
        return str(self.header["msg_id"])

    @property
    def parent_id(self) -> str:
        """Id of the request that this belongs to; empty when there is none."""
        return str((self.parent_header or {}).get("msg_id") or "")


class _Envelope(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    """One JSON object with its ``type``."""


class Failure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why something failed inside the runtime, under the runtime's own name for it; `traceback` is of start-up code."""

    name: str
    message: str
    file: str | None = None
    hint: str | None = None
    traceback: tuple[str, ...] = ()


class Start(_Envelope, frozen=True, kw_only=True, tag="start"):
    """To the runtime, first and once.

    Attributes:
        manifest: URL of ``manifest.json``, or, in Node, the pack's folder.
        kernel: its name; None takes the first.
        env: variables to set besides those of the manifest.
        trace: whether to keep which files are opened, for `AskTrace`.
        awaits_drive: whether the interpreter waits for a `Link`.
        network: which servers its programs may ask.
        startup: whether the kernel's start-up code runs.
        snapshots: whether snapshots are used.
        snapshot_folder: in Node, the folder in which they are kept; without one there are none.
        make_snapshot: whether one is to be made, and nothing else; answered by a `SnapshotEnvelope`.
        snapshot_file: in Node, the file that it goes to; then it is the same whenever and wherever it is made.
        ship_modules: whether that one has the kernel's modules imported.
    """

    manifest: str
    kernel: str | None = None
    env: dict[str, str] = {}
    trace: bool = False
    awaits_drive: bool = msgspec.field(default=False, name="awaitsDrive")
    network: Literal["all"] | tuple[str, ...] = "all"
    startup: bool = True
    snapshots: bool = True
    snapshot_folder: str | None = msgspec.field(default=None, name="snapshotFolder")
    make_snapshot: bool = msgspec.field(default=False, name="makeSnapshot")
    snapshot_file: str | None = msgspec.field(default=None, name="snapshotFile")
    ship_modules: bool = msgspec.field(default=False, name="shipModules")


class DriveLink(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where a drive is: the server that answers ``POST`` at `url`, and the headers it wants."""

    url: str
    headers: dict[str, str]
    kind: Literal["xhr"] = "xhr"
    drive_name: str = ""
    browsing_context_id: str = "run"


class Link(_Envelope, frozen=True, kw_only=True, tag="link"):
    """To the runtime, behind a `Start` that awaits it: the ways back to the host."""

    drive: DriveLink | None = None
    stdin: None = None


class MessageEnvelope(_Envelope, frozen=True, kw_only=True, tag="message"):
    """A Jupyter message, in either direction."""

    message: Message


class Interrupt(_Envelope, frozen=True, kw_only=True, tag="interrupt"):
    """To the runtime: SIGINT for the kernel."""


class Close(_Envelope, frozen=True, kw_only=True, tag="close"):
    """To the runtime: end."""


class AskFigures(_Envelope, frozen=True, kw_only=True, tag="figures"):
    """To the runtime: send the figures, once all that was posted before has been dealt with."""


class AskTrace(_Envelope, frozen=True, kw_only=True, tag="trace"):
    """To the runtime: send the trace, once all that was posted before has been dealt with."""


class AskSnapshot(_Envelope, frozen=True, kw_only=True, tag="snapshot"):
    """To the runtime, at the end: end the kernel, and make a snapshot for the next start where it has none."""


class AskRead(_Envelope, frozen=True, kw_only=True, tag="read"):
    """To the runtime: send the file at `path` (absolute) of the kernel's file system."""

    path: str


class Progress(_Envelope, frozen=True, kw_only=True, tag="progress"):
    """From the runtime: how far a file has been loaded, in bytes."""

    phase: Phase
    file: str | None = None
    loaded: int = 0
    total: int | None = None


class Ready(_Envelope, frozen=True, kw_only=True, tag="ready"):
    """From the runtime: the kernel takes messages.

    Attributes:
        kernel: its name.
        figures: what the start has cost.
        interrupts: whether a running cell can be interrupted.
        drive: whether it shows the drive that it was linked to; a kernel without a file system cannot.
    """

    kernel: str
    figures: Figures
    interrupts: bool = False
    drive: bool = False


class FiguresEnvelope(_Envelope, frozen=True, kw_only=True, tag="figures"):
    """From the runtime: the answer to `AskFigures`."""

    figures: Figures


class TraceEnvelope(_Envelope, frozen=True, kw_only=True, tag="trace"):
    """From the runtime: prefix-relative paths of the environment's files, in the order of their first opening.

    Attributes:
        interpreter: how many of `files` were opened until the interpreter was up.
    """

    files: tuple[str, ...]
    interpreter: int


class ReadEnvelope(_Envelope, frozen=True, kw_only=True, tag="read"):
    """From the runtime: a file of the kernel's file system; `data` is None when there is no such file."""

    path: str
    data: bytes | None


class Shipped(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a pack is to know of a snapshot that was made for it; see `lite_env.pack.snapshots.MadeSnapshot`."""

    archives: tuple[int, ...]
    without: str


class SnapshotEnvelope(_Envelope, frozen=True, kw_only=True, tag="snapshot"):
    """From the runtime: whether a snapshot was made; `why` not, where it was asked for; of one to ship, what it is."""

    made: bool
    why: str = ""
    shipped: Shipped | None = None


class Log(_Envelope, frozen=True, kw_only=True, tag="log"):
    """From the runtime: what the worker wrote to its console; not a stream of the kernel."""

    level: Level
    text: str


class ErrorEnvelope(_Envelope, frozen=True, kw_only=True, tag="error"):
    """From the runtime: a failure; after a fatal one the kernel is gone."""

    error: Failure
    fatal: bool


Question = AskTrace | AskRead | AskSnapshot
Answered = TypeVar("Answered", TraceEnvelope, ReadEnvelope, SnapshotEnvelope)
Outgoing = Start | Link | MessageEnvelope | Interrupt | Close | AskFigures | Question
Incoming = (
    Progress
    | Ready
    | MessageEnvelope
    | FiguresEnvelope
    | TraceEnvelope
    | ReadEnvelope
    | SnapshotEnvelope
    | Log
    | ErrorEnvelope
)

_DECODER: msgspec.json.Decoder[Incoming] = msgspec.json.Decoder(Incoming)
_SHOWN = 200


class Engine(Protocol):
    """Where a packed kernel runs."""

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
        """Start the runtime on the engine's pack, with a folder as the kernel's drive; returns before it is ready.

        Without `startup` the kernel's start-up code does not run. `snapshots` is the folder from which the kernel may
        be restored.

        Raises:
            HostError: what it needs is not on this machine.
        """

    def post(self, envelope: Outgoing) -> None:
        """Hand over an envelope; returns at once and may be called from a signal handler."""

    def receive(self, timeout: float) -> Incoming | None:
        """Take the next envelope, in order; None after `timeout` seconds without one.

        Raises:
            HostError: the engine has died, or speaks another contract; raised again by every later call.
        """

    def close(self) -> None:
        """End everything that was started; may be called twice."""


def traceback_of(content: dict[str, Any]) -> tuple[str, ...]:
    """The traceback in an ``error`` message or a failed reply; one text where a kernel sends no list."""
    traceback = content.get("traceback") or ()
    return (traceback,) if isinstance(traceback, str) else tuple(str(line) for line in traceback)


def encode_envelope(envelope: Outgoing) -> str:
    """One line of JSON, without a line end.

    Raises:
        HostError: a text in it cannot be written in UTF-8.
    """
    try:
        return msgspec.json.encode(envelope).decode()
    except UnicodeEncodeError as error:
        raise HostError(
            "a message to the kernel holds text that cannot be written in UTF-8",
            hint="save the code as UTF-8; a lone surrogate cannot be sent",
        ) from error


def decode_envelope(text: str | bytes) -> Incoming:
    """Parse what the runtime sent.

    Raises:
        HostError: it is no envelope of this contract; the message says what was wrong with it.
    """
    try:
        return _DECODER.decode(text)
    except (msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        raise _foreign(text, str(error)) from error
    except msgspec.DecodeError as error:
        return _decode_with_surrogates(text, str(error))


def _decode_with_surrogates(text: str | bytes, reason: str) -> Incoming:
    # JavaScript strings may hold lone surrogates, which msgspec refuses; they are shown as question marks.
    try:
        again = json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace")
        return _DECODER.decode(again)
    except (ValueError, RecursionError) as error:
        raise _foreign(text, reason) from error


def _foreign(text: str | bytes, reason: str) -> HostError:
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return HostError(
        f"the runtime sent something that is not understood: {reason}",
        hint="the built JavaScript does not belong to this version of lite_env; install it again",
        received=shown[:_SHOWN] + ("…" if len(shown) > _SHOWN else ""),
    )
