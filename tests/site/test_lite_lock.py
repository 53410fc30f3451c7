"""What a site tells of a lock."""

from __future__ import annotations

import json

from lite_env.lock.model import Lockfile
from lite_env.site.lite_lock import lite_lock


def test_channels_are_told_that_a_browser_can_read_without_what_opens_them():
    secret = ("https://user:secret@example.org/a", "https://example.org/t/tk-123/c")
    channels = (secret[0], "file:///home/b", secret[1], "http://127.0.0.1:1/d")
    lock = Lockfile(name="demo", channels=channels, packages=(), requested=(), variables=(), spec_digest="")
    told = lite_lock(lock)
    assert json.loads(told) == {
        "channels": ["https://example.org/a", "https://example.org/c", "http://127.0.0.1:1/d"],
        "format": 1,
        "name": "demo",
    }
    assert told.endswith(b"}\n")
