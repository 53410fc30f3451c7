"""Making the bytes of a built package a function of what it was built from.

rattler-build writes the moment of the build into the container, the machine's paths into some files, and bytecode that
holds both. Times become one time, files are sorted, the container is written anew; bytecode is left out, which a pack
has of its own. What else stands in ``info/`` stays as it was written.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import zstandard

from lite_env.channel.conda_file import Members, part_called, read_members, read_parts, write_zip
from lite_env.errors import RecipeError
from lite_env.store.atomic import write_bytes
from lite_env.store.digest import sha256_of_bytes

if TYPE_CHECKING:
    from pathlib import Path

_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
_TIME = int(_MOMENT.timestamp())
_LEVEL = 19
_PLACEHOLDER = ("/opt/lite-env" + "_placehold" * 30)[:255]
_NOT_HERE = re.compile(rb"^[^\n]*(\.dist-info/direct_url\.json|\.pyc),[^\n]*\n", re.MULTILINE)


def normalise(path: Path, output: Path) -> None:
    """Write the package at `path`, as `rattler-build` made it, to `output`.

    Raises:
        RecipeError: it is no ``.conda``.
    """
    try:
        parts = read_parts(path)
        info_name, payload_name = (part_called(kind, parts) for kind in ("info", "pkg"))
        info, payload = read_members(parts[info_name]), read_members(parts[payload_name])
    except (zipfile.BadZipFile, zstandard.ZstdError, tarfile.TarError, KeyError) as error:
        raise RecipeError(f"the package {path.name} is broken: {error}", file=str(path)) from error
    changed = _without(payload)
    changed |= _with_one_prefix(info, payload)
    _settle(info, payload, changed)
    whole = parts | {info_name: _written(info), payload_name: _written(payload)}
    write_bytes(output, write_zip(whole, _MOMENT))


def _written(members: Members) -> bytes:
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


def _without(payload: Members) -> set[str]:
    """Drop what tells of the machine: the folder that pip installed from, and bytecode with the time of its source.

    Returns:
        The names of what was dropped or changed.
    """
    dropped = {name for name in payload if name.endswith((".dist-info/direct_url.json", ".pyc"))}
    changed = set(dropped)
    for name in dropped:
        del payload[name]
    for name, (member, data) in payload.items():
        if name.endswith(".dist-info/RECORD"):
            payload[name] = (member, _NOT_HERE.sub(b"", data))
            changed.add(name)
    return changed


def _with_one_prefix(info: Members, payload: Members) -> set[str]:
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


def _settle(info: Members, payload: Members, changed: set[str]) -> None:
    """Take the time and the machine's paths out of what says something of the package."""
    index = json.loads(info["info/index.json"][1])
    index["timestamp"] = _TIME * 1000
    # What run_exports bring comes in an order of its own each time.
    index["depends"] = sorted(index.get("depends", ()))
    _put(info, "info/index.json", index)
    about = json.loads(info["info/about.json"][1])
    about["channels"] = [url for url in about.get("channels", ()) if not str(url).startswith("file:")]
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


def _put(info: Members, name: str, value: object) -> None:
    info[name] = (info[name][0], (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode())
