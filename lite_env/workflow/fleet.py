"""Many environments at once: what they share is done once, by whoever works, and each pack is then written here.

::

    locked_inputs ─▶ known packs ─▶ share_out ─▶ compile what is shared ─▶ pack the rest ─▶ pack_inputs, here
                                                 └──────── by a crew, into the store ────────┘

The last step is that of a single environment: it finds in the store what the crew has done, and does itself what
nobody has. So the packs are those that this machine would have made alone.
"""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.errors import ExecutorError, FetchError, LiteEnvError, PackError, without_secrets
from lite_env.lock.kept import keep_package
from lite_env.lock.pip_here import locked_wheel_file
from lite_env.pack.mounts import refuse_output
from lite_env.progress import SILENT, Named
from lite_env.spec.address import local_path
from lite_env.spec.places import is_file
from lite_env.store.digest import sha256_of_file
from lite_env.store.system import system_answer
from lite_env.workflow.channels import build_local_channels, channels_in_need
from lite_env.workflow.crew import local_crew
from lite_env.workflow.environment import locked_inputs
from lite_env.workflow.pack import key_of_pack, pack_inputs
from lite_env.workflow.rebuild import find_pack
from lite_env.workflow.shares import awaited, share_out
from lite_env.workflow.task import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from lite_env.lock.model import Lockfile
    from lite_env.progress import Reporter, Task
    from lite_env.store.protocol import Store
    from lite_env.workflow.crew import Crew
    from lite_env.workflow.inputs import Inputs
    from lite_env.workflow.options import PackOptions
    from lite_env.workflow.pack import Packed

_LOOK_SECONDS = 5.0
_ABSENT_SECONDS = 60.0
"""How long nobody may be there who could work, before it is done here: a busy machine may be silent for a while."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of an environment.

    Attributes:
        source: as it was named.
        name: of the environment; empty where it could not be read.
        output: its pack's folder; None where it could not be read.
        packed: the pack; None where it failed.
        error: why; None where it did not.
    """

    source: Path
    name: str = ""
    output: Path | None = None
    packed: Packed | None = None
    error: LiteEnvError | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Target:
    source: Path
    inputs: Inputs
    lock: Lockfile
    output: Path


def pack_environments(
    sources: Sequence[Path],
    output: Path,
    options: PackOptions,
    *,
    stores: Callable[[], AbstractContextManager[Store]],
    crew: AbstractContextManager[Crew] | None = None,
    reporter: Reporter = SILENT,
) -> tuple[Outcome, ...]:
    """Pack each of `sources` into the folder of its name in `output`; that one fails keeps no other from being packed.

    Args:
        sources: environment files, lock files, or folders with an environment file.
        output: the folder of all packs; of a single environment that of its pack.
        options: how each of them is packed.
        stores: opens the store; anew after work was given away, to find what was done elsewhere.
        crew: who works; by default threads of this process.
        reporter: progress; notes and warnings begin with the environment's name.

    Returns:
        What became of each of `sources`, in their order.

    Raises:
        PackError: two environments have one name, or `options` fit one environment alone.
        ExecutorError: of `crew`.
    """
    if len(sources) > 1:
        _refuse_single(options)
    place = (lambda _: output) if len(sources) == 1 else output.joinpath
    with crew or local_crew(stores) as workers:
        with stores() as store:
            targets, outcomes = _read(sources, place, options, store, reporter)
            unknown = _unknown(targets, options, store)
            failed = _send_files(unknown, options, store, reporter) if workers.elsewhere else {}
        sent = {number: target for number, target in unknown.items() if number not in failed}
        failed |= _give_away(sent, options, workers, reporter)
    with stores() as store, reporter.task("writing packs", len(targets), "items") as task:
        for number, target in enumerate(targets):
            outcome = _write(target, options, store, reporter) if number not in failed else None
            outcomes[target.source] = outcome or _outcome(target, error=failed[number])
            task.advance(1)
    return tuple(outcomes[source] for source in sources)


def _write(target: _Target, options: PackOptions, store: Store, reporter: Reporter) -> Outcome:
    try:
        packed = pack_inputs(
            target.inputs, target.output, options, store=store, reporter=Named(reporter, target.lock.name)
        )
    except (LiteEnvError, OSError) as error:
        return _outcome(target, error=_answer(error))
    return _outcome(target, packed=packed)


def _answer(error: LiteEnvError | OSError) -> LiteEnvError:
    """What the system refuses is of one environment, too: no space, no permission, too long a name.

    Raises:
        OSError: it is no refusal of the system.
    """
    if isinstance(error, LiteEnvError):
        return error
    answer = system_answer(error)
    if answer is None:
        raise error
    return answer


def _outcome(target: _Target, *, packed: Packed | None = None, error: LiteEnvError | None = None) -> Outcome:
    return Outcome(source=target.source, name=target.lock.name, output=target.output, packed=packed, error=error)


def _refuse_single(options: PackOptions) -> None:
    if options.name is not None:
        raise PackError("several environments cannot have one name", hint="leave `--name` out")
    if options.profile is not None:
        raise PackError("a profile is of one environment", hint="leave `--profile` out, or pack that one alone")


def _read(
    sources: Sequence[Path], place: Callable[[str], Path], options: PackOptions, store: Store, reporter: Reporter
) -> tuple[list[_Target], dict[Path, Outcome]]:
    """All that can be read and locked, and the outcomes of the others."""
    outcomes: dict[Path, Outcome] = {}
    targets: dict[str, _Target] = {}
    with reporter.task("reading environments", len(sources), "items") as task:
        for source in dict.fromkeys(sources):
            try:
                inputs = locked_inputs(source, options, store=store, reporter=Named(reporter, str(source)))
                target = _target(source, inputs, place, options)
            except (LiteEnvError, OSError) as error:
                outcomes[source] = Outcome(source=source, error=_answer(error))
            else:
                # As folders are named where case makes no difference.
                other = targets.setdefault(target.lock.name.casefold(), target)
                if other is not target:
                    raise PackError(
                        f"'{other.source}' and '{source}' are both named '{other.lock.name}'",
                        hint="each pack lies in the folder of its environment's name: name one of them otherwise",
                    )
            task.advance(1)
    return list(targets.values()), outcomes


def _target(source: Path, inputs: Inputs, place: Callable[[str], Path], options: PackOptions) -> _Target:
    if inputs.lock is None:
        raise PackError(f"'{source}' is an installed environment", hint="pack it alone, or name its lock")
    name = inputs.lock.name
    if name in ("", ".", "..") or "/" in name or "\\" in name:
        raise PackError(f"no folder can have the name of the environment: '{name}'", file=str(source))
    output = place(name)
    refuse_output(output, options.mounts)
    return _Target(source=source, inputs=inputs, lock=inputs.lock, output=output)


def _unknown(targets: Sequence[_Target], options: PackOptions, store: Store) -> dict[int, _Target]:
    """Those of which the store has no pack, by their positions."""

    def is_known(target: _Target) -> bool:
        key = key_of_pack(target.inputs, options)
        return key is not None and find_pack(key, store) is not None

    return {number: target for number, target in enumerate(targets) if not is_known(target)}


def _give_away(
    targets: Mapping[int, _Target], options: PackOptions, crew: Crew, reporter: Reporter
) -> dict[int, LiteEnvError]:
    """Have the crew pack `targets`; what failed of itself, by position."""
    if len(targets) == 0 or (crew.width == 1 and not crew.elsewhere):
        # One after the other each finds what those before it have left.
        return {}
    locks = {number: target.lock for number, target in targets.items()}
    shares = share_out(locks, crew.width) if options.bytecode else ()
    with reporter.task("packing environments", len(shares) + len(targets), "items") as task:
        work = _GivenAway(crew, task, reporter)
        shared = [
            work.add(Job(inputs=targets[share.environment].inputs, options=options, packages=share.names))
            for share in shares
        ]
        packs = {}
        for number, target in targets.items():
            before = [shared[position] for position in awaited(target.lock, shares)]
            packs[work.add(Job(inputs=target.inputs, options=options), before)] = number
        work.finish()
    # What failed of a share fails again where it is needed, and is told there.
    return {packs[number]: error for number, error in work.failed.items() if number in packs}


def _send_files(
    targets: Mapping[int, _Target], options: PackOptions, store: Store, reporter: Reporter
) -> dict[int, LiteEnvError]:
    """Have in the remote stores what lies on this machine alone: packages of local channels, and wheels of here.

    Returns:
        What failed, by the environment's position.
    """
    if options.mounts:
        raise PackError(
            "what is mounted lies on this machine alone", hint="leave `--mount` out, or pack without `--executor`"
        )
    failed: dict[int, LiteEnvError] = {}
    sent: set[str] = set()
    with reporter.task("giving local packages to the workers", len(targets), "items") as task:
        for number, target in targets.items():
            try:
                _send(target.lock, sent, options, store, reporter)
            except LiteEnvError as error:
                failed[number] = error
            task.advance(1)
    return failed


def _send(lock: Lockfile, sent: set[str], options: PackOptions, store: Store, reporter: Reporter) -> None:
    needed = channels_in_need(lock, store=store)
    build_local_channels(needed, offline=options.offline, store=store, reporter=reporter)
    for package in lock.packages:
        if package.sha256 in sent:
            continue
        path = local_path(package.url)
        if package.wheel is not None and (path is not None or package.wheel.kind != "index"):
            path = locked_wheel_file(package, offline=options.offline, store=store, reporter=reporter)
        # What is another file than the lock's is told by who installs it.
        if path is not None and is_file(path) and sha256_of_file(path) == package.sha256:
            keep_package(path, store)
        sent.add(package.sha256)


class _GivenAway:
    """Work that is under way or waits for other work, until all of it is done or nobody is there to do it."""

    def __init__(self, crew: Crew, task: Task, reporter: Reporter) -> None:
        self._crew = crew
        self._task = task
        self._reporter = reporter
        self._waiting: list[tuple[int, Job, set[int]]] = []
        self._under_way: dict[Future[None], int] = {}
        self._number = 0
        self.failed: dict[int, LiteEnvError] = {}
        """What a piece of work failed with of itself, by its number."""

    def add(self, job: Job, after: Collection[int] = ()) -> int:
        """Have `job` done once the work of the numbers `after` has ended, however; its own number."""
        number, self._number = self._number, self._number + 1
        self._waiting.append((number, job, set(after)))
        return number

    def finish(self) -> None:
        """Wait until all has ended."""
        seen = time.monotonic()
        self._begin(())
        try:
            while self._under_way:
                done, _ = wait(self._under_way, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    self._end(future)
                if done or self._crew.present():
                    seen = time.monotonic()
                elif time.monotonic() - seen > _ABSENT_SECONDS:
                    self._reporter.warn("no worker is there any more: what is left is done here", passing=True)
                    return
        finally:
            for future in self._under_way:
                future.cancel()

    def _begin(self, ended: Collection[int]) -> None:
        """Give away what waited for nothing but the work of the numbers `ended`."""
        waiting = []
        for number, job, after in self._waiting:
            after.difference_update(ended)
            if after:
                waiting.append((number, job, after))
            else:
                self._under_way[self._submitted(job)] = number
        self._waiting = waiting

    def _submitted(self, job: Job) -> Future[None]:
        try:
            return self._crew.submit(job)
        except Exception as error:  # noqa: BLE001 - of whatever executor: it takes nothing more
            refused: Future[None] = Future()
            refused.set_exception(error if not isinstance(error, LiteEnvError) else ExecutorError(error.message))
            return refused

    def _end(self, future: Future[None]) -> None:
        number = self._under_way.pop(future)
        error = future.exception() if not future.cancelled() else CancelledError()
        if isinstance(error, LiteEnvError) and not self._is_of_the_worker(error):
            self.failed[number] = error
        elif error is not None:
            said = without_secrets(str(error)) or type(error).__name__
            self._reporter.warn(f"a worker failed, and what it had is done here: {said}", passing=True)
        self._task.advance(1)
        self._begin((number,))

    def _is_of_the_worker(self, error: LiteEnvError) -> bool:
        """Whether the work may well succeed here: a worker elsewhere may reach less, and has other credentials."""
        return isinstance(error, ExecutorError) or (self._crew.elsewhere and isinstance(error, FetchError))
