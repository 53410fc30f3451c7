"""What a built package says of itself."""

from __future__ import annotations

import json
import tarfile
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
import zstandard

from lite_env.channel.conda_file import part_called, read_members, read_parts
from lite_env.errors import RecipeError
from lite_env.pack.path import is_safe_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

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
        parts = read_parts(path)
        info, files = (_files(parts[part_called(kind, parts)]) for kind in ("info", "pkg"))
        record = json.loads(info["info/index.json"])
        name, version, build = (str(record[key]) for key in ("name", "version", "build"))
    except (zipfile.BadZipFile, tarfile.TarError, zstandard.ZstdError, KeyError, ValueError, OSError) as error:
        raise RecipeError(f"the package is broken: {error}", hint="build or fetch it again", file=str(path)) from error
    text = info.get("info/tests/tests.yaml", b"[]").decode("utf-8", "replace")
    return BuiltPackage(name=name, version=version, build=build, files=files, tests=_tests(text))


def _files(data: bytes) -> dict[str, bytes]:
    members = read_members(data).items()
    return {path: content for path, (member, content) in members if member.isfile() and is_safe_path(path)}


def _tests(text: str) -> tuple[Mapping[str, Any], ...]:
    found = yaml.safe_load(text)
    return tuple(found) if isinstance(found, list) else ()
