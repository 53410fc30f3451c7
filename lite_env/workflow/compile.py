"""Bytecode of an environment, a package at a time, out of the store or from its own packed interpreter."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.errors import HostError
from lite_env.host.bytecode import FORM, Compilation, compile_packages, together
from lite_env.host.capacity import kernels_at_once
from lite_env.pack.bytecode import Bytecode, is_source
from lite_env.progress import SILENT
from lite_env.store.protocol import key_of
from lite_env.store.results import AT_ONCE, find_result, keep_result
from lite_env.workflow.start import not_started, runtime_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from lite_env.pack.plan import PackPlan
    from lite_env.progress import Reporter, Task
    from lite_env.store.protocol import Key, Store

_KIND = "bytecode"


@dataclass(frozen=True, kw_only=True, slots=True)
class Compiled:
    """What compiling came to.

    Attributes:
        bytecode: of all modules but those of `lost`.
        lost: packages that the kernel did not survive, and how it ended.
    """

    bytecode: Bytecode
    lost: Mapping[str, str]


def find_compiled(
    plan: PackPlan, digests: Mapping[str, str], how: Compilation, *, store: Store, compiler: Sequence[str]
) -> Found:
    """What is compiled already of the modules in `plan`.

    Args:
        plan: of the environment without bytecode.
        digests: SHA-256 of each of its files, by path.
        how: see `Compilation`.
        store: keeps what was compiled.
        compiler: digests of all that the compiler is made of.
    """
    settings = (runtime_digest(), how.optimize, how.debug_ranges)
    shelf = _Shelf(store=store, compiler=(*compiler, *settings), digests=digests)
    sources = _sources_by_package(plan)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        done = dict(zip(sources, pool.map(shelf.find, sources.keys(), sources.values()), strict=True))
    missing = {name: left for name, paths in sources.items() if (left := _left(paths, done[name]))}
    return Found(sources=sources, done=done, missing=missing, how=how, shelf=shelf)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What was compiled before.

    Attributes:
        sources: paths of modules by package.
        done: what is known of them.
        missing: those of `sources` that are to be compiled.
        how: see `Compilation`.
        shelf: keeps what is compiled.
    """

    sources: Mapping[str, Sequence[str]]
    done: Mapping[str, Bytecode]
    missing: Mapping[str, Sequence[str]]
    how: Compilation
    shelf: _Shelf

    @property
    def bytecode(self) -> Bytecode:
        """All that is known."""
        return together(list(self.done.values()))

    @property
    def left(self) -> frozenset[str]:
        """All that is missing."""
        return frozenset(path for paths in self.missing.values() for path in paths)

    def complete(
        self,
        pack: Callable[[Bytecode], Path],
        *,
        jobs: int | None = None,
        slots: Callable[[], AbstractContextManager[object]] = nullcontext,
        reporter: Reporter = SILENT,
    ) -> Compiled:
        """Compile what is missing.

        What a package came to is kept as soon as it is done: an interrupted run begins where it ended.

        Args:
            pack: writes a pack of the environment with what is compiled already, and without variables; called only
                when something is missing.
            jobs: kernels at once; None for what cores and memory allow.
            slots: entered for each kernel, where other kernels run as well.
            reporter: progress in files.

        Raises:
            HostError: the kernel does not start.
        """
        done = dict(self.done)
        lost: dict[str, str] = {}
        if self.missing:
            folder = pack(self.bytecode)

            def finish(name: str, compiled: Bytecode | HostError) -> None:
                if isinstance(compiled, HostError):
                    lost[name] = compiled.message
                    return
                done[name] = together([done[name], compiled])
                self.shelf.keep(name, self.sources[name], done[name])

            with reporter.task("compiling", len(self.left), "items") as task:
                _compile(folder, self.missing, self.how, jobs=jobs, slots=slots, task=task, finish=finish)
        # All or nothing of a package: its pack must not follow from what was compiled before.
        return Compiled(bytecode=together([done[name] for name in self.sources if name not in lost]), lost=lost)


def _left(paths: Iterable[str], done: Bytecode) -> list[str]:
    return [path for path in paths if path not in done.files and path not in done.faults]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shelf:
    """What was compiled before: states of packages, in which each file has the hash of its source.

    A state lies under the sources that it is of, and the last one of a package under its name: what changes a little is
    compiled anew a little, and what changes back is not compiled again.
    """

    store: Store
    compiler: tuple[object, ...]
    digests: Mapping[str, str]

    def find(self, name: str, paths: Sequence[str]) -> Bytecode:
        """What is known of the sources at `paths` as they are now."""
        for key in (self._exact(name, paths), self._last(name)):
            data = find_result(self.store, key)
            if data is not None:
                return self._decode(data, paths)
        return Bytecode(tag="", files={}, faults={})

    def keep(self, name: str, paths: Sequence[str], bytecode: Bytecode) -> None:
        """Keep the state of a package: a line of JSON, then the files one after the other."""
        # Where the memory ended says nothing about the source.
        faults = {path: fault for path, fault in bytecode.faults.items() if not fault.startswith("MemoryError")}
        head = {
            "tag": bytecode.tag,
            "files": [[path, self.digests[path], len(data)] for path, data in bytecode.files.items()],
            "faults": [[path, self.digests[path], fault] for path, fault in faults.items()],
        }
        data = json.dumps(head).encode() + b"\n" + b"".join(bytecode.files.values())
        for key in (self._exact(name, paths), self._last(name)):
            keep_result(self.store, key, data)

    def _decode(self, data: bytes, paths: Iterable[str]) -> Bytecode:
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

    def _exact(self, name: str, paths: Iterable[str]) -> Key:
        return key_of(_KIND, FORM, self.compiler, name, [[path, self.digests[path]] for path in paths])

    def _last(self, name: str) -> Key:
        return key_of(_KIND, FORM, self.compiler, name)


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


class _StoppedError(Exception):
    """Raised inside of a worker when the whole was ended."""


def _compile(
    pack: Path,
    packages: Mapping[str, Sequence[str]],
    how: Compilation,
    *,
    jobs: int | None,
    slots: Callable[[], AbstractContextManager[object]],
    task: Task,
    finish: Callable[[str, Bytecode | HostError], None],
) -> None:
    """Compile in several kernels, each with about the same number of modules; `finish` is told of each package."""
    shares: list[dict[str, Sequence[str]]] = [{} for _ in range(min(kernels_at_once(jobs), len(packages)))]
    for name in sorted(packages, key=lambda name: (-len(packages[name]), name)):
        min(shares, key=lambda share: sum(map(len, share.values())))[name] = packages[name]
    ended = threading.Event()
    telling = threading.Lock()

    def advance(count: int) -> None:
        if ended.is_set():
            raise _StoppedError
        task.advance(count)

    def work(share: Mapping[str, Sequence[str]]) -> None:
        # When a kernel ends over a package, the rest gets another kernel.
        left = dict(share)
        while left:
            with slots():
                for name, compiled in compile_packages(pack, left.copy(), how, advance=advance):
                    with telling:
                        finish(name, compiled)
                    del left[name]

    with ThreadPoolExecutor(max_workers=len(shares)) as pool:
        running = [pool.submit(work, share) for share in shares]
        try:
            for future in as_completed(running):
                future.result()
        except HostError as error:
            ended.set()
            raise not_started(error, how.kernel) from error
        except BaseException:
            # The others end with the modules that they compile just now.
            ended.set()
            raise
