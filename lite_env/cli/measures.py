"""Sizes and times on a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lite_env.spec.measures import parse_duration, parse_size

if TYPE_CHECKING:
    from collections.abc import Callable


class _Measure(click.ParamType[int]):
    """What a function reads."""

    def __init__(self, name: str, parse: Callable[[str], int]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return value if isinstance(value, int) else self._parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


SIZE = _Measure("size", parse_size)
"""The type of an option; its value is in bytes."""
DURATION = _Measure("duration", parse_duration)
"""The type of an option; its value is in seconds."""
