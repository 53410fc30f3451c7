"""What packing would do: decided from what was read, before anything is done; a value that is printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.workflow.lock import LockPolicy

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.workflow.inputs import Inputs
    from lite_env.workflow.options import PackOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What of this machine decides.

    Attributes:
        node: the version of its Node.js; None where there is none.
        recorded: whether this very pack was written before, and lies in the store.
    """

    node: str | None
    recorded: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step: its name, whether it is taken, and why or how in words."""

    name: str
    taken: bool
    how: str


def decide(inputs: Inputs, options: PackOptions, machine: Machine, output: Path) -> tuple[Step, ...]:
    """The steps from `inputs` to a pack at `output`, in order; those that are not taken too."""
    last = Step(name="write", taken=True, how=f"the pack to '{output}', in one step")
    if machine.recorded:
        again = Step(name="pack", taken=True, how="copied out of the store: nothing that decides about it has changed")
        return (_lock(inputs, options), again, _start(options, machine), last)
    return (
        _lock(inputs, options),
        _install(inputs, options),
        _compile(options, machine),
        _trace(inputs, options, machine),
        Step(name="pack", taken=True, how=f"zstd level {options.level}, order {options.order}"),
        *_snapshot(inputs, options),
        _start(options, machine),
        last,
    )


def _lock(inputs: Inputs, options: PackOptions) -> Step:
    if inputs.kind == "installed environment":
        return Step(name="lock", taken=False, how=f"'{inputs.source}' is installed")
    if inputs.lock is not None:
        frozen = options.locking is LockPolicy.FROZEN
        beside = "is taken as it is: `--frozen`" if frozen else "answers the environment file"
        how = "is the source" if inputs.kind == "lock file" else beside
        return Step(name="lock", taken=False, how=f"'{inputs.lock.file}' {how}")
    return Step(name="lock", taken=True, how=f"'{inputs.source}' is solved")


def _install(inputs: Inputs, options: PackOptions) -> Step:
    if inputs.kind == "installed environment":
        return Step(name="install", taken=False, how="packed where it is")
    count = f"{len(inputs.lock.packages)} packages" if inputs.lock else "its packages"
    source = "out of the caches" if options.offline else "fetched where the caches lack them"
    return Step(name="install", taken=True, how=f"{count}, {source}, unless the cache has the environment")


def _compile(options: PackOptions, machine: Machine) -> Step:
    if not options.bytecode:
        return Step(name="compile", taken=False, how="not asked for: `--no-bytecode`")
    if machine.node is None:
        return Step(name="compile", taken=False, how="there is no Node.js, unless all of it is in the store")
    return Step(name="compile", taken=True, how="what the store lacks, in the kernel that runs Python, if one does")


def _trace(inputs: Inputs, options: PackOptions, machine: Machine) -> Step:
    if inputs.profile is not None:
        return Step(name="trace", taken=False, how=f"'{options.profile}' is followed")
    if not options.trace:
        return Step(name="trace", taken=False, how="not asked for: `--no-trace`")
    if machine.node is None:
        return Step(name="trace", taken=False, how="there is no Node.js, unless all of it is in the store")
    programs = "".join(f", '{workload.name}'" for workload in inputs.workloads)
    return Step(
        name="trace",
        taken=True,
        how=f"what the store lacks: each kernel's start, requested packages' imports{programs}",
    )


def _snapshot(inputs: Inputs, options: PackOptions) -> tuple[Step, ...]:
    if not options.snapshot:
        return ()
    modules = f" with {', '.join(inputs.preload)} imported" if inputs.preload else ""
    how = f"a copy of each started kernel{modules}, unless it is in the store"
    return (Step(name="snapshot", taken=True, how=how),)


def _start(options: PackOptions, machine: Machine) -> Step:
    if not options.check:
        return Step(name="start", taken=False, how="not asked for: `--no-check`")
    if machine.node is None:
        return Step(name="start", taken=False, how="there is no Node.js")
    return Step(name="start", taken=True, how=f"each kernel once from the pack, in Node.js {machine.node}")
