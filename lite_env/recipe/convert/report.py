"""Collects refusals and notes while a recipe is converted: all are told at once, not the first alone."""

from __future__ import annotations

from lite_env.recipe.convert.model import Note, Refusal
from lite_env.store.text import shown

MAX_FOUND = 120
"""Characters of what was found."""


class Report:
    """The refusals and notes of one file.

    Args:
        file: the file's name.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self._refusals: dict[tuple[int, str, str], Refusal] = {}
        self._notes: dict[tuple[int, str, str], Note] = {}

    def refuse(self, line: int, key: str, *, found: str, why: str, hint: str) -> None:
        """Say that something cannot be converted; the same is said once."""
        text = found if len(found) <= MAX_FOUND else f"{found[: MAX_FOUND - 1]}…"
        refusal = Refusal(file=self.file, line=line, key=key, found=shown(text), why=why, hint=hint)
        self._refusals.setdefault((line, key, why), refusal)

    def note(self, line: int, key: str, text: str) -> None:
        """Say something of what was converted."""
        self._notes.setdefault((line, key, text), Note(file=self.file, line=line, key=key, text=text))

    def refused(self) -> tuple[Refusal, ...]:
        """All refusals, in the order of lines."""
        return tuple(sorted(self._refusals.values()))

    def noted(self) -> tuple[Note, ...]:
        """All notes, in the order of lines."""
        return tuple(sorted(self._notes.values()))
