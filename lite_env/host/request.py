"""A request to a kernel while it is under way, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lite_env.errors import HostError
from lite_env.host.engine import traceback_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from lite_env.host.engine import Message


@dataclass(frozen=True, kw_only=True, slots=True)
class InputRequest:
    """What a kernel asks its user."""

    prompt: str
    password: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecuteResult:
    """How a cell ended.

    Attributes:
        status: ``aborted`` when the kernel did not run it.
        outputs: the kernel's output messages for this cell, in order.
        execution_count: the cell's number; None when the kernel gave none.
        payload: what the kernel asks a front end to show besides, such as the page of ``name?``; see `pages_of`.
        interrupted: whether this client interrupted it.
    """

    status: Literal["ok", "error", "aborted"]
    outputs: tuple[Message, ...] = ()
    ename: str = ""
    evalue: str = ""
    traceback: tuple[str, ...] = ()
    execution_count: int | None = None
    payload: tuple[dict[str, Any], ...] = ()
    interrupted: bool = False


@dataclass(kw_only=True, slots=True)
class Request:
    """One request under way, and what has come for it so far."""

    id: str
    on_output: Callable[[Message], None] | None = None
    on_input: Callable[[InputRequest], str] | None = None
    reply: Message | None = None
    idle: bool = False
    # Which of this client's questions for figures was asked right after the request.
    barrier: int = 0
    # Seconds of the client's clock; moved on by the time that a user takes to answer.
    deadline: float | None = None
    # The same for what is still missing when the runtime says that it is done.
    rest_deadline: float | None = None
    outputs: list[Message] = field(default_factory=list)

    def left(self, now: float) -> float:
        """Seconds from `now` until the deadline; without one there is always a second left."""
        return 1.0 if self.deadline is None else self.deadline - now


def result_of(request: Request, *, interrupted: bool) -> ExecuteResult:
    """What became of the cell that was sent as `request`.

    Raises:
        HostError: no reply came for it.
    """
    if request.reply is None:
        raise HostError("the kernel ended a cell without a reply")
    content = request.reply.content
    status = content.get("status")
    return ExecuteResult(
        status=status if status in {"ok", "aborted"} else "error",
        outputs=tuple(request.outputs),
        ename=str(content.get("ename") or ""),
        evalue=str(content.get("evalue") or ""),
        traceback=traceback_of(content),
        execution_count=content.get("execution_count"),
        payload=tuple(item for item in content.get("payload") or () if isinstance(item, dict)),
        interrupted=interrupted,
    )


def pages_of(result: ExecuteResult) -> tuple[dict[str, Any], ...]:
    """What the cell wants shown in a pager, each as data by MIME type ("Payloads" of the messaging protocol)."""
    pages = (item for item in result.payload if item.get("source") == "page")
    return tuple(data for item in pages if isinstance(data := item.get("data"), dict))
