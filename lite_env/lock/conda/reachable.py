"""What a solve could take: every record that can be reached from some names, whichever a solver would choose."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import rattler
from rattler.exceptions import InvalidMatchSpecError

from lite_env.errors import LockError
from lite_env.lock.conda.client import connect, unconnected
from lite_env.lock.conda.loop import one_line, run
from lite_env.lock.conda.records import match_spec
from lite_env.lock.conda.solve import sources_of
from lite_env.spec.matchspec import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


def reachable_digest(
    channels: Sequence[str], names: Iterable[str], subdirs: Iterable[str], *, cache: Path, offline: bool = False
) -> str:
    """SHA-256 over the packages called `names` in `channels`, and all that those need, and so on.

    While it stays, a solve for any of them has the same answer. Packages that nothing of this needs do not change it,
    and where the channels lie does not.

    Args:
        channels: URLs, the first one first.
        names: of packages.
        subdirs: that are looked into.
        cache: the folder for package lists.
        offline: use cached package lists and local channels only.

    Raises:
        LockError: a channel cannot be read.
    """
    found = _look(channels, names, subdirs, cache=cache, offline=offline)
    digest = hashlib.sha256()
    for number, records in enumerate(found):
        for line in sorted(_line(record) for record in records):
            digest.update(f"{number} {line}\n".encode())
    return digest.hexdigest()


def unoffered(
    channels: Sequence[str], specs: Iterable[str], subdirs: Iterable[str], *, cache: Path, offline: bool = False
) -> frozenset[str]:
    """Those of the match specs `specs` that no package in `channels` answers.

    Args:
        channels: URLs.
        specs: match specs.
        subdirs: that are looked into.
        cache: the folder for package lists.
        offline: use cached package lists and local channels only.

    Raises:
        LockError: a channel cannot be read, or a spec is none.
    """
    try:
        wanted = {spec: match_spec(spec) for spec in specs}
    except InvalidMatchSpecError as error:
        raise LockError(f"a requirement is no match spec: {one_line(error)}") from error
    names = {name for spec in wanted if (name := name_of(spec)) is not None}
    found = _look(channels, names, subdirs, cache=cache, offline=offline, recursive=False)
    records = [record for each in found for record in each]
    return frozenset(spec for spec, match in wanted.items() if not any(map(match.matches, records)))


def _look(
    channels: Sequence[str],
    names: Iterable[str],
    subdirs: Iterable[str],
    *,
    cache: Path,
    offline: bool,
    recursive: bool = True,
) -> list[list[rattler.RepoDataRecord]]:
    if offline:
        client = unconnected(channels)
        return _query(client, channels, names, subdirs, cache=cache, offline=True, recursive=recursive)
    with connect(channels) as connection:
        client = connection.client
        return _query(client, channels, names, subdirs, cache=cache, offline=False, recursive=recursive)


def _query(
    client: rattler.Client,
    channels: Sequence[str],
    names: Iterable[str],
    subdirs: Iterable[str],
    *,
    cache: Path,
    offline: bool,
    recursive: bool,
) -> list[list[rattler.RepoDataRecord]]:
    config = rattler.SourceConfig(cache_action="force-cache-only" if offline else "cache-or-fetch")
    gateway = rattler.Gateway(cache_dir=cache, default_config=config, client=client)
    try:
        return list(
            run(
                gateway.query(
                    sources_of(channels),
                    [rattler.Subdir(subdir) for subdir in sorted(set(subdirs))],
                    [match_spec(name) for name in sorted(set(names))],
                    recursive=recursive,
                    channel_relations="disabled",
                )
            )
        )
    except Exception as error:
        raise LockError(f"a channel cannot be read: {one_line(error)}", channels=" ".join(channels)) from error


def _line(record: rattler.RepoDataRecord) -> str:
    return f"{record.subdir}/{record.file_name} {record.sha256.hex() if record.sha256 else record.size}"
