"""Text from strangers, and errors that hold it, shown as text.

What would move a cursor or hide a word is made visible, what is long is cut.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lite_env.errors import LiteEnvError

# C0 but tab and line feed, DEL, C1, what changes the direction of writing, line separators, lone surrogates.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_SHORT = 0x100
_MAX_LINE, _LINE_HEAD, _LINE_TAIL = 1000, 750, 200
_MAX_LINES, _HEAD_LINES, _TAIL_LINES = 200, 150, 49


def plain(text: str) -> str:
    r"""`text` with each character that a terminal would obey written as Python would: ``\x1b``, ``\u202e``."""
    return _UNSEEN.sub(_escaped, text)


def bounded(text: str) -> str:
    """`text` as a message can hold it: of a line or a text that somebody made very long, how it begins and ends.

    What is wrong with a stranger's text stands behind it.
    """
    lines = text.split("\n")
    if len(lines) > _MAX_LINES:
        left_out = len(lines) - _HEAD_LINES - _TAIL_LINES
        lines = [*lines[:_HEAD_LINES], f"… ({left_out:,} lines)", *lines[-_TAIL_LINES:]]
    return "\n".join(
        line if len(line) <= _MAX_LINE else f"{line[:_LINE_HEAD]}… ({len(line):,} characters) …{line[-_LINE_TAIL:]}"
        for line in lines
    )


def format_error(error: LiteEnvError) -> str:
    """The text of an error: ``error: …``, where, an empty line, ``hint: …``; each of bounded length."""
    lines = [f"error: {bounded(error.message)}"]
    lines += [f"  {key.replace('_', ' ')}: {bounded(str(value))}" for key, value in error.context]
    if error.hint:
        lines += ["", f"hint: {bounded(error.hint)}"]
    return "\n".join(lines)


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < _SHORT else f"\\u{number:04x}"
