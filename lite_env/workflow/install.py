"""From a lock to an installed environment, building the local channels that its packages come from."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from lite_env.errors import PrefixError
from lite_env.prefix.claims import some
from lite_env.prefix.installer import install, lock_identity
from lite_env.prefix.reader import read_prefix
from lite_env.prefix.verify import changed_files, foreign_files, hash_prefix, seal
from lite_env.progress import SILENT, Remembering
from lite_env.store.atomic import write_text
from lite_env.store.location import cache_directory
from lite_env.store.protocol import FORGETFUL
from lite_env.store.removal import remove_tree
from lite_env.workflow.channels import build_local_channels, channels_in_need
from lite_env.workflow.toolchain import code_digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lite_env.lock.model import Lockfile
    from lite_env.prefix.model import Prefix
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store


def install_environment(
    lock: Lockfile, prefix: Path, *, offline: bool = False, store: Store = FORGETFUL, reporter: Reporter = SILENT
) -> Prefix:
    """Install `lock` into `prefix`; channels that are definitions, and of which something is needed, are built first.

    Raises:
        ChannelError: a local channel could not be built.
        FetchError: a package could not be had, or is not the one that was locked.
        PrefixError: something else than an environment is at `prefix`, or the environment is not sound.
    """
    needed = channels_in_need(lock, store=store)
    build_local_channels(needed, offline=offline, store=store, reporter=reporter)
    return install(lock, prefix, offline=offline, store=store, reporter=reporter)


def users_environment(prefix: Path, *, reporter: Reporter = SILENT) -> Prefix:
    """The environment that a user has at `prefix`, with `Prefix.digests`; files that are not its packages' are named.

    Raises:
        PrefixError: there is none, or it is damaged.
        AbiError: packages in it do not fit together.
    """
    found = hash_prefix(read_prefix(prefix, reporter=reporter))
    if changed := changed_files(found):
        reporter.warn(f"these files are not what their packages brought, and are packed as they are: {some(changed)}")
    return found


@contextmanager
def cached_environment(
    lock: Lockfile, *, offline: bool = False, store: Store = FORGETFUL, reporter: Reporter = SILENT
) -> Iterator[Prefix]:
    """The environment of `lock` in the user's cache, with `Prefix.digests`; nobody else touches it inside the block.

    It is looked at whole each time. One that was changed is made anew, as is one that is not there; what was changed is
    told. Processes that want the same environment wait for each other, until whoever has it has read it.

    Raises:
        LiteEnvError: as `install_environment`.
    """
    place = cached_place(lock)
    place.parent.mkdir(parents=True, exist_ok=True)
    sealed = place.with_name(f"{place.name}.seal")
    with _alone(place.with_name(f"{place.name}.lock"), reporter):
        prefix = _whole(place, sealed, reporter)
        if prefix is None:
            sealed.unlink(missing_ok=True)
            remove_tree(place)
            prefix = hash_prefix(install_environment(lock, place, offline=offline, store=store, reporter=reporter))
            if changed := changed_files(prefix):
                raise PrefixError(
                    f"what was installed is not what the packages hold: {some(changed)}",
                    hint="look at the disk: something changes files while they are written",
                    prefix=str(place),
                )
            write_text(sealed, f"{seal(prefix)}\n")
        else:
            # Says when it was last used.
            sealed.touch()
        yield prefix


def cached_place(lock: Lockfile) -> Path:
    """Where the environment of `lock` lies in the user's cache, or would; who reads it takes `cached_environment`."""
    return cache_directory("prefixes") / _cache_key(lock)


@contextmanager
def _alone(file: Path, reporter: Reporter) -> Iterator[None]:
    lock = FileLock(file)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        reporter.note("waiting for another lite-env that uses the same environment", passing=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _whole(place: Path, sealed: Path, reporter: Reporter) -> Prefix | None:
    """The environment at `place` when it is as it was when it was made."""
    if not place.exists():
        return None
    try:
        said = Remembering(SILENT)
        prefix = hash_prefix(read_prefix(place, reporter=said))
        if f"{seal(prefix)}\n" == sealed.read_text("utf-8"):
            # Of a damaged one nobody wants to know what else is odd about it.
            said.tell(reporter)
            return prefix
        changed = sorted({*changed_files(prefix), *foreign_files(prefix)})
        reason = some(changed) if changed else "its records, links or permissions were changed"
    except PrefixError as error:
        reason = error.message
    except OSError:
        # Made by an older version, which shared files with others, or by a process that was killed.
        return None
    reporter.warn(f"the cached environment is damaged and made anew: {reason}", passing=True)
    return None


def _cache_key(lock: Lockfile) -> str:
    # All that is written into an environment, and by whom: packages by their hashes, and what `conda-meta` says
    # besides. Locks of the same files may say other things of them: an `@EXPLICIT` list has it out of the packages,
    # not of their channel.
    said = [
        [each.name, each.depends, each.constrains, each.license, each.noarch, each.build_number]
        for each in lock.packages
    ]
    asked = [wheel.name for wheel in lock.wheels if wheel.wheel is not None and wheel.wheel.requested]
    identity = [
        code_digest(),
        lock_identity(lock),
        lock.name,
        sorted(lock.requested),
        sorted(lock.variables),
        said,
        *([asked] if asked else []),
    ]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]
