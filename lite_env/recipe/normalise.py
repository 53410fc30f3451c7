"""Making the bytes of a built package a function of what it was built from.

rattler-build writes the moment of the build into the container, and the machine's paths into some files. Times become
one time, files are sorted, the container is written anew; what else stands in ``info/`` stays byte for byte.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import zstandard

from lite_env.errors import RecipeError
from lite_env.store.atomic import write_bytes
from lite_env.store.digest import sha256_of_bytes

if TYPE_CHECKING:
    from pathlib import Path

_TIME = 1767225600  # 2026-01-01
_LEVEL = 19
_DIRECT_URL = re.compile(r"[^\n]*\.dist-info/direct_url\.json,[^\n]*\r?\n")


def normalise(path: Path, output: Path) -> None:
    """Write the package at `path`, as `rattler-build` made it, to `output`.

    Raises:
        RecipeError: it is no ``.conda``.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
    except zipfile.BadZipFile as error:
        raise RecipeError(f"the package {path.name} is broken: {error}", file=str(path)) from error
    info_name, payload_name = (f"{kind}-{path.name.removesuffix('.conda')}.tar.zst" for kind in ("info", "pkg"))
    payload = _read(parts[payload_name])
    changed = _without_direct_url(payload)
    info = _read(parts[info_name])
    changed |= _with_one_prefix(info, payload)
    _settle(info, payload, changed)
    parts = {
        "metadata.json": parts["metadata.json"],
        info_name: _written(info),
        payload_name: _written(payload),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in parts.items():
            member = zipfile.ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0))
            member.create_system = 3
            member.external_attr = 0o644 << 16
            archive.writestr(member, data)
    write_bytes(output, buffer.getvalue())


_PLACEHOLDER = ("/opt/lite-env" + "_placehold" * 30)[:255]

_Members = dict[str, tuple[tarfile.TarInfo, bytes]]


def _read(data: bytes) -> _Members:
    stream = zstandard.ZstdDecompressor().stream_reader(data)
    found: _Members = {}
    with tarfile.open(fileobj=io.BytesIO(stream.read()), mode="r:") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            found[member.name] = (member, content.read() if content else b"")
    return found


def _written(members: _Members) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in sorted(members):
            old, data = members[name]
            member = tarfile.TarInfo(name)
            member.type, member.linkname = old.type, old.linkname
            member.size = len(data)
            member.mtime = _TIME
            member.mode = 0o755 if old.mode & 0o100 else 0o644
            archive.addfile(member, io.BytesIO(data))
    return zstandard.ZstdCompressor(level=_LEVEL).compress(buffer.getvalue())


def _without_direct_url(payload: _Members) -> set[str]:
    """Drop what pip notes of the folder that it installed from; the names of what was dropped or changed."""
    dropped = {name for name in payload if name.endswith(".dist-info/direct_url.json")}
    changed = set(dropped)
    for name in dropped:
        del payload[name]
        record = str(PurePosixPath(name).parent / "RECORD")
        if record in payload:
            member, data = payload[record]
            payload[record] = (member, _DIRECT_URL.sub("", data.decode()).encode())
            changed.add(record)
    return changed


def _with_one_prefix(info: _Members, payload: _Members) -> set[str]:
    """Put one placeholder where the path of the build's own host environment stands; all of them are equally long."""
    paths = json.loads(info["info/paths.json"][1])
    changed = set()
    for entry in paths["paths"]:
        placeholder = entry.get("prefix_placeholder")
        if placeholder is None or placeholder == _PLACEHOLDER:
            continue
        if len(placeholder) != len(_PLACEHOLDER):
            raise RecipeError("the path that the package was built at is too long", found=placeholder)
        member, data = payload[entry["_path"]]
        payload[entry["_path"]] = (member, data.replace(placeholder.encode(), _PLACEHOLDER.encode()))
        entry["prefix_placeholder"] = _PLACEHOLDER
        changed.add(entry["_path"])
    _put(info, "info/paths.json", paths)
    return changed


def _settle(info: _Members, payload: _Members, changed: set[str]) -> None:
    """Take the time and the machine's paths out of what says something of the package."""
    index = json.loads(info["info/index.json"][1])
    index["timestamp"] = _TIME * 1000
    _put(info, "info/index.json", index)
    about = json.loads(info["info/about.json"][1])
    about["channels"] = [_public(str(url)) for url in about.get("channels", ())]
    _put(info, "info/about.json", about)
    if changed:
        paths = json.loads(info["info/paths.json"][1])
        paths["paths"] = [entry for entry in paths["paths"] if entry["_path"] in payload]
        for entry in paths["paths"]:
            if entry["_path"] in changed:
                data = payload[entry["_path"]][1]
                entry["sha256"], entry["size_in_bytes"] = sha256_of_bytes(data), len(data)
        _put(info, "info/paths.json", paths)
        if "info/files" in info:
            member, data = info["info/files"]
            kept = [line for line in data.decode().splitlines() if line in payload]
            info["info/files"] = (member, ("\n".join(kept) + "\n").encode())


def _public(url: str) -> str:
    """A channel's URL as others may see it; of one on this machine the name of its folder."""
    if not url.startswith("file:"):
        return url
    name = url.rstrip("/").rpartition("/")[2]
    return re.sub(r"-[0-9a-f]{8,16}", "", name)


def _put(info: _Members, name: str, value: object) -> None:
    info[name] = (info[name][0], (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode())
