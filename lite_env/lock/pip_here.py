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
from lite_env.lock.wheel_fetch import fetch_wheel, find_wheel, keep_wheel
from lite_env.progress import SILENT
from lite_env.spec.address import local_path
from lite_env.spec.pip import split_git
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.protocol import FORGETFUL
from lite_env.store.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lite_env.lock.wheel_target import WheelTarget
    from lite_env.progress import Reporter
    from lite_env.spec.pip import PipRequirement, PipSection
    from lite_env.store.protocol import Store


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
    section: PipSection,
    before: Before,
    target: WheelTarget,
    *,
    offline: bool,
    store: Store = FORGETFUL,
    reporter: Reporter = SILENT,
) -> tuple[HereWheel, ...]:
    """A wheel for each requirement that names one, a folder of them, a project or a repository.

    Raises:
        BuildError: a project cannot be built, or is native.
        FetchError: a wheel or a repository cannot be read.
        SolveError: a wheel is native, and not for `target`.
        LockError: a requirement is not of the project that it says.
    """
    found: list[HereWheel] = []
    building = _Building(section=section, before=before, offline=offline, store=store, reporter=reporter)
    for requirement in section.requirements:
        if requirement.kind == "wheel" and requirement.path is not None:
            found.append(_wheel(requirement, requirement.path, target, store))
        elif requirement.kind == "folder" and requirement.path is not None:
            found += _folder(requirement, requirement.path, target, store)
        elif requirement.kind == "project" and requirement.path is not None:
            found.append(building.project(requirement, requirement.path))
        elif requirement.kind == "git":
            found.append(building.repository(requirement))
    for here in found:
        named = here.requirement.name
        if named is not None and named != here.name:
            raise _at(here.requirement, f"`{here.requirement.text}` is {here.name}, and not {named}")
    return tuple(found)


def locked_wheel_file(
    wheel: LockedPackage, *, offline: bool, store: Store = FORGETFUL, reporter: Reporter = SILENT
) -> Path:
    """The file of a locked wheel on this machine: fetched, or built again.

    Raises:
        FetchError: it cannot be had, or is another one.
        BuildError: what is built is not what was locked.
    """
    source = wheel.wheel
    if source is None or source.kind in ("index", "file"):
        return fetch_wheel(
            wheel.url,
            wheel.file_name,
            sha256=wheel.sha256,
            size=wheel.size,
            offline=offline,
            store=store,
            reporter=reporter,
        )
    kept = find_wheel(wheel.sha256, wheel.file_name, store)
    if kept is not None:
        return kept
    reporter.note(f"building {wheel.name} {wheel.version} of its sources", passing=True)
    built = _again(wheel, source, offline=offline)
    if sha256_of_bytes(built.data) != wheel.sha256:
        raise BuildError(
            f"{wheel.file_name} is built otherwise here than where it was locked",
            hint="its build depends on more than it says: lock again, or commit a wheel of it and name that",
            expected_sha256=wheel.sha256,
            found_sha256=sha256_of_bytes(built.data),
        )
    return keep_wheel(built.data, built.file_name, store)


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


def _wheel(requirement: PipRequirement, path: Path, target: WheelTarget, store: Store) -> HereWheel:
    name = split_wheel_name(path.name)
    if name is None:
        raise _at(requirement, f"'{path.name}' has not the name of a wheel")
    if not target.takes(name):
        raise native_refusal(name.project, name.version, path.name, target.tag)
    try:
        kept = keep_wheel(path.read_bytes(), path.name, store)
    except OSError as error:
        raise refusal(FetchError, f"the wheel {path.name} cannot be read", error, file=path) from error
    source = WheelSource(kind="file", requested=True)
    return HereWheel(name=name.project, path=kept, url=path.as_uri(), source=source, requirement=requirement)


def _folder(requirement: PipRequirement, folder: Path, target: WheelTarget, store: Store) -> Iterator[HereWheel]:
    """The newest wheel of each project in a folder; those that are not for `target` are passed over if they can be."""
    best: dict[str, tuple[bool, Version, Path]] = {}
    for path in sorted(folder.glob("*.whl")):
        name = split_wheel_name(path.name)
        if name is None:
            raise _at(requirement, f"'{path.name}' in that folder has not the name of a wheel")
        key = (target.takes(name), Version(name.version), path)
        best[name.project] = max(best.get(name.project, key), key)
    return (_wheel(requirement, best[project][2], target, store) for project in sorted(best))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Building:
    """How what is no wheel yet becomes one."""

    section: PipSection
    before: Before
    offline: bool
    store: Store
    reporter: Reporter

    def project(self, requirement: PipRequirement, folder: Path) -> HereWheel:
        """The wheel of a project that lies here, as it was locked while its sources are the same."""
        sources = digest_of_project(folder)
        for wheel in self.before.wheels:
            source = wheel.wheel
            if source is not None and source.kind == "project" and source.sources_sha256 == sources:
                kept = find_wheel(wheel.sha256, wheel.file_name, self.store)
                if kept is not None:
                    return HereWheel(
                        name=wheel.name, path=kept, url=folder.as_uri(), source=source, requirement=requirement
                    )
        with self.reporter.task(f"building {requirement.text}", None, "items") as task:
            built = self._build(folder, f"`{requirement.text}`")
            task.advance(1)
        source = WheelSource(kind="project", requested=True, sources_sha256=sources, build=built.build)
        return self._here(built, folder.as_uri(), source, requirement)

    def repository(self, requirement: PipRequirement) -> HereWheel:
        """The wheel of a repository, of the commit that was locked while the requirement is the same."""
        locked = _kept_commit(requirement, self.before)
        commit = (
            locked.wheel.commit
            if locked and locked.wheel
            else resolve_commit(requirement.address, requirement.ref, offline=self.offline)
        )
        url = f"git+{requirement.address}@{commit}"
        if locked is not None and locked.wheel is not None:
            kept = find_wheel(locked.sha256, locked.file_name, self.store)
            if kept is not None:
                return HereWheel(name=locked.name, path=kept, url=url, source=locked.wheel, requirement=requirement)
        with (
            self.reporter.task(f"building {requirement.name or requirement.address}", None, "items") as task,
            checkout(requirement.address, commit, offline=self.offline) as folder,
        ):
            inside = _inside(folder, requirement.subdirectory)
            built = self._build(inside, f"{requirement.address} at {commit[:12]}")
            task.advance(1)
        source = WheelSource(
            kind="git", requested=True, commit=commit, subdirectory=requirement.subdirectory, build=built.build
        )
        return self._here(built, url, source, requirement)

    def _build(self, folder: Path, what: str) -> BuiltWheel:
        return build_wheel(folder, what=what, exclude_newer=self.section.exclude_newer, offline=self.offline)

    def _here(self, built: BuiltWheel, url: str, source: WheelSource, requirement: PipRequirement) -> HereWheel:
        name = split_wheel_name(built.file_name)
        if name is None:
            raise _at(requirement, f"what was built is called '{built.file_name}'")
        path = keep_wheel(built.data, built.file_name, self.store)
        return HereWheel(name=name.project, path=path, url=url, source=source, requirement=requirement)


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


def _at(requirement: PipRequirement, problem: str) -> LockError | SpecError:
    return SpecError(
        problem,
        hint="correct the pip section",
        file=str(requirement.file) if requirement.file else None,
        line=requirement.line,
    )
