"""From a lock to an installed environment, building the local channels that its packages come from."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from filelock import FileLock

from lite_env.prefix.installer import install, lock_identity
from lite_env.progress import SILENT
from lite_env.store.location import cache_directory
from lite_env.workflow.lock import build_local_channels

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.lock.model import Lockfile
    from lite_env.prefix.model import Prefix
    from lite_env.progress import Reporter


def install_environment(lock: Lockfile, prefix: Path, *, offline: bool = False, reporter: Reporter = SILENT) -> Prefix:
    """Install `lock` into `prefix`; channels that are definitions and not built yet are built first.

    Raises:
        ChannelError: a local channel could not be built.
        FetchError: a package could not be had, or is not the one that was locked.
        PrefixError: something else than an environment is at `prefix`, or the environment is not sound.
    """
    build_local_channels(lock.channels, offline=offline, reporter=reporter)
    return install(lock, prefix, offline=offline, reporter=reporter)


def cached_environment(lock: Lockfile, *, offline: bool = False, reporter: Reporter = SILENT) -> Prefix:
    """The environment of `lock` in the user's cache; installed when it is not there yet.

    Processes that want the same environment wait for each other.

    Raises:
        LiteEnvError: as `install_environment`.
    """
    folder = cache_directory("prefixes")
    folder.mkdir(parents=True, exist_ok=True)
    key = _cache_key(lock)
    with FileLock(folder / f"{key}.lock"):
        return install_environment(lock, folder / key, offline=offline, reporter=reporter)


def _cache_key(lock: Lockfile) -> str:
    # All that is written into an environment: packages by their hashes, and what `conda-meta` says besides.
    identity = [lock_identity(lock), lock.name, sorted(lock.requested), sorted(lock.variables)]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]
