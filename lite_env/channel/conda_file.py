"""Completing a ``.conda`` file: what rattler-build's assembler cannot be told goes into its ``info`` part here.

That is the prefix placeholder (it looks for its own temporary folder only) and ``link.json``, which a
``noarch: python`` package must have. A ``.conda`` is an uncompressed zip of ``metadata.json``,
``info-<stem>.tar.zst`` and ``pkg-<stem>.tar.zst`` (https://docs.conda.io/projects/conda-package-handling).
"""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import zstandard

from lite_env.channel.model import PREFIX_PLACEHOLDER
from lite_env.errors import ChannelError
from lite_env.store.atomic import write_bytes
from lite_env.store.text import Origin, parse_json

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

_LEVEL = 19


def complete_package(
    path: Path,
    *,
    prefix_paths: Collection[str],
    noarch_python: bool,
    timestamp: datetime,
    entry_points: Sequence[str] = (),
    run_exports: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> None:
    """Rewrite the ``info`` part of the package at `path`; its payload stays byte for byte.

    Args:
        path: a ``.conda`` file.
        prefix_paths: text files in it that hold the prefix placeholder.
        noarch_python: whether it is a ``noarch: python`` package.
        timestamp: time of every file in the new part.
        entry_points: commands that an installer makes, for a ``noarch: python`` package.
        run_exports: what is needed by who builds with the package, by kind (CEP 12).
    """
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in parts if name.startswith("info-"))
    info = _read_tar(parts[name])
    origin = Origin(what="the package's info/paths.json", error=ChannelError, file=str(path))
    info["info/paths.json"] = _json(_with_prefixes(parse_json(info["info/paths.json"], origin), prefix_paths))
    if noarch_python:
        info["info/link.json"] = _json(_link(entry_points))
    if run_exports:
        info["info/run_exports.json"] = _json({kind: list(specs) for kind, specs in run_exports.items()})
    parts[name] = _write_tar(info, timestamp)
    write_bytes(path, _write_zip(parts, timestamp))


def _link(entry_points: Sequence[str]) -> dict[str, Any]:
    noarch = {"type": "python"} | ({"entry_points": list(entry_points)} if entry_points else {})
    return {"noarch": noarch, "package_metadata_version": 1}


def _with_prefixes(paths: dict[str, Any], prefix_paths: Collection[str]) -> dict[str, Any]:
    for entry in paths["paths"]:
        if entry["_path"] in prefix_paths:
            entry |= {"file_mode": "text", "prefix_placeholder": PREFIX_PLACEHOLDER}
    return paths


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def _read_tar(data: bytes) -> dict[str, bytes]:
    stream = zstandard.ZstdDecompressor().stream_reader(data)
    files = {}
    with tarfile.open(fileobj=io.BytesIO(stream.read()), mode="r:") as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is not None:
                files[member.name] = content.read()
    return files


def _write_tar(files: dict[str, bytes], timestamp: datetime) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size = len(files[name])
            member.mtime = int(timestamp.timestamp())
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(files[name]))
    return zstandard.ZstdCompressor(level=_LEVEL).compress(buffer.getvalue())


def _write_zip(parts: dict[str, bytes], timestamp: datetime) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(parts, key=lambda name: (name != "metadata.json", name)):
            member = zipfile.ZipInfo(name, date_time=timestamp.utctimetuple()[:6])
            member.create_system = 3  # as on Unix, also when Windows writes it
            member.external_attr = 0o644 << 16
            archive.writestr(member, parts[name])
    return buffer.getvalue()
