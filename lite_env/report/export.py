"""A lock or a pack in the formats of others: a table that each format has a line in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.report.cyclonedx import cyclonedx

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lite_env.report.subject import Subject

FORMATS: Mapping[str, Callable[[Subject], str]] = {"cyclonedx": cyclonedx}
"""By the name on the command line, what makes the whole text of a lock or pack; equal input, equal text."""
