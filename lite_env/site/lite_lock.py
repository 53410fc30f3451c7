"""What a site tells beside a manifest of the lock that the environment is from, for installs in a running kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lite_env.spec.address import holds_credentials, public_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lite_env.lock.model import Lockfile

FORMAT = 1


def lite_lock(lock: Lockfile, *, index: str | None = None) -> bytes:
    """``lock.json``: the environment's name, its channels and the indexes of its pip section, the first of them first.

    `index` is the site's, where the pip section names none. The packages are in the manifest. Users, passwords and
    tokens are left out, and so is what no browser can read.
    """
    settings = lock.pip.settings if lock.pip else ()
    content = {
        "channels": [channel for channel in map(public_url, lock.channels) if _is_readable(channel)],
        "extra_indexes": _option("--extra-index-url", settings),
        "format": FORMAT,
        "index": next(iter(_option("--index-url", settings)), index),
        "name": lock.name,
    }
    return msgspec.json.format(msgspec.json.encode(content, order="sorted"), indent=2) + b"\n"


def _option(name: str, settings: Sequence[str]) -> list[str]:
    found = [text.removeprefix(f"{name} ") for text in settings if text.startswith(f"{name} ")]
    return [url for url in found if _is_readable(url) and not holds_credentials(url)]


def _is_readable(url: str) -> bool:
    return url.startswith(("https://", "http://"))
