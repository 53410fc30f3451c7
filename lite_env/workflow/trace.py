"""The profile of an environment: its kernel is started once for each traced import and each workload.

As many kernels run at once as there are cores. What each of them did is kept until a file
that it opened has changed.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from lite_env.bootstrap import runtime_dir
from lite_env.errors import SpecError
from lite_env.host.trace import IMPORT_SECONDS, Job, Traced, import_job, notebook_cells, trace_job
from lite_env.pack.bytecode import named_by_source
from lite_env.pack.modules import requested_packages, top_level_modules
from lite_env.pack.owners import owners_in_order, read_owners
from lite_env.pack.profile import ANY, file_key, make_profile, opened_by
from lite_env.pack.reader import read_manifest
from lite_env.progress import SILENT
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.keyed import key_of, user_cache
from lite_env.store.text import Origin, decode_text, read_bounded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from lite_env.pack.manifest import Environment
    from lite_env.pack.plan import PackPlan
    from lite_env.pack.profile import Profile
    from lite_env.progress import Reporter
    from lite_env.store.keyed import KeyedCache

FORM = 4
"""Raised when a trace of the same pack becomes another: part of the key under which traces are kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TraceOptions:
    """What to trace besides the boot and the imports of requested packages.

    Attributes:
        workloads: users' programs, ``.py`` or ``.ipynb``; of two with one name the later is taken.
        seconds: time limit of each import and each cell.
    """

    workloads: tuple[Path, ...] = ()
    seconds: float = IMPORT_SECONDS


@dataclass(frozen=True, kw_only=True, slots=True)
class _Work:
    """All that is to be traced of one environment.

    Attributes:
        environment: its name.
        owners: the package of each file.
        imports: jobs by module.
        workloads: jobs by file name.
        seconds: time limit of a cell.
    """

    environment: str
    owners: Mapping[str, str | None]
    imports: Mapping[str, Job]
    workloads: Mapping[str, Job]
    seconds: float

    @property
    def jobs(self) -> tuple[Job, ...]:
        """At least one: the boot is traced even when nothing else is."""
        return (*self.imports.values(), *self.workloads.values()) or (Job(name="", cells=()),)


def trace_pack(pack: Path, options: TraceOptions | None = None, *, reporter: Reporter = SILENT) -> Profile:
    """Trace the first kernel of `pack`; the profile is the one that packing the same environment would make.

    Args:
        pack: a folder with a ``manifest.json``; how its files lie does not matter.
        options: what to trace.
        reporter: progress; a warning, with the traceback, for each import or workload that fails.

    Raises:
        ManifestError: the pack cannot be read.
        HostError: there is no Node.js, or the kernel does not start.
        SpecError: a workload cannot be read.
    """
    manifest = read_manifest(pack)
    work = _work_of(manifest.environment, read_owners(pack, manifest), options or TraceOptions())
    return _profile_of(work, _trace(pack, work.jobs, work.seconds, reporter), reporter)


def trace_environment(
    plan: PackPlan,
    digests: Mapping[str, str],
    pack: Callable[[], Path],
    options: TraceOptions,
    *,
    reporter: Reporter = SILENT,
) -> Profile:
    """The profile of what `plan` packs, out of the cache where the same was traced before.

    The same: the kernel, the paths of all files, and the contents of those that the import or workload opened.

    Args:
        plan: of the environment without bytecode, in whatever order.
        digests: SHA-256 of each of its files, by path.
        pack: writes that pack; called only when it is to be traced.
        options: what to trace.
        reporter: as of `trace_pack`.

    Raises:
        HostError, SpecError: as `trace_pack`.
    """
    owners: dict[str, str | None] = {}
    links: dict[str, str | None] = {}
    for archive in plan.archives:
        owners.update(owners_in_order(archive.packages, [entry.path for entry in archive.entries]))
        links |= {entry.path: entry.link for entry in archive.entries}
    work = _work_of(plan.environment, owners, options)
    paths = sorted([path, owner, links[path]] for path, owner in owners.items())
    kernel = [digests[file.path] for file in plan.kernel_files]
    common = key_of(FORM, _runtime_digest(), plan.environment.variables, paths, kernel, work.seconds)
    store = _Store(cache=user_cache("traces"), common=common, digests=digests)
    done = {job.name: traced for job in work.jobs if (traced := store.find(job)) is not None}
    missing = [job for job in work.jobs if job.name not in done]
    if missing:
        traced_now = _trace(pack(), missing, work.seconds, reporter)
        for job in missing:
            store.keep(job, traced_now[job.name])
        done |= traced_now
    return _profile_of(work, done, reporter)


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a job did, and the hashes of the files that it opened."""

    opened: dict[str, str]
    traced: Traced


@dataclass(frozen=True, kw_only=True, slots=True)
class _Store:
    """What was traced before, by job; each with all that it opened, as it was then."""

    cache: KeyedCache
    common: str
    digests: Mapping[str, str]

    def find(self, job: Job) -> Traced | None:
        """What `job` did, if each file that it opened has the content that it had then."""
        data = self.cache.find(self._key(job))
        if data is None:
            return None
        kept = msgspec.json.decode(data, type=_Kept)
        return kept.traced if kept.opened.items() <= self.digests.items() else None

    def keep(self, job: Job, traced: Traced) -> None:
        """Keep what `job` did, unless it ran out of time: elsewhere it may be in time."""
        if traced.expired:
            return
        paths = (*traced.interpreter, *traced.kernel, *traced.opened)
        # Bytecode follows from its source.
        sources = {named_by_source(path, self.digests) for path in paths}
        opened = {path: self.digests[path] for path in sorted(sources)}
        self.cache.keep(self._key(job), msgspec.json.encode(_Kept(opened=opened, traced=traced)))

    def _key(self, job: Job) -> str:
        return key_of(self.common, job.name, job.cells)


def workload_job(file: Path) -> Job:
    """The trace of a user's program: a Python file as one cell, a notebook cell by cell.

    Raises:
        SpecError: it cannot be read, or is neither.
    """
    try:
        origin = Origin(what="the workload", error=SpecError, file=str(file))
        text = decode_text(read_bounded(file, origin), origin)
        cells = notebook_cells(text, file=str(file)) if file.suffix == ".ipynb" else (text,)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SpecError(
            f"the workload '{file}' cannot be read: {error}", hint="name a .py file or a notebook", file=str(file)
        ) from error
    return Job(name=file.name, cells=cells)


def _work_of(environment: Environment, owners: Mapping[str, str | None], options: TraceOptions) -> _Work:
    asked = requested_packages(environment.requested, environment.packages)
    modules = top_level_modules(path for path, owner in owners.items() if owner in asked)
    return _Work(
        environment=environment.name,
        owners=owners,
        imports={module: import_job(module) for module in modules},
        workloads={job.name: job for job in map(workload_job, options.workloads)},
        seconds=options.seconds,
    )


def _trace(pack: Path, jobs: Sequence[Job], seconds: float, reporter: Reporter) -> dict[str, Traced]:
    """Run `jobs`; what they opened, by their names."""
    done: dict[str, Traced] = {}
    with (
        reporter.task("tracing", len(jobs), "items") as task,
        ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, len(jobs))) as pool,
    ):
        running = {pool.submit(trace_job, pack, job, seconds=seconds): job for job in jobs}
        try:
            for future in as_completed(running):
                done[running[future].name] = future.result()
                task.advance(1)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return done


def _warnings(done: Mapping[str, Traced]) -> list[str]:
    """For each job that failed its error, and the traceback below it."""
    failed = [(name, traced) for name, traced in sorted(done.items()) if traced.failure is not None]
    return [
        "\n    ".join([f"tracing '{name}' failed: {traced.failure}", *"\n".join(traced.traceback).splitlines()])
        for name, traced in failed
    ]


def _profile_of(work: _Work, done: Mapping[str, Traced], reporter: Reporter) -> Profile:
    """The profile of what the jobs did; what failed is told."""
    for warning in _warnings(done):
        reporter.warn(warning)

    def keys(paths: Iterable[str]) -> list[str]:
        return [_key(path, work.owners) for path in paths]

    failed = {name: traced.failure for name, traced in done.items() if traced.failure is not None}
    return make_profile(
        work.environment,
        kernels={
            ANY: opened_by(
                interpreter=[key for traced in done.values() for key in keys(traced.interpreter)],
                kernel=[key for traced in done.values() for key in keys(traced.kernel)],
            )
        },
        # An import that fails needs nothing ahead; a program that fails late is worth what it opened until then.
        imports={name: keys(done[name].opened) for name in work.imports if name not in failed},
        workloads={name: keys(done[name].opened) for name in work.workloads},
        failed=failed,
    )


def _key(path: str, owners: Mapping[str, str | None]) -> str:
    """The profile's name of a file that was opened; bytecode goes by its source."""
    named = named_by_source(path, owners)
    return file_key(owners.get(named), named)


def _runtime_digest() -> str:
    files = sorted(runtime_dir().glob("node-*.mjs"))
    return sha256_of_bytes(b"".join(file.read_bytes() for file in files))
