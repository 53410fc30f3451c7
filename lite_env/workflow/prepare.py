"""The plan of a pack whose kernel was asked: compiled by itself, traced, and laid out by what it opens.

Two passes: a quick pack, only for this machine, is written and started; what comes of it decides about the real one.
Both results are kept, so that neither is done twice for the same content.
"""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lite_env.errors import HostError
from lite_env.pack.plan import DEFAULT_LEVEL, plan_pack
from lite_env.pack.selection import select_files
from lite_env.pack.writer import write_pack
from lite_env.progress import SILENT
from lite_env.store.digest import sha256_of_bytes, sha256_of_file
from lite_env.store.local import open_store
from lite_env.workflow.compile import compile_environment
from lite_env.workflow.trace import trace_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lite_env.pack.bytecode import Bytecode
    from lite_env.pack.filters import FileFilter
    from lite_env.pack.layout import Order
    from lite_env.pack.plan import PackPlan
    from lite_env.pack.profile import Profile
    from lite_env.prefix.model import Prefix
    from lite_env.progress import Reporter
    from lite_env.workflow.trace import TraceOptions

_HASHED_TOGETHER = 256
_QUICK_LEVEL = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanOptions:
    """How to plan.

    Attributes:
        name, filters, level, order: as of `plan_pack`.
        bytecode: whether to compile.
        debug_ranges: whether bytecode knows columns, and not lines alone.
        trace: what to trace; None for nothing.
        profile: to follow; then nothing is traced.
    """

    name: str | None = None
    filters: FileFilter | None = None
    level: int = DEFAULT_LEVEL
    order: Order = "fused"
    bytecode: bool = True
    debug_ranges: bool = False
    trace: TraceOptions | None = None
    profile: Profile | None = None


def plan_traced(prefix: Prefix, options: PlanOptions, *, reporter: Reporter = SILENT) -> PackPlan:
    """Compile and trace the environment at `prefix` as far as `options` ask and this machine can, and plan its pack.

    Raises:
        PackError: there is no kernel, or a file cannot be packed.
        SpecError: a workload cannot be read.
    """
    make = partial(plan_pack, prefix, name=options.name, selection=select_files(prefix, options.filters))
    bytecode, profile = None, options.profile
    wants_bytecode = options.bytecode and prefix.python is not None
    trace = options.trace if profile is None else None
    if wants_bytecode or trace is not None:
        plain = make(level=_QUICK_LEVEL)
        digests = _digests(plain, prefix.digests)
        with _Workshop(partial(make, level=_QUICK_LEVEL)) as workshop:
            if wants_bytecode:
                bytecode = _bytecode(plain, digests, workshop, options, reporter)
            if trace is not None:
                pack = partial(workshop.pack, bytecode)
                profile = _profile(plain, digests, pack, trace, reporter)
    return make(level=options.level, bytecode=bytecode, profile=profile, order=options.order)


def _bytecode(
    plain: PackPlan, digests: Mapping[str, str], workshop: _Workshop, options: PlanOptions, reporter: Reporter
) -> Bytecode | None:
    try:
        bytecode = compile_environment(
            plain, digests, workshop.pack, debug_ranges=options.debug_ranges, reporter=reporter
        )
    except HostError as error:
        reporter.warn(_without("bytecode", error))
        return None
    for path, fault in sorted(bytecode.faults.items()):
        reporter.note(f"'{path}' is packed without bytecode: {fault}")
    return bytecode


def _profile(
    plain: PackPlan, digests: Mapping[str, str], pack: Callable[[], Path], trace: TraceOptions, reporter: Reporter
) -> Profile | None:
    try:
        return trace_environment(plain, digests, pack, trace, reporter=reporter)
    except HostError as error:
        reporter.warn(_without("a traced order", error))
        return None


def _without(what: str, error: HostError) -> str:
    return f"packed without {what}: {error.message}" + (f" ({error.hint})" if error.hint else "")


class _Workshop:
    """Packs for this machine only, made when they are needed and gone when the block ends."""

    def __init__(self, make: Callable[..., PackPlan]) -> None:
        self._make = make
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def pack(self, bytecode: Bytecode | None) -> Path:
        """The folder of such a pack."""
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="lite-env-"))) / "pack"
        write_pack(self._make(bytecode=bytecode), folder, store=open_store())
        return folder


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
