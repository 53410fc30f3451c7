"""What a built package says of itself."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import zstandard

from lite_env.errors import RecipeError
from lite_env.pack.path import is_safe_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LARGEST = 1 << 31
TEST_FILES = "etc/conda/test-files"
"""Folder in a package for the files of its tests, below its name and the number of the test."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltPackage:
    """A ``.conda`` file, read.

    Attributes:
        name, version, build: of its record.
        files: what it installs: contents by path.
        tests: as they were rendered into it; without those of its contents.
    """

    name: str
    version: str
    build: str
    files: Mapping[str, bytes]
    tests: tuple[Mapping[str, Any], ...]


def read_package(path: Path) -> BuiltPackage:
    """Read the package at `path`.

    Raises:
        RecipeError: it is broken, or is no ``.conda``.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = {name.partition("-")[0]: archive.read(name) for name in archive.namelist() if name.endswith(".zst")}
        info, files = _read(parts["info"]), _read(parts["pkg"])
        record = json.loads(info["info/index.json"])
        name, version, build = (str(record[key]) for key in ("name", "version", "build"))
    except (zipfile.BadZipFile, tarfile.TarError, zstandard.ZstdError, KeyError, ValueError, OSError) as error:
        raise RecipeError(f"the package is broken: {error}", hint="build or fetch it again", file=str(path)) from error
    text = info.get("info/tests/tests.yaml", b"[]").decode("utf-8", "replace")
    return BuiltPackage(name=name, version=version, build=build, files=files, tests=_tests(text))


def _read(data: bytes) -> dict[str, bytes]:
    stream = zstandard.ZstdDecompressor().stream_reader(data)
    found = {}
    with tarfile.open(fileobj=io.BytesIO(stream.read(_LARGEST)), mode="r:") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None and is_safe_path(member.name):
                found[member.name] = content.read()
    return found


def _tests(text: str) -> tuple[Mapping[str, Any], ...]:
    import yaml  # noqa: PLC0415

    found = yaml.safe_load(text)
    return tuple(found) if isinstance(found, list) else ()
