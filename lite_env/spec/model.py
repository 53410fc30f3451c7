"""The values that an environment file becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """One match spec as it was written, and where."""

    text: str
    file: Path | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentSpec:
    """What one environment file asks for (CEP 24).

    Attributes:
        name: the environment's name.
        channels: exactly as listed, highest priority first; a path channel is an absolute path here.
        requirements: the match specs, in the order of the file.
        variables: environment variables, sorted by name.
        file: the file it was read from.
        warnings: things that are probably mistakes, each with its line, to be shown once.
    """

    name: str
    channels: tuple[str, ...]
    requirements: tuple[Requirement, ...]
    variables: tuple[tuple[str, str], ...] = ()
    file: Path | None = None
    warnings: tuple[str, ...] = ()
