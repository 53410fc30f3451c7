"""What a site tells beside a manifest of the lock that the environment is from, for installs in a running kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lite_env.spec.address import public_url

if TYPE_CHECKING:
    from lite_env.lock.model import Lockfile

FORMAT = 1


def lite_lock(lock: Lockfile) -> bytes:
    """``lock.json``: the environment's name and its channels that a browser can read, the first of them first.

    The packages are in the manifest. Users, passwords and tokens are left out, and so are channels that are folders.
    """
    channels = [public_url(channel) for channel in lock.channels]
    content = {
        "channels": [channel for channel in channels if channel.startswith(("https://", "http://"))],
        "format": FORMAT,
        "name": lock.name,
    }
    return msgspec.json.format(msgspec.json.encode(content, order="sorted"), indent=2) + b"\n"
