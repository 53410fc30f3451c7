"""Whether the files of an environment are what its packages brought: each is hashed once, for this and for the pack."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from lite_env.errors import PrefixError
from lite_env.prefix.tree import CONDA_META
from lite_env.store.digest import sha256_of_bytes, sha256_of_file
from lite_env.store.refusals import refusal

if TYPE_CHECKING:
    from lite_env.prefix.model import Prefix

_HASHED_TOGETHER = 256


def hash_prefix(prefix: Prefix) -> Prefix:
    """`prefix` with the SHA-256 of each of its files in `Prefix.digests`: the one pass that all later steps use.

    Raises:
        PrefixError: a file cannot be read.
    """
    paths = [file.path for file in prefix.files if file.link is None]
    # Many at a time: to hash a small file takes less than to hand it to a thread.
    parts = [paths[start : start + _HASHED_TOGETHER] for start in range(0, len(paths), _HASHED_TOGETHER)]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        hashed = pool.map(lambda part: [sha256_of_file(prefix.path / path) for path in part], parts)
        try:
            return replace(prefix, digests=dict(zip(paths, chain.from_iterable(hashed), strict=True)))
        except OSError as error:
            raise refusal(
                PrefixError,
                "a file of the environment cannot be read",
                error,
                file=error.filename or prefix.path,
                absent="close what writes to it, or make the environment anew",
            ) from error


def changed_files(prefix: Prefix) -> tuple[str, ...]:
    """The files of a hashed `prefix` that are not what their packages recorded, sorted.

    Files of which no digest is recorded count as unchanged, and so does bytecode, which Python writes anew.
    """
    return tuple(
        file.path
        for file in prefix.files
        if file.recorded is not None
        and not file.path.endswith(".pyc")
        and (file.link is not None or prefix.digests[file.path] != file.recorded)
    )


def seal(prefix: Prefix) -> str:
    """A digest of all that a hashed `prefix` is: its files, links and permissions, and its records.

    Raises:
        OSError: a record cannot be read.
    """
    lines = [f"{file.path}\0{prefix.digests.get(file.path)}\0{file.link}\0{file.executable}" for file in prefix.files]
    records = sorted(path for path in (prefix.path / CONDA_META).rglob("*") if path.is_file())
    lines += [f"{path.relative_to(prefix.path).as_posix()}\0{sha256_of_file(path)}" for path in records]
    return sha256_of_bytes("\n".join(lines).encode())


def foreign_files(prefix: Prefix) -> tuple[str, ...]:
    """The files of `prefix` that no conda package brought, sorted."""
    conda = {package.name for package in prefix.packages if package.manager == "conda"}
    return tuple(file.path for file in prefix.files if file.package not in conda)
