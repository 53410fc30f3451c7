"""In place of urllib3's own backend for browsers: with sockets that carry HTTP it needs none."""

from __future__ import annotations


def inject_into_urllib3() -> None:
    """Nothing is to be put anywhere."""
