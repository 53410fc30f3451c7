"""The one module that talks to rattler: its types, its errors and its event loop end here.

Measured traps of py-rattler 0.28 that this module is shaped by:

* Misuse raises ``PanicException``, a BaseException: it becomes a :class:`LiteEnvError` here.
* It links what it fetches in one step. So all is downloaded, hashed and looked at here, and rattler is given files, of
  which it checks no hash, and a client that cannot connect.
* Files are hard links to the package cache unless the configuration says otherwise.
* The package cache replaces what is damaged in it without a word, and only with ``ValidationMode.full``.
* There is no offline switch: with an empty list of mirrors for every host, a request fails before it connects.
* ``strict`` channel priority does not hold for what is asked for directly: see ``_to_specs``.

More than 350 lines: it is the only module that may import rattler; what needs no rattler is in ``verify`` and
``explain``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

import rattler
import rattler.index
from filelock import FileLock
from rattler.exceptions import ConfigError, GatewayError, InvalidMatchSpecError, SolverError
from rattler.networking import (
    AddHeadersMiddleware,
    AuthenticationMiddleware,
    GCSMiddleware,
    MirrorMiddleware,
    OciMiddleware,
    RetryMiddleware,
    S3Middleware,
)
from rattler.package_streaming import ArchiveEntry, PackageArchive, download_to_writer

from lite_env import __version__
from lite_env.errors import ChannelError, FetchError, LiteEnvError, LockError, SolveError, SpecError
from lite_env.lock.contents import LISTS, PATHS, PackageContents, contents_of, read_folder
from lite_env.lock.explain import HERE, channel_error, hint_for, install_error, refuse_other_subdirs, tidy
from lite_env.lock.fetch import PackageWriter, scratch, tell_origin
from lite_env.lock.model import PLATFORM, LockedPackage
from lite_env.lock.safety import refuse_unsafe_contents, unreadable
from lite_env.lock.solver import Candidate
from lite_env.lock.verify import damaged_files, refuse_false_list, refuse_unreachable, some, total_size, verify_local
from lite_env.progress import SILENT
from lite_env.spec.address import Channel, hide_all, local_path, public_url
from lite_env.spec.matchspec import beyond_bounds, name_of, split_channel
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.text import shown

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping, Sequence
    from pathlib import Path

    from lite_env.lock.solver import SolveRequest
    from lite_env.progress import Reporter, Task
    from lite_env.spec.model import Requirement

T = TypeVar("T")

_RETRIES = 3
_DOWNLOADS = 16  # at once
_MOST_IN_MEMORY = 1 << 30  # bytes of a packed file
_LOCK = ".lite-env.lock"  # below the cache; so is the folder of what is being fetched
_FETCHED = ".lite-env-fetched"
_COPIES = "allow-hard-links = false\nallow-symbolic-links = true\nallow-ref-links = true\n"
# What a client made of single parts cannot be told.
_ONLY_FROM_CONFIG = (
    *("tls_no_verify", "tls_root_certs", "proxy_http", "proxy_https"),
    *("authentication_override_file", "s3_options"),
)


def index_channel(directory: Path) -> None:
    """Write ``repodata.json`` for each subdir of the channel at `directory`, looking at every package anew.

    Raises:
        ChannelError: a package in it cannot be read.
    """
    for subdir in ("noarch", PLATFORM):
        (directory / subdir).mkdir(parents=True, exist_ok=True)
    try:
        _run(rattler.index.index_fs(directory, write_zst=False, write_shards=False, force=True))
    except Exception as error:
        raise ChannelError(
            f"the channel could not be indexed: {_one_line(error)}",
            hint="remove the broken package from the channel, or build the channel again",
            channel=str(directory),
        ) from error
    # The indexer leaves its empty scratch folder behind.
    with contextlib.suppress(OSError):
        (directory / ".tmp").rmdir()


def install_packages(
    packages: Sequence[LockedPackage],
    prefix: Path,
    *,
    cache: Path,
    requested: Sequence[str] = (),
    channels: Sequence[Channel] = (),
    reporter: Reporter = SILENT,
    offline: bool = False,
) -> None:
    """Make `prefix` hold exactly `packages`: fetched, verified by sha256, looked at, unpacked, copied.

    Nothing is linked before every package is known to stay inside of `prefix`. Link scripts never run. The prefix
    placeholder becomes the empty string, because in the browser the packages live at ``/``. No file is shared with the
    cache: who writes to `prefix` changes nothing else.

    Args:
        packages: what to install; what else is in the prefix is removed.
        prefix: the folder, made if needed.
        cache: the folder of the package cache. One process at a time uses it.
        requested: match specs for ``conda-meta``, which tell wanted packages from their dependencies.
        channels: those that are asked with credentials; others may be among them.
        reporter: told of bytes while packages are fetched and local ones are verified, and of what was damaged.
        offline: use the cache and local channels only; no connection is opened.

    Raises:
        FetchError: a package could not be had, or is not the one that was locked.
        PrefixError: a package could not be unpacked or linked, or would write elsewhere.
    """
    cache.mkdir(parents=True, exist_ok=True)
    records = [_to_record(package) for package in packages]
    with FileLock(cache / _LOCK):
        index = _run(rattler.PackageCache(cache).index())
        cached, damaged = _look_into_cache(
            [package for package, record in zip(packages, records, strict=True) if index.contains_record(record)],
            cache,
            reporter,
        )
        missing = [package for package in packages if package.name not in cached]
        refuse_unreachable(missing, offline=offline)
        # A local file is verified even when the cache holds its content: who builds a channel anew shall hear of it.
        local = [package for package in packages if (path := local_path(package.url)) and path.exists()]
        remote = [package for package in missing if local_path(package.url) is None]
        with (
            reporter.task(f"fetching {len(local + remote)} packages", total_size(local + remote), "B") as task,
            scratch(cache / _FETCHED) as folder,
        ):
            for package in local:
                verify_local(package, task)
            archives = {package.name: path for package in missing if (path := local_path(package.url))}
            archives |= _fetch(remote, folder, channels, task)
            fresh = _look_into_archives(missing, archives)
            refuse_unsafe_contents(packages, cached | fresh)
            for package in missing:
                refuse_false_list(package, fresh[package.name])
            _link(packages, archives, prefix, cache=cache, requested=requested, repair=damaged)


def _look_into_cache(
    packages: Sequence[LockedPackage], cache: Path, reporter: Reporter
) -> tuple[dict[str, PackageContents], bool]:
    """The contents of those of `packages` that are whole in the cache, by name; and whether others are damaged."""

    def look(package: LockedPackage) -> tuple[PackageContents | None, tuple[str, ...]]:
        folder = cache / f"{package.name}-{package.version}-{package.build}"
        contents = read_folder(folder)
        return contents, damaged_files(folder, contents.digests) if contents else (PATHS,)

    whole: dict[str, PackageContents] = {}
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for package, (contents, damaged) in zip(packages, pool.map(look, packages), strict=True):
            if damaged:
                reporter.warn(
                    f"the package cache's copy of {package.file_name} is damaged and made anew: {some(damaged)}",
                    passing=True,
                )
            elif contents is not None:
                whole[package.name] = contents
    return whole, len(whole) < len(packages)


def _look_into_archives(packages: Sequence[LockedPackage], archives: Mapping[str, Path]) -> dict[str, PackageContents]:
    async def look() -> list[PackageContents]:
        # Of each a file is in memory while it is hashed.
        turns = asyncio.Semaphore(os.cpu_count() or 1)
        return await asyncio.gather(
            *(_contents_of_archive(archives[package.name], package, turns) for package in packages)
        )

    return {package.name: contents for package, contents in zip(packages, _run(look()), strict=True)}


def _link(
    packages: Sequence[LockedPackage],
    archives: Mapping[str, Path],
    prefix: Path,
    *,
    cache: Path,
    requested: Sequence[str],
    repair: bool,
) -> None:
    """Unpack `archives` (by package) into the cache and copy all packages out of it; nothing is downloaded."""
    # What was found damaged is found by rattler, too, and replaced out of its archive.
    validation = rattler.ValidationMode.full() if repair else rattler.ValidationMode.fast()
    try:
        _run(
            rattler.install(
                [_to_record(package, archives.get(package.name)) for package in packages],
                prefix,
                package_cache=rattler.PackageCache.new_layered([cache], validation_mode=validation),
                platform=rattler.Subdir(PLATFORM),
                execute_link_scripts=False,
                client=_client((package.url for package in packages), offline=True),
                config=rattler.Config.from_toml(_COPIES),
                # The signature says MatchSpec, but the binding takes what is inside it.
                requested_specs=[spec._match_spec for spec in _parse_leniently(requested)],  # noqa: SLF001
                show_progress=False,
                alternative_target_prefix="",
            )
        )
    except LiteEnvError:
        raise
    except Exception as error:
        raise install_error(_one_line(error), prefix) from error
    for package in packages:
        if package.name in archives:
            tell_origin(prefix, package)


def _fetch(packages: Sequence[LockedPackage], folder: Path, channels: Sequence[Channel], task: Task) -> dict[str, Path]:
    """Download `packages` into `folder`, each verified; where they are, by name."""
    if not packages:
        return {}
    client = _client((package.url for package in packages), channels=channels, offline=False)

    async def fetch(package: LockedPackage, turns: asyncio.Semaphore) -> Path:
        async with turns:
            try:
                return await _download(client, package, folder, task)
            except FetchError as error:
                # What rattler says may hold an address with its token.
                error.hide(lambda text: hide_all(text, channels))
                raise error from None

    async def fetch_all() -> list[Path]:
        turns = asyncio.Semaphore(_DOWNLOADS)
        return await asyncio.gather(*(fetch(package, turns) for package in packages))

    return dict(zip((package.name for package in packages), _run(fetch_all()), strict=True))


async def _download(client: rattler.Client, package: LockedPackage, folder: Path, task: Task) -> Path:
    suffix = ".tar.bz2" if package.file_name.endswith(".tar.bz2") else ".conda"
    # Not the name in the lock, which is anybody's text.
    path = folder / f"{package.name}-{package.version}-{package.build}{suffix}"
    told = 0
    for attempt in range(1, _RETRIES + 1):
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
                if told == 0 or attempt == _RETRIES:
                    raise install_error(f"failed to fetch {package.file_name}: {_one_line(error)}", folder) from error
    return path


async def _contents_of_archive(path: Path, package: LockedPackage, turns: asyncio.Semaphore) -> PackageContents:
    try:
        async with turns:
            archive = await PackageArchive.from_path(path)
            lists = await archive.read_files(LISTS)
            info = [entry.name async for entry in archive.stream("info") if not entry.name.endswith("/")]
            entries, found = await _hashed(archive)
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
        raise unreadable(package, _one_line(error)) from error


async def _hashed(archive: PackageArchive) -> tuple[list[ArchiveEntry], dict[str, str]]:
    """What is packed, and the SHA-256 of the files; of hard links that of what they lead to."""
    entries: list[ArchiveEntry] = []
    found: dict[str, str] = {}
    async for entry in archive.stream("pkg"):
        entries.append(entry)
        if entry.is_file and entry.size <= _MOST_IN_MEMORY:
            # The last one of a name is the one that is unpacked.
            found[entry.name] = sha256_of_bytes(await entry.read())
        elif entry.is_hardlink and entry.link_target in found:
            found[entry.name] = found[entry.link_target]
        else:
            found.pop(entry.name, None)
    return entries, found


class CondaSolver:
    """The solver of rattler, for emscripten-wasm32 and what the browser has, never for this machine.

    Channels are exact (no relations are followed) and their priority is strict, also for what is asked for directly.

    Args:
        cache: the folder for package lists.
        offline: use cached package lists and local channels only.
    """

    def __init__(self, *, cache: Path, offline: bool = False) -> None:
        self._cache = cache
        self._offline = offline
        self._channels: tuple[Channel, ...] = ()

    def solve(self, request: SolveRequest) -> tuple[LockedPackage, ...]:
        """See :meth:`lite_env.lock.solver.Solver.solve`."""
        self._channels = request.channels
        shown = tuple(channel.url for channel in request.channels)
        specs, constraints = _to_specs(request.requirements)
        gateway = self._gateway(shown)
        try:
            self._refuse_unreadable(gateway, specs)
            records = _run(
                rattler.solve(
                    sources=_sources(shown),
                    specs=specs,
                    constraints=constraints,
                    gateway=gateway,
                    platforms=[rattler.Subdir(subdir) for subdir in HERE],
                    locked_packages=self._still_offered(gateway, request),
                    virtual_packages=_virtual_packages(),
                    channel_priority=rattler.ChannelPriority.Strict,
                    channel_relations="disabled",
                )
            )
        except SolverError as error:
            explanation = hide_all(tidy(str(error)), self._channels)
            raise SolveError(
                f"the environment cannot be solved for {PLATFORM}:\n{explanation}",
                hint=hint_for(explanation, shown, self),
                channels=" ".join(shown),
            ) from None
        except GatewayError as error:
            # Not `from error`: what rattler says may hold an address with its token.
            text = hide_all(_one_line(error), self._channels)
            raise channel_error(text, shown, offline=self._offline) from None
        packages = tuple(sorted((_from_record(record) for record in records), key=lambda package: package.name))
        refuse_other_subdirs(packages, request.requirements)
        return packages

    def names(self, channels: Sequence[str], subdirs: Sequence[str]) -> frozenset[str]:
        """See :meth:`lite_env.lock.solver.Catalog.names`."""
        sources = _sources(channels)
        try:
            names = _run(
                self._gateway(channels, cached_only=True).names(
                    sources, [rattler.Subdir(s) for s in subdirs], channel_relations="disabled"
                )
            )
        except GatewayError:
            return frozenset()
        return frozenset(name.normalized for name in names)

    def candidates(self, channels: Sequence[str], spec: str, subdirs: Sequence[str]) -> tuple[Candidate, ...]:
        """See :meth:`lite_env.lock.solver.Catalog.candidates`."""
        try:
            wanted = _match_spec(spec)
            found = self._query(self._gateway(channels, cached_only=True), channels, [wanted], subdirs)
        except (GatewayError, InvalidMatchSpecError):
            return ()
        matching = [record for record in found if wanted.matches(record)]
        newest_first = sorted(matching, key=lambda record: (record.version, record.build_number), reverse=True)
        return tuple(
            Candidate(
                channel=_channel_of(record), subdir=record.subdir, version=str(record.version), build=str(record.build)
            )
            for record in newest_first
        )

    def subdirs(self, channel: str) -> tuple[str, ...]:
        """See :meth:`lite_env.lock.solver.Catalog.subdirs`."""
        path = local_path(channel)
        if path is None:
            return ()
        return tuple(
            sorted(folder.parent.name for folder in path.glob("*/repodata.json") if folder.parent.name not in HERE)
        )

    def _gateway(self, channels: Iterable[str], *, cached_only: bool = False) -> rattler.Gateway:
        """What reads package lists; an explanation comes from what is cached, so that it asks nobody."""
        offline = self._offline or cached_only
        return rattler.Gateway(
            cache_dir=self._cache,
            default_config=rattler.SourceConfig(cache_action="force-cache-only" if offline else "cache-or-fetch"),
            client=_client(channels, channels=self._channels, offline=offline),
        )

    def _query(
        self,
        gateway: rattler.Gateway,
        channels: Sequence[str],
        specs: Sequence[rattler.MatchSpec],
        subdirs: Sequence[str],
        *,
        recursive: bool = False,
    ) -> list[rattler.RepoDataRecord]:
        query = gateway.query(
            _sources(channels),
            [rattler.Subdir(subdir) for subdir in subdirs],
            specs,
            recursive=recursive,
            channel_relations="disabled",
        )
        return [record for records in _run(query) for record in records]

    def _still_offered(self, gateway: rattler.Gateway, request: SolveRequest) -> list[rattler.RepoDataRecord]:
        """The records of the earlier answer that the channels still have, byte for byte.

        rattler would take a locked record for a candidate even when it is gone from its channel, was made anew there
        (local channels), or lies in a channel that comes too late now.
        """
        if not request.locked:
            return []
        names = [rattler.MatchSpec(package.name) for package in request.locked]
        shown = [channel.url for channel in request.channels]
        offered = self._query(gateway, shown, names, HERE)
        rank = {channel: place for place, channel in enumerate(shown)}
        first: dict[str, int] = {}
        for record in offered:
            place = rank.get(_channel_of(record), len(rank))
            first[record.name.normalized] = min(place, first.get(record.name.normalized, place))
        pinned = {name_of(r.text) for r in request.requirements if r.channel}
        wanted = {(package.subdir, package.file_name, package.sha256) for package in request.locked}
        return [
            record
            for record in offered
            if (record.subdir, record.file_name, record.sha256.hex() if record.sha256 else None) in wanted
            and (record.name.normalized in pinned or rank.get(_channel_of(record)) == first[record.name.normalized])
        ]

    def _refuse_unreadable(self, gateway: rattler.Gateway, specs: Sequence[rattler.MatchSpec]) -> None:
        """Refuse a channel that would end the solver's process: all that it could look at, looked at before."""
        channels = [channel.url for channel in self._channels]
        for record in self._query(gateway, channels, specs, HERE, recursive=True):
            for text in (*record.depends, *record.constrains):
                reason = beyond_bounds(text)
                if reason:
                    raise LockError(
                        f"{record.file_name} cannot be read: its dependency `{shown(text)}` {reason}",
                        hint="remove the package from the channel, or the channel from the environment file",
                        channel=_channel_of(record),
                    )


def unsatisfied(requirements: Iterable[Requirement], packages: Sequence[LockedPackage]) -> tuple[str, ...]:
    """What of `requirements` and of the packages' own dependencies `packages` do not answer, in words.

    Raises:
        SpecError: a requirement is not a match spec.
        LockError: a package's version cannot be understood.
    """
    records = {package.name: _to_record(package) for package in packages}
    virtual = {package.name.normalized for package in _virtual_packages()}
    wanted = [(_parse(requirement), requirement.match, "the environment file") for requirement in requirements]
    for package in packages:
        for text in package.depends:
            # What the solver could read is no business of ours when it is odd.
            with contextlib.suppress(InvalidMatchSpecError):
                wanted.append((_match_spec(text), text, package.name))
    faults = []
    for spec, text, whose in wanted:
        name = spec.name.normalized
        record = records.get(name)
        if record is None and name not in virtual:
            faults.append(f"{whose} needs {text}, which is not locked")
        elif record is not None and not spec.matches(record):
            faults.append(f"{whose} needs {text}, but {name} {record.version} {record.build} is locked")
    return tuple(faults)


def _client(urls: Iterable[str], *, channels: Sequence[Channel] = (), offline: bool) -> rattler.Client:
    """What connects: not at all, as rattler's own configuration says, or with the credentials of `channels` as well.

    rattler itself sees addresses without credentials only, so that its caches, records and messages hold none.
    """
    if offline:
        hosts = {f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, urls) if parts.netloc}
        return rattler.Client([MirrorMiddleware({host: [] for host in sorted(hosts)})])
    # Credentials, mirrors, proxies and certificates as for every tool built on rattler.
    try:
        config = rattler.Config.load_from_default_locations("lite-env")
    except ConfigError as error:
        raise FetchError(
            f"the configuration of the conda tools cannot be read: {_one_line(error)}",
            hint="correct the file, or move it away",
        ) from error
    agent = f"lite-env/{__version__}"
    if not any(channel.is_secret for channel in channels):
        return rattler.Client.from_config(config, max_retries=_RETRIES, user_agent=agent)
    if lost := [key for key in _ONLY_FROM_CONFIG if getattr(config, key)]:
        raise FetchError(
            f"a channel's address holds credentials, with which {' and '.join(lost)} of rattler's configuration "
            "cannot be used",
            hint="take them out of the address, and put them where rattler finds them (RATTLER_AUTH_FILE, .netrc)",
            file=str(config.loaded_from[0]) if config.loaded_from else None,
        )
    mirrors = {f"{channel.url}/": [f"{channel.address_for_request()}/"] for channel in channels if channel.is_secret}
    return rattler.Client(
        [
            RetryMiddleware(_RETRIES),
            MirrorMiddleware({**config.mirrors, **mirrors}),
            AddHeadersMiddleware(_Authorization(channels)),
            AuthenticationMiddleware(),
            OciMiddleware(),
            GCSMiddleware(),
            S3Middleware(),
        ],
        user_agent=agent,
    )


class _Authorization:
    """The header of a request, by the host and the path that it goes to.

    Raises:
        FetchError: two channels with one host and path, which rattler does not tell apart, want different headers.
    """

    def __init__(self, channels: Iterable[Channel]) -> None:
        self._values: dict[tuple[str, str], str | None] = {}
        for channel in channels:
            parts = urlsplit(channel.address_for_request())
            key, value = (parts.hostname or "", unquote(parts.path)), channel.authorization_for_request()
            if self._values.setdefault(key, value) != value:
                raise FetchError(
                    "two channels have one host and folder, and differ in scheme, port and credentials only",
                    hint="list one of them",
                    channel=channel.url,
                )

    def __call__(self, host: str, path: str) -> dict[str, str] | None:
        host, path = host.strip("[]").lower(), unquote(path)
        folders = [
            folder
            for known, folder in self._values
            if known == host and (path == folder or path.startswith(f"{folder.rstrip('/')}/"))
        ]
        value = self._values[host, max(folders, key=len)] if folders else None
        return {"Authorization": value} if value else None


def _sources(channels: Iterable[str]) -> list[rattler.Channel | str]:
    """Channels as rattler is asked for them: never with credentials, which only its client knows."""
    return [f"{channel.rstrip('/')}/" for channel in channels]


def _channel_of(record: rattler.RepoDataRecord) -> str:
    return public_url(record.channel).rstrip("/")


def _to_specs(requirements: Iterable[Requirement]) -> tuple[list[rattler.MatchSpec], list[rattler.MatchSpec]]:
    """Requirements as specs and constraints.

    rattler looks only at candidates that match a spec when it finds the first channel of a package, so that `x >=3`
    would come from a later channel when the first one has x 2. Asking for the name and constraining the rest keeps the
    priority strict.
    """
    specs, constraints = [], []
    for requirement in requirements:
        spec = _parse(requirement)
        if requirement.channel:
            specs.append(spec)
        else:
            specs.append(rattler.MatchSpec(spec.name.normalized))
            constraints.append(spec)
    return specs, constraints


def _parse(requirement: Requirement) -> rattler.MatchSpec:
    text = requirement.match
    if requirement.channel:
        subdir = f"/{requirement.subdir}" if requirement.subdir else ""
        text = f"{requirement.channel.url}{subdir}::{text}"
    try:
        return _match_spec(text)
    except InvalidMatchSpecError as error:
        raise SpecError(
            f"the dependency {requirement.text!r} is not a match spec: {_one_line(error)}",
            hint="write a name, then versions: `numpy`, `numpy >=1.25,<2`, `numpy 1.25.*`, `numpy=1.25=py311_2`",
            file=str(requirement.file) if requirement.file else None,
            line=requirement.line,
        ) from error


def _virtual_packages() -> list[rattler.GenericVirtualPackage]:
    """What CEP 30 gives every emscripten-wasm32, and nothing of this machine."""
    return [
        rattler.GenericVirtualPackage(rattler.PackageName(name), rattler.Version("0"), rattler.BuildString(build))
        for name, build in (("__unix", "0"), ("__archspec", "wasm32"))
    ]


def _from_record(record: rattler.RepoDataRecord) -> LockedPackage:
    if record.sha256 is None:
        raise LockError(
            f"the channel gives no sha256 for {record.file_name}, so that it cannot be locked",
            hint="index the channel anew (`lite-env channel build` for one of ours, `conda index` for another)",
            channel=_channel_of(record),
        )
    url = public_url(record.url)
    path = local_path(url)
    timestamp = record.timestamp
    return LockedPackage(
        name=record.name.normalized,
        version=str(record.version),
        build=str(record.build),
        build_number=record.build_number,
        subdir=record.subdir,
        file_name=record.file_name,
        url=path.as_uri() if path else url,
        channel=_channel_of(record),
        sha256=record.sha256.hex(),
        md5=record.md5.hex() if record.md5 else None,
        size=record.size,
        depends=tuple(sorted(record.depends)),
        constrains=tuple(sorted(record.constrains)),
        license=record.license,
        noarch="python" if record.noarch.python else "generic" if record.noarch.generic else None,
        timestamp=round(timestamp.timestamp() * 1000) if timestamp else None,
    )


def _to_record(package: LockedPackage, archive: Path | None = None) -> rattler.RepoDataRecord:
    """The record of a package, to be taken from `archive` where that is given."""
    url = package.url if archive is None else archive.absolute().as_uri()
    try:
        record = rattler.PackageRecord(
            name=package.name,
            version=package.version,
            build=rattler.BuildString(package.build),
            build_number=package.build_number,
            subdir=package.subdir,
            noarch=_noarch(package.noarch),
            depends=list(package.depends),
            constrains=list(package.constrains),
            sha256=bytes.fromhex(package.sha256),
            md5=bytes.fromhex(package.md5) if package.md5 else None,
            size=package.size,
            license=package.license,
        )
        return rattler.RepoDataRecord(record, package.file_name, url, package.channel)
    except Exception as error:
        # rattler's parse errors have no common root.
        raise LockError(
            f"the locked package {package.file_name} cannot be understood: {_one_line(error)}", hint="lock again"
        ) from error


def _noarch(kind: str | None) -> rattler.NoArchType:
    if kind == "python":
        return rattler.NoArchType("python")
    return rattler.NoArchType("generic" if kind == "generic" else None)


def _parse_leniently(requested: Sequence[str]) -> list[rattler.MatchSpec]:
    specs = []
    for text in requested:
        # A path channel in front is ours alone; what conda-meta is for is the name and the version.
        with contextlib.suppress(Exception):
            specs.append(_match_spec(split_channel(text)[2]))
    return specs


def _match_spec(text: str) -> rattler.MatchSpec:
    """The one way to a match spec of a text: what rattler would not survive does not get there."""
    reason = beyond_bounds(text)
    if reason:
        raise InvalidMatchSpecError(f"it {reason}")
    return rattler.MatchSpec(text)


def _one_line(error: BaseException) -> str:
    return ": ".join(line.removeprefix("Caused by:").strip() for line in str(error).splitlines() if line.strip())


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end, also from inside a running event loop (a notebook, a server), and tame panics."""
    if not _inside_event_loop():
        return _guarded(coroutine)
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(_guarded, coroutine).result()


def _inside_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _guarded(coroutine: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(coroutine)
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise LiteEnvError(
                f"the conda library stopped: {_one_line(error)}", hint="this is a bug in lite_env or in py-rattler"
            ) from error
        raise


def satisfies(spec: str, *, name: str, version: str, build: str, build_number: int, subdir: str) -> bool:
    """Whether an installed package answers a match spec such as ``python_abi 3.11.* *_cp311`` (CEP 29).

    A spec that cannot be parsed is taken as answered: it was the solver's business.
    """
    try:
        record = rattler.PackageRecord(
            name=name, version=version, build=rattler.BuildString(build), build_number=build_number, subdir=subdir
        )
        return bool(_match_spec(spec).matches(record))
    except Exception:  # noqa: BLE001 - rattler's parse errors have no common root
        return True
