"""From an environment file, a lock file or an installed environment to a pack: whatever steps are missing are done."""

from __future__ import annotations

import re
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.errors import PackError
from lite_env.lock.file import read_lock
from lite_env.pack.filters import FileFilter, read_filter, read_project_filter
from lite_env.pack.plan import DEFAULT_LEVEL
from lite_env.pack.profile import read_profile
from lite_env.pack.writer import write_pack
from lite_env.prefix.record import is_prefix
from lite_env.progress import SILENT
from lite_env.spec.document import MAX_BYTES
from lite_env.spec.environment import find_environment_file
from lite_env.spec.settings import read_project_workloads
from lite_env.store.local import open_store
from lite_env.workflow.install import cached_environment, users_environment
from lite_env.workflow.lock import LockOptions, LockPolicy, lock_for
from lite_env.workflow.prepare import PlanOptions, plan_traced
from lite_env.workflow.trace import TraceOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from lite_env.pack.layout import Order
    from lite_env.pack.manifest import Manifest
    from lite_env.pack.plan import PackPlan
    from lite_env.prefix.model import Prefix
    from lite_env.progress import Reporter

# Top-level keys that a CEP 37 lock has and an environment file cannot have.
_LOCK_KEYS = (re.compile(r"^metadata:", re.MULTILINE), re.compile(r"^package:", re.MULTILINE))


@dataclass(frozen=True, kw_only=True, slots=True)
class PackOptions:
    """How to pack.

    Attributes:
        name: of the environment; None for what the source says.
        level: of zstd, 1 to 22.
        filter_files: users' rules, added to the default ones and to those of a ``pyproject.toml`` beside the source.
        bytecode: whether to pack modules compiled; needs a Node.js.
        debug_ranges: whether bytecode knows the columns of its source, and not its lines alone.
        trace: whether to trace what is opened; needs a Node.js.
        profile: a profile to follow instead of tracing.
        workloads: users' programs to trace, added to those of a ``pyproject.toml`` beside the source.
        order: whether what was traced lies together (``fused``) or cut by packages (``packages``).
        locking: what may happen to the lock beside an environment file.
        offline: open no connection.
        dry_run: write neither lock nor pack.
    """

    name: str | None = None
    level: int = DEFAULT_LEVEL
    filter_files: tuple[Path, ...] = ()
    bytecode: bool = True
    debug_ranges: bool = False
    trace: bool = True
    profile: Path | None = None
    workloads: tuple[Path, ...] = ()
    order: Order = "fused"
    locking: LockPolicy = LockPolicy.UPDATE
    offline: bool = False
    dry_run: bool = False


def plan_environment(source: Path, options: PackOptions, *, reporter: Reporter = SILENT) -> PackPlan:
    """Do what comes before the packing of `source`, and decide what the pack will be.

    Args:
        source: an environment file, a lock file, an installed environment, or a folder with an environment file.
        options: how.
        reporter: notes, warnings and progress.

    Raises:
        LiteEnvError: of whichever step failed.
    """
    with _planned(source, options, reporter) as plan:
        return plan


def pack_environment(
    source: Path, output: Path, options: PackOptions | None = None, *, reporter: Reporter = SILENT
) -> tuple[PackPlan, Manifest]:
    """Pack `source` into the folder `output`, which is replaced in one step.

    From an environment file and from its lock the packs are equal.

    Raises:
        LiteEnvError: of whichever step failed.
    """
    with _planned(source, options or PackOptions(), reporter) as plan:
        return plan, write_pack(plan, output, store=open_store(), reporter=reporter)


@contextmanager
def _planned(source: Path, options: PackOptions, reporter: Reporter) -> Iterator[PackPlan]:
    """The plan; a cached environment stays as it is inside the block, until it has been read."""
    filters = _filters(source, options)
    # What may be wrong is read before anything takes long.
    profile = read_profile(options.profile) if options.profile else None
    workloads = (*_project_workloads(source), *options.workloads)
    with _prefix_of(source, options, reporter) as prefix:
        plan = plan_traced(
            prefix,
            PlanOptions(
                name=options.name,
                filters=filters,
                level=options.level,
                bytecode=options.bytecode,
                debug_ranges=options.debug_ranges,
                trace=TraceOptions(workloads=workloads) if options.trace else None,
                profile=profile,
                order=options.order,
            ),
            reporter=reporter,
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
