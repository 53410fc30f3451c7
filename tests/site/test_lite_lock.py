"""What a site tells of a lock."""

from __future__ import annotations

import json

from lite_env.lock.model import LockedPip, Lockfile
from lite_env.site.lite_lock import lite_lock


def test_channels_are_told_that_a_browser_can_read_without_what_opens_them():
    secret = ("https://user:secret@example.org/a", "https://example.org/t/tk-123/c")
    channels = (secret[0], "file:///home/b", secret[1], "http://127.0.0.1:1/d")
    lock = Lockfile(name="demo", channels=channels, packages=(), requested=(), variables=(), spec_digest="")
    told = lite_lock(lock)
    assert json.loads(told) == {
        "channels": ["https://example.org/a", "https://example.org/c", "http://127.0.0.1:1/d"],
        "extra_indexes": [],
        "format": 1,
        "index": None,
        "name": "demo",
    }
    assert told.endswith(b"}\n")


def test_indexes_of_the_pip_section_are_told_without_those_that_hold_a_password():
    settings = (
        "--extra-index-url https://example.org/more",
        "--extra-index-url https://user:secret@example.org/own",
        "--index-url https://example.org/simple",
        "--pre",
    )
    pip = LockedPip(requirements=(), settings=settings)
    lock = Lockfile(name="demo", channels=(), packages=(), requested=(), variables=(), spec_digest="", pip=pip)
    told = json.loads(lite_lock(lock))
    assert json.loads(lite_lock(lock, index="https://example.org/other")) == told
    assert (told["index"], told["extra_indexes"]) == ("https://example.org/simple", ["https://example.org/more"])
