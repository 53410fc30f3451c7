"""All that decides about a pack, read before anything is done: the source, its lock, rules, a profile, workloads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from lite_env.errors import PackError
from lite_env.lock.answer import spec_digest
from lite_env.lock.file import is_lock, lock_path, read_lock, wrote_lock
from lite_env.pack.filters import FileFilter, read_filter, read_project_filter
from lite_env.pack.mounts import NOTHING_MOUNTED, read_mounts
from lite_env.pack.profile import read_profile
from lite_env.prefix.record import is_prefix
from lite_env.progress import SILENT
from lite_env.spec.environment import find_environment_file
from lite_env.spec.settings import read_project_preload, read_project_workloads
from lite_env.store.digest import sha256_of_file
from lite_env.store.protocol import FORGETFUL, key_of
from lite_env.store.text import shown
from lite_env.workflow.lock import LockPolicy, read_spec
from lite_env.workflow.workload import read_workloads

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.lock.model import Lockfile
    from lite_env.pack.mounts import Mounted
    from lite_env.pack.profile import Profile
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Key, Store
    from lite_env.workflow.options import PackOptions
    from lite_env.workflow.workload import Workload

Kind = Literal["environment file", "lock file", "installed environment"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """What there is.

    Attributes:
        source: the environment file, lock file or installed environment.
        kind: which of them.
        lock: the lock to pack; None for an installed environment, and where it has to be made first.
        filters: users' rules.
        profile: to follow; None to trace, or for a static order.
        workloads: users' programs to trace.
        mounted: files that are packed besides.
        preload: modules that snapshots of kernels are to have imported; None where nobody says.
    """

    source: Path
    kind: Kind
    lock: Lockfile | None
    filters: FileFilter
    profile: Profile | None
    workloads: tuple[Workload, ...]
    mounted: Mounted = NOTHING_MOUNTED
    preload: tuple[str, ...] | None = None


def read_inputs(source: Path, options: PackOptions, *, store: Store = FORGETFUL, reporter: Reporter = SILENT) -> Inputs:
    """Read what `source` names, and what lies beside it; nothing is solved, written or started.

    Args:
        source: an environment file, a lock file, an installed environment, or a folder with an environment file.
        options: what else to read.
        store: knows which locks answer which environment files.
        reporter: told what is odd about an environment file.

    Raises:
        SpecError: the environment file, a setting, a profile or a workload is wrong.
        LockError: the lock is wrong.
        PackError: there is no such source, or what is to be mounted is not there or cannot be packed.
    """
    installed = is_prefix(source)
    folder = source if source.is_dir() else source.parent
    # What lies beside an installed environment has nothing to do with it.
    filters = FileFilter() if installed else read_project_filter(folder)
    for file in options.filter_files:
        filters += read_filter(file)
    profile = read_profile(options.profile) if options.profile else None
    beside = () if installed else read_project_workloads(folder)
    workloads = read_workloads((*beside, *options.workloads))
    kind: Kind = "installed environment"
    lock = None
    if not installed:
        if source.is_dir():
            source = find_environment_file(source)
        elif not source.exists():
            raise PackError(
                f"there is no '{source}'", hint="name an environment file, a lock file or an installed environment"
            )
        kind = "lock file" if is_lock(source) else "environment file"
        lock = (
            _read(source, options, store, reporter)
            if kind == "lock file"
            else _answering(source, options, store, reporter)
        )
    if options.environment is not None and kind != "lock file":
        raise PackError(
            f"no environment '{shown(options.environment)}' can be chosen: '{source}' is an {kind} and no lock of pixi",
            hint="leave out `--environment`",
        )
    return Inputs(
        source=source,
        kind=kind,
        lock=lock,
        filters=filters,
        profile=profile,
        workloads=workloads,
        mounted=read_mounts(options.mounts),
        preload=None if installed else read_project_preload(folder),
    )


def _read(lock: Path, options: PackOptions, store: Store, reporter: Reporter) -> Lockfile:
    return read_lock(
        lock,
        environment=options.environment,
        pinned=options.locking is not LockPolicy.UPDATE,
        offline=options.offline,
        store=store,
        reporter=reporter,
    )


def remember_answer(environment: Path, store: Store) -> None:
    """Keep that the lock beside an environment file answers it: to find that out again takes the solver's library."""
    spec = read_spec(environment, (), SILENT)
    store.record(_answer_key(spec_digest(spec), lock_path(environment)), {})


def _answering(environment: Path, options: PackOptions, store: Store, reporter: Reporter) -> Lockfile | None:
    """The lock beside an environment file when it is known to answer it, or need not; None where `lock_for` decides."""
    path = lock_path(environment)
    if not path.exists() or not wrote_lock(path):
        return None
    spec = read_spec(environment, (), SILENT)
    digest = spec_digest(spec)
    known = store.recall(_answer_key(digest, path)) is not None
    if not known and options.locking is not LockPolicy.FROZEN:
        return None
    # Read once more for its warnings, which a user is to see each time.
    read_spec(environment, (), reporter)
    return replace(read_lock(path), addresses=spec.channels)


def _answer_key(digest: str, lock: Path) -> Key:
    return key_of("answer", 1, digest, sha256_of_file(lock))
