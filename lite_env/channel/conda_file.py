"""The ``.conda`` file: reading and writing it, and what rattler-build's assembler cannot be told of its ``info`` part.

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
from typing import TYPE_CHECKING, Any, TypeAlias

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

Members: TypeAlias = dict[str, tuple[tarfile.TarInfo, bytes]]
"""Of an archive, by path."""


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
    parts = read_parts(path)
    name = part_called("info", parts)
    info = {path: data for path, (member, data) in read_members(parts[name]).items() if member.isfile()}
    origin = Origin(what="the package's info/paths.json", error=ChannelError, file=str(path))
    info["info/paths.json"] = _json(_with_prefixes(parse_json(info["info/paths.json"], origin), prefix_paths))
    if noarch_python:
        info["info/link.json"] = _json(_link(entry_points))
    if run_exports:
        info["info/run_exports.json"] = _json({kind: list(specs) for kind, specs in run_exports.items()})
    parts[name] = _write_tar(info, timestamp)
    write_bytes(path, write_zip(parts, timestamp))


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


def read_parts(path: Path) -> dict[str, bytes]:
    """The parts of the ``.conda`` at `path`, by name.

    Raises:
        zipfile.BadZipFile: it is none.
    """
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def part_called(kind: str, parts: Mapping[str, bytes]) -> str:
    """The name of the part ``info`` or ``pkg``.

    Raises:
        KeyError: there is none.
    """
    found = next((name for name in parts if name.startswith(f"{kind}-") and name.endswith(".tar.zst")), None)
    if found is None:
        raise KeyError(kind)
    return found


def read_members(data: bytes) -> Members:
    """What is in a part: of each member what the archive says of it, and its content.

    Raises:
        zstandard.ZstdError, tarfile.TarError: it is broken.
    """
    stream = zstandard.ZstdDecompressor().stream_reader(data)
    found: Members = {}
    with tarfile.open(fileobj=io.BytesIO(stream.read()), mode="r:") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            found[member.name] = (member, content.read() if content else b"")
    return found


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


def write_zip(parts: Mapping[str, bytes], timestamp: datetime) -> bytes:
    """A ``.conda`` of `parts`, whose bytes depend on nothing else than these and `timestamp`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(parts, key=lambda name: (name != "metadata.json", name)):
            member = zipfile.ZipInfo(name, date_time=timestamp.utctimetuple()[:6])
            member.create_system = 3  # as on Unix, also when Windows writes it
            member.external_attr = 0o644 << 16
            archive.writestr(member, parts[name])
    return buffer.getvalue()
