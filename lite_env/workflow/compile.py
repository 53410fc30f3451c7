"""Bytecode of an environment, a package at a time, out of the cache or from its own packed interpreter."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lite_env.errors import HostError
from lite_env.host.bytecode import FORM, compile_packages
from lite_env.pack.bytecode import Bytecode, is_source
from lite_env.progress import SILENT
from lite_env.store.keyed import key_of, user_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from lite_env.pack.plan import PackPlan
    from lite_env.progress import Reporter, Task
    from lite_env.store.keyed import KeyedCache


def compile_environment(
    plan: PackPlan,
    digests: Mapping[str, str],
    pack: Callable[[Bytecode], Path],
    *,
    debug_ranges: bool = False,
    reporter: Reporter = SILENT,
) -> Bytecode:
    """The bytecode of all modules in `plan`.

    Args:
        plan: of the environment without bytecode.
        digests: SHA-256 of each of its files, by path.
        pack: writes that pack with what is compiled already; called only when something is missing.
        debug_ranges: see `compile_packages`.
        reporter: progress in files; a warning for each package that the kernel did not survive.

    Raises:
        HostError: the kernel does not start.
    """
    # The compiler is in the kernel's own binaries.
    compiler = [FORM, debug_ranges, sorted(digests[file.path] for file in plan.kernel_files)]
    store = _Store(cache=user_cache("bytecode"), compiler=compiler, digests=digests)
    sources = _sources_by_package(plan)
    done = {name: store.find(name, paths) for name, paths in sources.items()}
    missing = {name: left for name, paths in sources.items() if (left := _left(paths, done[name]))}
    if missing:
        folder = pack(_together(done.values()))
        with reporter.task("compiling", sum(map(len, missing.values())), "items") as task:
            for name, compiled in _compile(folder, missing, task, debug_ranges=debug_ranges):
                if isinstance(compiled, HostError):
                    reporter.warn(f"'{name}' is packed without bytecode: {compiled.message}")
                    # All or nothing of a package: its pack must not follow from what was compiled before.
                    del done[name]
                    continue
                done[name] = _together([done[name], compiled])
                store.keep(name, done[name])
    return _together(done[name] for name in sources if name in done)


def _left(paths: Iterable[str], done: Bytecode) -> list[str]:
    return [path for path in paths if path not in done.files and path not in done.faults]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Store:
    """What was compiled before: for each package and compiler the last state, each file with the hash of its source."""

    cache: KeyedCache
    compiler: list[object]
    digests: Mapping[str, str]

    def find(self, name: str, paths: Iterable[str]) -> Bytecode:
        """What is known of the sources at `paths` as they are now."""
        data = self.cache.find(key_of(self.compiler, name))
        if data is None:
            return Bytecode(tag="", files={}, faults={})
        wanted = {path: self.digests[path] for path in paths}
        head, _, bodies = data.partition(b"\n")
        document = json.loads(head)
        files: dict[str, bytes] = {}
        at = 0
        for path, digest, size in document["files"]:
            if wanted.get(path) == digest:
                files[path] = bodies[at : at + size]
            at += size
        faults = {path: fault for path, digest, fault in document["faults"] if wanted.get(path) == digest}
        return Bytecode(tag=document["tag"], files=files, faults=faults)

    def keep(self, name: str, bytecode: Bytecode) -> None:
        """Keep the state of a package: a line of JSON, then the files one after the other."""
        head = {
            "tag": bytecode.tag,
            "files": [[path, self.digests[path], len(data)] for path, data in bytecode.files.items()],
            "faults": [[path, self.digests[path], fault] for path, fault in bytecode.faults.items()],
        }
        data = json.dumps(head).encode() + b"\n" + b"".join(bytecode.files.values())
        self.cache.keep(key_of(self.compiler, name), data)


def _sources_by_package(plan: PackPlan) -> dict[str, list[str]]:
    """Paths of modules by the name of their package (empty for those of none), both sorted."""
    sources: dict[str, list[str]] = {}
    for archive in plan.archives:
        # Nothing is traced yet: an archive has files of one package.
        owner = next(iter(archive.packages), "")
        paths = [entry.path for entry in archive.entries if entry.link is None and is_source(entry.path)]
        if paths:
            sources.setdefault(owner, []).extend(paths)
    return {name: sorted(sources[name]) for name in sorted(sources)}


_Outcome = tuple[str, Bytecode | HostError]


def _compile(
    pack: Path, packages: Mapping[str, Sequence[str]], task: Task, *, debug_ranges: bool
) -> Iterable[_Outcome]:
    """Compile in as many kernels as there are cores, each with about the same number of modules."""
    shares: list[dict[str, Sequence[str]]] = [{} for _ in range(min(os.cpu_count() or 1, len(packages)))]
    for name in sorted(packages, key=lambda name: (-len(packages[name]), name)):
        min(shares, key=lambda share: sum(map(len, share.values())))[name] = packages[name]
    work = partial(_compile_share, pack, task=task, debug_ranges=debug_ranges)
    with ThreadPoolExecutor(max_workers=len(shares)) as pool:
        return [outcome for outcomes in pool.map(work, shares) for outcome in outcomes]


def _compile_share(
    pack: Path, packages: Mapping[str, Sequence[str]], *, task: Task, debug_ranges: bool
) -> list[_Outcome]:
    """Compile one package after the other; when a kernel ends over one, the rest gets another kernel.

    Raises:
        HostError: the kernel does not start.
    """
    outcomes: list[_Outcome] = []
    left = dict(packages)
    while left:
        for name, compiled in compile_packages(pack, left.copy(), debug_ranges=debug_ranges, task=task):
            outcomes.append((name, compiled))
            del left[name]
    return outcomes


def _together(parts: Iterable[Bytecode]) -> Bytecode:
    every = tuple(parts)
    return Bytecode(
        tag=next((part.tag for part in every if part.tag), ""),
        files={path: data for part in every for path, data in part.files.items()},
        faults={path: fault for part in every for path, fault in part.faults.items()},
    )
