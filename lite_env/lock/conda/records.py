"""Between a locked package, or a match spec, and what rattler makes of it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import rattler
from rattler.exceptions import InvalidMatchSpecError

from lite_env.errors import LockError, SpecError
from lite_env.lock.conda.loop import one_line
from lite_env.lock.model import LockedPackage
from lite_env.spec.address import local_path, public_url
from lite_env.spec.matchspec import beyond_bounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lite_env.spec.model import Requirement


def to_record(package: LockedPackage, archive: Path | None = None) -> rattler.RepoDataRecord:
    """The record of a package, to be taken from `archive` where that is given."""
    url = package.url if archive is None else archive.absolute().as_uri()
    try:
        record = rattler.PackageRecord(
            name=package.name,
            version=package.version,
            build=rattler.BuildString(package.build),
            build_number=package.build_number,
            subdir=package.subdir,
            noarch=_noarch(package.noarch),
            depends=list(package.depends),
            constrains=list(package.constrains),
            sha256=bytes.fromhex(package.sha256),
            md5=bytes.fromhex(package.md5) if package.md5 else None,
            size=package.size,
            license=package.license,
        )
        return rattler.RepoDataRecord(record, package.file_name, url, package.channel)
    except Exception as error:
        # rattler's parse errors have no common root.
        raise LockError(
            f"the locked package {package.file_name} cannot be understood: {one_line(error)}", hint="lock again"
        ) from error


def _noarch(kind: str | None) -> rattler.NoArchType:
    if kind == "python":
        return rattler.NoArchType("python")
    return rattler.NoArchType("generic" if kind == "generic" else None)


def from_record(record: rattler.RepoDataRecord) -> LockedPackage:
    """The package that the solver chose.

    Raises:
        LockError: its channel does not tell its SHA-256.
    """
    if record.sha256 is None:
        raise LockError(
            f"the channel gives no sha256 for {record.file_name}, so that it cannot be locked",
            hint="index the channel anew (`lite-env channel build` for one of ours, `conda index` for another)",
            channel=channel_of(record),
        )
    url = public_url(record.url)
    path = local_path(url)
    timestamp = record.timestamp
    return LockedPackage(
        name=record.name.normalized,
        version=str(record.version),
        build=str(record.build),
        build_number=record.build_number,
        subdir=record.subdir,
        file_name=record.file_name,
        url=path.as_uri() if path else url,
        channel=channel_of(record),
        sha256=record.sha256.hex(),
        md5=record.md5.hex() if record.md5 else None,
        size=record.size,
        depends=tuple(sorted(record.depends)),
        constrains=tuple(sorted(record.constrains)),
        license=record.license,
        noarch="python" if record.noarch.python else "generic" if record.noarch.generic else None,
        timestamp=round(timestamp.timestamp() * 1000) if timestamp else None,
    )


def channel_of(record: rattler.RepoDataRecord) -> str:
    """The address of its channel, without credentials and a slash at the end."""
    return public_url(record.channel).rstrip("/")


def match_spec(text: str) -> rattler.MatchSpec:
    """The one way to a match spec of a text: what rattler would not survive does not get there."""
    reason = beyond_bounds(text)
    if reason:
        raise InvalidMatchSpecError(f"it {reason}")
    return rattler.MatchSpec(text)


def parse_requirement(requirement: Requirement) -> rattler.MatchSpec:
    """The match spec of a requirement, its channel included.

    Raises:
        SpecError: it is none; with file and line.
    """
    text = requirement.match
    if requirement.channel:
        subdir = f"/{requirement.subdir}" if requirement.subdir else ""
        text = f"{requirement.channel.url}{subdir}::{text}"
    try:
        return match_spec(text)
    except InvalidMatchSpecError as error:
        raise SpecError(
            f"the dependency {requirement.text!r} is not a match spec: {one_line(error)}",
            hint="write a name, then versions: `numpy`, `numpy >=1.25,<2`, `numpy 1.25.*`, `numpy=1.25=py311_2`",
            file=str(requirement.file) if requirement.file else None,
            line=requirement.line,
        ) from error


def virtual_packages() -> list[rattler.GenericVirtualPackage]:
    """What CEP 30 gives every emscripten-wasm32, and nothing of this machine."""
    return [
        rattler.GenericVirtualPackage(rattler.PackageName(name), rattler.Version("0"), rattler.BuildString(build))
        for name, build in (("__unix", "0"), ("__archspec", "wasm32"))
    ]


def satisfies(spec: str, *, name: str, version: str, build: str, build_number: int, subdir: str) -> bool:
    """Whether an installed package answers a match spec such as ``python_abi 3.11.* *_cp311`` (CEP 29).

    A spec that cannot be parsed is taken as answered: it was the solver's business.
    """
    try:
        record = rattler.PackageRecord(
            name=name, version=version, build=rattler.BuildString(build), build_number=build_number, subdir=subdir
        )
        return bool(match_spec(spec).matches(record))
    except Exception:  # noqa: BLE001 - rattler's parse errors have no common root
        return True


def satisfies_version(spec: str, version: str) -> bool:
    """Whether a version answers a match spec in its plain form, whatever that says of a build."""
    words = spec.split()[:2]
    return satisfies(" ".join(words), name=words[0], version=version, build="0", build_number=0, subdir="noarch")


def unsatisfied(requirements: Iterable[Requirement], packages: Sequence[LockedPackage]) -> tuple[str, ...]:
    """What of `requirements` and of the packages' own dependencies `packages` do not answer, in words.

    Raises:
        SpecError: a requirement is not a match spec.
        LockError: a package's version cannot be understood.
    """
    records = {package.name: to_record(package) for package in packages}
    virtual = {package.name.normalized for package in virtual_packages()}
    wanted = [
        (parse_requirement(requirement), requirement.match, "the environment file") for requirement in requirements
    ]
    for package in packages:
        for text in package.depends:
            # What the solver could read is no business of ours when it is odd.
            with contextlib.suppress(InvalidMatchSpecError):
                wanted.append((match_spec(text), text, package.name))
    faults = []
    for spec, text, whose in wanted:
        name = spec.name.normalized
        record = records.get(name)
        if record is None and name not in virtual:
            faults.append(f"{whose} needs {text}, which is not locked")
        elif record is not None and not spec.matches(record):
            faults.append(f"{whose} needs {text}, but {name} {record.version} {record.build} is locked")
    return tuple(faults)
