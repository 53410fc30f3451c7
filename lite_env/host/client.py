"""A Jupyter client over an engine: requests out, replies matched, outputs to whom they belong.

The protocol is Jupyter's 5.3 (https://jupyter-client.readthedocs.io/en/stable/messaging.html). A request is done when
its reply *and* the kernel's ``idle`` for it have come, in whichever order; outputs that come later still go to the
cell that made them.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from lite_env.errors import HostError, KernelTimeoutError
from lite_env.host.engine import (
    Answered,
    AskFigures,
    AskRead,
    Channel,
    Engine,
    ErrorEnvelope,
    FiguresEnvelope,
    Incoming,
    Interrupt,
    Log,
    Message,
    MessageEnvelope,
    Progress,
    Question,
    Ready,
)
from lite_env.host.kernel_log import KernelLog
from lite_env.host.request import ExecuteResult, InputRequest, Request, result_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from lite_env.host.figures import Figures

PROTOCOL = "5.3"
OUTPUT_TYPES = frozenset(
    {"stream", "display_data", "update_display_data", "execute_result", "error", "clear_output", "execute_input"}
)
# A wait in one piece cannot be interrupted everywhere (Windows), and short pieces cost nothing.
_SLICE = 0.2
_INTERRUPT_GRACE = 5.0
_REST_GRACE = 5.0
_ANSWER_SECONDS = 60.0


class KernelClient:
    """Talks to one started kernel; not for several threads, except `interrupt` and what sets `stop`."""

    def __init__(
        self,
        engine: Engine,
        *,
        on_message: Callable[[Message], None] | None = None,
        on_log: Callable[[Log], None] | None = None,
        stop: Event | None = None,
    ) -> None:
        self._engine, self._stop = engine, stop
        self._on_message = on_message
        self._log = KernelLog(on_log)
        self._session = uuid.uuid4().hex
        # Every execute of this session: late outputs still find their cell.
        self._requests: dict[str, Request] = {}
        self._figures: Figures | None = None
        self._asked, self._told = 0, 0
        self._ready, self._interrupted = False, False
        # Whether `on_input` is running: a signal handler may then raise KeyboardInterrupt out of it.
        self.asking = False

    def wait_until_ready(self, *, timeout: float, on_progress: Callable[[Progress], None] | None = None) -> Ready:
        """Wait until the kernel that the engine is starting takes messages.

        Args:
            timeout: seconds.
            on_progress: called with every progress envelope.

        Raises:
            KernelStartError: the runtime reported why it cannot start.
            KernelTimeoutError: it took longer than `timeout`.
            HostError: the engine has died.
        """
        deadline = monotonic() + timeout
        last = "nothing has been loaded"
        while (left := deadline - monotonic()) > 0:
            envelope = self._receive(left)
            if isinstance(envelope, Ready):
                self._ready = True
                self._figures = envelope.figures
                return envelope
            if isinstance(envelope, Progress):
                if not last.startswith("startup "):  # What start-up code opens is a part of it.
                    last = f"{envelope.phase} {envelope.file or ''}".rstrip()
                if on_progress is not None:
                    on_progress(envelope)
        raise KernelTimeoutError(
            f"the kernel did not start within {timeout:g} seconds",
            hint="give it more time, or see with `lite-env --debug` what the runtime logs",
            last_phase=last,
            log=self._log.tail,
        )

    def kernel_info(self, *, timeout: float = _ANSWER_SECONDS) -> dict[str, Any]:
        """The content of the kernel's ``kernel_info_reply``."""
        return self.request("kernel_info_request", {}, timeout=timeout)

    def execute(
        self,
        code: str,
        *,
        on_output: Callable[[Message], None] | None = None,
        on_input: Callable[[InputRequest], str] | None = None,
        timeout: float | None = None,
        name: str = "the cell",
    ) -> ExecuteResult:
        """Run `code` as one cell.

        Args:
            code: source in the kernel's language.
            on_output: called at once with each output message, also with those that come after the cell is done.
            on_input: answers the kernel's questions; without it the kernel is told that there is no user.
            timeout: seconds, not counting the time in `on_input`; None waits for ever. Past it the kernel is
                interrupted and given 5 s to show where it was.
            name: what it is called in an error.

        Raises:
            KernelTimeoutError: the cell took longer than `timeout`.
            HostError: the engine has died.
        """
        self._interrupted = False
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": on_input is not None,
            "stop_on_error": True,
        }
        request = Request(id=_new_id(), on_output=on_output, on_input=on_input)
        self._requests[request.id] = request
        self._send("execute_request", content, request)
        # The runtime answers in order: when this answer comes, a cell that awaits at its top level is done too.
        request.barrier = self._ask_figures()
        self._await_cell(request, timeout, name)
        return result_of(request, interrupted=self._interrupted)

    def complete(self, code: str, cursor: int, *, timeout: float = _ANSWER_SECONDS) -> dict[str, Any]:
        """The content of the ``complete_reply`` for `code` at `cursor` (Unicode code points)."""
        return self.request("complete_request", {"code": code, "cursor_pos": cursor}, timeout=timeout)

    def inspect(
        self, code: str, cursor: int, *, detail: Literal[0, 1] = 0, timeout: float = _ANSWER_SECONDS
    ) -> dict[str, Any]:
        """The content of the ``inspect_reply`` for `code` at `cursor` (Unicode code points)."""
        content = {"code": code, "cursor_pos": cursor, "detail_level": detail}
        return self.request("inspect_request", content, timeout=timeout)

    def interrupt(self) -> None:
        """Send SIGINT to the kernel; may be called from a signal handler."""
        self._interrupted = True
        self._engine.post(Interrupt())

    def figures(self, *, timeout: float = _ANSWER_SECONDS) -> Figures:
        """What start and cells have cost so far."""
        barrier = self._ask_figures()
        deadline = monotonic() + timeout
        while self._told < barrier or self._figures is None:
            if monotonic() >= deadline:
                raise KernelTimeoutError(f"the runtime did not give its figures within {timeout:g} seconds")
            self._receive(deadline - monotonic())
        return self._figures

    def ask(self, question: Question | None, answer: type[Answered], *, timeout: float = _ANSWER_SECONDS) -> Answered:
        """Post a question to the runtime, if it is not posted yet, and wait for its answer; one at a time.

        Raises:
            KernelTimeoutError: none came within `timeout` seconds.
        """
        if question is not None:
            self._engine.post(question)
        deadline = monotonic() + timeout
        while (left := deadline - monotonic()) > 0:
            envelope = self._receive(left)
            # A late answer may be that of a question before.
            is_late = isinstance(question, AskRead) and getattr(envelope, "path", None) != question.path
            if isinstance(envelope, answer) and not is_late:
                return envelope
        raise KernelTimeoutError(f"the runtime did not answer within {timeout:g} seconds")

    def drain(self) -> None:
        """Hand on what has already come, such as late outputs; does not wait."""
        while self._receive(0.0) is not None:
            pass

    def shutdown(self, *, timeout: float = 2.0) -> None:
        """Ask the kernel to end; whether it answers or not, the engine can then be closed."""
        request = Request(id=_new_id())
        self._send("shutdown_request", {"restart": False}, request, channel="control")
        deadline = monotonic() + timeout
        while request.reply is None and monotonic() < deadline:
            self._receive(deadline - monotonic(), request)

    def request(
        self, kind: str, content: dict[str, Any], *, replied: bool = True, timeout: float = _ANSWER_SECONDS
    ) -> dict[str, Any]:
        """Send a message on the shell channel and wait until it has been dealt with.

        Args:
            kind: the message's type.
            content: its content.
            replied: whether messages of this type have a reply (a ``comm_open`` has none).
            timeout: seconds.

        Returns:
            The content of the reply; empty where there is none.
        """
        request = Request(id=_new_id(), deadline=monotonic() + timeout)
        self._send(kind, content, request)
        while (replied and request.reply is None) or not request.idle:
            left = request.left(monotonic())
            if left <= 0:
                raise KernelTimeoutError(f"the kernel did not answer a {kind} within {timeout:g} seconds")
            self._receive(left, request)
        return request.reply.content if request.reply else {}

    def _await_cell(self, request: Request, timeout: float | None, name: str) -> None:
        if timeout is not None:
            request.deadline = monotonic() + timeout
        expired = False
        while not self._is_done(request):
            left = request.left(monotonic())
            if left > 0:
                self._receive(left, request)
            elif expired:
                break
            else:
                expired = True
                request.deadline = monotonic() + _INTERRUPT_GRACE
                self._engine.post(Interrupt())
        if expired:
            raise KernelTimeoutError(
                f"{name} ran longer than {timeout:g} seconds",
                hint="give it more time with `--timeout`, or none with `--timeout 0`",
                kernel="does not react to an interrupt" if request.reply is None else "was interrupted",
            )

    def _is_done(self, request: Request) -> bool:
        """Reply, idle and barrier have come, or all but one of reply and idle, which then gets some seconds."""
        if self._told < request.barrier or not (request.idle or request.reply is not None):
            return False
        if request.idle and request.reply is not None:
            return True
        if request.rest_deadline is None:
            request.rest_deadline = monotonic() + _REST_GRACE
        return monotonic() >= request.rest_deadline

    def _ask_figures(self) -> int:
        self._asked += 1
        self._engine.post(AskFigures())
        return self._asked

    def _send(self, kind: str, content: dict[str, Any], request: Request, *, channel: Channel = "shell") -> None:
        message = Message(header=self._header(kind, request.id), channel=channel, content=content)
        self._engine.post(MessageEnvelope(message=message))

    def _header(self, kind: str, message_id: str) -> dict[str, Any]:
        return {
            "msg_id": message_id,
            "msg_type": kind,
            "session": self._session,
            "username": "lite_env",
            "date": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "version": PROTOCOL,
        }

    def _receive(self, seconds: float, request: Request | None = None) -> Incoming | None:
        self._log.raise_end()
        if self._stop is not None and self._stop.is_set():
            raise HostError("the kernel was ended before it was done")
        try:
            envelope = self._engine.receive(max(0.0, min(seconds, _SLICE)))
        except HostError as error:
            raise self._log.added_to(error) from error.__cause__
        match envelope:
            case MessageEnvelope(message=message):
                self._dispatch(message, request)
            case FiguresEnvelope(figures=figures):
                self._figures = figures
                self._told += 1
            case Log():
                self._log.keep(envelope)
            case ErrorEnvelope():
                self._log.take_failure(envelope, ready=self._ready)
            case _:
                pass
        return envelope

    def _dispatch(self, message: Message, request: Request | None) -> None:
        if self._on_message is not None:
            self._on_message(message)
        target = self._requests.get(message.parent_id)
        if target is None and request is not None and request.id == message.parent_id:
            target = request
        if target is None:
            return
        if message.channel in {"shell", "control"} and message.type.endswith("_reply"):
            target.reply = message
        elif message.type == "status":
            target.idle = target.idle or message.content.get("execution_state") == "idle"
        elif message.type == "input_request":
            self._answer_input(message, target)
        elif message.channel == "iopub" and message.type in OUTPUT_TYPES:
            target.outputs.append(message)
            if target.on_output is not None:
                target.on_output(message)

    def _answer_input(self, message: Message, request: Request) -> None:
        content = message.content
        prompt = str(content.get("prompt") or "")
        if request.on_input is None:
            raise HostError("the cell asks for input, but there is nobody to answer", prompt=prompt or None)
        question = InputRequest(prompt=prompt, password=bool(content.get("password")))
        asked_at = monotonic()
        try:
            self.asking = True
            value = request.on_input(question)
        except KeyboardInterrupt:
            # The runtime lets a kernel that waits for input go on with the signal: it needs no answer.
            self.interrupt()
            return
        finally:
            self.asking = False
        if request.deadline is not None:
            request.deadline += monotonic() - asked_at
        answer = Message(
            header=self._header("input_reply", _new_id()),
            parent_header=message.header,
            channel="stdin",
            content={"status": "ok", "value": value},
        )
        self._engine.post(MessageEnvelope(message=answer))


def _new_id() -> str:
    return uuid.uuid4().hex
