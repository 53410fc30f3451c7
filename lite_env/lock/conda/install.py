"""Locked packages into a prefix: nothing is linked before all of them were looked at."""

from __future__ import annotations

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import rattler
from filelock import FileLock

from lite_env.errors import LiteEnvError
from lite_env.lock.conda.archives import fetch_packages, look_into_archives
from lite_env.lock.conda.client import unconnected
from lite_env.lock.conda.loop import one_line, run
from lite_env.lock.conda.records import match_spec, to_record
from lite_env.lock.contents import PATHS, PackageContents, read_folder
from lite_env.lock.explain import install_error
from lite_env.lock.fetch import PACKAGES_LOCK, scratch, tell_origin
from lite_env.lock.kept import take_packages
from lite_env.lock.model import PLATFORM, LockedPackage
from lite_env.lock.safety import refuse_unsafe_contents
from lite_env.lock.verify import damaged_files, refuse_false_list, refuse_unreachable, some, total_size, verify_local
from lite_env.progress import SILENT
from lite_env.spec.address import Channel, local_path
from lite_env.spec.matchspec import split_channel
from lite_env.spec.places import is_there
from lite_env.store.protocol import FORGETFUL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store

_FETCHED = ".lite-env-fetched"  # below the cache
_COPIES = "allow-hard-links = false\nallow-symbolic-links = true\nallow-ref-links = true\n"


def install_packages(
    packages: Sequence[LockedPackage],
    prefix: Path,
    *,
    cache: Path,
    requested: Sequence[str] = (),
    channels: Sequence[Channel] = (),
    reporter: Reporter = SILENT,
    offline: bool = False,
    store: Store = FORGETFUL,
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
        offline: use the cache, the store and local channels only; no connection is opened.
        store: keeps package files as they were fetched.

    Raises:
        FetchError: a package could not be had, or is not the one that was locked.
        PrefixError: a package could not be unpacked or linked, or would write elsewhere.
    """
    cache.mkdir(parents=True, exist_ok=True)
    records = [to_record(package) for package in packages]
    with FileLock(cache / PACKAGES_LOCK):
        index = run(rattler.PackageCache(cache).index())
        cached, damaged = _look_into_cache(
            [package for package, record in zip(packages, records, strict=True) if index.contains_record(record)],
            cache,
            reporter,
        )
        missing = [package for package in packages if package.name not in cached]
        # A local file is verified even when the cache holds its content: who builds a channel anew shall hear of it.
        local = [package for package in packages if (path := local_path(package.url)) and is_there(path)]
        absent = [package for package in missing if package not in local]
        with (
            reporter.task(f"fetching {len(local + absent)} packages", total_size(local + absent), "B") as task,
            scratch(cache / _FETCHED) as folder,
        ):
            for package in local:
                verify_local(package, task)
            archives = {package.name: path for package in missing if (path := local_path(package.url))}
            archives |= (kept := take_packages(absent, folder, store, task))
            remote = [package for package in absent if package.name not in kept]
            refuse_unreachable(remote, offline=offline)
            archives |= fetch_packages(remote, folder, channels, task, store)
            fresh = look_into_archives(missing, archives)
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
        run(
            rattler.install(
                [to_record(package, archives.get(package.name)) for package in packages],
                prefix,
                package_cache=rattler.PackageCache.new_layered([cache], validation_mode=validation),
                platform=rattler.Subdir(PLATFORM),
                execute_link_scripts=False,
                client=unconnected(package.url for package in packages),
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
        raise install_error(one_line(error), prefix) from error
    for package in packages:
        if package.name in archives:
            tell_origin(prefix, package)


def _parse_leniently(requested: Sequence[str]) -> list[rattler.MatchSpec]:
    specs = []
    for text in requested:
        # A path channel in front is ours alone; what conda-meta is for is the name and the version.
        with contextlib.suppress(Exception):
            specs.append(match_spec(split_channel(text)[2]))
    return specs
