"""Answers that are kept as files, and compared byte for byte.

``make snapshots`` (tests with ``RENEW_SNAPSHOTS=1``) writes them anew; what changed is then read in the difference, and
committed with what changed it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SNAPSHOTS = Path(__file__).parent / "report" / "snapshots"
VARIABLE = "RENEW_SNAPSHOTS"


def assert_kept(name: str, text: str) -> None:
    """Hold `text` against the file `name`."""
    file = SNAPSHOTS / name
    if os.environ.get(VARIABLE):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
        return
    if not file.exists():
        pytest.fail(f"there is no {file.name}: write it with {VARIABLE}=1")
    assert text == file.read_bytes().decode(), f"{file.name} has changed; {VARIABLE}=1 writes it anew"
