"""What the folder ``xeus/<environment>`` of a site holds that is served by jupyterlite-xeus 5.x; decided, not written.

Read in jupyterlite-xeus 5.1, its worker and ``@emscripten-forge/mambajs-core`` 0.21: the worker takes the files of a
kernel from ``bin/`` and from the kernelspec's folder, unpacks every archive that ``empack_env_meta.json`` names into
``/``, and starts the kernel.
"""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from lite_env.errors import PackError
from lite_env.pack.path import name_fault
from lite_env.site.xeus_archive import Member, made
from lite_env.spec.model import DEFAULT_CHANNELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lite_env.pack.selection import Selection
    from lite_env.prefix.model import InstalledPackage, KernelSpec, Prefix, PrefixFile

META = "empack_env_meta.json"
PACKAGES = "kernel_packages"
_LIBXEUS = "libxeus.so"
_FAMILY = "xeus"
_OWN = frozenset(("script", "wasm", "data"))
"""Files of a kernel that are loaded from ``bin/`` and nowhere else."""
_LOGOS = frozenset((".jpg", ".png", ".svg"))
_WHEELS_CHANNEL = "PyPi"  # by which the front end knows them
_LOOSE = "environment-files.tar.gz"
# What the front end takes for something else than a file of a package.
_TAKEN = re.compile(r"info/|site-packages")
_NOT_IN_URL = re.compile(r"[^A-Za-z0-9._+!=-]")


@dataclass(frozen=True, kw_only=True, slots=True)
class XeusEnvironment:
    """An environment that is to be served so.

    Attributes:
        name: of the environment, and of its folder.
        prefix: where it is installed.
        selection: what of it is packed.
        channels: public URLs, in order of priority; may be empty.
        origins: the public URL of the channel that a package comes from, by the package's name, where it has one.
    """

    name: str
    prefix: Prefix
    selection: Selection
    channels: tuple[str, ...] = ()
    origins: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class XeusPlan:
    """The folder of one environment; all paths are relative to it.

    Attributes:
        name: of the environment.
        kernels: names of its kernels, sorted.
        files: what is served as it is, by path.
        archives: what is unpacked, by file name.
        warnings: what will probably not work there.
    """

    name: str
    kernels: tuple[str, ...]
    files: Mapping[str, Member]
    archives: Mapping[str, tuple[Member, ...]]
    warnings: tuple[str, ...]


def plan_xeus(environment: XeusEnvironment) -> XeusPlan:
    """Decide what is written for `environment`.

    Raises:
        PackError: its name, or files of its kernels, cannot be served so.
    """
    _refuse_name(environment.name)
    files: dict[str, Member] = {}
    for kernel in environment.prefix.kernels:
        if kernel.runtime.family != _FAMILY:
            raise PackError(
                f"jupyterlite-xeus cannot start the kernel '{kernel.name}', of the family {kernel.runtime.family}",
                hint="take the native layout, which starts it; or leave out the package that brings the kernel",
                file=kernel.spec,
            )
        for path, member in _kernel_files(environment, kernel):
            if path in files and files[path] != member:
                raise PackError(
                    f"two kernels have different files that would both be '{path}'",
                    hint="jupyterlite-xeus has one folder for the programs of an environment: leave one of them out",
                    file=path,
                )
            files[path] = member
    library = environment.prefix.path / "lib" / _LIBXEUS
    if library.is_file():
        files[_LIBXEUS] = Member(path=_LIBXEUS, size=library.stat().st_size, source=library)
    lost: list[str] = []
    archives = _archives(environment, lost)
    files[META] = made(META, _meta(environment, archives))
    return XeusPlan(
        name=environment.name,
        kernels=tuple(sorted(kernel.name for kernel in environment.prefix.kernels)),
        files=dict(sorted(files.items())),
        archives=archives,
        warnings=(*_warnings(environment), *lost),
    )


def archive_name(package: InstalledPackage) -> str:
    """The name of the file that a package is unpacked from."""
    return f"{_stem(package)}.tar.gz"


def _stem(package: InstalledPackage) -> str:
    build = "pip" if package.manager == "wheel" else package.build
    return _NOT_IN_URL.sub("_", f"{package.name}-{package.version}-{build}")


def _refuse_name(name: str) -> None:
    fault = name_fault(name)
    if fault is None and ".js" in name:
        # It finds a kernel's module by replacing the first `.js` of an address.
        fault = "jupyterlite-xeus takes the first `.js` in an address for the end of a script's name"
    if fault is None and name == "kernels.json":
        fault = "that is the name of the list of kernels"
    if fault is not None:
        raise PackError(
            f"the environment's name {name!r} cannot be that of a folder there: {fault}",
            hint="choose another with --name NAME, or with `name:` in the environment file",
        )


def _kernel_files(environment: XeusEnvironment, kernel: KernelSpec) -> Iterator[tuple[str, Member]]:
    root = environment.prefix.path
    script = PurePosixPath(kernel.file("script"))
    logos = [path for path in kernel.logos if PurePosixPath(path).suffix in _LOGOS]
    document: dict[str, Any] = json.loads(kernel.document)
    document["argv"] = [f"xeus/{environment.name}/bin/{script.name}", *kernel.argv[1:]]
    folder = f"xeus/{environment.name}/{kernel.name}"
    document["resources"] = {PurePosixPath(path).stem: f"{folder}/{PurePosixPath(path).name}" for path in logos}
    yield f"{kernel.name}/kernel.json", made("kernel.json", _as_json(document))
    pictures = dict(kernel.pictures)
    for path in logos:
        name = PurePosixPath(path).name
        picture = pictures.get(path)
        yield f"{kernel.name}/{name}", _of_prefix(root, path) if picture is None else made(path, picture)
    for file in kernel.binaries:
        if file.role in _OWN:
            # The worker asks for all three by the script's name.
            yield f"bin/{script.stem}{PurePosixPath(file.path).suffix}", _of_prefix(root, file.path)
        else:
            yield f"{kernel.name}/{file.name}", _of_prefix(root, file.path)


def _of_prefix(root: Path, path: str) -> Member:
    source = root / path
    return Member(path=path, size=source.stat().st_size, source=source)


def _archives(environment: XeusEnvironment, lost: list[str]) -> dict[str, tuple[Member, ...]]:
    """The archives of all packages, and of what belongs to none."""
    selection = environment.selection
    own = {file.path for kernel in environment.prefix.kernels for file in kernel.binaries if file.role in _OWN}
    # Libraries that the kernel needs at once are served apart, and are looked for in its file system as well.
    files = (*selection.kept, *(file for file in selection.kernel_files if file.path not in own))
    by_package: dict[str | None, list[Member]] = {}
    for file in sorted(files, key=lambda file: file.path):
        for member in _members(environment, file, lost):
            owner = None if _TAKEN.match(member.path) else file.package
            by_package.setdefault(owner, []).append(member)
    archives = {}
    for package in environment.prefix.packages:
        record = made(f"conda-meta/{_stem(package)}.json", _as_json(_record(environment, package)))
        archives[archive_name(package)] = (record, *_once(by_package.get(package.name, ())))
    if None in by_package:
        archives[_LOOSE] = _once(by_package[None])
    return archives


def _once(members: Iterable[Member]) -> tuple[Member, ...]:
    """Sorted, one of a path: what a link stands for may be there already."""
    return tuple({member.path: member for member in sorted(members, key=lambda member: member.path)}.values())


def _members(environment: XeusEnvironment, file: PrefixFile, lost: list[str]) -> Iterator[Member]:
    """What comes of a file: itself; of a link a copy of what it stands for."""
    root = Path(os.path.realpath(environment.prefix.path))
    content = environment.selection.contents.get(file.path)
    if content is not None:
        yield made(file.path, content)
        return
    if file.link is None:
        source = environment.selection.mounted.sources.get(file.path, root / file.path)
        yield Member(path=file.path, size=file.size, executable=file.executable, source=source)
        return
    if file.path in environment.selection.mounted.sources:
        yield from _of_mounted_link(environment, file, lost)
        return
    target = Path(os.path.realpath(root / file.path))
    if not target.is_relative_to(root):
        raise PackError(f"the link '{file.path}' leaves the environment", hint="remove it", file=file.path)
    if target.is_dir():
        below = target.relative_to(root).as_posix() + "/"
        for other in environment.selection.kept:
            # Not links to folders again: they may lead in a circle.
            if other.path.startswith(below) and (root / other.path).is_file():
                yield _copy(root / other.path, f"{file.path}/{other.path.removeprefix(below)}")
    elif target.is_file():
        yield _copy(target, file.path)
    else:
        lost.append(f"the link '{file.path}' is left out: there is nothing where it points to ('{file.link}')")


def _of_mounted_link(environment: XeusEnvironment, file: PrefixFile, lost: list[str]) -> Iterator[Member]:
    """Copies of what a mounted link stands for, which lies inside of what is mounted."""
    mounted = environment.selection.mounted
    target = Path(os.path.realpath(mounted.sources[file.path]))
    if target.is_file():
        yield _copy(target, file.path)
    elif target.is_dir():
        for other in mounted.files:
            there = Path(os.path.realpath(mounted.sources[other.path].parent)) / mounted.sources[other.path].name
            if other.link is None and there.is_relative_to(target):
                yield _copy(there, f"{file.path}/{there.relative_to(target).as_posix()}")
    else:
        lost.append(f"the link '{file.path}' is left out: there is nothing where it points to ('{file.link}')")


def _copy(source: Path, path: str) -> Member:
    status = source.stat()
    return Member(path=path, size=status.st_size, executable=bool(status.st_mode & stat.S_IXUSR), source=source)


def _record(environment: XeusEnvironment, package: InstalledPackage) -> dict[str, object]:
    wheel = package.manager == "wheel"
    return {
        "name": package.name,
        "version": package.version,
        "build": "pip" if wheel else package.build,
        "build_number": package.build_number,
        "channel": _channel(environment, package),
        "depends": [] if wheel else list(package.depends),
        "subdir": "" if wheel else package.subdir,
        "url": None,
    }


def _channel(environment: XeusEnvironment, package: InstalledPackage) -> str:
    if package.manager == "wheel":
        return _WHEELS_CHANNEL
    # It knows no package without one of the channels that are listed.
    return environment.origins.get(package.name) or _channels(environment)[0]


def _channels(environment: XeusEnvironment) -> list[str]:
    """What `%conda install` would ask; never empty, which the front end refuses."""
    origins = [
        environment.origins[package.name]
        for package in environment.prefix.packages
        if package.name in environment.origins
    ]
    return list(dict.fromkeys((*environment.channels, *origins))) or list(DEFAULT_CHANNELS)


def _meta(environment: XeusEnvironment, archives: Mapping[str, object]) -> bytes:
    packages = []
    for package in environment.prefix.packages:
        record = _record(environment, package)
        kept = ("name", "version", "build", "channel", "depends", "subdir")
        packages.append(
            {name: record[name] for name in kept} | {"filename_stem": _stem(package), "filename": archive_name(package)}
        )
    mounts = [{"name": _LOOSE, "filename": _LOOSE}] if _LOOSE in archives else []
    return _as_json(
        {
            "prefix": "/",
            "packages": packages,
            "mounts": mounts,
            "specs": list(environment.prefix.requested),
            "channels": _channels(environment),
        }
    )


def _warnings(environment: XeusEnvironment) -> Iterator[str]:
    for kernel in environment.prefix.kernels:
        script = (environment.prefix.path / kernel.file("script")).read_bytes()
        wasm = (environment.prefix.path / kernel.file("wasm")).read_bytes()
        if kernel.runtime.worker == "module":
            yield f"the kernel '{kernel.name}' is a module, which jupyterlite-xeus does not load"
        if kernel.startup is not None:
            yield (
                f"jupyterlite-xeus does not run the start-up code of the kernel '{kernel.name}', '{kernel.startup}':"
                " the native layout does"
            )
        if kernel.name == "xpython" and b"init_phase_1" not in script and b"init_phase_1" not in wasm:
            yield (
                f"the kernel '{kernel.name}' is older than what jupyterlite-xeus 5 starts (it has no `init_phase_1`):"
                " take a newer xeus-python, or the native layout, which starts it"
            )
    if not environment.channels and not environment.origins:
        yield (
            "none of its channels has an address that a browser could ask: `%conda install` will ask"
            f" {', '.join(DEFAULT_CHANNELS)}"
        )


def _as_json(value: object) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"
