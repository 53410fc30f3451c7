"""Sizes and times as people write them."""

from __future__ import annotations

import re

_SIZE = re.compile(r"(?P<number>\d{1,12}(?:\.\d{1,6})?)\s*(?P<unit>[kKMG]i?)?B?\Z")
_BYTES = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "ki": 2**10, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_DURATION = re.compile(r"(?P<number>\d{1,12}(?:\.\d{1,6})?)\s*(?P<unit>s|min|h|d|w)\Z", re.IGNORECASE)
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def parse_size(text: str) -> int:
    """Bytes of ``25MB``, ``25 MiB``, ``500kB``, ``1.5M``, ``4096``.

    Raises:
        ValueError: it is none of these.
    """
    match = _SIZE.match(text.strip())
    if match is None:
        msg = f"{text!r} is no size: write 25MB (25,000,000 bytes) or 25MiB"
        raise ValueError(msg)
    return round(float(match["number"]) * _BYTES[match["unit"] or ""])


def parse_duration(text: str) -> int:
    """Seconds of ``90s``, ``30 min``, ``12h``, ``30d``, ``2w``; nothing is ``0``.

    Raises:
        ValueError: it is none of these.
    """
    if text.strip() == "0":
        return 0
    match = _DURATION.match(text.strip())
    if match is None:
        msg = f"{text!r} is no duration: write 12h or 30d"
        raise ValueError(msg)
    return round(float(match["number"]) * _SECONDS[match["unit"].lower()])
