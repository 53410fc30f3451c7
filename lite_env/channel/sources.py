"""Getting the sources of a channel: from the cache, from a package registry through its client, or from a URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.channel.registry import NPM, PIP, fetch_by
from lite_env.errors import FetchError
from lite_env.progress import SILENT
from lite_env.store.download import Retry, download
from lite_env.store.lock import held

if TYPE_CHECKING:
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
    offline: bool = False,
    retry: Retry | None = None,
    reporter: Reporter = SILENT,
) -> bytes:
    """The file of `source`, checked by size and sha256; from `store`, or fetched into it.

    Of several processes that want one source, one fetches it, and the others wait and take it from the store.

    Args:
        source: what to get.
        store: where it is kept.
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
                found = _fetch(source, downloads, retry, reporter)
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
