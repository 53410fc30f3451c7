"""From an environment file, a lock file or an installed environment to a pack: whatever steps are missing are done."""

from __future__ import annotations

import re
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from lite_env.errors import MissingEngineError, PackError
from lite_env.lock.file import read_lock
from lite_env.pack.filters import FileFilter, read_filter, read_project_filter
from lite_env.pack.plan import plan_pack
from lite_env.pack.profile import read_profile
from lite_env.pack.selection import select_files
from lite_env.pack.writer import write_pack
from lite_env.prefix.record import is_prefix
from lite_env.progress import SILENT
from lite_env.spec.document import MAX_BYTES
from lite_env.spec.environment import find_environment_file
from lite_env.spec.settings import read_project_workloads
from lite_env.store.local import open_store
from lite_env.workflow.install import cached_environment, users_environment
from lite_env.workflow.lock import LockOptions, lock_for
from lite_env.workflow.options import PackOptions
from lite_env.workflow.prepare import prepare
from lite_env.workflow.start import check_starts, left_out
from lite_env.workflow.workload import read_workloads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from lite_env.pack.manifest import Manifest
    from lite_env.pack.plan import PackPlan
    from lite_env.prefix.model import Prefix
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store

# Top-level keys that a CEP 37 lock has and an environment file cannot have.
_LOCK_KEYS = (re.compile(r"^metadata:", re.MULTILINE), re.compile(r"^package:", re.MULTILINE))


def plan_environment(
    source: Path, options: PackOptions, *, store: Store | None = None, reporter: Reporter = SILENT
) -> PackPlan:
    """Do what comes before the packing of `source`, and decide what the pack will be.

    Args:
        source: an environment file, a lock file, an installed environment, or a folder with an environment file.
        options: how.
        store: keeps what was done.
        reporter: notes, warnings and progress.

    Raises:
        LiteEnvError: of whichever step failed.
    """
    with _planned(source, options, store or open_store(), reporter) as plan:
        return plan


def pack_environment(
    source: Path,
    output: Path,
    options: PackOptions | None = None,
    *,
    store: Store | None = None,
    reporter: Reporter = SILENT,
) -> tuple[PackPlan, Manifest]:
    """Pack `source` into the folder `output`, which is replaced in one step.

    From an environment file and from its lock the packs are equal. What stood at `output` stays when a kernel does not
    start from the new pack.

    Raises:
        LiteEnvError: of whichever step failed.
    """
    options, store = options or PackOptions(), store or open_store()

    def check(pack: Path, manifest: Manifest) -> None:
        try:
            check_starts(pack, manifest, store=store, jobs=options.jobs, reporter=reporter)
        except MissingEngineError as error:
            reporter.warn(left_out("starting its kernels", error))

    with _planned(source, options, store, reporter) as plan:
        checking = check if options.check else None
        return plan, write_pack(plan, output, store=store, check=checking, reporter=reporter)


@contextmanager
def _planned(source: Path, options: PackOptions, store: Store, reporter: Reporter) -> Iterator[PackPlan]:
    """The plan; a cached environment stays as it is inside the block, until it has been read."""
    filters = _filters(source, options)
    # What may be wrong is read before anything takes long.
    profile = read_profile(options.profile) if options.profile else None
    workloads = read_workloads((*_project_workloads(source), *options.workloads))
    with _prefix_of(source, options, reporter) as prefix:
        selection = select_files(prefix, filters)
        prepared = prepare(prefix, selection, options, workloads, store=store, reporter=reporter)
        plan = plan_pack(
            prefix,
            name=options.name,
            selection=selection,
            level=options.level,
            bytecode=prepared.bytecode,
            profile=profile or prepared.profile,
            order=options.order,
        )
        for warning in plan.warnings:
            reporter.warn(warning)
        yield plan


def _filters(source: Path, options: PackOptions) -> FileFilter:
    """Users' rules; what lies beside an installed environment has nothing to do with it."""
    folder = source if source.is_dir() else source.parent
    beside = FileFilter() if is_prefix(source) else read_project_filter(folder)
    return sum((read_filter(file) for file in options.filter_files), start=beside)


def _project_workloads(source: Path) -> tuple[Path, ...]:
    return () if is_prefix(source) else read_project_workloads(source if source.is_dir() else source.parent)


def _prefix_of(source: Path, options: PackOptions, reporter: Reporter) -> AbstractContextManager[Prefix]:
    if is_prefix(source):
        return nullcontext(users_environment(source, reporter=reporter))
    if source.is_dir():
        source = find_environment_file(source)
    elif not source.exists():
        raise PackError(
            f"there is no '{source}'", hint="name an environment file, a lock file or an installed environment"
        )
    locking = LockOptions(offline=options.offline, dry_run=options.dry_run)
    lock = (
        read_lock(source)
        if is_lock(source)
        else lock_for(source, options.locking, options=locking, store=open_store(), reporter=reporter)
    )
    return cached_environment(lock, offline=options.offline, store=open_store(), reporter=reporter)


def is_lock(path: Path) -> bool:
    """Whether a YAML file is a lock and not an environment file, by what is in it."""
    # Only as much as either of the two may have.
    with path.open("rb") as file:
        text = file.read(MAX_BYTES).decode("utf-8", errors="replace")
    return all(key.search(text) for key in _LOCK_KEYS)
