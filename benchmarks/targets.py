"""What a benchmark is to reach."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What is to be reached, and what came out; None where it was not measured."""

    what: str
    limit: float
    found: float | None

    @property
    def verdict(self) -> str:
        """In a word."""
        if self.found is None:
            return "not measured"
        return "pass" if self.found <= self.limit else f"missed by {(self.found / self.limit - 1) * 100:.0f} %"
