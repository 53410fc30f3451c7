"""Bytecode of an environment, a package at a time, out of the cache or from its own packed interpreter."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from lite_env.host.bytecode import FORM, compile_packages
from lite_env.pack.bytecode import Bytecode, is_source
from lite_env.progress import SILENT
from lite_env.store.keyed import KeyedCache, key_of, user_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lite_env.pack.layout import PackPlan
    from lite_env.progress import Reporter, Task


def compile_environment(
    plan: PackPlan,
    digests: Mapping[str, str],
    pack: Callable[[], Path],
    *,
    reporter: Reporter = SILENT,
) -> Bytecode:
    """The bytecode of all modules in `plan`.

    Args:
        plan: of the environment without bytecode.
        digests: SHA-256 of each of its files, by path.
        pack: writes that pack; called only when something is to be compiled.
        reporter: progress, in files.

    Raises:
        HostError: the kernel does not start, or stopped while it compiled.
    """
    cache = user_cache("bytecode")
    compiler = [FORM, sorted(digests[file.path] for file in plan.kernel_files)]
    sources = _sources_by_package(plan)
    keys = {name: key_of(compiler, [[path, digests[path]] for path in paths]) for name, paths in sources.items()}
    done = {name: found for name in sources if (found := _find(cache, keys[name])) is not None}
    missing = {name: paths for name, paths in sources.items() if name not in done}
    if missing:
        folder = pack()
        with reporter.task("compiling", sum(map(len, missing.values())), "items") as task:
            for name, compiled in _compile(folder, missing, task):
                cache.keep(keys[name], encode(compiled))
                done[name] = compiled
    faults = {path: fault for name in sources for path, fault in done[name].faults.items()}
    return Bytecode(
        tag=next((compiled.tag for compiled in done.values()), ""),
        files={path: data for name in sources for path, data in done[name].files.items()},
        faults=faults,
    )


def _sources_by_package(plan: PackPlan) -> dict[str, list[str]]:
    """Paths of modules by the name of their package (empty for those of none), both sorted."""
    sources: dict[str, list[str]] = {}
    for archive in plan.archives:
        owner = next(iter(archive.packages), "")
        paths = [entry.path for entry in archive.entries if entry.link is None and is_source(entry.path)]
        if paths:
            sources.setdefault(owner, []).extend(paths)
    return {name: sorted(sources[name]) for name in sorted(sources)}


def _compile(pack: Path, packages: Mapping[str, Sequence[str]], task: Task) -> list[tuple[str, Bytecode]]:
    """Compile in as many kernels as there are cores, each with about the same number of modules."""
    shares: list[dict[str, Sequence[str]]] = [{} for _ in range(min(os.cpu_count() or 1, len(packages)))]
    for name in sorted(packages, key=lambda name: (-len(packages[name]), name)):
        min(shares, key=lambda share: sum(map(len, share.values())))[name] = packages[name]
    with ThreadPoolExecutor(max_workers=len(shares)) as pool:
        jobs = [pool.submit(lambda part: list(compile_packages(pack, part, task=task)), share) for share in shares]
        return [item for job in jobs for item in job.result()]


def encode(bytecode: Bytecode) -> bytes:
    """Bytecode as it is kept: a line of JSON, then the files one after the other."""
    head = {
        "tag": bytecode.tag,
        "files": [[path, len(data)] for path, data in bytecode.files.items()],
        "faults": dict(bytecode.faults),
    }
    return json.dumps(head).encode() + b"\n" + b"".join(bytecode.files.values())


def _find(cache: KeyedCache, key: str) -> Bytecode | None:
    data = cache.find(key)
    if data is None:
        return None
    head, _, bodies = data.partition(b"\n")
    document = json.loads(head)
    files: dict[str, bytes] = {}
    at = 0
    for path, size in document["files"]:
        files[path] = bodies[at : at + size]
        at += size
    return Bytecode(tag=document["tag"], files=files, faults=document["faults"])
