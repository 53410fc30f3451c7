"""The channel of the toolchain: made once for a machine, and found by what it is made of."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from lite_env.channel.build import build_channel
from lite_env.channel.catalog import find_definition
from lite_env.channel.index import index_channel
from lite_env.recipe.toolchain.abi import ABIS
from lite_env.recipe.toolchain.headers import EMSCRIPTEN, PYTHONS, fetch_headers, version_of
from lite_env.recipe.toolchain.llvm import find_llvm
from lite_env.recipe.toolchain.numpy import WHEELS, build_numpy
from lite_env.recipe.toolchain.packages import (
    FILES,
    build_numpy_package,
    build_python_package,
    compiler_package,
    cross_python_package,
)
from lite_env.recipe.toolchain.python import find_python
from lite_env.store.atomic import new_directory
from lite_env.store.digest import sha256_of_bytes, sha256_of_file
from lite_env.store.location import cache_directory
from lite_env.store.protocol import FORGETFUL, key_of

if TYPE_CHECKING:
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store

REVISION = 1
"""Raised when the packages of the toolchain become others without a change of what they are made of."""

_TOOLS = "build-tools"


@dataclass(frozen=True, kw_only=True, slots=True)
class Toolchain:
    """What builds.

    Attributes:
        channels: folders, the first one first: the toolchain's own, and the tools of Python.
        programs: folders for PATH.
        digest: over all that decides what it makes of the same sources.
    """

    channels: tuple[Path, ...]
    programs: tuple[Path, ...]
    digest: str


def prepare_toolchain(
    reporter: Reporter, *, store: Store = FORGETFUL, offline: bool = False, cache: Path | None = None
) -> Toolchain:
    """Have all that builds on this machine.

    Args:
        reporter: told of downloads.
        store: keeps the sources of the tools.
        offline: fetch nothing but what the package manager brings.
        cache: folder for what is unpacked and made; by default the user's.

    Raises:
        MissingToolError: this machine cannot have it.
        FetchError: a part of it cannot be had.
    """
    cache = cache or cache_directory("toolchain")
    llvm = find_llvm(cache, reporter)
    emscripten = fetch_headers(EMSCRIPTEN, cache, reporter)
    pythons = {minor: fetch_headers(headers, cache, reporter) for minor, headers in PYTHONS.items()}
    machine = {minor: find_python(minor) for minor in pythons}
    definition = find_definition(_TOOLS)
    tools = build_channel(definition, output=cache / _TOOLS, offline=offline, store=store, reporter=reporter)
    parts = [
        REVISION,
        [[abi.emscripten, abi.exceptions, abi.python] for abi in ABIS],
        llvm.version,
        version_of(emscripten),
        [version_of(folder) for folder in pythons.values()],
        [[path.name, sha256_of_file(path)] for path in sorted(FILES.iterdir())],
        [[python.version, python.subdir] for python in machine.values()],
        [[*key, source.sha256] for key, source in sorted(WHEELS.items())],
    ]
    # Where this machine's Python lies decides the package that leads to it, but nothing that is built.
    place = sha256_of_bytes("\n".join(str(python.program) for python in machine.values()).encode())[:8]
    folder = cache / f"channel-{key_of('toolchain', *parts).digest[:16]}-{place}"
    with filelock.FileLock(cache / "channel.lock"):
        if not folder.is_dir():
            numpys = {
                minor: build_numpy(python.subdir, minor, store=store, offline=offline, reporter=reporter)
                for minor, python in machine.items()
            }
            with (
                reporter.task("making the toolchain's packages", None, "items"),
                tempfile.TemporaryDirectory(dir=cache, prefix="make-") as name,
                new_directory(folder) as new,
            ):
                scratch = Path(name)
                for abi in ABIS:
                    compiler_package(abi, emscripten, llvm, new / "noarch", scratch)
                for minor, headers in pythons.items():
                    cross_python_package(minor, headers, new / "noarch", scratch)
                for python in machine.values():
                    build_python_package(python, new / python.subdir, scratch)
                    numpy = numpys[python.minor]
                    if numpy:
                        build_numpy_package(python, numpy, new / python.subdir, scratch)
                index_channel(new)
    digest = key_of("toolchain", *parts, [[file.path, file.sha256] for file in tools.packages]).digest
    return Toolchain(channels=(folder, tools.path), programs=llvm.folders, digest=digest)
