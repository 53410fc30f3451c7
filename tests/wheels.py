"""Wheels as pip and uv leave them in an environment: files by path, for `make_prefix(local=…)`."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from typing import TYPE_CHECKING, Any

from tests.prefixes import SITE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


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


def make_wheel(
    folder: Path,
    name: str = "toy",
    version: str = "1.0",
    *,
    files: Mapping[str, str] | None = None,
    requires: Sequence[str] = (),
    metadata: Sequence[str] = (),
    tag: str = "py3-none-any",
    record: Mapping[str, str] | None = None,
) -> Path:
    """Write a wheel's file and return its path.

    Args:
        folder: made if needed.
        name, version, tag: of its name.
        files: by path in the wheel; ``DATA/`` in front stands for its data folder, ``INFO/`` for its dist-info.
        requires: ``Requires-Dist``.
        metadata: more headers.
        record: digests that its RECORD gives in place of the right ones, by path.
    """
    stem = f"{name.replace('-', '_')}-{version}"
    module = name.replace("-", "_").lower()
    content = {
        path.replace("DATA/", f"{stem}.data/").replace("INFO/", f"{stem}.dist-info/"): text
        for path, text in (files if files is not None else {f"{module}/__init__.py": f"x = '{version}'\n"}).items()
    }
    headers = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata]
    headers += [f"Requires-Dist: {text}" for text in requires]
    content[f"{stem}.dist-info/METADATA"] = "\n".join([*headers, ""])
    content[f"{stem}.dist-info/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: {tag}\n"
    rows = [f"{path},sha256={(record or {}).get(path, _digest(text))},{len(text)}" for path, text in content.items()]
    content[f"{stem}.dist-info/RECORD"] = "\n".join([*rows, f"{stem}.dist-info/RECORD,,", ""])
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for path, text in content.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return target
