"""Package files: downloaded and verified, and what is in them."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from rattler.package_streaming import ArchiveEntry, PackageArchive, download_to_writer

from lite_env.errors import FetchError
from lite_env.lock.conda.client import RETRIES, Connection, connect
from lite_env.lock.conda.loop import one_line, run
from lite_env.lock.contents import INDEX, LISTS, PackageContents, contents_of
from lite_env.lock.explain import package_error
from lite_env.lock.fetch import PackageWriter
from lite_env.lock.kept import keep_package, place_of
from lite_env.lock.safety import unreadable
from lite_env.store.digest import sha256_of_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import rattler

    from lite_env.lock.model import LockedPackage
    from lite_env.progress import Task
    from lite_env.spec.address import Channel
    from lite_env.store.protocol import Store

_DOWNLOADS = 16  # at once
_MOST_IN_MEMORY = 1 << 30  # bytes of a packed file


def fetch_packages(
    packages: Sequence[LockedPackage], folder: Path, channels: Sequence[Channel], task: Task, store: Store
) -> dict[str, Path]:
    """Download `packages` into `folder`, each verified and then kept in `store`; where they are, by name."""
    if not packages:
        return {}

    async def fetch(connection: Connection, package: LockedPackage, turns: asyncio.Semaphore) -> Path:
        async with turns:
            try:
                path = await _download(connection.client, package, folder, task)
            except FetchError as error:
                # What rattler says may hold an address with its token.
                error.hide(connection.hide)
                raise error from None
            await asyncio.to_thread(keep_package, path, store, vouched=bool(package.sha256))
            return path

    async def fetch_all(connection: Connection) -> list[Path]:
        turns = asyncio.Semaphore(_DOWNLOADS)
        return await asyncio.gather(*(fetch(connection, package, turns) for package in packages))

    with connect((package.url for package in packages), channels=channels) as connection:
        paths = run(fetch_all(connection))
    return dict(zip((package.name for package in packages), paths, strict=True))


async def _download(client: rattler.Client, package: LockedPackage, folder: Path, task: Task) -> Path:
    path = place_of(package, folder)
    told = 0
    for attempt in range(1, RETRIES + 1):
        with path.open("wb") as stream:
            writer = PackageWriter(package, stream, task, told)
            try:
                await download_to_writer(client, package.url, writer)
                writer.finish()
                break
            except FetchError:
                raise
            except Exception as error:
                told = max(told, writer.size)
                # What never began was tried again by the client.
                if told == 0 or attempt == RETRIES:
                    raise package_error(one_line(error), package, folder) from error
    return path


def look_into_archives(
    packages: Sequence[LockedPackage],
    archives: Mapping[str, Path],
    *,
    see: Callable[[str, bytes], None] | None = None,
) -> dict[str, PackageContents]:
    """What is in the package files `archives` (by name), by the packages' names.

    Args:
        packages: which ones.
        archives: where they lie.
        see: given path and content of each file as it is read; for one package at a time.

    Raises:
        PrefixError: one cannot be read; names it.
    """

    async def look() -> list[PackageContents]:
        # Of each a file is in memory while it is hashed.
        turns = asyncio.Semaphore(os.cpu_count() or 1)
        return await asyncio.gather(
            *(_contents_of_archive(archives[package.name], package, turns, see) for package in packages)
        )

    return {package.name: contents for package, contents in zip(packages, run(look()), strict=True)}


def read_texts(package: LockedPackage, archive: Path, names: Sequence[str]) -> dict[str, bytes | None]:
    """Files below ``info/`` of the package file `archive`; None for one that is not there.

    Raises:
        PrefixError: it cannot be read; names the package.
    """

    async def read() -> dict[str, bytes | None]:
        try:
            return dict(await (await PackageArchive.from_path(archive)).read_files(list(names)))
        except Exception as error:
            raise unreadable(package, one_line(error)) from error

    return run(read())


def read_indexes(packages: Sequence[LockedPackage], archives: Mapping[str, Path]) -> dict[str, bytes]:
    """What the package files `archives` (by name) say of themselves in their ``info/index.json``, by name.

    Raises:
        PrefixError: one cannot be read, or has none; names it.
    """

    async def read(package: LockedPackage) -> bytes:
        try:
            archive = await PackageArchive.from_path(archives[package.name])
            text = (await archive.read_files([INDEX]))[INDEX]
        except Exception as error:
            raise unreadable(package, one_line(error)) from error
        if text is None:
            raise unreadable(package, f"it has no {INDEX}")
        return text

    async def read_all() -> list[bytes]:
        return await asyncio.gather(*(read(package) for package in packages))

    return dict(zip((package.name for package in packages), run(read_all()), strict=True))


async def _contents_of_archive(
    path: Path, package: LockedPackage, turns: asyncio.Semaphore, see: Callable[[str, bytes], None] | None
) -> PackageContents:
    try:
        async with turns:
            archive = await PackageArchive.from_path(path)
            lists = await archive.read_files(LISTS)
            info = [entry.name async for entry in archive.stream("info") if not entry.name.endswith("/")]
            entries, found = await _hashed(archive, see)
        return contents_of(
            lists,
            # What a hard link leads to is a name as well.
            files=[
                *(entry.name for entry in entries if entry.is_file or entry.is_hardlink),
                *(entry.link_target or "" for entry in entries if entry.is_hardlink),
            ],
            links={entry.name: entry.link_target or "" for entry in entries if entry.is_symlink},
            others=[entry.name for entry in entries if not (entry.is_file or entry.is_link)],
            info=info,
            found=found,
        )
    except Exception as error:
        raise unreadable(package, one_line(error)) from error


async def _hashed(
    archive: PackageArchive, see: Callable[[str, bytes], None] | None
) -> tuple[list[ArchiveEntry], dict[str, str]]:
    """What is packed, and the SHA-256 of the files; of hard links that of what they lead to."""
    entries: list[ArchiveEntry] = []
    found: dict[str, str] = {}
    async for entry in archive.stream("pkg"):
        entries.append(entry)
        if entry.is_file and entry.size <= _MOST_IN_MEMORY:
            # The last one of a name is the one that is unpacked.
            content = await entry.read()
            found[entry.name] = sha256_of_bytes(content)
            if see is not None:
                see(entry.name, content)
        elif entry.is_hardlink and entry.link_target in found:
            found[entry.name] = found[entry.link_target]
        else:
            found.pop(entry.name, None)
    return entries, found
