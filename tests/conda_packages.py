"""Builds small conda packages and channels for tests: real `.conda` files, a few bytes each."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from typing import TYPE_CHECKING

import zstandard

from tests.prefixes import WASM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PLACEHOLDER = "/placehold_placehold_placehold_placehold"
"""Write this into a text file of a package and it is recorded as that file's prefix placeholder."""

TOY_KERNEL = {
    "bin/xtoy.js": "var createXeusModule = 1;",
    "bin/xtoy.wasm": WASM,
    "share/jupyter/kernels/toy/kernel.json": f'{{"argv": ["{PLACEHOLDER}/bin/xtoy"], "language": "toy"}}',
}
"""The files of a package with a kernel that has all it needs, and starts nothing."""


def make_package(
    channel: Path,
    name: str,
    version: str = "1.0",
    *,
    files: Mapping[str, bytes | str] | None = None,
    links: Mapping[str, str] | None = None,
    depends: Sequence[str] = (),
    constrains: Sequence[str] = (),
    build: str = "0",
    build_number: int = 0,
    subdir: str = "emscripten-wasm32",
    noarch: str | None = None,
    license: str | None = "BSD-3-Clause",  # noqa: A002 - the record's own word
) -> Path:
    """Write one package into `channel` (call `index_channel` afterwards) and return its path.

    Args:
        channel: the channel's folder.
        name, version, build, build_number, subdir, depends, constrains, license: the record.
        files: prefix-relative path to content.
        links: prefix-relative path to the target of a symbolic link.
        noarch: ``python`` or ``generic``; the subdir is ``noarch`` then.
    """
    if noarch is not None:
        subdir = "noarch"
    index: dict[str, object] = {
        "name": name,
        "version": version,
        "build": build,
        "build_number": build_number,
        "subdir": subdir,
        "depends": list(depends),
        "constrains": list(constrains),
        "timestamp": 1_700_000_000_000,
    }
    if license is not None:
        index["license"] = license
    if noarch is not None:
        index["noarch"] = noarch
    payload = {path: text.encode() if isinstance(text, str) else text for path, text in (files or {}).items()}
    paths = [_path_entry(path, data) for path, data in sorted(payload.items())]
    paths += [
        {"_path": path, "path_type": "softlink", "sha256": hashlib.sha256(b"").hexdigest(), "size_in_bytes": 0}
        for path in sorted(links or {})
    ]
    info = {
        "info/index.json": _json(index),
        "info/paths.json": _json({"paths_version": 1, "paths": paths}),
        "info/files": "".join(f"{entry['_path']}\n" for entry in paths).encode(),
    }
    if noarch == "python":
        info["info/link.json"] = _json({"noarch": {"type": "python"}, "package_metadata_version": 1})
    stem = f"{name}-{version}-{build}"
    target = channel / subdir / f"{stem}.conda"
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        for member, data in (
            ("metadata.json", b'{"conda_pkg_format_version": 2}'),
            (f"pkg-{stem}.tar.zst", _tar_zst(payload, links or {})),
            (f"info-{stem}.tar.zst", _tar_zst(info, {})),
        ):
            archive.writestr(zipfile.ZipInfo(member, (2023, 1, 1, 0, 0, 0)), data)
    return target


def _path_entry(path: str, data: bytes) -> dict[str, object]:
    entry: dict[str, object] = {
        "_path": path,
        "path_type": "hardlink",
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_in_bytes": len(data),
    }
    if PLACEHOLDER.encode() in data:
        entry |= {"file_mode": "text", "prefix_placeholder": PLACEHOLDER}
    return entry


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _tar_zst(files: Mapping[str, bytes], links: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, data in sorted(files.items()):
            member = tarfile.TarInfo(path)
            member.size = len(data)
            member.mode = 0o755 if path.startswith("bin/") else 0o644
            tar.addfile(member, io.BytesIO(data))
        for path, target in sorted(links.items()):
            member = tarfile.TarInfo(path)
            member.type = tarfile.SYMTYPE
            member.linkname = target
            tar.addfile(member)
    return zstandard.compress(buffer.getvalue())
