"""The profile of an environment: each kernel is started once for each traced import and each workload of it.

As many kernels run at once as cores and memory allow. What each of them did is kept until a file that it opened has
changed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

import msgspec

from lite_env.errors import HostError
from lite_env.host.capacity import kernels_at_once
from lite_env.host.find import node_version
from lite_env.host.trace import IMPORT_SECONDS, Job, Traced, trace_job
from lite_env.pack.bytecode import named_by_source
from lite_env.pack.owners import owners_in_order, read_owners
from lite_env.pack.profile import file_key, make_profile, opened_by
from lite_env.pack.reader import read_manifest
from lite_env.progress import SILENT
from lite_env.store.protocol import key_of
from lite_env.store.results import AT_ONCE, find_result, keep_result
from lite_env.store.typed import decode_json
from lite_env.workflow.start import not_started, runtime_digest
from lite_env.workflow.workload import plan_work, read_workloads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from lite_env.pack.plan import PackPlan
    from lite_env.pack.profile import Opened, Profile
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Key, Store
    from lite_env.workflow.workload import Work, Workload

FORM = 6
"""Raised when a trace of the same pack becomes another: part of the key under which traces are kept."""

_KIND = "trace"


@dataclass(frozen=True, kw_only=True, slots=True)
class Traces:
    """What tracing came to.

    Attributes:
        profile: what was opened.
        failed: for each job that failed its error, and the traceback below it.
        answered: whether all of it is what the programs themselves did; else the machine had a part (a kernel crashed,
            or was too slow), and it may become another one.
    """

    profile: Profile
    failed: tuple[str, ...]
    answered: bool


def trace_pack(
    pack: Path,
    workloads: Sequence[Path] = (),
    *,
    seconds: float = IMPORT_SECONDS,
    jobs: int | None = None,
    reporter: Reporter = SILENT,
) -> Profile:
    """Trace the kernels of `pack`; the profile is the one that packing the same environment would make.

    Args:
        pack: a folder with a ``manifest.json``; how its files lie does not matter.
        workloads: users' programs, ``.py`` or ``.ipynb``.
        seconds: time limit of each import and each cell.
        jobs: kernels at once; None for what cores and memory allow.
        reporter: progress; a warning, with the traceback, for each import or workload that fails.

    Raises:
        ManifestError: the pack cannot be read.
        HostError: there is no Node.js, or a kernel does not start.
        SpecError: a workload cannot be read, or no kernel runs it.
    """
    manifest = read_manifest(pack)
    owners = read_owners(pack, manifest)
    work = plan_work(manifest.environment, manifest.kernels, owners, read_workloads(workloads))
    done: dict[Job, Traced] = {}
    _trace(work.jobs, partial(trace_job, pack, seconds=seconds), jobs, reporter, done.__setitem__)
    traces = _traces_of(manifest.environment.name, work, done, owners)
    for failure in traces.failed:
        reporter.warn(failure)
    return traces.profile


def trace_environment(
    plan: PackPlan,
    digests: Mapping[str, str],
    pack: Callable[[], Path],
    workloads: Sequence[Workload],
    *,
    store: Store,
    jobs: int | None = None,
    slots: Callable[[], AbstractContextManager[object]] = nullcontext,
    expected: Callable[[Profile], None] = lambda _: None,
    reporter: Reporter = SILENT,
) -> Traces:
    """The profile of what `plan` packs, out of the store where the same was traced before.

    The same: the kernel, the paths of all files, and the contents of those that the import or workload opened.

    Args:
        plan: of the environment without bytecode, in whatever order.
        digests: SHA-256 of each of its files, by path.
        pack: writes that pack, without variables; called only when it is to be traced.
        workloads: users' programs.
        store: keeps what was traced.
        jobs: kernels at once; None for what cores and memory allow.
        slots: entered for each kernel, where other kernels run as well.
        expected: told, before any kernel starts, what the profile will be if all opens what it did the last time.
        reporter: progress.

    Raises:
        HostError, SpecError: as `trace_pack`.
    """
    owners: dict[str, str | None] = {}
    for archive in plan.archives:
        owners.update(owners_in_order(archive.packages, [entry.path for entry in archive.entries]))
    work = plan_work(plan.environment, plan.kernels, owners, workloads)
    shelf = _Shelf(
        store=store,
        common=_common(plan, _decisive(plan, owners, workloads), digests),
        digests=digests,
        node=cache(node_version),
    )
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        found = zip(work.jobs, pool.map(shelf.find, work.jobs), strict=True)
        done = {job: traced for job, traced in found if traced is not None}
    missing = [job for job in work.jobs if job not in done]
    if missing:

        def finish(job: Job, traced: Traced) -> None:
            done[job] = traced
            shelf.keep(job, traced)

        last = done | {job: traced for job in missing if (traced := shelf.last(job)) is not None}
        if last.keys() == set(work.jobs):
            expected(_traces_of(plan.environment.name, work, last, owners).profile)
        folder = pack()
        variables = tuple(plan.environment.variables.items())

        def trace(job: Job) -> Traced:
            with slots():
                return trace_job(folder, job, variables=variables)

        _trace(missing, trace, jobs, reporter, finish)
    return _traces_of(plan.environment.name, work, done, owners)


def _decisive(
    plan: PackPlan, owners: Mapping[str, str | None], workloads: Sequence[Workload]
) -> Mapping[str, str | None]:
    """The paths, with owners, that decide what is opened: all where users' programs run.

    Starts and imports look into no folder that is mounted beside those of packages: a new file there changes nothing.
    """
    if workloads or not plan.mounted.files:
        return owners
    mounted = plan.mounted.sources
    own = {path.partition("/")[0] for path in owners if path not in mounted}
    return {path: owner for path, owner in owners.items() if path not in mounted or path.partition("/")[0] in own}


def _common(plan: PackPlan, owners: Mapping[str, str | None], digests: Mapping[str, str]) -> Mapping[str, str]:
    """For each kernel a digest of all that decides about its traces besides the job and the contents of files."""
    entries = {entry.path: entry for archive in plan.archives for entry in archive.entries}
    paths = sorted([path, owner, entries[path].link, entries[path].executable] for path, owner in owners.items())
    shared = key_of(_KIND, FORM, runtime_digest(), plan.environment.variables, paths, IMPORT_SECONDS)
    return {
        kernel.name: key_of(
            _KIND, shared.digest, kernel.name, [digests[file.path] for file in kernel.binaries], digests[kernel.spec]
        ).digest
        for kernel in plan.kernels
    }


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a job did in which Node.js, and the hashes of the files that it opened."""

    node: str
    opened: dict[str, str]
    traced: Traced


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shelf:
    """What was traced before: of each job the last state, and by all that it opened the states before it."""

    store: Store
    common: Mapping[str, str]
    digests: Mapping[str, str]
    node: Callable[[], str]

    def find(self, job: Job) -> Traced | None:
        """What `job` did, if each file that it opened has the content that it had then."""
        last = self._kept(self._key(job))
        if last is None:
            return None
        kept = last if self._holds(last) else self._kept(self._exact(job, last.opened))
        if kept is None or not self._holds(kept):
            return None
        # What was done is done in any Node.js; what failed may not fail in another one.
        if kept.traced.failure is not None and self.node() not in ("", kept.node):
            return None
        return kept.traced

    def last(self, job: Job) -> Traced | None:
        """What `job` did the last time, whatever has changed since."""
        last = self._kept(self._key(job))
        return last.traced if last is not None else None

    def keep(self, job: Job, traced: Traced) -> None:
        """Keep what `job` did, if it was the program's own doing: elsewhere, or next time, it may be in time."""
        if not traced.answered:
            return
        surveyed = traced.survey.opened if traced.survey is not None else ()
        paths = (*traced.interpreter, *traced.kernel, *traced.opened, *surveyed)
        # Bytecode follows from its source.
        sources = {named_by_source(path, self.digests) for path in paths}
        opened = {path: self.digests[path] for path in sorted(sources)}
        data = msgspec.json.encode(_Kept(node=self.node(), opened=opened, traced=traced))
        for key in (self._exact(job, opened), self._key(job)):
            keep_result(self.store, key, data)

    def _kept(self, key: Key) -> _Kept | None:
        data = find_result(self.store, key)
        return None if data is None else decode_json(data, _Kept)

    def _holds(self, kept: _Kept) -> bool:
        return kept.opened.items() <= self.digests.items()

    def _exact(self, job: Job, opened: Iterable[str]) -> Key:
        """Of the files at the paths `opened` as they are now: what changes back is not traced again."""
        return key_of(_KIND, self._key(job).digest, [[path, self.digests.get(path)] for path in sorted(opened)])

    def _key(self, job: Job) -> Key:
        return key_of(_KIND, self.common[job.kernel], job.name, job.cells, job.survey)


def _trace(
    jobs: Sequence[Job],
    trace: Callable[[Job], Traced],
    at_once: int | None,
    reporter: Reporter,
    finish: Callable[[Job, Traced], None],
) -> None:
    """Run `jobs`; `finish` is told of each as soon as it is done."""
    with (
        reporter.task("tracing", len(jobs), "items") as task,
        ThreadPoolExecutor(max_workers=min(kernels_at_once(at_once), len(jobs))) as pool,
    ):
        running = {pool.submit(trace, job): job for job in jobs}
        try:
            for future in as_completed(running):
                try:
                    traced = future.result()
                except HostError as error:
                    raise not_started(error, running[future].kernel) from error
                finish(running[future], traced)
                task.advance(1)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _traces_of(environment: str, work: Work, done: Mapping[Job, Traced], owners: Mapping[str, str | None]) -> Traces:
    """What the jobs did, as a profile."""

    def keys(paths: Iterable[str]) -> list[str]:
        return [_key(path, owners) for path in paths]

    def start_of(kernel: str) -> Opened:
        its = [traced for job, traced in done.items() if job.kernel == kernel]
        return opened_by(
            interpreter=[key for traced in its for key in keys(traced.interpreter)],
            kernel=[key for traced in its for key in keys(traced.kernel)],
        )

    starts = {name: start_of(name) for name in sorted({job.kernel for job in work.jobs})}
    boots = {name: opened.boot for name, opened in starts.items()}

    def after_start(job: Job) -> list[str]:
        return [key for key in keys(done[job].opened) if key not in boots[job.kernel]]

    failed = {job.name: traced.failure for job, traced in done.items() if traced.failure is not None}
    profile = make_profile(
        environment,
        kernels=starts,
        # An import that fails needs nothing ahead; a program that fails late is worth what it opened until then.
        imports={job.name: after_start(job) for job in work.imports if job.name not in failed},
        workloads={job.name: after_start(job) for job in work.workloads},
        submodules=_submodules_of(work, done, boots, owners),
        failed=failed,
    )
    return Traces(profile=profile, failed=_failures(done), answered=all(traced.answered for traced in done.values()))


def _submodules_of(
    work: Work, done: Mapping[Job, Traced], boots: Mapping[str, frozenset[str]], owners: Mapping[str, str | None]
) -> dict[str, frozenset[str]]:
    """What the imports of submodules open after the start."""
    found: dict[str, frozenset[str]] = {}
    for job in work.imports:
        survey = done[job].survey
        if survey is not None:
            for name in survey.names:
                files = frozenset(_key(path, owners) for path in survey.files(name))
                found[name] = files - boots[job.kernel]
    return found


def _failures(done: Mapping[Job, Traced]) -> tuple[str, ...]:
    failed = [
        "\n    ".join([f"tracing '{job.name}' failed: {traced.failure}", *"\n".join(traced.traceback).splitlines()])
        for job, traced in done.items()
        if traced.failure is not None
    ]
    lost = [
        f"tracing the submodules of '{job.name}' failed: {traced.unsurveyed}"
        for job, traced in done.items()
        if traced.unsurveyed is not None
    ]
    return (*sorted(failed), *sorted(lost))


def _key(path: str, owners: Mapping[str, str | None]) -> str:
    """The profile's name of a file that was opened; bytecode goes by its source."""
    named = named_by_source(path, owners)
    return file_key(owners.get(named), named)
