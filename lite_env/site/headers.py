"""How a site's files are to be served: caching and isolation, for our server and for hosts that read rules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from lite_env.errors import SiteError
from lite_env.host.files import IMMUTABLE, ISOLATION, content_type, credentialless
from lite_env.host.files import cache_control as cache_control_by_name

if TYPE_CHECKING:
    from collections.abc import Iterable

HEADERS_FILE = "_headers"

_RUNTIME = re.compile(r"runtime/[0-9a-f]{16}/")
_FOLDER = re.compile(r"files/|packs/[^/]+/archives/")
"""Folders in which every file's name holds its hash."""
_MOST_RULES = 100
"""Of which old files' are what is left: Cloudflare Pages reads no more."""
_BASE = re.compile(r"/(?:[\w.~%-]+/)*\Z", re.ASCII)


def cache_control(path: str) -> str:
    """The Cache-Control of a file of a site; `path` is relative to the site's folder."""
    return IMMUTABLE if _RUNTIME.match(path) else cache_control_by_name(path.rpartition("/")[2])


def file_headers(path: str, *, isolation: bool) -> tuple[tuple[str, str], ...]:
    """The headers of a file of a site; `path` is relative to the site's folder."""
    return (
        ("Content-Type", content_type(path)),
        ("Cache-Control", cache_control(path)),
        *common_headers(isolation=isolation),
    )


def common_headers(*, isolation: bool) -> tuple[tuple[str, str], ...]:
    """The headers that every answer of a site has."""
    return (*(ISOLATION if isolation else ()), ("X-Content-Type-Options", "nosniff"))


def headers_file(paths: Iterable[str], *, base: str, isolation: bool, old: Iterable[str] = ()) -> str:
    """Rules for hosts that read a file ``_headers`` (Netlify, Cloudflare Pages).

    Rules that match the same path add up, so each header stands in one of them only. Without a rule these hosts say
    ``must-revalidate``, which is right for what has no hash in its path. No rule can choose by browser: for those that
    do not know ``credentialless`` the site's service worker sets ``require-corp``, from the second visit on.

    Args:
        paths: of the site, relative to its folder.
        base: the path of the site's folder on its host, with slashes at both ends.
        isolation: whether the page is to have SharedArrayBuffer.
        old: paths of earlier deployments' files that are still there, as far as there is room for rules.

    Raises:
        SiteError: `base` is no such path.
    """
    if not _BASE.match(base) or ".." in base.split("/"):
        raise SiteError(
            f"'{base}' is not the path of a folder on a host",
            hint="`--base` takes for example `/docs/demo/`; the page itself needs none, its URLs are relative",
        )
    rules = {f"{base}*": credentialless(common_headers(isolation=isolation))}
    for path in paths:
        rules |= dict.fromkeys(_immutable(path, base), (("Cache-Control", IMMUTABLE),))
    for path in old:
        if len(rules) < _MOST_RULES:
            rules |= dict.fromkeys(_immutable(path, base), (("Cache-Control", IMMUTABLE),))
    blocks = (
        "".join([f"{pattern}\n", *(f"  {name}: {value}\n" for name, value in headers)])
        for pattern, headers in sorted(rules.items())
    )
    return "\n".join(blocks)


def _immutable(path: str, base: str) -> tuple[str, ...]:
    """The rule that says it of a file, if it is to be said."""
    if cache_control(path) != IMMUTABLE:
        return ()
    # A folder in which everything is immutable needs one rule; hosts allow about a hundred.
    folder = _RUNTIME.match(path) or _FOLDER.match(path)
    return (base + (f"{quote(folder[0])}*" if folder else quote(path)),)
