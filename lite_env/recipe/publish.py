"""Putting packages into a channel that others may be reading: each file and each index appears whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lite_env.audit.package_file import is_package_file, look_into, read_package_file
from lite_env.channel.index import index_channel, stable_index
from lite_env.channel.model import SUBDIRS
from lite_env.errors import ChannelError, PrefixError
from lite_env.store.atomic import write_bytes, write_text
from lite_env.store.digest import sha256_of_bytes, sha256_of_file
from lite_env.store.lock import held
from lite_env.store.text import Origin, parse_json, read_bounded

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from typing import Any

_REPODATA = "repodata.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """A package that the index of a channel named, and that is not there, or is not what it was.

    Attributes:
        path: in the channel.
        reason: in words that go on after its name.
    """

    path: str
    reason: str


def publish(channel: Path, packages: Mapping[str, bytes]) -> tuple[Lost, ...]:
    """Put `packages` into the folder `channel`, and say in its indexes what is there.

    Args:
        channel: is made where it is not there.
        packages: contents by path: ``SUBDIR/FILE``.

    Returns:
        What the indexes name no longer. A damaged file stays where it is until it is written anew.
    """
    for subdir in SUBDIRS:
        (channel / subdir).mkdir(parents=True, exist_ok=True)
    with held(channel / ".index.lock"):
        for path, data in sorted(packages.items()):
            write_bytes(channel / path, data)
        fresh = {path: sha256_of_bytes(data) for path, data in packages.items()}
        # In the channel, so that the files can be linked.
        with _viewed(channel, fresh, beside=channel) as (view, lost):
            for subdir in SUBDIRS:
                write_text(channel / subdir / _REPODATA, (view / subdir / _REPODATA).read_text(encoding="utf-8"))
    return lost


@contextmanager
def as_published(channel: Path) -> Iterator[Path]:
    """What `channel` would be after publishing nothing, elsewhere and for as long as the block lasts.

    Args:
        channel: a folder; it need not be there.
    """
    with _viewed(channel, {}) as (view, _):
        yield view


@contextmanager
def _viewed(
    channel: Path, fresh: Mapping[str, str], *, beside: Path | None = None
) -> Iterator[tuple[Path, tuple[Lost, ...]]]:
    """A channel of the sound packages of `channel`, indexed: its indexes can then be replaced in one step each.

    Args:
        channel: a folder; it need not be there.
        fresh: SHA-256 of what was written just now, by path.
        beside: a folder for the view.
    """
    with tempfile.TemporaryDirectory(dir=beside, prefix=".index-") as name:
        view = Path(name)
        lost: list[Lost] = []
        for subdir in SUBDIRS:
            (view / subdir).mkdir()
            files = _packages_in(channel / subdir)
            named = _named(channel / subdir / _REPODATA)
            known = named | {Path(path).name: digest for path, digest in fresh.items() if path.startswith(f"{subdir}/")}
            lost += [
                Lost(path=f"{subdir}/{name}", reason="is gone") for name in sorted(named) if name not in _names(files)
            ]
            for file in files:
                reason = _damage(file, known.get(file.name))
                if reason is not None:
                    lost.append(Lost(path=f"{subdir}/{file.name}", reason=reason))
                else:
                    _link(file, view / subdir / file.name)
        index_channel(view)
        for subdir in SUBDIRS:
            write_text(view / subdir / _REPODATA, stable_index(view / subdir / _REPODATA))
        yield view, tuple(lost)


def _packages_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [file for file in sorted(folder.iterdir()) if is_package_file(file) and not file.name.startswith(".")]


def _names(files: Collection[Path]) -> set[str]:
    return {file.name for file in files}


def _damage(file: Path, sha256: str | None) -> str | None:
    """What is wrong with a package, in words; None where it is what it was, or a sound one that the index knows not."""
    if sha256 is not None and sha256_of_file(file) == sha256:
        return None
    try:
        look_into(read_package_file(file))
    except PrefixError as error:
        return f"is damaged: {error.message}"
    return None


def _named(index: Path) -> dict[str, str]:
    """SHA-256 by file name, as an index has it; nothing where there is none that can be read: it is made anew."""
    if not index.is_file():
        return {}
    origin = Origin(what="the index of the channel", error=ChannelError, file=str(index))
    try:
        repodata: dict[str, Any] = parse_json(read_bounded(index, origin), origin)
        records = {**repodata.get("packages", {}), **repodata.get("packages.conda", {})}
        return {name: str(record["sha256"]) for name, record in records.items() if "sha256" in record}
    except (ChannelError, AttributeError, TypeError):
        return {}


def _link(file: Path, target: Path) -> None:
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)


def has_package(channel: Path, path: str, sha256: str) -> bool:
    """Whether this very package is at `path` in the folder `channel`: its file is looked at, whatever an index says."""
    file = channel / path
    return file.is_file() and sha256_of_file(file) == sha256
