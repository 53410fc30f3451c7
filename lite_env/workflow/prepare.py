"""What its own kernels tell of an environment, before it is packed: bytecode, and a profile of what they open.

A quick pack, only for this machine, is written and started; what comes of it decides about the real one. Both results
are kept, so that neither is done twice for the same content.
"""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lite_env.errors import HostError, MissingEngineError
from lite_env.host.bytecode import Compilation, optimize_level
from lite_env.host.find import find_node
from lite_env.pack.plan import plan_pack
from lite_env.pack.writer import write_pack
from lite_env.progress import SILENT
from lite_env.store.digest import sha256_of_bytes, sha256_of_file
from lite_env.workflow.compile import compile_environment
from lite_env.workflow.start import left_out
from lite_env.workflow.trace import trace_environment
from lite_env.workflow.workload import python_kernel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lite_env.pack.bytecode import Bytecode
    from lite_env.pack.plan import PackPlan
    from lite_env.pack.profile import Profile
    from lite_env.pack.selection import Selection
    from lite_env.prefix.model import Prefix
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store
    from lite_env.workflow.compile import Compiled
    from lite_env.workflow.options import PackOptions
    from lite_env.workflow.trace import Traces
    from lite_env.workflow.workload import Workload

_HASHED_TOGETHER = 256
_QUICK_LEVEL = 1
_FEW = 200  # modules that a kernel compiles in less time than another quick pack takes


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
    store: Store,
    reporter: Reporter = SILENT,
) -> Prepared:
    """Compile and trace the environment at `prefix` as far as `options` ask and this machine can.

    Args:
        prefix: the environment.
        selection: what of it is packed.
        options: what is asked for; its profile is followed elsewhere.
        workloads: users' programs to trace.
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
    plain = plan_pack(prefix, selection=selection, level=_QUICK_LEVEL)
    with _Workshop(prefix, selection) as workshop:
        steps = _Steps(
            plain, _digests(plain, prefix.digests), options=options, store=store, workshop=workshop, reporter=reporter
        )
        compiled = steps.compile(prefix, python) if python is not None else None
        bytecode = compiled.bytecode if compiled else None
        traced = steps.trace(bytecode, workloads) if traces else None
    return Prepared(
        bytecode=bytecode,
        profile=traced.profile if traced else None,
        whole=(python is None or (compiled is not None and not compiled.lost))
        and (not traces or (traced is not None and traced.answered)),
    )


class _Steps:
    """Both steps, which end in a warning where a kernel cannot be started and need not be."""

    def __init__(
        self,
        plain: PackPlan,
        digests: Mapping[str, str],
        *,
        options: PackOptions,
        store: Store,
        workshop: _Workshop,
        reporter: Reporter,
    ) -> None:
        self._plain = plain
        self._digests = digests
        self._options = options
        self._store = store
        self._workshop = workshop
        self._reporter = reporter

    def compile(self, prefix: Prefix, kernel: str) -> Compiled | None:
        """Compile in `kernel`; tells what does not compile."""
        binaries = next(spec.binaries for spec in prefix.kernels if spec.name == kernel)
        how = Compilation(
            kernel=kernel,
            optimize=optimize_level(dict(prefix.variables)),
            debug_ranges=self._options.debug_ranges,
        )
        try:
            compiled = compile_environment(
                self._plain,
                self._digests,
                self._workshop.pack,
                how,
                store=self._store,
                compiler=sorted(self._digests[file.path] for file in binaries),
                jobs=self._options.jobs,
                reporter=self._reporter,
            )
            _check_tag(compiled.bytecode, kernel, prefix.python or "")
        except HostError as error:
            self._leave_out("bytecode", error)
            return None
        for name, ending in sorted(compiled.lost.items()):
            self._reporter.warn(f"'{name}' is packed without bytecode: {ending}")
        for path, fault in sorted(compiled.bytecode.faults.items()):
            self._reporter.note(f"'{path}' is packed without bytecode: {fault}")
        return compiled

    def trace(self, bytecode: Bytecode | None, workloads: Sequence[Workload]) -> Traces | None:
        """Trace all kernels; tells what failed."""
        try:
            traces = trace_environment(
                self._plain,
                self._digests,
                partial(self._workshop.pack, bytecode),
                workloads,
                store=self._store,
                jobs=self._options.jobs,
                reporter=self._reporter,
            )
        except HostError as error:
            self._leave_out("a traced order", error)
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


class _Workshop:
    """Packs for this machine only, made when they are needed and gone when the block ends.

    They have no variables of the environment: what is compiled must not follow from them, and who traces sets them.
    """

    def __init__(self, prefix: Prefix, selection: Selection) -> None:
        self._make = partial(plan_pack, replace(prefix, variables=()), selection=selection, level=_QUICK_LEVEL)
        self._stack = ExitStack()
        self._made: tuple[Path, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def pack(self, bytecode: Bytecode | None) -> Path:
        """The folder of a pack with about that bytecode: what a few modules lack, an import compiles.

        Raises:
            MissingEngineError: there is nothing that could start it.
        """
        find_node()
        modules = len(bytecode.files) if bytecode else 0
        if self._made is None or modules > self._made[1] + _FEW:
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="lite-env-"))) / "pack"
            write_pack(self._make(bytecode=bytecode), folder)
            self._made = folder, modules
        return self._made[0]


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
