"""What a conversion comes to: the new files, what was refused with its line, and what one should know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

Format = Literal["conda-build", "boa"]


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Refusal:
    """Something that cannot be converted.

    Attributes:
        file: the file's name.
        line: counted from 1.
        key: where in the document, such as ``build.script[2]``; empty for what stands between keys.
        found: what stands there.
        why: what is in the way.
        hint: what to do.
    """

    file: str
    line: int
    key: str
    found: str
    why: str
    hint: str


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Note:
    """Something that was converted and should be looked at; see `Refusal`."""

    file: str
    line: int
    key: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NewFile:
    """A file of the new recipe: a `text` of ours, or a `copy` of another file."""

    name: str
    text: str = ""
    copy: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversion:
    """The new recipe, as a value: nothing is written yet.

    Attributes:
        source: the file that was converted.
        format: whose recipe it was.
        files: what would be written; nothing when there are refusals.
        refusals: in the order of files and lines.
        notes: the same.
    """

    source: Path
    format: Format
    files: tuple[NewFile, ...]
    refusals: tuple[Refusal, ...]
    notes: tuple[Note, ...]
