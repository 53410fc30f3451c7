"""The values that an environment file becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.spec.matchspec import name_of, split_channel

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.spec.address import Channel
    from lite_env.spec.pip import PipSection

DEFAULT_CHANNELS = ("https://prefix.dev/emscripten-forge-4x", "https://prefix.dev/conda-forge")
"""What an environment file without ``channels`` gets, highest priority first."""

MAX_NAME_BYTES = 200
"""Of an environment's name: folders are called so, and a file's name has at most 255 bytes with all that is added."""


def is_long_name(name: str) -> bool:
    """Whether an environment's name is longer than that of a folder may be."""
    return len(name.encode(errors="surrogatepass")) > MAX_NAME_BYTES


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """One match spec (CEP 29) as it was written, and where.

    Attributes:
        text: as written, white space made single.
        channel: the one whose ``channel::`` stands in front.
        subdir: where ``channel/subdir::`` or ``channel[subdir]::`` stands in front.
        file, line: the place, counted from 1.
    """

    text: str
    channel: Channel | None = None
    subdir: str | None = None
    file: Path | None = None
    line: int | None = None

    @property
    def match(self) -> str:
        """The match spec without a channel in front."""
        return split_channel(self.text)[2]

    def names(self, package: str) -> bool:
        """Whether the package of this name is asked for."""
        return name_of(self.text) == package


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentSpec:
    """What one environment file asks for (CEP 24).

    Attributes:
        name: the environment's name.
        channels: exactly as listed, highest priority first.
        requirements: the match specs, in the order of the file.
        variables: environment variables, sorted by name.
        file: the file it was read from.
        warnings: things that are probably mistakes, each with its line, to be shown once.
        notes: what was decided where the file leaves it open.
        pip: what the section ``pip`` asks for; None where there is none, or it asks for nothing.
    """

    name: str
    channels: tuple[Channel, ...]
    requirements: tuple[Requirement, ...]
    variables: tuple[tuple[str, str], ...] = ()
    file: Path | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    pip: PipSection | None = None
