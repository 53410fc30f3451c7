"""A synthetic channel, and environments that choose packages of it."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

import yaml

from benchmarks.common import WORK, step
from lite_env.channel.index import index_channel
from lite_env.store.atomic import write_text
from lite_env.store.removal import remove_tree
from lite_env.workflow.lock import lock_environment
from tests.conda_packages import TOY_KERNEL, make_package

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LINES = 6_000
"""Of each package's data, 64 characters of which half can be compressed away."""


def make_channel(packages: int) -> Path:
    """A channel with a kernel that starts nothing and so many packages of 390 kB each."""
    folder = WORK / "channels" / f"fleet-{packages}"
    with step(f"a channel of {packages} packages"):
        remove_tree(folder)
        make_package(folder, "xeus-toy", files=TOY_KERNEL)
        for number in range(packages):
            name = f"package{number:04}"
            files: dict[str, bytes | str] = {f"share/{name}/data.txt": _text(name), f"share/{name}/README": name}
            make_package(folder, name, files=files, noarch="generic")
        index_channel(folder)
    return folder


def make_environments(channel: Path, distinct: int, environments: int, each: int) -> list[Path]:
    """Locked environments with `each` packages, that together have `distinct` ones, all of them."""
    random_ = random.Random(f"{distinct} {environments} {each}")  # noqa: S311 - the same each time
    names = [f"package{number:04}" for number in range(distinct)]
    left = names.copy()
    random_.shuffle(left)
    files = []
    with step(f"{environments} environments of {distinct} packages"):
        for number in range(environments):
            chosen = {left.pop() for _ in range(min(each, len(left)))}
            chosen |= set(random_.sample(names, each - len(chosen)))
            files.append(_write(channel, f"env{number:04}", sorted(chosen)))
    return files


def _write(channel: Path, name: str, chosen: Sequence[str]) -> Path:
    file = WORK / "fleet" / channel.name / name / "environment.yml"
    document = {"name": name, "channels": [channel.as_posix()], "dependencies": ["xeus-toy", *chosen]}
    write_text(file, yaml.safe_dump(document, sort_keys=True))
    lock_environment(file)
    return file


def _text(name: str) -> str:
    return "\n".join(hashlib.sha256(f"{name} {line}".encode()).hexdigest() for line in range(_LINES))
