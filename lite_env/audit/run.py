"""The audit of a package, of a channel, of a pack or an installed environment: each rule asked about each package."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from lite_env.audit.channel_folder import ChannelFolder, is_channel
from lite_env.audit.environment import is_environment, read_environment
from lite_env.audit.model import Audit, Finding
from lite_env.audit.package_file import is_package_file, look_into, read_package_file
from lite_env.audit.places import (
    channel_of,
    libraries_at,
    libraries_for,
    not_a_place,
    read_runtimes,
    runtimes_of_channel,
)
from lite_env.audit.rules import RULES
from lite_env.audit.rules.abi import is_for_another
from lite_env.audit.rules.payload import RULE as PAYLOAD
from lite_env.audit.rules.rule import lacking, some
from lite_env.audit.subject import Subject, libraries_of
from lite_env.errors import ChannelError
from lite_env.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from lite_env.audit.contents import Contents
    from lite_env.audit.rules.rule import Need
    from lite_env.audit.runtime import Runtime
    from lite_env.audit.subject import Libraries
    from lite_env.errors import LiteEnvError
    from lite_env.progress import Reporter

    _Source: TypeAlias = Callable[[Sequence[str]], Libraries | None]

_WITHOUT: dict[Need, str] = {
    "runtime": "no kernel was found that it could run in (--runtime names one)",
    "package": "of packages in a pack or an environment the package files are not there",
}


def audit_package(
    path: Path,
    *,
    runtime: Runtime | None = None,
    libraries: Libraries | None = None,
    host_paths: Sequence[str] = (),
) -> tuple[Finding, ...]:
    """What is wrong with the conda package at `path`.

    Args:
        path: a ``.conda`` or ``.tar.bz2`` file.
        runtime: what it is to run in, see `read_runtime`; without one, rules that need it find nothing.
        libraries: the shared libraries of what it depends on, see `read_libraries`; without them, needed libraries
            that are not its own are not looked for, and imports of what needs them are not looked up.
        host_paths: paths of this machine, such as the folder of the build, that are to be in no file: an error.

    Raises:
        ChannelError: there is no such package.
        PrefixError: it is damaged, or would write outside of an environment.
    """
    contents = look_into(read_package_file(path), host_paths=host_paths)
    return tuple(_findings(Subject(contents=contents, runtime=runtime, libraries=libraries)))


def read_runtime(path: Path) -> Runtime:
    """The runtime at `path` that libraries can be loaded into; of several the first that has a Python.

    Args:
        path: a pack, a channel's folder, an installed environment, or the package file of a kernel.

    Raises:
        ChannelError: there is no kernel at `path`.
        LiteEnvError: it is none of these, or cannot be read.
    """
    return min(_some_runtimes(path), key=lambda runtime: (not runtime.links, runtime.python is None))


def read_libraries(depends: Sequence[str], channels: Sequence[Path]) -> Libraries:
    """The shared libraries that a package with these dependencies has at hand.

    Args:
        depends: its match specs.
        channels: folders of channels that have its dependencies; packages that cannot be read are passed by.
    """
    return libraries_for(depends, [ChannelFolder(channel) for channel in channels])


def audit(path: Path, *, runtime: Path | None = None, reporter: Reporter = SILENT) -> Audit:
    """The audit of whatever lies at `path`.

    Args:
        path: a package file, a channel's folder, a pack or an installed environment.
        runtime: what it is to run in, as for `read_runtime`; by default the kernels of the channel, pack or environment
            itself, and of a package those of the channel that it lies in. Libraries of what packages depend on are
            looked for there too.
        reporter: told of packages while they are read.

    Raises:
        LiteEnvError: `path` is none of these, or something in it cannot be read.
    """
    runtimes = _some_runtimes(runtime) if runtime is not None else ()
    beside = libraries_at(runtime) if runtime is not None else None
    if is_package_file(path):
        subjects = _of_package(path, runtimes, beside)
    elif is_environment(path):
        environment = read_environment(path, reporter=reporter)
        subjects = _of_environment(environment.contents, runtimes or environment.runtimes)
    elif is_channel(path):
        channel = ChannelFolder(path)
        subjects = _of_channel(channel, runtimes, beside, reporter)
        return _answer(subjects, channel.broken)
    else:
        raise not_a_place(path)
    return _answer(subjects)


def _some_runtimes(path: Path) -> tuple[Runtime, ...]:
    found = read_runtimes(path)
    if not found:
        raise ChannelError(
            f"there is no kernel in '{path}'",
            hint="a kernel is a .wasm file with its .js or .mjs beside it",
        )
    return found


def _of_package(path: Path, runtimes: Sequence[Runtime], beside: _Source | None) -> list[Subject]:
    contents = look_into(read_package_file(path))
    folder = channel_of(path)
    if not runtimes and folder is not None:
        runtimes = runtimes_of_channel(ChannelFolder(folder))
    libraries = _together(libraries_at(path)(contents.depends), beside, contents)
    return [Subject(contents=contents, runtime=choose(runtimes, contents), libraries=libraries)]


def _of_channel(
    channel: ChannelFolder, runtimes: Sequence[Runtime], beside: _Source | None, reporter: Reporter
) -> list[Subject]:
    runtimes = runtimes or runtimes_of_channel(channel)
    subjects = []
    with reporter.task("checking", len(channel.files), "items") as task:
        for file in channel.files:
            contents = channel.contents(file)
            task.advance(1)
            if contents is None:
                continue
            own: Libraries | None = libraries_of(())
            if any(contents.libraries):
                own = _together(libraries_for(contents.depends, [channel]), beside, contents)
            subjects.append(Subject(contents=contents, runtime=choose(runtimes, contents), libraries=own))
    return subjects


def _together(own: Libraries | None, beside: _Source | None, contents: Contents) -> Libraries | None:
    more = beside(contents.depends) if beside is not None else None
    return own | more if own is not None else more


def _of_environment(contents: Sequence[Contents], runtimes: Sequence[Runtime]) -> list[Subject]:
    # All that is in an environment can be loaded, whoever depends on it.
    libraries = libraries_of(contents)
    return [Subject(contents=each, runtime=choose(runtimes, each), libraries=libraries) for each in contents]


def choose(runtimes: Sequence[Runtime], contents: Contents) -> Runtime | None:
    """The one of `runtimes` that a package is for: it loads libraries, has its Python and its Emscripten.

    Where several do, or none, it is the first of the nearest.
    """
    if len(runtimes) == 1:
        return runtimes[0]
    versions = {path.split("/")[1].removeprefix("python") for path in contents.files if path.startswith("lib/python")}

    def distance(runtime: Runtime) -> tuple[bool, bool, bool]:
        python = ".".join((runtime.python or "").split(".")[:2])
        return not runtime.links, bool(versions) and python not in versions, is_for_another(contents, runtime)

    return min(runtimes, key=distance, default=None)


def _findings(subject: Subject) -> Iterator[Finding]:
    for rule in RULES:
        yield from rule.findings(subject)


def _broken(package: str, error: LiteEnvError) -> Finding:
    hint = error.hint or "build the package again"
    return Finding(rule=PAYLOAD.id, severity="error", package=package, file=None, message=error.message, hint=hint)


def _answer(subjects: Sequence[Subject], broken: Mapping[str, LiteEnvError] | None = None) -> Audit:
    found = [_broken(package, error) for package, error in sorted((broken or {}).items())]
    found += [finding for subject in subjects for finding in _findings(subject)]
    libraries = [binary for subject in subjects for binary in subject.contents.libraries]
    used = {subject.runtime.name for subject in subjects if subject.runtime and any(subject.contents.libraries)}
    return Audit(
        findings=tuple(found),
        packages=(*sorted(broken or ()), *(subject.contents.label for subject in subjects)),
        libraries=len(libraries),
        runtimes=tuple(sorted(used)),
        notes=tuple(_notes(subjects)),
    )


def _notes(subjects: Sequence[Subject]) -> Iterator[str]:
    """What was not checked, and why."""
    for need, reason in _WITHOUT.items():
        without = [subject for subject in subjects if need in lacking(subject)]
        if need == "runtime":
            without = [subject for subject in without if any(subject.contents.libraries)]
        if without:
            checks = "; ".join(rule.checks for rule in RULES if need in rule.needs)
            yield f"not checked{_of(without, subjects)}: {checks}: {reason}"
    for subject in subjects:
        if subject.libraries is None and (missing := _unknown(subject)):
            yield (
                f"not checked of {subject.contents.label}: whether {some(missing)} will be there, and what libraries"
                " that need it import: the package lies in no channel with what it depends on"
            )


def _of(without: Sequence[Subject], subjects: Sequence[Subject]) -> str:
    if len(without) == len(subjects):
        return ""
    return f" of {some(subject.contents.label for subject in without)}"


def _unknown(subject: Subject) -> Iterable[str]:
    return list(dict.fromkeys(name for _, module in subject.modules() for name in subject.needed(module).missing))
