"""What a kernel's messages look like on a terminal or in a pipe: streams live, results as text, failures on stderr."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import IO, TYPE_CHECKING, Any

import msgspec

from lite_env.host.engine import traceback_of
from lite_env.host.request import pages_of

if TYPE_CHECKING:
    from lite_env.host.engine import Message
    from lite_env.host.request import ExecuteResult

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_COLOUR = r"(?:\x1b\[[0-9;]*m)*"


def strip_ansi(text: str) -> str:
    """`text` without the control sequences of a terminal."""
    return _ANSI.sub("", text)


def name_cell(text: str, *, number: int | None, file: str) -> str:
    """A traceback of IPython in which the cell `number` (None: any) bears the name of the file that it was read from.

    The cell *is* the whole file, so the line numbers stay right.
    """
    count = r"\d+" if number is None else str(number)
    cell = rf"Cell {_COLOUR}In\[{count}\](?=, line)"
    return re.sub(cell, lambda _: f"File {file}", text)


def display_text(content: dict[str, Any]) -> str:
    """What a terminal can show of a ``display_data`` or ``execute_result``: its text, or which types it has."""
    data: dict[str, Any] = content.get("data") or {}
    text = data.get("text/plain")
    if text is None:
        return f"<{', '.join(sorted(data)) or 'nothing'}>"
    return "".join(text) if isinstance(text, list) else str(text)


def message_line(message: Message) -> str:
    """One message as one line of JSON with sorted keys."""
    return json.dumps(msgspec.to_builtins(message), sort_keys=True, ensure_ascii=False)


def allows_colour(stream: IO[str]) -> bool:
    """Whether colours may be written: a terminal, and the user does not say no (NO_COLOR, TERM=dumb)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class TextPrinter:
    """Writes outputs as they come: data to stdout, what went wrong to stderr."""

    def __init__(self, *, file: str | None = None) -> None:
        self._file = file
        self._colour = allows_colour(sys.stderr)
        self._error: Message | None = None
        # Whether stdout is in the middle of a line.
        self._in_line = False

    def show(self, message: Message) -> None:
        """Write one output message; an error waits for `show_failure`, which knows the cell's number."""
        content = message.content
        match message.type:
            case "stream" if content.get("name") == "stderr":
                self._err(str(content.get("text") or ""))
            case "stream":
                self._out(str(content.get("text") or ""))
            case "display_data" | "update_display_data" | "execute_result":
                self._block(display_text(content))
            case "error":
                self._error = message

    def show_pages(self, result: ExecuteResult) -> None:
        """Write what a cell wants shown in a pager, such as the page of ``name?``."""
        for data in pages_of(result):
            text = display_text({"data": data}).rstrip("\n")
            self._block(text if allows_colour(sys.stdout) else strip_ansi(text))

    def show_failure(self, result: ExecuteResult | None) -> None:
        """Write the traceback of a cell that failed; without a result only what the kernel has published of it."""
        published = traceback_of(self._error.content) if self._error is not None else ()
        self._error = None
        lines = published or (result.traceback if result else ())
        if not lines and result is not None:
            what = f"{result.ename}: {result.evalue}".strip(": ")
            lines = (what or f"the cell was not run: the kernel answered {result.status!r}",)
        if lines:
            number = result.execution_count if result else None
            text = "\n".join(lines).rstrip("\n") + "\n"
            self._err(text if self._file is None else name_cell(text, number=number, file=self._file))

    def _block(self, text: str) -> None:
        """Write lines of their own: what was printed without a line end is not part of them."""
        self._out(("\n" if self._in_line else "") + text + "\n")

    def _out(self, text: str) -> None:
        write(sys.stdout, text)
        if text:
            self._in_line = not text.endswith("\n")

    def _err(self, text: str) -> None:
        write(sys.stderr, text if self._colour else strip_ansi(text))


class JsonPrinter:
    """Writes every message of the kernel as a line of JSON to stdout, and nothing else there."""

    def show(self, message: Message) -> None:
        """Write one message."""
        write(sys.stdout, message_line(message) + "\n")


def write(stream: IO[str], text: str) -> None:
    """Write and flush; what the stream's encoding cannot express is written as a backslash escape."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()
