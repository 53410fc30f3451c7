"""Whether a lock still answers its environment file, and what of it does not."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lite_env.lock.pip_answer import pip_differences, pip_meaning
from lite_env.lock.urls import to_relative

if TYPE_CHECKING:
    from lite_env.lock.model import Lockfile
    from lite_env.spec.model import EnvironmentSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class LockAnswer:
    """What differs, one sentence each; nothing when the lock answers the file."""

    differences: tuple[str, ...]

    def __bool__(self) -> bool:
        return not self.differences


def answers(lock: Lockfile, spec: EnvironmentSpec) -> LockAnswer:
    """Compare without solving and without a network: an equal digest, or else what was asked for before and now.

    Raises:
        SpecError: a match spec of the file is wrong.
    """
    # rattler takes a third of a second to import, which reading a lock shall not cost.
    from lite_env.lock.conda.records import unsatisfied  # noqa: PLC0415

    differences = []
    if lock.spec_digest != spec_digest(spec):
        differences += _compared("the name", lock.name, spec.name)
        differences += _listed("the channel", lock.channels, tuple(channel.url for channel in spec.channels))
        differences += _listed("the dependency", lock.requested, requested_of(spec))
        differences += _listed("the variable", _assignments(lock.variables), _assignments(spec.variables))
        differences += pip_differences(lock.pip, spec.pip)
        if not differences:
            differences.append("the lock was not made from this file by lite_env")
    return LockAnswer(differences=(*differences, *unsatisfied(spec.requirements, lock.conda)))


def requested_of(spec: EnvironmentSpec) -> tuple[str, ...]:
    """The match specs as a lock keeps them: as written, sorted, each once."""
    return tuple(sorted({requirement.text for requirement in spec.requirements}))


def spec_digest(spec: EnvironmentSpec) -> str:
    """SHA-256 over what an environment file means: not its comments, layout, order of dependencies, or folder.

    Local channels count relative to the file, credentials in channel URLs do not count.
    """
    folder = spec.file.absolute().parent if spec.file else Path.cwd()
    meaning = {
        "name": spec.name,
        "channels": [to_relative(channel.url, folder) for channel in spec.channels],
        "dependencies": requested_of(spec),
        "variables": dict(spec.variables),
        **({"pip": pip_meaning(spec.pip)} if spec.pip is not None else {}),
    }
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()


def _assignments(variables: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    return tuple(f"{name}={value}" for name, value in variables)


def _compared(what: str, before: str, now: str) -> list[str]:
    return [] if before == now else [f"{what} was {before} and is {now}"]


def _listed(what: str, before: tuple[str, ...], now: tuple[str, ...]) -> list[str]:
    differences = [f"{what} {item} was added" for item in now if item not in before]
    differences += [f"{what} {item} was removed" for item in before if item not in now]
    if not differences and before != now:
        differences.append(f"{what}s have another order: {', '.join(now)}; it was {', '.join(before)}")
    return differences
