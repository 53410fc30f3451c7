"""From an environment file to its lock: read, build local channels that are not built yet, solve, write."""

from __future__ import annotations

import enum
import os.path
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lite_env.errors import LockError
from lite_env.lock.answer import LockAnswer, answers, requested_of, spec_digest
from lite_env.lock.conda_lock import dump_lock
from lite_env.lock.diff import LockDiff, diff_packages
from lite_env.lock.file import is_lock, lock_path, read_lock, write_lock, wrote_lock
from lite_env.lock.model import PLATFORM, Lockfile
from lite_env.lock.pip_here import Before
from lite_env.lock.solver import SolveRequest
from lite_env.progress import SILENT
from lite_env.spec.environment import read_environment
from lite_env.store.location import cache_directory
from lite_env.store.protocol import FORGETFUL
from lite_env.workflow.channels import build_local_channels, named_channels
from lite_env.workflow.wheels import lock_wheels

if TYPE_CHECKING:
    from lite_env.lock.model import LockedPackage
    from lite_env.lock.solver import Solver
    from lite_env.progress import Reporter
    from lite_env.spec.model import EnvironmentSpec
    from lite_env.store.protocol import Store


class LockPolicy(enum.Enum):
    """What may happen to the lock beside an environment file that is to be packed or installed.

    Attributes:
        UPDATE: one that lite_env wrote, for our platform alone, is brought up to date, and where there is none, one is
            made; any other is an error where it does not answer the file.
        LOCKED: there has to be one, and it has to answer the file.
        FROZEN: there has to be one, and it is taken as it is.
    """

    UPDATE = "update"
    LOCKED = "locked"
    FROZEN = "frozen"


@dataclass(frozen=True, kw_only=True, slots=True)
class LockOptions:
    """How to lock.

    Attributes:
        channels: to take instead of those of the environment file; paths are relative to the current folder.
        upgrade: forget what is locked.
        upgrade_packages: names of packages to forget, the rest is kept if it can be.
        offline: open no connection.
        dry_run: write nothing.
        exclude_newer: the date before which everything was published that the pip section brings; None for what the
            project's ``pyproject.toml`` says.
    """

    channels: tuple[str, ...] = field(default=(), repr=False)
    upgrade: bool = False
    upgrade_packages: tuple[str, ...] = ()
    offline: bool = False
    dry_run: bool = False
    exclude_newer: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LockResult:
    """What locking came to.

    Attributes:
        lock: the lock that answers the environment file now.
        path: where it lies, or would lie.
        diff: the packages, compared with what was locked before.
        written: whether the file was written: not when it is a dry run, and not when nothing changed.
    """

    lock: Lockfile
    path: Path
    diff: LockDiff
    written: bool


def lock_environment(
    environment: Path,
    *,
    output: Path | None = None,
    options: LockOptions | None = None,
    solver: Solver | None = None,
    store: Store = FORGETFUL,
    reporter: Reporter = SILENT,
) -> LockResult:
    """Lock one environment file; a lock that is there changes as little as possible.

    Args:
        environment: the file.
        output: the lock; by default beside the file, see :func:`lite_env.lock.file.lock_path`.
        options: see :class:`LockOptions`.
        solver: who solves; by default rattler.
        store: keeps the sources of local channels.
        reporter: notes, warnings and progress.

    Raises:
        SpecError: the environment file is wrong.
        ChannelError: a local channel could not be built.
        FetchError: a channel could not be read.
        SolveError: nothing satisfies what was asked for.
        LockError: the lock that is there cannot be read or is another tool's, or a package to upgrade is not locked.
    """
    options = options or LockOptions()
    spec = read_spec(environment, options.channels, reporter)
    path = output or lock_path(environment)
    before = _before(path, environment, upgrade=options.upgrade, reporter=reporter)
    return _locked(
        spec, environment, path, before=before, options=options, solver=solver, store=store, reporter=reporter
    )


def lock_for(
    environment: Path,
    policy: LockPolicy = LockPolicy.UPDATE,
    *,
    options: LockOptions | None = None,
    solver: Solver | None = None,
    store: Store = FORGETFUL,
    reporter: Reporter = SILENT,
) -> Lockfile:
    """The lock beside an environment file, as the policy wants it; only `LockPolicy.UPDATE` may solve and write.

    Raises:
        LockError: there is no lock where there has to be one, it does not answer the file, or it is another tool's and
            would have to be written anew.
        LiteEnvError: as `lock_environment`.
    """
    options = options or LockOptions()
    spec = read_spec(environment, options.channels, reporter)
    path = lock_path(environment)
    before, stays = _there(spec, environment, path, policy, reporter)
    if before is not None and stays:
        return before
    result = _locked(
        spec, environment, path, before=before, options=options, solver=solver, store=store, reporter=reporter
    )
    if result.written:
        reporter.note(f"locked {len(result.lock.packages)} packages in '{result.path}'", passing=True)
    return result.lock


def lock_there(environment: Path, policy: LockPolicy, *, reporter: Reporter = SILENT) -> Lockfile | None:
    """The lock that `lock_for` would take as it is; None where it would solve. Nothing is solved or written.

    Raises:
        LockError: as `lock_for`.
        SpecError: the environment file is wrong.
    """
    spec = read_spec(environment, (), reporter)
    lock, stays = _there(spec, environment, lock_path(environment), policy, reporter)
    return lock if stays else None


def _there(
    spec: EnvironmentSpec, environment: Path, path: Path, policy: LockPolicy, reporter: Reporter
) -> tuple[Lockfile | None, bool]:
    """The lock that is there, and whether it is taken as it is."""
    if policy is not LockPolicy.UPDATE:
        return _as_it_is(spec, environment, path, policy), True
    before = _before(path, environment, upgrade=False, reporter=reporter, spec=spec)
    if before is not None and answers(before, spec):
        return replace(before, addresses=spec.channels), True
    return before, False


def _as_it_is(spec: EnvironmentSpec, environment: Path, path: Path, policy: LockPolicy) -> Lockfile:
    flag = f"`--{policy.value}`"
    if not path.exists():
        raise LockError(
            f"there is no lock, and {flag} needs one",
            hint=f"make it with `lite-env lock {environment}`, or leave out {flag}",
            file=str(path),
        )
    lock = read_lock(path)
    differences = () if policy is LockPolicy.FROZEN else answers(lock, spec).differences
    if differences:
        raise LockError(
            f"the lock does not answer its environment file, which {flag} asks for: {'; '.join(differences)}",
            # `lite-env lock` does not touch what is not its own.
            hint=(f"see what would change with `lite-env lock --dry-run {environment}`; " if lock.is_own else "")
            + "`--frozen` takes the lock as it is",
            file=str(path),
        )
    return replace(lock, addresses=spec.channels)


def _before(
    path: Path, environment: Path, *, upgrade: bool, reporter: Reporter, spec: EnvironmentSpec | None = None
) -> Lockfile | None:
    """The lock that is there, if it may be written anew, or answers `spec` and need not be."""
    if not path.exists():
        return None
    own = wrote_lock(path)
    try:
        lock = read_lock(path)
    except LockError as error:
        if not own:
            why = f"is not of lite-env and cannot be used ({error.message})"
            raise _foreign(path, environment, why, usable=False) from error
        if not upgrade:
            raise
        reporter.warn(f"the lock '{path}' is damaged and is made anew: {error.message}", passing=True)
        return None
    if lock.is_own or (spec is not None and answers(lock, spec)):
        return lock
    others = [platform for platform in lock.platforms if platform != PLATFORM]
    why = f"is for {', '.join(others)} too" if others else "is another tool's"
    raise _foreign(path, environment, why, usable=is_lock(path))


def _foreign(path: Path, environment: Path, why: str, *, usable: bool) -> LockError:
    ways = [
        f"make one for the browser alone with `lite-env lock {environment} -o browser.{path.name}`, and pack that",
        *([f"or take this one as it is with `lite-env pack {path}`"] if usable else []),
        "or move it away",
    ]
    return LockError(
        f"the lock '{path}' {why}, and lite-env does not write over it", hint="; ".join(ways), file=str(path)
    )


def _locked(
    spec: EnvironmentSpec,
    environment: Path,
    path: Path,
    *,
    before: Lockfile | None,
    options: LockOptions,
    solver: Solver | None,
    store: Store,
    reporter: Reporter,
) -> LockResult:
    kept = _kept(before, options, path) if before else ()
    request = SolveRequest(
        channels=spec.channels,
        requirements=spec.requirements,
        locked=tuple(package for package in kept if package.manager == "conda"),
    )
    urls = tuple(channel.url for channel in spec.channels)
    build_local_channels(urls, offline=options.offline, store=store, reporter=reporter)
    packages = (solver or _rattler(offline=options.offline)).solve(request)
    lock = Lockfile(
        name=spec.name,
        channels=tuple(channel.url for channel in spec.channels),
        packages=packages,
        requested=requested_of(spec),
        variables=spec.variables,
        spec_digest=spec_digest(spec),
        sources=(Path(os.path.normpath(environment.absolute())),),
        file=path,
        addresses=spec.channels,
    )
    if spec.pip is not None:
        wheels = tuple(package for package in kept if package.manager == "wheel")
        answered = before.pip.requirements if before is not None and before.pip is not None else ()
        earlier = Before(wheels=wheels, requirements=frozenset(answered))
        section = replace(spec.pip, exclude_newer=options.exclude_newer or spec.pip.exclude_newer)
        lock = lock_wheels(lock, section, before=earlier, offline=options.offline, store=store, reporter=reporter)
    current = path.read_text(encoding="utf-8") if before else None
    written = not options.dry_run and dump_lock(lock, folder=path.absolute().parent) != current
    if written:
        write_lock(lock, path)
    return LockResult(
        lock=lock, path=path, diff=diff_packages(before.packages if before else (), lock.packages), written=written
    )


def check_lock(
    environment: Path, *, lock_file: Path | None = None, channels: tuple[str, ...] = (), reporter: Reporter = SILENT
) -> LockAnswer:
    """Whether the lock of an environment file still answers it; nothing is solved, fetched or written.

    Raises:
        SpecError: the environment file is wrong.
        LockError: there is no lock, or it cannot be read.
    """
    spec = read_spec(environment, channels, reporter)
    return answers(read_lock(lock_file or lock_path(environment)), spec)


def read_spec(environment: Path, channels: tuple[str, ...], reporter: Reporter) -> EnvironmentSpec:
    """Read an environment file, and say once what is odd about it.

    Raises:
        SpecError: the file or one of `channels` is wrong.
    """
    spec = read_environment(environment, channels=named_channels(channels))
    for warning in spec.warnings:
        reporter.warn(warning)
    for note in spec.notes:
        reporter.note(note)
    return spec


def _rattler(*, offline: bool) -> Solver:
    # rattler takes a third of a second to import, which `--help` and `--check` shall not cost.
    from lite_env.lock.conda.solve import CondaSolver  # noqa: PLC0415

    return CondaSolver(cache=cache_directory("repodata"), offline=offline)


def _kept(before: Lockfile, options: LockOptions, path: Path) -> tuple[LockedPackage, ...]:
    """The packages that shall stay as they are if they can."""
    unknown = sorted(set(options.upgrade_packages) - {package.name for package in before.packages})
    if unknown:
        raise LockError(
            f"{', '.join(unknown)} cannot be upgraded: not locked", hint="look at the spelling", file=str(path)
        )
    if options.upgrade:
        return ()
    return tuple(package for package in before.packages if package.name not in options.upgrade_packages)
