"""Text from strangers shown as text: what would move a cursor, change a colour or hide a word is made visible."""

from __future__ import annotations

import re

# C0 but tab and line feed, DEL, C1, what changes the direction of writing, line separators, lone surrogates.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_SHORT = 0x100


def plain(text: str) -> str:
    r"""`text` with each character that a terminal would obey written as Python would: ``\x1b``, ``\u202e``."""
    return _UNSEEN.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < _SHORT else f"\\u{number:04x}"
