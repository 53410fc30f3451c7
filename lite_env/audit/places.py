"""Where runtimes and the libraries of other packages come from: a channel, a pack, an environment, a package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.audit.channel_folder import ChannelFolder, is_channel
from lite_env.audit.environment import is_environment, read_environment, read_environment_runtimes
from lite_env.audit.package_file import is_package_file, look_into, read_package_file
from lite_env.audit.runtime import main_modules, make_runtime
from lite_env.audit.subject import libraries_of
from lite_env.channel.model import DEFINITION_FILE, SUBDIRS
from lite_env.errors import ChannelError
from lite_env.spec.matchspec import name_of
from lite_env.wasm.dylink import is_library

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lite_env.audit.contents import Contents
    from lite_env.audit.runtime import Runtime
    from lite_env.audit.subject import Libraries

_EMSCRIPTEN, _PYTHON = "emscripten-abi", "python"


def channel_of(path: Path) -> Path | None:
    """The channel in whose subdir the package file `path` lies; None where it lies elsewhere."""
    folder = path.absolute().parent
    return folder.parent if folder.name in SUBDIRS else None


def read_runtimes(path: Path) -> tuple[Runtime, ...]:
    """The runtimes of the kernels that are in `path`.

    Args:
        path: a pack, a channel's folder, an installed environment, or the package file of a kernel.

    Raises:
        LiteEnvError: it is none of these, or cannot be read.
    """
    if is_package_file(path):
        channel = channel_of(path)
        beside = ChannelFolder(channel) if channel is not None else None
        return tuple(_runtimes_in(look_into(read_package_file(path)), _versions(beside)))
    if is_environment(path):
        return read_environment_runtimes(path)
    if is_channel(path):
        return runtimes_of_channel(ChannelFolder(path))
    raise not_a_place(path)


def not_a_place(path: Path) -> ChannelError:
    """The error for a path at which there is nothing to audit."""
    if (path / DEFINITION_FILE).is_file():
        return ChannelError(
            f"'{path}' is a channel that is not built", hint=f"`lite-env channel build {path}` builds it"
        )
    return ChannelError(
        f"'{path}' is no package, channel, pack or environment" if path.exists() else f"there is no '{path}'",
        hint="a package is a .conda or .tar.bz2 file; a channel has folders noarch and emscripten-wasm32, a pack a"
        " manifest.json, an environment conda-meta",
    )


def runtimes_of_channel(channel: ChannelFolder) -> tuple[Runtime, ...]:
    """The runtimes of the kernels in a channel, in the order of their packages."""
    known = _versions(channel)
    return tuple(runtime for contents in channel.with_main_modules() for runtime in _runtimes_in(contents, known))


def libraries_for(depends: Sequence[str], channels: Sequence[ChannelFolder]) -> Libraries:
    """The libraries that packages with these dependencies have, and those that lie in the same channels."""
    reached: list[Contents] = []
    others: dict[str, str] = {}
    for channel in channels:
        dependencies = channel.dependencies(depends)
        reached += channel.with_libraries(dependencies)
        others |= {
            path.rpartition("/")[2]: file.package.name
            for file in channel.files
            if file not in dependencies
            for path in file.files
            if is_library(path)
        }
    return libraries_of(reached, others)


def libraries_at(path: Path) -> Callable[[Sequence[str]], Libraries | None]:
    """What gives the libraries that packages with certain dependencies have in the place `path`.

    It gives None where that is a package that lies in no channel.
    """
    if is_environment(path):
        # All that is in an environment can be loaded, whoever depends on it.
        whole = libraries_of(read_environment(path).contents)
        return lambda _: whole
    folder = channel_of(path) if is_package_file(path) else path
    if folder is None:
        return lambda _: None
    channel = ChannelFolder(folder)
    return lambda depends: libraries_for(depends, [channel])


def _versions(channel: ChannelFolder | None) -> list[tuple[str, str]]:
    files = channel.files if channel is not None else ()
    return [(file.package.name, file.package.version) for file in files if file.package.name in (_EMSCRIPTEN, _PYTHON)]


def _runtimes_in(contents: Contents, known: Sequence[tuple[str, str]]) -> Iterator[Runtime]:
    for binary, glue in main_modules(contents):
        made = make_runtime(
            binary,
            glue,
            # Without such a dependency a package says nothing of its Emscripten.
            emscripten=_version(_EMSCRIPTEN, contents, known) if _depends_on(_EMSCRIPTEN, contents) else None,
            python=_version(_PYTHON, contents, known),
        )
        if made is not None:
            yield made


def _depends_on(name: str, contents: Contents) -> bool:
    return any(name_of(spec) == name for spec in contents.depends)


def _version(name: str, contents: Contents, known: Sequence[tuple[str, str]]) -> str | None:
    """The version of the package `name` that `contents` can have, where it is but one."""
    # rattler takes a third of a second to import, which `--help` shall not cost.
    from lite_env.lock.conda.records import satisfies_version  # noqa: PLC0415

    specs = [spec for spec in contents.depends if name_of(spec) == name]
    versions = {version for each, version in known if each == name}
    fitting = [version for version in versions if all(satisfies_version(spec, version) for spec in specs)]
    return fitting[0] if len(fitting) == 1 else None
