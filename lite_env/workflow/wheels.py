"""From a pip section to locked wheels: what the conda part of the environment provides is looked up in it first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lite_env.errors import SpecError
from lite_env.lock.pip import WheelRequest, resolve_wheels
from lite_env.lock.pip_answer import answered_pip
from lite_env.lock.pip_here import wheels_here
from lite_env.lock.wheel_target import target_of
from lite_env.prefix.provided import provided_projects
from lite_env.workflow.install import cached_environment

if TYPE_CHECKING:
    from lite_env.lock.model import Lockfile
    from lite_env.lock.pip_here import Before
    from lite_env.progress import Reporter
    from lite_env.spec.pip import PipSection
    from lite_env.store.protocol import Store


def lock_wheels(
    lock: Lockfile,
    section: PipSection,
    *,
    before: Before,
    offline: bool,
    store: Store,
    reporter: Reporter,
) -> Lockfile:
    """`lock`, which has the conda part, with the wheels that `section` comes to.

    Args:
        lock: of conda packages alone.
        section: of its environment file.
        before: of an earlier lock: each wheel is kept if it can be.
        offline: open no connection.
        store: keeps what is built.
        reporter: notes, warnings and progress.

    Raises:
        SpecError: there is no Python for them.
        SolveError: the section has no answer.
        FetchError: an index, a package or a wheel could not be read.
        PrefixError: the conda part cannot be installed, or a wheel is broken.
    """
    if not any(package.name == "python" for package in lock.conda):
        first = section.requirements[0]
        raise SpecError(
            "the environment has a pip section, and no Python that could use what it brings",
            hint="add a kernel of Python to `dependencies`, or remove the section",
            file=str(first.file) if first.file else None,
            line=first.line,
        )
    # Installed to be looked into: which projects a package brings, its own files tell and nothing else does.
    with cached_environment(lock, offline=offline, store=store, reporter=reporter) as prefix:
        provided = provided_projects(prefix)
    target = target_of(lock.conda)
    request = WheelRequest(
        section=section,
        target=target,
        provided=provided,
        conda=frozenset(package.name for package in lock.conda),
        here=wheels_here(section, before, target, offline=offline, store=store, reporter=reporter),
        locked=before.wheels,
        offline=offline,
        store=store,
    )
    wheels = resolve_wheels(request, reporter=reporter)
    packages = tuple(sorted((*lock.packages, *wheels), key=lambda package: package.name))
    return replace(lock, packages=packages, pip=answered_pip(section))
