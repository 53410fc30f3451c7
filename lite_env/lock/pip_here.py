"""The wheels that a pip section names by a path, a project or a repository: taken, or built, before uv is asked.

And the same again at installation, from a lock: what is in the cache is taken, and what is not is built once more, with
the same tools, to the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import Version

from lite_env.errors import BuildError, FetchError, LockError, SpecError
from lite_env.lock.git import checkout, resolve_commit
from lite_env.lock.model import LockedPackage, WheelSource
from lite_env.lock.pip import HereWheel
from lite_env.lock.pip_explain import native_refusal
from lite_env.lock.project import BuiltWheel, build_wheel, digest_of_project
from lite_env.lock.wheel import split_wheel_name
from lite_env.lock.wheel_fetch import cached_wheel, fetch_wheel, is_whole, keep_wheel
from lite_env.progress import SILENT
from lite_env.spec.address import local_path
from lite_env.spec.pip import split_git
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lite_env.lock.wheel_target import WheelTarget
    from lite_env.progress import Reporter
    from lite_env.spec.pip import PipRequirement, PipSection


@dataclass(frozen=True, kw_only=True, slots=True)
class Before:
    """What an earlier lock had, which is taken again where nothing changed.

    Attributes:
        wheels: that may be kept.
        requirements: those that were answered.
    """

    wheels: tuple[LockedPackage, ...] = ()
    requirements: frozenset[str] = frozenset()


def wheels_here(
    section: PipSection, before: Before, target: WheelTarget, *, offline: bool, reporter: Reporter = SILENT
) -> tuple[HereWheel, ...]:
    """A wheel for each requirement that names one, a folder of them, a project or a repository.

    Raises:
        BuildError: a project cannot be built, or is native.
        FetchError: a wheel or a repository cannot be read.
        SolveError: a wheel is native, and not for `target`.
        LockError: a requirement is not of the project that it says.
    """
    found: list[HereWheel] = []
    for requirement in section.requirements:
        if requirement.kind == "wheel" and requirement.path is not None:
            found.append(_wheel(requirement, requirement.path, target))
        elif requirement.kind == "folder" and requirement.path is not None:
            found += _folder(requirement, requirement.path, target)
        elif requirement.kind == "project" and requirement.path is not None:
            found.append(_project(requirement, requirement.path, section, before, offline=offline, reporter=reporter))
        elif requirement.kind == "git":
            found.append(_repository(requirement, section, before, offline=offline, reporter=reporter))
    for here in found:
        named = here.requirement.name
        if named is not None and named != here.name:
            raise _at(here.requirement, f"`{here.requirement.text}` is {here.name}, and not {named}")
    return tuple(found)


def locked_wheel_file(wheel: LockedPackage, *, offline: bool, reporter: Reporter = SILENT) -> Path:
    """The file of a locked wheel on this machine: fetched, or built again.

    Raises:
        FetchError: it cannot be had, or is another one.
        BuildError: what is built is not what was locked.
    """
    source = wheel.wheel
    if source is None or source.kind in ("index", "file"):
        return fetch_wheel(
            wheel.url, wheel.file_name, sha256=wheel.sha256, size=wheel.size, offline=offline, reporter=reporter
        )
    cached = cached_wheel(wheel.sha256, wheel.file_name)
    if is_whole(cached, wheel.sha256):
        return cached
    reporter.note(f"building {wheel.name} {wheel.version} of its sources", passing=True)
    built = _again(wheel, source, offline=offline)
    if sha256_of_bytes(built.data) != wheel.sha256:
        raise BuildError(
            f"{wheel.file_name} is built otherwise here than where it was locked",
            hint="its build depends on more than it says: lock again, or commit a wheel of it and name that",
            expected_sha256=wheel.sha256,
            found_sha256=sha256_of_bytes(built.data),
        )
    return keep_wheel(built.data, built.file_name)


def _again(wheel: LockedPackage, source: WheelSource, *, offline: bool) -> BuiltWheel:
    what = f"{wheel.name} {wheel.version}"
    if source.kind == "git":
        address = split_git(wheel.url)[0]
        with checkout(address, source.commit, offline=offline) as folder:
            return build_wheel(_inside(folder, source.subdirectory), what=what, pinned=source.build, offline=offline)
    folder_here = local_path(wheel.url)
    if folder_here is None or not folder_here.is_dir():
        raise FetchError(f"the project of {what} is not where the lock says", hint="lock again", url=wheel.url)
    if digest_of_project(folder_here) != source.sources_sha256:
        raise BuildError(
            f"the project of {what} has changed since it was locked",
            hint="lock again (`lite-env lock`), or go back to the sources that were locked",
            file=str(folder_here),
        )
    return build_wheel(folder_here, what=what, pinned=source.build, offline=offline)


def _wheel(requirement: PipRequirement, path: Path, target: WheelTarget) -> HereWheel:
    name = split_wheel_name(path.name)
    if name is None:
        raise _at(requirement, f"'{path.name}' has not the name of a wheel")
    if not target.takes(name):
        raise native_refusal(name.project, name.version, path.name, target.tag)
    try:
        kept = keep_wheel(path.read_bytes(), path.name)
    except OSError as error:
        raise refusal(FetchError, f"the wheel {path.name} cannot be read", error, file=path) from error
    source = WheelSource(kind="file", requested=True)
    return HereWheel(name=name.project, path=kept, url=path.as_uri(), source=source, requirement=requirement)


def _folder(requirement: PipRequirement, folder: Path, target: WheelTarget) -> Iterator[HereWheel]:
    """The newest wheel of each project in a folder; those that are not for `target` are passed over if they can be."""
    best: dict[str, tuple[bool, Version, Path]] = {}
    for path in sorted(folder.glob("*.whl")):
        name = split_wheel_name(path.name)
        if name is None:
            raise _at(requirement, f"'{path.name}' in that folder has not the name of a wheel")
        key = (target.takes(name), Version(name.version), path)
        best[name.project] = max(best.get(name.project, key), key)
    return (_wheel(requirement, best[project][2], target) for project in sorted(best))


def _project(
    requirement: PipRequirement,
    folder: Path,
    section: PipSection,
    before: Before,
    *,
    offline: bool,
    reporter: Reporter,
) -> HereWheel:
    sources = digest_of_project(folder)
    for wheel in before.wheels:
        source = wheel.wheel
        if source is not None and source.kind == "project" and source.sources_sha256 == sources:
            cached = cached_wheel(wheel.sha256, wheel.file_name)
            if is_whole(cached, wheel.sha256):
                return HereWheel(
                    name=wheel.name, path=cached, url=folder.as_uri(), source=source, requirement=requirement
                )
    with reporter.task(f"building {requirement.text}", None, "items") as task:
        built = build_wheel(folder, what=f"`{requirement.text}`", exclude_newer=section.exclude_newer, offline=offline)
        task.advance(1)
    source = WheelSource(kind="project", requested=True, sources_sha256=sources, build=built.build)
    return _here(built, folder.as_uri(), source, requirement)


def _repository(
    requirement: PipRequirement, section: PipSection, before: Before, *, offline: bool, reporter: Reporter
) -> HereWheel:
    kept = _kept_commit(requirement, before)
    commit = (
        kept.wheel.commit
        if kept and kept.wheel
        else resolve_commit(requirement.address, requirement.ref, offline=offline)
    )
    url = f"git+{requirement.address}@{commit}"
    if kept is not None and kept.wheel is not None:
        cached = cached_wheel(kept.sha256, kept.file_name)
        if is_whole(cached, kept.sha256):
            return HereWheel(name=kept.name, path=cached, url=url, source=kept.wheel, requirement=requirement)
    what = f"{requirement.address} at {commit[:12]}"
    with (
        reporter.task(f"building {requirement.name or requirement.address}", None, "items") as task,
        checkout(requirement.address, commit, offline=offline) as folder,
    ):
        inside = _inside(folder, requirement.subdirectory)
        built = build_wheel(inside, what=what, exclude_newer=section.exclude_newer, offline=offline)
        task.advance(1)
    source = WheelSource(
        kind="git", requested=True, commit=commit, subdirectory=requirement.subdirectory, build=built.build
    )
    return _here(built, url, source, requirement)


def _kept_commit(requirement: PipRequirement, before: Before) -> LockedPackage | None:
    """The locked wheel of the same requirement: a branch that moved on is followed when that is asked for only."""
    if requirement.text not in before.requirements:
        return None
    for wheel in before.wheels:
        source = wheel.wheel
        if (
            source is not None
            and source.kind == "git"
            and source.subdirectory == requirement.subdirectory
            and wheel.url == f"git+{requirement.address}@{source.commit}"
        ):
            return wheel
    return None


def _inside(folder: Path, subdirectory: str) -> Path:
    inside = folder / subdirectory
    if not inside.resolve().is_relative_to(folder.resolve()) or not inside.is_dir():
        raise BuildError(f"the repository has no folder '{subdirectory}'", hint="look at `#subdirectory=`")
    return inside


def _here(built: BuiltWheel, url: str, source: WheelSource, requirement: PipRequirement) -> HereWheel:
    name = split_wheel_name(built.file_name)
    if name is None:
        raise _at(requirement, f"what was built is called '{built.file_name}'")
    path = keep_wheel(built.data, built.file_name)
    return HereWheel(name=name.project, path=path, url=url, source=source, requirement=requirement)


def _at(requirement: PipRequirement, problem: str) -> LockError | SpecError:
    return SpecError(
        problem,
        hint="correct the pip section",
        file=str(requirement.file) if requirement.file else None,
        line=requirement.line,
    )
