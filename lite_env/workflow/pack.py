"""From an environment file, a lock file or an installed environment to a pack: whatever steps are missing are done.

::

    read_inputs ─▶ lock_for ─▶ find_pack ─┬─ it was written before ─▶ write_again
         │                                └─▶ cached_environment ─▶ prepare ─▶ plan_pack ─▶ write_pack ─▶ record_pack
         └─▶ decide ─▶ printed by `--dry-run`, which ends there
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lite_env.host.find import node_version
from lite_env.pack.mounts import refuse_output
from lite_env.pack.plan import plan_pack
from lite_env.pack.press import Press
from lite_env.pack.selection import select_files
from lite_env.pack.writer import write_pack
from lite_env.prefix.fingerprint import fingerprint
from lite_env.prefix.reader import read_prefix
from lite_env.prefix.record import is_prefix
from lite_env.progress import SILENT, Remembering
from lite_env.workflow.decisions import Machine, Step, decide
from lite_env.workflow.environment import environment_of, locked_inputs
from lite_env.workflow.inputs import read_inputs
from lite_env.workflow.install import cached_place
from lite_env.workflow.lock import lock_there
from lite_env.workflow.options import PackOptions
from lite_env.workflow.preload import decide_preload
from lite_env.workflow.prepare import prepare
from lite_env.workflow.rebuild import (
    content_of,
    find_pack,
    pack_key,
    record_pack,
    told_of,
    write_again,
)
from lite_env.workflow.report import PackReport, report_of
from lite_env.workflow.snapshot import Snapshots
from lite_env.workflow.start import StartCheck

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.pack.manifest import Manifest
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Key, Store
    from lite_env.workflow.inputs import Inputs


@dataclass(frozen=True, kw_only=True, slots=True)
class Decisions:
    """What packing would do.

    Attributes:
        steps: in order.
        report: the pack, as far as it is known without doing any of them: of one that was written before, or of an
            environment that is installed already, without the bytecode and the order that its kernels would tell.
    """

    steps: tuple[Step, ...]
    report: PackReport | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """A pack that was written.

    Attributes:
        manifest: of it.
        report: what was planned.
        again: whether it was copied out of the store, since nothing had changed.
    """

    manifest: Manifest
    report: PackReport
    again: bool


def plan_environment(
    source: Path, output: Path, options: PackOptions, *, store: Store, reporter: Reporter = SILENT
) -> Decisions:
    """Decide what packing `source` would do; nothing is solved, installed, started or written.

    Raises:
        LiteEnvError: `source`, or what lies beside it, is wrong; or the lock is not one that packing would take.
    """
    refuse_output(output, options.mounts)
    inputs = read_inputs(source, options, store=store, reporter=reporter)
    if inputs.kind == "environment file" and inputs.lock is None:
        # What packing would refuse is refused here as well.
        inputs = replace(inputs, lock=lock_there(inputs.source, options.locking, reporter=reporter))
    key = key_of_pack(inputs, options)
    recorded = find_pack(key, store) if key else None
    report = recorded.report if recorded else None
    place = inputs.source if inputs.lock is None else cached_place(inputs.lock)
    if report is None and is_prefix(place):
        # As it lies there: nothing is verified, since nothing comes of it.
        prefix = read_prefix(place, reporter=reporter)
        chosen = select_files(prefix, inputs.filters, inputs.mounted)
        report = report_of(
            plan_pack(
                prefix,
                name=options.name,
                selection=chosen,
                level=options.level,
                profile=inputs.profile,
                order=options.order,
            )
        )
    machine = Machine(node=node_version() or None, recorded=recorded is not None)
    steps = decide(inputs, options, machine, output)
    return Decisions(steps=steps, report=report)


def pack_environment(
    source: Path, output: Path, options: PackOptions | None = None, *, store: Store, reporter: Reporter = SILENT
) -> Packed:
    """Pack `source` into the folder `output`, which is replaced in one step.

    From an environment file and from its lock the packs are equal. What stood at `output` stays when a kernel does not
    start from the new pack. What was packed before, and has not changed since, is copied out of the store.

    Args:
        source: an environment file, a lock file, an installed environment, or a folder with an environment file.
        output: the pack's folder.
        options: how.
        store: keeps what is done.
        reporter: notes, warnings and progress.

    Raises:
        LiteEnvError: of whichever step failed.
    """
    options = options or PackOptions()
    refuse_output(output, options.mounts)
    inputs = locked_inputs(source, options, store=store, reporter=reporter)
    return pack_inputs(inputs, output, options, store=store, reporter=reporter)


def pack_inputs(
    inputs: Inputs, output: Path, options: PackOptions, *, store: Store, reporter: Reporter = SILENT
) -> Packed:
    """`pack_environment` of what was read already.

    Raises:
        LiteEnvError: of whichever step failed.
    """
    work = _Work(inputs=inputs, output=output, options=options, store=store, reporter=reporter)
    key = key_of_pack(inputs, options)
    return (work.again(key) if key else None) or work.anew(key)


def key_of_pack(inputs: Inputs, options: PackOptions) -> Key | None:
    """The key of the pack; None where it takes another step to know it."""
    state = fingerprint(inputs.source) if inputs.kind == "installed environment" else None
    content = content_of(inputs, state)
    return pack_key(content, inputs, options) if content else None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Work:
    """The steps from what was read to a pack."""

    inputs: Inputs
    output: Path
    options: PackOptions
    store: Store
    reporter: Reporter

    def again(self, key: Key) -> Packed | None:
        """Out of the store, saying again what was said when it came there."""
        recorded = find_pack(key, self.store)
        if recorded is None:
            return None
        root = self.inputs.source if self.inputs.kind == "installed environment" else None
        check = self._check()
        whole = check.whole if check else None
        manifest = write_again(recorded, self.output, root=root, store=self.store, check=whole)
        if manifest is None:
            return None
        for warning, text in recorded.told.lines:
            (self.reporter.warn if warning else self.reporter.note)(text)
        return Packed(manifest=manifest, report=recorded.report, again=True)

    def anew(self, key: Key | None) -> Packed:
        """From the environment, which nobody changes meanwhile; recorded under `key` when it is whole."""
        telling = Remembering(self.reporter)
        check = self._check()
        with (
            environment_of(self.inputs, self.options, store=self.store, reporter=telling) as prefix,
            Press(self.store, self.options.level) as press,
        ):
            selection = select_files(prefix, self.inputs.filters, self.inputs.mounted)
            prepared = prepare(
                prefix, selection, self.options, self.inputs.workloads, press=press, store=self.store, reporter=telling
            )
            profile = self.inputs.profile or prepared.profile
            preloaded = decide_preload(self.inputs.preload, self.inputs.workloads, profile, selection)
            plan = plan_pack(
                prefix,
                name=self.options.name,
                selection=selection,
                level=self.options.level,
                bytecode=prepared.bytecode,
                profile=profile,
                order=self.options.order,
                preload=preloaded.modules,
            )
            for warning in (*plan.warnings, *preloaded.warnings):
                telling.warn(warning)
            press.settle()
            snapshots = None
            if self.options.snapshot:
                # Such a copy is larger for everybody who loads it: it has what somebody asked for, and no guess.
                asked = self.inputs.preload is not None
                snapshots = Snapshots(store=self.store, press=press, reporter=telling, modules=asked)
            manifest = write_pack(plan, self.output, press=press, check=check, snapshots=snapshots, reporter=telling)
        packed = Packed(manifest=manifest, report=report_of(plan), again=False)
        unchecked = check is not None and check.missing is not None
        # A user's environment may have been changed while it was packed.
        if key is not None and prepared.whole and not unchecked and key_of_pack(self.inputs, self.options) == key:
            failed = prepared.profile is not None and bool(prepared.profile.failed)
            told = told_of(telling.lines, failed=failed)
            record_pack(key, self.output, manifest, packed.report, told, store=self.store)
        return packed

    def _check(self) -> StartCheck | None:
        if not self.options.check:
            return None
        return StartCheck(store=self.store, jobs=self.options.jobs, reporter=self.reporter)
