"""What its own kernels tell of an environment, before it is packed: bytecode, and a profile of what they open.

A quick pack, only for this machine, is written and started; what comes of it decides about the real one. Both results
are kept, so that neither is done twice for the same content.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from threading import Event, Semaphore
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from lite_env.errors import HostError, MissingEngineError
from lite_env.host.bytecode import Compilation, optimize_level
from lite_env.host.capacity import kernels_at_once
from lite_env.pack.bytecode import bytecode_path
from lite_env.pack.plan import plan_pack
from lite_env.pack.writer import raw_archive
from lite_env.progress import SILENT
from lite_env.store.digest import sha256_of_bytes, sha256_of_file
from lite_env.workflow.compile import find_compiled
from lite_env.workflow.start import left_out
from lite_env.workflow.trace import trace_environment
from lite_env.workflow.workload import python_kernel
from lite_env.workflow.workshop import FEW, QUICK_LEVEL, Workshop

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from lite_env.pack.bytecode import Bytecode
    from lite_env.pack.plan import PackPlan
    from lite_env.pack.press import Press
    from lite_env.pack.profile import Profile
    from lite_env.pack.selection import Selection
    from lite_env.prefix.model import Prefix
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store
    from lite_env.workflow.compile import Compiled, Found
    from lite_env.workflow.options import PackOptions
    from lite_env.workflow.trace import Traces
    from lite_env.workflow.workload import Workload

_HASHED_TOGETHER = 256
_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """What the kernels told.

    Attributes:
        bytecode: compiled modules; None where sources only are to be packed.
        profile: what was traced; None for a static order.
        whole: whether all that was asked for is there, and will be the same the next time: nothing was left out because
            there is no Node.js or a kernel crashed.
    """

    bytecode: Bytecode | None
    profile: Profile | None
    whole: bool


def prepare(
    prefix: Prefix,
    selection: Selection,
    options: PackOptions,
    workloads: Sequence[Workload],
    *,
    press: Press,
    store: Store,
    reporter: Reporter = SILENT,
) -> Prepared:
    """Compile and trace the environment at `prefix` as far as `options` ask and this machine can.

    What can be told of the pack meanwhile is compressed ahead: the kernels' own files, and once modules that changed
    are compiled, the archives with them as they will be if programs open what they opened the last time.

    Args:
        prefix: the environment.
        selection: what of it is packed.
        options: what is asked for; its profile is followed elsewhere.
        workloads: users' programs to trace.
        press: compresses for the pack.
        store: keeps what was compiled and traced.
        reporter: progress; warnings for what is left out, and for what failed in the programs themselves.

    Raises:
        HostError: a kernel does not start; a warning where `options` want no check.
        SpecError: no kernel runs one of `workloads`.
    """
    python = python_kernel(prefix.kernels) if options.bytecode and prefix.python is not None else None
    traces = options.trace and options.profile is None
    if python is None and not traces:
        return Prepared(bytecode=None, profile=None, whole=True)
    plain = plan_pack(prefix, selection=selection, level=QUICK_LEVEL)
    digests = _digests(plain, {**prefix.digests, **selection.mounted.digests})
    for file in plain.kernel_files:
        press.ahead(partial(plain.read, file.path), digests[file.path])
    with Workshop(prefix, selection) as workshop:
        steps = _Steps(
            prefix,
            plain,
            digests,
            options=options,
            store=store,
            workshop=workshop,
            ahead=partial(_press_changed, press, partial(plan_pack, prefix, selection=selection, order=options.order)),
            reporter=reporter,
        )
        found = steps.find(python) if python is not None else None
        if found is not None and traces and 0 < len(found.left) <= FEW and kernels_at_once(options.jobs) > 1:
            compiled, traced = steps.both(found, workloads)
        else:
            compiled = steps.compile(found) if found is not None else None
            traced = steps.trace(compiled.bytecode if compiled else None, workloads) if traces else None
    return Prepared(
        bytecode=compiled.bytecode if compiled else None,
        profile=traced.profile if traced else None,
        whole=(python is None or (compiled is not None and not compiled.lost))
        and (not traces or (traced is not None and traced.answered)),
    )


def compile_packages(
    prefix: Prefix, selection: Selection, names: Collection[str], options: PackOptions, *, store: Store
) -> None:
    """Compile the packages `names` of the environment at `prefix` as far as `store` lacks them, and keep them there.

    Who packs an environment with one of them finds it done.

    Raises:
        HostError: the kernel does not start, or there is no Node.js.
    """
    python = python_kernel(prefix.kernels) if options.bytecode and prefix.python is not None else None
    if python is None:
        return
    plain = plan_pack(prefix, selection=selection, level=QUICK_LEVEL)
    digests = _digests(plain, {**prefix.digests, **selection.mounted.digests})
    found = _find(prefix, plain, digests, python, options=options, store=store)
    missing = {name: paths for name, paths in found.missing.items() if name in names}
    with Workshop(prefix, selection) as workshop:
        replace(found, missing=missing).complete(workshop.pack, jobs=options.jobs)


class _Steps:
    """Both steps, which end in a warning where a kernel cannot be started and need not be."""

    def __init__(
        self,
        prefix: Prefix,
        plain: PackPlan,
        digests: Mapping[str, str],
        *,
        options: PackOptions,
        store: Store,
        workshop: Workshop,
        ahead: Callable[[frozenset[str], Bytecode, Profile], None],
        reporter: Reporter,
    ) -> None:
        self._prefix = prefix
        self._plain = plain
        self._digests = digests
        self._options = options
        self._store = store
        self._workshop = workshop
        self._ahead = ahead
        self._reporter = reporter

    def find(self, kernel: str) -> Found:
        """What is to be compiled in `kernel`, and what was before."""
        return _find(self._prefix, self._plain, self._digests, kernel, options=self._options, store=self._store)

    def compile(self, found: Found) -> Compiled | None:
        """Compile what is missing; tells what does not compile."""
        compiled = self._try(self._complete, found, jobs=self._options.jobs, reporter=self._reporter)
        return self._tell_compiled(compiled)

    def trace(self, bytecode: Bytecode | None, workloads: Sequence[Workload]) -> Traces | None:
        """Trace all kernels; tells what failed."""
        return self._tell_traced(self._try(self._traces, bytecode, workloads, reporter=self._reporter))

    def both(self, found: Found, workloads: Sequence[Workload]) -> tuple[Compiled | None, Traces | None]:
        """Trace while the few modules are compiled that are missing: what the traced kernels lack they compile.

        No more kernels run at once than would one after the other.
        """
        slots = Semaphore(kernels_at_once(self._options.jobs))
        begun = Event()

        @contextmanager
        def first() -> Iterator[None]:
            with slots:
                begun.set()
                yield

        @contextmanager
        def second() -> Iterator[None]:
            # What was compiled can be compressed while the last kernels are traced.
            begun.wait()
            with slots:
                yield

        with ThreadPoolExecutor(max_workers=1) as pool:
            # In one kernel, that programs have the others; a terminal shows one bar at a time.
            compiling = pool.submit(self._try, self._complete, found, jobs=1, slots=first, reporter=SILENT)
            compiling.add_done_callback(lambda _: begun.set())

            def expected(profile: Profile) -> None:
                compiling.add_done_callback(partial(self._compiled_ahead, found, profile))

            traced = self._try(
                self._traces, found.bytecode, workloads, slots=second, expected=expected, reporter=self._reporter
            )
        return self._tell_compiled(compiling.result()), self._tell_traced(traced)

    def _compiled_ahead(self, found: Found, profile: Profile, done: Future[Compiled | HostError]) -> None:
        if done.exception() is None and not isinstance(compiled := done.result(), HostError):
            self._ahead(found.left, compiled.bytecode, profile)

    def _complete(
        self,
        found: Found,
        *,
        jobs: int | None,
        slots: Callable[[], AbstractContextManager[object]] = nullcontext,
        reporter: Reporter,
    ) -> Compiled:
        compiled = found.complete(self._workshop.pack, jobs=jobs, slots=slots, reporter=reporter)
        _check_tag(compiled.bytecode, found.how.kernel, self._prefix.python or "")
        return compiled

    def _traces(
        self,
        bytecode: Bytecode | None,
        workloads: Sequence[Workload],
        *,
        slots: Callable[[], AbstractContextManager[object]] = nullcontext,
        expected: Callable[[Profile], None] = lambda _: None,
        reporter: Reporter,
    ) -> Traces:
        return trace_environment(
            self._plain,
            self._digests,
            partial(self._workshop.pack, bytecode),
            workloads,
            store=self._store,
            jobs=self._options.jobs,
            slots=slots,
            expected=expected,
            reporter=reporter,
        )

    @staticmethod
    def _try(work: Callable[_P, _T], *arguments: _P.args, **options: _P.kwargs) -> _T | HostError:
        try:
            return work(*arguments, **options)
        except HostError as error:
            return error

    def _tell_compiled(self, compiled: Compiled | HostError) -> Compiled | None:
        if isinstance(compiled, HostError):
            self._leave_out("bytecode", compiled)
            return None
        for name, ending in sorted(compiled.lost.items()):
            self._reporter.warn(f"'{name}' is packed without bytecode: {ending}")
        for path, fault in sorted(compiled.bytecode.faults.items()):
            self._reporter.note(f"'{path}' is packed without bytecode: {fault}")
        return compiled

    def _tell_traced(self, traces: Traces | HostError) -> Traces | None:
        if isinstance(traces, HostError):
            self._leave_out("a traced order", traces)
            return None
        for failure in traces.failed:
            self._reporter.warn(failure)
        return traces

    def _leave_out(self, what: str, error: HostError) -> None:
        """Go on without `what`: there is no Node.js, or nobody wants the kernels to start.

        Raises:
            HostError: a kernel does not start, and must.
        """
        if self._options.check and not isinstance(error, MissingEngineError):
            raise error
        self._reporter.warn(left_out(what, error))


def _find(
    prefix: Prefix, plain: PackPlan, digests: Mapping[str, str], kernel: str, *, options: PackOptions, store: Store
) -> Found:
    binaries = next(spec.binaries for spec in prefix.kernels if spec.name == kernel)
    how = Compilation(kernel=kernel, optimize=optimize_level(dict(prefix.variables)), debug_ranges=options.debug_ranges)
    compiler = sorted(digests[file.path] for file in binaries)
    return find_compiled(plain, digests, how, store=store, compiler=compiler)


def _check_tag(bytecode: Bytecode, kernel: str, python: str) -> None:
    """Refuse bytecode of another interpreter than the environment's modules are for.

    Raises:
        HostError: it is.
    """
    wanted = "cpython-" + "".join(python.split(".")[:2])
    if bytecode.files and bytecode.tag.partition(".")[0] != wanted:
        raise HostError(
            f"the kernel '{kernel}' runs another Python ({bytecode.tag}) than the environment has ({python})",
            hint="install its package again, of the channel that Python comes from; or pack with `--no-bytecode`",
        )


def _press_changed(
    press: Press, plan: Callable[..., PackPlan], changed: frozenset[str], bytecode: Bytecode, profile: Profile
) -> None:
    """Compress ahead the archives in which the modules `changed`, and their bytecode, will probably lie."""
    planned = plan(level=press.level, bytecode=bytecode, profile=profile)
    paths = changed | {bytecode_path(path, bytecode.tag) for path in changed}
    for archive in planned.archives:
        if any(entry.path in paths for entry in archive.entries):
            press.ahead(partial(raw_archive, planned, archive))


def _digests(plan: PackPlan, known: Mapping[str, str]) -> Mapping[str, str]:
    """SHA-256 of every file of `plan`, by path; read are those alone that are not `known` on disk."""
    paths = [entry.path for archive in plan.archives for entry in archive.entries if entry.link is None]
    paths += [file.path for file in plan.kernel_files]

    def digest(path: str) -> str:
        content = plan.contents.get(path)
        if content is not None:
            return sha256_of_bytes(content)
        return known.get(path) or sha256_of_file(plan.root / path)

    # Many at a time: to hash a small file takes less than to hand it to a thread.
    parts = [paths[start : start + _HASHED_TOGETHER] for start in range(0, len(paths), _HASHED_TOGETHER)]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        hashed = pool.map(lambda part: [digest(path) for path in part], parts)
        return dict(zip(paths, chain.from_iterable(hashed), strict=True))
