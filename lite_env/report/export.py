"""A lock or a pack in the formats of others: a table that each format has a line in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lite_env.errors import ReportError
from lite_env.lock.conda_lock import dump_lock
from lite_env.lock.explicit import dump_explicit
from lite_env.lock.pixi import dump_pixi
from lite_env.report.cyclonedx import cyclonedx
from lite_env.spec.address import is_file_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lite_env.lock.model import Lockfile
    from lite_env.report.subject import Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """How a lock or a pack is written for another tool.

    Attributes:
        write: the whole text of a subject, for a file in this folder; equal input, equal text.
        loses_variables: whether it has no place for the environment's variables.
        absolute: whether packages of local channels stand in it by their absolute paths.
    """

    write: Callable[[Subject, Path], str]
    loses_variables: bool = False
    absolute: bool = False

    def losses(self, subject: Subject) -> tuple[str, ...]:
        """What of a lock is not as good in this format, a sentence each."""
        lock = subject.lock
        said = []
        if lock is not None and lock.variables and self.loses_variables:
            names = ", ".join(name for name, _ in lock.variables)
            said.append(f"the format has no place for the environment's variables: {names}")
        local = sum(is_file_url(package.url) for package in lock.packages) if lock is not None else 0
        if local and self.absolute:
            said.append(f"{local} packages stand in it by their absolute paths: it is of use on this machine alone")
        return tuple(said)


def _of_lock(dump: Callable[[Lockfile], str], subject: Subject, folder: Path) -> str:  # noqa: ARG001 - one shape for all
    return dump(_lock_of(subject))


def _lock_of(subject: Subject) -> Lockfile:
    if subject.lock is None:
        raise ReportError(
            "a pack does not tell where its packages come from, so it cannot be written as a lock",
            hint="export the lock that it was packed from",
            file=str(subject.path),
        )
    return subject.lock


FORMATS: Mapping[str, Format] = {
    "conda-lock": Format(write=lambda subject, folder: dump_lock(_lock_of(subject), folder=folder)),
    "cyclonedx": Format(write=lambda subject, _: cyclonedx(subject)),
    "explicit": Format(write=partial(_of_lock, dump_explicit), loses_variables=True, absolute=True),
    "pixi": Format(write=partial(_of_lock, dump_pixi), loses_variables=True, absolute=True),
    "pixi-6": Format(write=partial(_of_lock, partial(dump_pixi, version=6)), loses_variables=True, absolute=True),
}
"""By the name on the command line."""
