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
from pathlib import Path
from typing import TYPE_CHECKING

from lite_env.errors import HostError
from lite_env.host.find import find_node
from lite_env.pack.layout import DEFAULT_LEVEL, plan_pack
from lite_env.pack.writer import write_pack
from lite_env.progress import SILENT
from lite_env.store.digest import sha256_of_bytes, sha256_of_file
from lite_env.store.keyed import user_cache
from lite_env.workflow.compile import compile_environment
from lite_env.workflow.trace import TraceOptions, trace_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lite_env.pack.arrange import Order
    from lite_env.pack.bytecode import Bytecode
    from lite_env.pack.filters import FileFilter
    from lite_env.pack.layout import PackPlan
    from lite_env.pack.profile import Profile
    from lite_env.prefix.model import Prefix
    from lite_env.progress import Reporter

_QUICK_LEVEL = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanOptions:
    """How to plan.

    Attributes:
        name, filters, level, order: as of `plan_pack`.
        bytecode: whether to compile.
        trace: what to trace; None for nothing.
        profile: to follow; then nothing is traced.
    """

    name: str | None = None
    filters: FileFilter | None = None
    level: int = DEFAULT_LEVEL
    order: Order = "fused"
    bytecode: bool = True
    trace: TraceOptions | None = None
    profile: Profile | None = None


def plan_traced(prefix: Prefix, options: PlanOptions, *, reporter: Reporter = SILENT) -> PackPlan:
    """Compile and trace the environment at `prefix` as far as `options` ask and this machine can, and plan its pack.

    Raises:
        PackError: there is no kernel, or a file cannot be packed.
        SpecError: a workload cannot be read.
    """
    make = partial(plan_pack, prefix, name=options.name, filters=options.filters)
    plain = make(level=_QUICK_LEVEL)
    bytecode: Bytecode | None = None
    profile = options.profile
    wants_bytecode = options.bytecode and prefix.runtime.python is not None
    wants_trace = options.trace if profile is None else None
    if wants_bytecode or wants_trace is not None:
        with ExitStack() as stack:
            try:
                find_node()
                digests = _digests(plain)
                if wants_bytecode:
                    bytecode = compile_environment(plain, digests, _writer(plain, stack), reporter=reporter)
                    _tell_faults(bytecode, reporter)
                if wants_trace is not None:
                    quick = make(level=_QUICK_LEVEL, bytecode=bytecode)
                    profile = trace_environment(quick, digests, _writer(quick, stack), wants_trace, reporter=reporter)
            except HostError as error:
                missing = "bytecode and " * (wants_bytecode and bytecode is None) + "a traced order"
                reporter.warn(f"packed without {missing}: {error.message}" + (f" ({error.hint})" if error.hint else ""))
    return make(level=options.level, bytecode=bytecode, profile=profile, order=options.order)


def _writer(plan: PackPlan, stack: ExitStack) -> Callable[[], Path]:
    """Writes `plan` into a temporary folder when it is first needed."""

    def write() -> Path:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lite-env-"))) / "pack"
        write_pack(plan, folder, cache=user_cache("archives"))
        return folder

    return write


def _digests(plan: PackPlan) -> Mapping[str, str]:
    """SHA-256 of every file of `plan`, by path."""
    paths = [entry.path for archive in plan.archives for entry in archive.entries if entry.link is None]
    paths += [file.path for file in plan.kernel_files]

    def digest(path: str) -> str:
        content = plan.contents.get(path)
        return sha256_of_file(plan.root / path) if content is None else sha256_of_bytes(content)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return dict(zip(paths, pool.map(digest, paths), strict=True))


def _tell_faults(bytecode: Bytecode, reporter: Reporter) -> None:
    for path, fault in sorted(bytecode.faults.items()):
        reporter.note(f"'{path}' is packed without bytecode: {fault}")
