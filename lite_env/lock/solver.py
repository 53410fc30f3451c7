"""What a solver is asked and how it answers; the real one is :class:`lite_env.lock.conda.solve.CondaSolver`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lite_env.lock.model import LockedPackage
    from lite_env.spec.address import Channel
    from lite_env.spec.model import Requirement


@dataclass(frozen=True, kw_only=True, slots=True)
class SolveRequest:
    """One question to a solver.

    Attributes:
        channels: highest priority first; the priority is strict.
        requirements: what has to be there.
        locked: what an earlier answer had: each is kept if it can be.
    """

    channels: tuple[Channel, ...]
    requirements: tuple[Requirement, ...]
    locked: tuple[LockedPackage, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A package that a channel offers; the channel is a URL without credentials."""

    channel: str
    subdir: str
    version: str
    build: str


class Solver(Protocol):
    """Answers requests for emscripten-wasm32."""

    def solve(self, request: SolveRequest) -> tuple[LockedPackage, ...]:
        """The packages, sorted by name.

        Raises:
            SolveError: nothing satisfies the request.
            FetchError: a channel could not be read.
            SpecError: a match spec is wrong.
        """


class Catalog(Protocol):
    """What is looked up to explain why there is no solution."""

    def names(self, channels: Sequence[str], subdirs: Sequence[str]) -> frozenset[str]:
        """The names of all packages there; empty when that cannot be told."""

    def candidates(self, channels: Sequence[str], spec: str, subdirs: Sequence[str]) -> tuple[Candidate, ...]:
        """All packages that answer a match spec, newest first; empty when that cannot be told."""

    def subdirs(self, channel: str) -> tuple[str, ...]:
        """The other platforms of a channel that can be looked at cheaply."""
