"""Conda packages that stand for a project as long as nobody brings the project itself."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from lite_env.lock.safety import is_below
from lite_env.prefix.record import read_json_object
from lite_env.prefix.tree import CONDA_META
from lite_env.store.atomic import write_text

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

STAND_INS = {
    # Of kernels of 2023, without which nothing could be asked: it has the name and a part of the API of requests.
    "requests-wasm-polyfill": "requests",
}
"""Project by the package that stands for it."""


def make_way(prefix: Path, projects: Collection[str]) -> None:
    """Remove from `prefix` the files of what stands for one of `projects`; its record stays, and has none.

    Raises:
        PrefixError: a record cannot be read.
    """
    for package, project in STAND_INS.items():
        if project not in projects:
            continue
        for file in (prefix / CONDA_META).glob(f"{package}-*.json"):
            record = read_json_object(file)
            if record.get("name") != package:
                continue
            for path in sorted(record.get("files") or ()):
                if is_below(path):
                    _remove(prefix, prefix / path)
            emptied = {**record, "files": [], "paths_data": {"paths_version": 1, "paths": []}}
            write_text(file, json.dumps(emptied, indent=2, sort_keys=True) + "\n")


def _remove(prefix: Path, file: Path) -> None:
    """Remove a file, and the folders that have nothing else."""
    file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        for folder in file.parents:
            if folder == prefix:
                return
            folder.rmdir()
