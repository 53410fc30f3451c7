"""The profile of a pack: its kernel is started once for each traced import and each workload, as many as cores."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.bootstrap import runtime_dir
from lite_env.errors import SpecError
from lite_env.host.trace import IMPORT_SECONDS, Job, Traced, import_job, notebook_cells, trace_job
from lite_env.pack.bytecode import source_path
from lite_env.pack.modules import requested_packages, top_level_modules
from lite_env.pack.profile import Profile, encode_profile, file_key, make_profile, parse_profile
from lite_env.progress import SILENT
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.keyed import key_of, user_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lite_env.pack.layout import PackPlan
    from lite_env.progress import Reporter

FORM = 1
"""Raised when a trace of the same pack becomes another: part of the key under which profiles are kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TraceOptions:
    """What to trace besides the boot and the imports of requested packages.

    Attributes:
        workloads: users' programs, ``.py`` or ``.ipynb``.
        seconds: time limit of each import and each cell.
    """

    workloads: tuple[Path, ...] = ()
    seconds: float = IMPORT_SECONDS


def trace_pack(
    pack: Path,
    environment: str,
    owners: Mapping[str, str | None],
    jobs: Sequence[Job],
    *,
    seconds: float = IMPORT_SECONDS,
    workloads: frozenset[str] = frozenset(),
    reporter: Reporter = SILENT,
) -> tuple[Profile, bool]:
    """Trace `jobs` in the kernel of `pack`.

    Args:
        pack: any pack of the environment.
        environment: its name.
        owners: the package of each file.
        jobs: imports and workloads; without any the boot alone is traced.
        seconds: time limit of each cell.
        workloads: names of the jobs that are workloads.
        reporter: progress; a warning for each job that fails, with its traceback.

    Returns:
        The profile, and whether tracing again would give the same (nothing ran out of time).

    Raises:
        HostError: the kernel does not start.
    """
    todo = list(jobs) or [Job(name="", cells=())]
    with (
        reporter.task("tracing", len(todo), "items") as task,
        ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, len(todo))) as pool,
    ):
        running = [pool.submit(trace_job, pack, job, seconds=seconds) for job in todo]
        done: dict[str, Traced] = {}
        for job, future in zip(todo, running, strict=True):
            done[job.name] = future.result()
            task.advance(1)
    present = frozenset(owners)
    opened = {name: _keys(traced.opened, owners, present) for name, traced in done.items() if name}
    for name, traced in done.items():
        if traced.failure is not None:
            shown = "\n    ".join(traced.traceback)
            reporter.warn(f"tracing '{name}' failed: {traced.failure}" + (f"\n    {shown}" if shown else ""))
    profile = make_profile(
        environment,
        boot=[key for traced in done.values() for key in _keys(traced.boot, owners, present)],
        imports={name: keys for name, keys in opened.items() if name not in workloads},
        workloads={name: keys for name, keys in opened.items() if name in workloads},
        failed={name: traced.failure for name, traced in done.items() if traced.failure is not None},
    )
    return profile, not any(traced.expired for traced in done.values())


def trace_environment(
    plan: PackPlan,
    digests: Mapping[str, str],
    pack: Callable[[], Path],
    options: TraceOptions,
    *,
    reporter: Reporter = SILENT,
) -> Profile:
    """The profile of what `plan` packs, out of the cache where the same was traced before.

    Args:
        plan: of the environment, in whatever order.
        digests: SHA-256 of each of its files, by path.
        pack: writes that pack; called only when it is to be traced.
        options: what else to trace.
        reporter: progress and warnings.

    Raises:
        HostError: the kernel does not start.
        SpecError: a workload cannot be read.
    """
    owners = _owners(plan)
    asked = requested_packages(plan.environment.requested, plan.environment.packages)
    modules = top_level_modules(path for path, owner in owners.items() if owner in asked)
    jobs = [*map(import_job, modules), *(workload_job(file) for file in options.workloads)]
    names = frozenset(file.name for file in options.workloads)
    contents = [[path, owners[path], digests[path]] for path in sorted(owners) if path in digests]
    key = key_of(
        FORM,
        _runtime_digest(),
        plan.environment.name,
        plan.environment.variables,
        contents,
        [[job.name, job.cells] for job in jobs],
        options.seconds,
    )
    cache = user_cache("traces")
    known = cache.find(key)
    if known is not None:
        profile = parse_profile(known, file=key)
        for name, failure in profile.failed.items():
            reporter.warn(f"tracing '{name}' failed: {failure}")
        return profile
    profile, stable = trace_pack(
        pack(), plan.environment.name, owners, jobs, seconds=options.seconds, workloads=names, reporter=reporter
    )
    if stable:
        cache.keep(key, encode_profile(profile).encode())
    return profile


def workload_job(file: Path) -> Job:
    """The trace of a user's program: a Python file as one cell, a notebook cell by cell.

    Raises:
        SpecError: it cannot be read, or is neither.
    """
    try:
        text = file.read_text("utf-8")
        cells = notebook_cells(text) if file.suffix == ".ipynb" else (text,)
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise SpecError(
            f"the workload '{file}' cannot be read: {error}", hint="name a .py file or a notebook", file=str(file)
        ) from error
    return Job(name=file.name, cells=cells)


def _owners(plan: PackPlan) -> dict[str, str | None]:
    """The package of each file in the archives."""
    owners: dict[str, str | None] = {}
    for archive in plan.archives:
        names = [name for name, count in archive.packages.items() for _ in range(count)]
        rest: list[str | None] = [None] * (len(archive.entries) - len(names))
        owners.update(zip((entry.path for entry in archive.entries), [*names, *rest], strict=True))
    return owners


def _keys(paths: Sequence[str], owners: Mapping[str, str | None], present: frozenset[str]) -> list[str]:
    """Profile's names of files; bytecode goes by its source."""
    keys = []
    for path in paths:
        source = source_path(path)
        named = source if source is not None and source in present else path
        keys.append(file_key(owners.get(named), named))
    return keys


def _runtime_digest() -> str:
    files = sorted(runtime_dir().glob("node-*.mjs"))
    return sha256_of_bytes(b"".join(file.read_bytes() for file in files))
