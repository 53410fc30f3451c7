"""The one module that talks to rattler: its types, its errors and its event loop end here.

Measured traps of py-rattler 0.28 that this module is shaped by:

* Misuse raises ``PanicException``, a BaseException: it becomes a :class:`LiteEnvError` here.
* A package that comes by HTTP is checked against the record's sha256, one from a ``file://`` channel is **not**:
  those files are hashed here, before rattler sees them.
* The package cache looks at sizes only unless it is told to look at every hash (``ValidationMode.full``).
* There is no offline switch: with an empty list of mirrors for every host, a request fails before it connects.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

import rattler
import rattler.index
from rattler.install import InstallerReporter
from rattler.networking import MirrorMiddleware

from lite_env import __version__
from lite_env.errors import ChannelError, FetchError, LiteEnvError, PrefixError
from lite_env.lock.model import PLATFORM
from lite_env.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Sequence

    from lite_env.lock.model import LockedPackage
    from lite_env.progress import Reporter, Task

T = TypeVar("T")

_RETRIES = 3
_CHUNK = 1 << 20  # bytes read at once while hashing


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
    reporter: Reporter = SILENT,
    offline: bool = False,
) -> None:
    """Make `prefix` hold exactly `packages`: fetched, verified by sha256, unpacked, linked.

    Link scripts never run. The prefix placeholder becomes the empty string, because in the browser the packages live
    at ``/``.

    Args:
        packages: what to install; what else is in the prefix is removed.
        prefix: the folder, made if needed.
        cache: the folder of the package cache.
        requested: match specs for ``conda-meta``, which tell wanted packages from their dependencies.
        reporter: told of bytes while packages are fetched and local ones are verified.
        offline: use the cache and local channels only; no connection is opened.

    Raises:
        FetchError: a package could not be had, or is not the one that was locked.
        PrefixError: a package could not be unpacked or linked.
    """
    cache.mkdir(parents=True, exist_ok=True)
    package_cache = rattler.PackageCache.new_layered([cache], validation_mode=rattler.ValidationMode.full())
    records = [_to_record(package) for package in packages]
    cached = _run(package_cache.index())
    missing = [package for package, record in zip(packages, records, strict=True) if not cached.contains_record(record)]
    _refuse_unreachable(missing, offline=offline)

    # A local file is verified even when the cache holds its content: a damaged cache entry would be replaced by it.
    local = [package for package in packages if (path := local_path(package.url)) and path.exists()]
    fetched = local + [package for package in missing if local_path(package.url) is None]
    with reporter.task(f"fetching {len(fetched)} packages", _total_size(fetched), "B") as task:
        for package in local:
            _verify_local(package, task)
        try:
            _run(
                rattler.install(
                    records,
                    prefix,
                    package_cache=package_cache,
                    platform=rattler.Subdir(PLATFORM),
                    execute_link_scripts=False,
                    client=_client((package.url for package in packages), offline=offline),
                    # The signature says MatchSpec, but the binding takes what is inside it.
                    requested_specs=[spec._match_spec for spec in _parse_leniently(requested)],  # noqa: SLF001
                    # The protocol's empty bodies are its defaults; mypy takes them for abstract.
                    reporter=_DownloadReporter(task),  # type: ignore[abstract]
                    alternative_target_prefix="",
                )
            )
        except LiteEnvError:
            raise
        except Exception as error:
            raise _install_error(error, prefix) from error


def local_path(url: str) -> Path | None:
    """The path that a ``file://`` URL names; None for any other URL."""
    parts = urlsplit(url)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


class _DownloadReporter(InstallerReporter):
    """Turns rattler's counters, one a package and from other threads, into one bar of bytes."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._seen: dict[int, int] = {}

    def on_populate_cache_start(self, operation: int, package_name: str) -> int:  # noqa: ARG002 - rattler's shape
        return operation

    def on_download_start(self, cache_entry: int) -> int:
        return cache_entry

    def on_download_progress(self, download_idx: int, progress: int, total: int | None) -> None:  # noqa: ARG002
        # A retried download counts from zero again: the bar must neither jump back nor count bytes twice.
        seen = self._seen.get(download_idx, 0)
        if progress > seen:
            self._seen[download_idx] = progress
            self._task.advance(progress - seen)


def _refuse_unreachable(missing: Sequence[LockedPackage], *, offline: bool) -> None:
    remote = [package for package in missing if local_path(package.url) is None]
    if offline and remote:
        names = ", ".join(package.file_name for package in remote)
        raise FetchError(
            f"offline, and the package cache lacks {len(remote)} of the locked packages: {names}",
            hint="run the same command once without --offline",
        )
    for package in missing:
        path = local_path(package.url)
        if path is not None and not path.exists():
            raise FetchError(
                f"the locked package {package.file_name} is not in its local channel",
                hint="build the channel (`lite-env channel build`), or lock again if it has changed",
                file=str(path),
            )


def _verify_local(package: LockedPackage, task: Task) -> None:
    path = local_path(package.url)
    if path is None:
        return
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_CHUNK):
            digest.update(block)
            task.advance(len(block))
    if digest.hexdigest() != package.sha256:
        raise FetchError(
            f"{package.file_name} is not the file that was locked",
            hint="if the channel was built anew on purpose, lock again; if not, build it again from its definition",
            file=str(path),
            expected_sha256=package.sha256,
            found_sha256=digest.hexdigest(),
        )


def _total_size(packages: Sequence[LockedPackage]) -> int | None:
    sizes = [package.size for package in packages if package.size is not None]
    return sum(sizes) if len(sizes) == len(packages) else None


def _client(urls: Iterable[str], *, offline: bool) -> rattler.Client:
    if offline:
        hosts = {f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, urls) if parts.netloc}
        return rattler.Client([MirrorMiddleware({host: [] for host in sorted(hosts)})])
    # Credentials, mirrors, proxies and certificates as for every tool built on rattler.
    config = rattler.Config.load_from_default_locations("lite-env")
    return rattler.Client.from_config(config, max_retries=_RETRIES, user_agent=f"lite-env/{__version__}")


def _to_record(package: LockedPackage) -> rattler.RepoDataRecord:
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
    return rattler.RepoDataRecord(record, package.file_name, package.url, package.channel)


def _noarch(kind: str | None) -> rattler.NoArchType:
    if kind == "python":
        return rattler.NoArchType("python")
    return rattler.NoArchType("generic" if kind == "generic" else None)


def _parse_leniently(requested: Sequence[str]) -> list[rattler.MatchSpec]:
    specs = []
    for text in requested:
        # A path channel in front is ours alone; what conda-meta is for is the name and the version.
        with contextlib.suppress(Exception):
            specs.append(rattler.MatchSpec(text.rpartition("::")[2]))
    return specs


def _install_error(error: Exception, prefix: Path) -> LiteEnvError:
    text = _one_line(error)
    if "hash mismatch" in text:
        return FetchError(
            f"a package is not the file that was locked: {text}",
            hint="the file on the server was changed or damaged on the way; lock again if the change is meant",
        )
    if "failed to fetch" in text or type(error).__name__ == "ConfigError":
        return FetchError(f"a package could not be fetched: {text}", hint="check the network and the channel's address")
    return PrefixError(
        f"the packages could not be installed: {text}",
        hint="remove the prefix and install again",
        prefix=str(prefix),
    )


def _one_line(error: BaseException) -> str:
    return ": ".join(line.removeprefix("Caused by:").strip() for line in str(error).splitlines() if line.strip())


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end, also from inside a running event loop (a notebook, a server), and tame panics."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _guarded(coroutine)
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(_guarded, coroutine).result()


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
        return bool(rattler.MatchSpec(spec).matches(record))
    except Exception:  # noqa: BLE001 - rattler's parse errors have no common root
        return True
