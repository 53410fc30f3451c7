"""Builds conda packages whose lists and members say whatever a test wants: what no honest builder would write."""

from __future__ import annotations

import bz2
import hashlib
import io
import json
import tarfile
import zipfile
from typing import TYPE_CHECKING

import zstandard

from lite_env.lock.model import LockedPackage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Member = tuple[str, bytes | str, bytes]
"""Name, content (or a link's target), and the tar's type of member."""


def file(name: str, content: bytes = b"x") -> Member:
    return name, content, tarfile.REGTYPE


def link(name: str, target: str) -> Member:
    return name, target, tarfile.SYMTYPE


def hard_link(name: str, target: str) -> Member:
    return name, target, tarfile.LNKTYPE


def pipe(name: str) -> Member:
    return name, "", tarfile.FIFOTYPE


def listed(*paths: str, links: Sequence[str] = (), sha256: str | None = None) -> Member:
    """``info/paths.json`` with `paths` as files, all of one `sha256`, and `links` as links."""
    digest = {"sha256": sha256} if sha256 else {}
    entries = [{"_path": path, "path_type": "hardlink"} | digest for path in paths]
    entries += [{"_path": path, "path_type": "softlink"} for path in links]
    return file("info/paths.json", json.dumps({"paths_version": 1, "paths": entries}).encode())


def commands(*names: str) -> Member:
    """``info/link.json`` of a ``noarch: python`` package that asks for commands."""
    entries = [f"{name} = os:getcwd" for name in names]
    document = {"noarch": {"type": "python", "entry_points": entries}, "package_metadata_version": 1}
    return file("info/link.json", json.dumps(document).encode())


def build_package(
    channel: Path,
    url: str,
    members: Sequence[Member],
    *,
    name: str = "evil",
    suffix: str = ".conda",
    noarch: str | None = None,
    payload_info: Sequence[Member] = (),
) -> LockedPackage:
    """Write a package of `members` into `channel` and lock it as `url` serves it.

    Args:
        channel: the folder.
        url: of the channel.
        members: those below ``info/`` go where a package keeps them.
        name, noarch: of the record.
        suffix: ``.conda`` or ``.tar.bz2``.
        payload_info: members that only a ``.conda`` can hold: below ``info/``, but packed with the files.
    """
    index = {"name": name, "version": "1.0", "build": "0", "build_number": 0, "subdir": "noarch", "depends": []}
    index |= {"noarch": noarch} if noarch else {}
    info = [file("info/index.json", json.dumps(index).encode()), *(m for m in members if m[0].startswith("info/"))]
    rest = [*payload_info, *(member for member in members if not member[0].startswith("info/"))]
    path = channel / "noarch" / f"{name}-1.0-0{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if suffix == ".conda":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("metadata.json", b'{"conda_pkg_format_version": 2}')
            archive.writestr(f"pkg-{path.stem}.tar.zst", zstandard.compress(_tar(rest)))
            archive.writestr(f"info-{path.stem}.tar.zst", zstandard.compress(_tar(info)))
    else:
        path.write_bytes(bz2.compress(_tar([*info, *rest])))
    return LockedPackage(
        name=name,
        version="1.0",
        build="0",
        build_number=0,
        subdir="noarch",
        file_name=path.name,
        url=f"{url}/noarch/{path.name}",
        channel=url,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        size=path.stat().st_size,
        noarch=noarch,
    )


def _tar(members: Sequence[Member]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content, kind in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            if isinstance(content, str):
                member.linkname = content
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
