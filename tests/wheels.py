"""Wheels as pip and uv leave them in an environment: files by path, for `make_prefix(local=…)`."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

from tests.prefixes import SITE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def wheel_files(
    name: str = "Toy.Pkg",
    version: str = "1.0",
    *,
    files: Mapping[str, str] | None = None,
    metadata: Sequence[str] = (),
    tags: Sequence[str] = ("py3-none-any",),
    direct_url: Mapping[str, Any] | None = None,
    requested: bool = True,
    more_rows: Sequence[str] = (),
) -> dict[str, str]:
    """What the installation of a wheel puts into a prefix, RECORD with its digests too; `files` below site-packages."""
    stem = name.replace("-", "_").replace(".", "_")
    info = f"{stem}-{version}.dist-info"
    found = dict(files if files is not None else {f"{stem.lower()}/__init__.py": "x = 1\n"})
    found[f"{info}/METADATA"] = "\n".join(
        ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata, ""]
    )
    found[f"{info}/WHEEL"] = "\n".join(["Wheel-Version: 1.0", *(f"Tag: {tag}" for tag in tags), ""])
    found[f"{info}/INSTALLER"] = "pip\n"
    if requested:
        found[f"{info}/REQUESTED"] = ""
    if direct_url is not None:
        found[f"{info}/direct_url.json"] = json.dumps(direct_url)
    rows = [f"{path},sha256={_digest(text)},{len(text)}" for path, text in sorted(found.items())]
    found[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", *more_rows, ""])
    return {f"{SITE}/{path}": text for path, text in found.items()}


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
