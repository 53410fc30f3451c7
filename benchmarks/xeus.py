"""jupyterlite-xeus 5.1 over the packages of 2023: what its front end calls, and their kernel does not have."""

from __future__ import annotations

from pathlib import Path

VERSION = "5.1.0"


def with_newer_entry_points(glue: str) -> str:
    """The kernel's script with the two entry points that the front end calls, made of the older one."""
    return glue + Path(__file__).with_name("newer-entry-points.js").read_text(encoding="utf-8")
