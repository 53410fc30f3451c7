"""Cells that never end, to be interrupted."""

from __future__ import annotations


def endless(first: str, again: str = "pass") -> str:
    """A cell that evaluates `first` and then does `again` for ever.

    It is one statement: between two, IPython compiles, and cannot show an interrupt that comes in that moment.
    """
    return f"if ({first}) is not ...:\n    while True:\n        {again}\n"
