"""Getting the sources of a channel: from the cache, from a package registry through its client, or from a URL."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING
from urllib.parse import quote

from lite_env.channel.registry import NPM, PIP, fetch_by
from lite_env.errors import FetchError
from lite_env.progress import SILENT
from lite_env.store.download import Retry, download
from lite_env.store.lock import held

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lite_env.channel.model import Source
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store

_ATTEMPTS = 3


def fetch_source(
    source: Source,
    *,
    store: Store,
    downloads: Path,
    members: Mapping[str, str | None] | None = None,
    offline: bool = False,
    retry: Retry | None = None,
    reporter: Reporter = SILENT,
) -> bytes:
    """The file of `source`, checked by size and sha256; from `store`, or fetched into it.

    Where no place has it, and the source has a place of its members: an archive of those that are wanted, each checked.

    Of several processes that want one source, one fetches it, and the others wait and take it from the store.

    Args:
        source: what to get.
        store: where it is kept.
        members: what is wanted of it, with the sha256 of each.
        downloads: the folder where what is not whole yet grows; a later run goes on from there.
        offline: only look into the store.
        retry: how often and when to try again.
        reporter: told of bytes.

    Raises:
        FetchError: no place gave it; the message has the reason of each place.
    """
    found = store.read(source.sha256)
    if found is not None:
        return found
    if offline:
        raise FetchError(
            f"offline, and the source {source.file} is not in the cache",
            hint="run the same command once without --offline",
        )
    retry = retry or Retry(attempts=_ATTEMPTS, first=1.0)
    downloads.mkdir(parents=True, exist_ok=True)

    def say() -> None:
        reporter.note(f"waiting for another process that fetches {source.file}", passing=True)

    try:
        with held(downloads / f"{source.sha256}.source.lock", waiting=say) as waited:
            found = store.read(source.sha256) if waited else None
            if found is None:
                try:
                    found = _fetch(source, downloads, retry, reporter)
                except FetchError as error:
                    if source.members is None or not members:
                        raise
                    reporter.note(f"{error.message}: its members are fetched one by one")
                    return _fetch_members(
                        source,
                        source.members,
                        members,
                        store=store,
                        downloads=downloads,
                        retry=retry,
                        reporter=reporter,
                    )
                store.write(found, kind="source", vouched=True)
            return found
    except TimeoutError as error:
        raise FetchError(
            f"the source {source.file} could not be fetched: {error}",
            hint="look what the other process does, and end it if it hangs; then the same command again",
        ) from error


def _fetch(source: Source, downloads: Path, retry: Retry, reporter: Reporter) -> bytes:
    failures: list[FetchError] = []
    for registry, wanted in ((PIP, source.pip), (NPM, source.npm)):
        if wanted is None:
            continue
        try:
            return fetch_by(registry, wanted, source, downloads=downloads, retry=retry, reporter=reporter)
        except FetchError as error:
            failures.append(error)
    for url in source.urls:
        target = downloads / f"{source.sha256}.whole"
        try:
            download(
                url,
                target,
                sha256=source.sha256,
                size=source.size,
                partial=downloads / source.sha256,
                retry=retry,
                reporter=reporter,
            )
        except FetchError as error:
            failures.append(error)
        else:
            return _taken(target)
    raise _combined(source, failures)


def _fetch_members(
    source: Source,
    place: str,
    members: Mapping[str, str | None],
    *,
    store: Store,
    downloads: Path,
    retry: Retry,
    reporter: Reporter,
) -> bytes:
    """An archive that has the members where the source's own has them."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        for path, sha256 in sorted(members.items()):
            if sha256 is None:
                raise FetchError(f"the member {path} of {source.file} has no sha256", hint="give it one")
            content = store.read(sha256)
            if content is None:
                target = downloads / f"{sha256}.whole"
                partial = downloads / sha256
                url = place + quote(path)
                download(url, target, sha256=sha256, partial=partial, retry=retry, reporter=reporter)
                content = _taken(target)
                store.write(content, kind="source", vouched=True)
            opened.writestr(f"{source.root}/{path}" if source.root else path, content)
    return archive.getvalue()


def _taken(file: Path) -> bytes:
    data = file.read_bytes()
    file.unlink()
    return data


def _combined(source: Source, failures: list[FetchError]) -> FetchError:
    if len(failures) == 1:
        return failures[0]
    return FetchError(
        f"none of the {len(failures)} places has the source {source.file}",
        hint=failures[-1].hint,
        **{f"place_{number}": failure.message for number, failure in enumerate(failures, 1)},
    )
