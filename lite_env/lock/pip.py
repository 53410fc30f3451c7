"""Resolves a pip section: by uv, for the browser, against what the conda part provides.

Only wheels for every platform are taken, and those that are compiled for the environment's own binary interface
(:mod:`lite_env.lock.pip_native`); what else is native has to come from a channel. uv is asked as if the conda part
was a folder of wheels, see :mod:`lite_env.lock.stubs`; what it answers is fetched, looked into and locked.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import Version

from lite_env.errors import LockError, SolveError
from lite_env.lock.model import LockedPackage, WheelSource
from lite_env.lock.pip_explain import explain, native_refusal
from lite_env.lock.pip_native import fitting, write_stand_in
from lite_env.lock.pylock import ResolvedFile, ResolvedPackage, parse_pylock
from lite_env.lock.stubs import write_stubs
from lite_env.lock.uv import run_uv
from lite_env.lock.wheel import split_wheel_name
from lite_env.lock.wheel_fetch import fetch_wheel
from lite_env.lock.wheel_record import locked_wheel
from lite_env.progress import SILENT
from lite_env.spec.address import local_path
from lite_env.store.digest import sha256_of_file
from lite_env.store.protocol import FORGETFUL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lite_env.lock.pip_native import Natives
    from lite_env.lock.stubs import ProvidedProject
    from lite_env.lock.uv import UvAnswer
    from lite_env.lock.wheel_target import WheelTarget
    from lite_env.progress import Reporter
    from lite_env.spec.pip import PipRequirement, PipSection
    from lite_env.store.protocol import Store

# Emscripten's markers and tags. It decides what is a candidate; a native one is refused afterwards, whichever it is.
_PLATFORM = "wasm32-pyodide2024"


@dataclass(frozen=True, kw_only=True, slots=True)
class HereWheel:
    """A wheel that lies here, or was built here, and for which requirement.

    Attributes:
        name: of the project.
        path: of the wheel.
        url: as a lock has it: of the wheel, of the project's folder, or of the repository.
        source: as a lock has it.
        requirement: that asks for it.
    """

    name: str
    path: Path
    url: str
    source: WheelSource
    requirement: PipRequirement


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelRequest:
    """One question.

    Attributes:
        section: what is asked for.
        target: what wheels have to be made for.
        provided: the projects that the conda part brings.
        conda: names of all packages of the conda part.
        here: the wheels of the section's local requirements.
        locked: wheels of an earlier answer: each is kept if it can be.
        offline: open no connection.
        store: keeps wheels as they were fetched.
    """

    section: PipSection
    target: WheelTarget
    provided: tuple[ProvidedProject, ...]
    conda: frozenset[str]
    here: tuple[HereWheel, ...] = ()
    locked: tuple[LockedPackage, ...] = ()
    offline: bool = False
    store: Store = FORGETFUL


def resolve_wheels(request: WheelRequest, *, reporter: Reporter = SILENT) -> tuple[LockedPackage, ...]:
    """The wheels that the section comes to, sorted by name; what the conda part provides is not among them.

    Raises:
        SolveError: there is no answer, or a wheel of it is native and not for the environment.
        FetchError: an index or a wheel could not be read.
        LockError: an index gives no SHA-256.
        PrefixError: a wheel is broken or hostile.
    """
    _refuse_provided(request)
    with _asked(request) as question, reporter.task("resolving the pip section", None, "items") as task:
        natives = question.offer_natives(reporter)
        resolved = question.resolve()
        newest = question.newest()
        task.advance(1)
    requested = {requirement.name for requirement in request.section.requirements} | {
        here.name for here in request.here
    }
    wheels = []
    for package in resolved:
        if package.name in request.conda:
            raise SolveError(
                f"the wheel {package.name} has the name of a conda package, which is no Python project",
                hint="an environment has one package of a name: remove one of them",
            )
        wheels.append(_lock(package, request, natives, requested=package.name in requested, reporter=reporter))
    _check_hashes(request.section, wheels)
    _tell_older(request, wheels, newest, reporter)
    return tuple(sorted(wheels, key=lambda wheel: wheel.name))


def _refuse_provided(request: WheelRequest) -> None:
    """Refuse a local wheel or project that the conda part provides as well: one of the two would stand by chance."""
    provided = {project.name: project for project in request.provided}
    for here in request.here:
        if here.name in provided:
            project = provided[here.name]
            raise SolveError(
                f"`{here.requirement.text}` is {here.name}, which the conda package {project.package} provides in the"
                f" version {project.version}",
                hint="remove one of them from the environment file",
                file=str(here.requirement.file) if here.requirement.file else None,
                line=here.requirement.line,
            )


@contextmanager
def _asked(request: WheelRequest) -> Iterator[_Question]:
    with tempfile.TemporaryDirectory(prefix="lite-env-pip-") as name:
        yield _Question(request, Path(name))


class _Question:
    """The question as files that uv reads, in a folder of its own."""

    def __init__(self, request: WheelRequest, folder: Path) -> None:
        self._request = request
        self._folder = folder
        self._offered: frozenset[str] = frozenset()
        section = request.section
        (folder / "stubs").mkdir()
        (folder / "here").mkdir()
        constraints = write_stubs(request.provided, folder / "stubs")
        (folder / "constraints.txt").write_text("\n".join([*constraints, *section.constraints, ""]), "utf-8")
        (folder / "requirements.in").write_text("\n".join([*self._lines(), ""]), "utf-8")

    def _lines(self) -> Iterator[str]:
        for requirement in self._request.section.requirements:
            if requirement.kind == "index":
                yield requirement.text
            elif requirement.kind == "url":
                yield _direct(requirement, requirement.name or _project_of(requirement.address), requirement.address)
        for here in self._request.here:
            name = split_wheel_name(here.path.name)
            # uv would refuse a wheel that is compiled for a platform that it does not know.
            native = name is not None and not name.pure
            path = write_stand_in(here.path, self._folder / "here", of=here.url) if native else here.path
            yield _direct(here.requirement, here.name, path.as_uri())

    def offer_natives(self, reporter: Reporter) -> Natives:
        """Stand-ins for the wheels of indexes that are compiled for the environment; the answer has these wheels."""
        request = self._request
        if request.target.platform is None:
            return {}
        answer = self._ask(["--universal", "--format", "pylock.toml"])
        if answer.code:  # whatever it is, the question for the browser alone says it better
            return {}
        natives = fitting(parse_pylock(answer.out, self._folder), request.target)
        self._offered = frozenset(name for name, _ in natives)
        for file in natives.values():
            write_stand_in(_fetched(file, request, reporter), self._folder / "stubs", of=file.url)
        return natives

    def resolve(self) -> tuple[ResolvedPackage, ...]:
        """What uv takes; of what was locked as much as can stay."""
        here = {each.name for each in self._request.here}
        locked = [wheel for wheel in self._request.locked if wheel.name not in here]
        if not locked:
            return self._pylock([])
        # uv keeps the versions of a requirements file that it is to write anew, each if it can.
        kept = self._folder / "kept.txt"
        kept.write_text("\n".join(f"{wheel.name}=={wheel.version}" for wheel in locked), "utf-8")
        self._run(["--no-annotate", "--no-header", "--output-file", str(kept)])
        lines = [line for line in kept.read_text("utf-8").splitlines() if " @ " not in line]
        kept.write_text("\n".join(lines), "utf-8")
        return self._pylock(["--constraints", str(kept)])

    def newest(self) -> dict[str, str]:
        """For what is asked for by name: the version that would be taken if it needed nothing else."""
        if not any(requirement.kind == "index" for requirement in self._request.section.requirements):
            return {}
        found = self._pylock(["--no-deps"])
        return {package.name: package.version for package in found if package.version is not None}

    def _pylock(self, more: Sequence[str]) -> tuple[ResolvedPackage, ...]:
        return parse_pylock(self._run(["--format", "pylock.toml", *more]), self._folder)

    def _run(self, more: Sequence[str]) -> str:
        request = self._request
        answer = self._ask(["--python-platform", _PLATFORM, *more])
        if answer.code:
            raise explain(
                answer.told,
                request.section,
                request.provided,
                offline=request.offline,
                tag=request.target.tag,
                offered=self._offered,
            )
        return answer.out

    def _ask(self, more: Sequence[str]) -> UvAnswer:
        request, section = self._request, self._request.section
        arguments = [
            *("pip", "compile", "requirements.in", "--constraints", "constraints.txt", "--find-links", "stubs"),
            *("--python-version", request.target.python, "--only-binary", ":all:"),
            *(f"--no-emit-package={project.name}" for project in request.provided),
            *(("--default-index", section.index_url) if section.index_url else ()),
            *(word for url in section.extra_index_urls for word in ("--index", url)),
            *(word for place in section.find_links for word in ("--find-links", str(place))),
            *(("--no-index",) if section.no_index else ()),
            *(("--prerelease", "allow") if section.prereleases else ()),
            *(("--exclude-newer", section.exclude_newer) if section.exclude_newer else ()),
            *more,
        ]
        return run_uv(arguments, folder=self._folder, offline=request.offline)


def _direct(requirement: PipRequirement, name: str, url: str) -> str:
    extras = f"[{','.join(requirement.extras)}]" if requirement.extras else ""
    return f"{name}{extras} @ {url}" + (f" ; {requirement.marker}" if requirement.marker else "")


def _project_of(address: str) -> str:
    name = split_wheel_name(address.rpartition("/")[2])
    if name is None:
        raise LockError(f"'{address}' has not the name of a wheel", hint="write `NAME @ ADDRESS`")
    return name.project


def _lock(
    package: ResolvedPackage, request: WheelRequest, natives: Natives, *, requested: bool, reporter: Reporter
) -> LockedPackage:
    here = next((each for each in request.here if each.name == package.name), None)
    if here is not None:
        return locked_wheel(here.path, here.url, here.source, request.target)
    file = natives.get((package.name, package.version or "")) or _pure(package, request.target)
    path = _fetched(file, request, reporter)
    local = local_path(file.url) is not None
    source = WheelSource(kind="file" if local else "index", requested=requested)
    return locked_wheel(path, file.url, source, request.target)


def _fetched(file: ResolvedFile, request: WheelRequest, reporter: Reporter) -> Path:
    sha256 = file.sha256 or _own_sha256(file)
    return fetch_wheel(
        file.url,
        file.file_name,
        sha256=sha256,
        size=file.size,
        offline=request.offline,
        store=request.store,
        reporter=reporter,
    )


def _pure(package: ResolvedPackage, target: WheelTarget) -> ResolvedFile:
    for file in package.files:
        name = split_wheel_name(file.file_name)
        if name is not None and name.pure:
            return file
    found = package.files[0].file_name if package.files else "a source archive"
    raise native_refusal(package.name, package.version or "", found, target.tag)


def _own_sha256(file: ResolvedFile) -> str:
    path = local_path(file.url)
    if path is None:
        raise LockError(
            f"the index gives no sha256 for {file.file_name}, so that it cannot be locked",
            hint="ask another index, or download the wheel and name it by its path",
            url=file.url,
        )
    return sha256_of_file(path)


def _check_hashes(section: PipSection, wheels: Sequence[LockedPackage]) -> None:
    by_name = {wheel.name: wheel for wheel in wheels}
    for requirement in section.requirements:
        wheel = by_name.get(requirement.name or "")
        if wheel is not None and requirement.hashes and wheel.sha256 not in requirement.hashes:
            raise LockError(
                f"{wheel.file_name} is none of the files that `--hash` allows for `{requirement.text}`",
                hint="add the hash of the wheel for every platform; a wheel of one platform cannot be used here",
                file=str(requirement.file) if requirement.file else None,
                line=requirement.line,
                found_sha256=wheel.sha256,
            )


def _tell_older(
    request: WheelRequest, wheels: Sequence[LockedPackage], newest: dict[str, str], reporter: Reporter
) -> None:
    """Say what is older than it could be: uv looks for any version of which all that it needs can be had."""
    kept = {(wheel.name, wheel.version) for wheel in request.locked}
    for wheel in wheels:
        could = newest.get(wheel.name)
        if could is None or (wheel.name, wheel.version) in kept or not _is_older(wheel.version, could):
            continue
        reporter.warn(
            f"{wheel.name} {wheel.version} is locked and not {could}: that one needs what has no pure wheel, or what"
            f" the conda part has in another version (ask for `{wheel.name}=={could}` to see what)"
        )


def _is_older(version: str, other: str) -> bool:
    try:
        return Version(version) < Version(other)
    except ValueError:
        return False
