"""Files of this machine that appear in an environment's file system: chosen by a user, and packed as packages' are."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from lite_env.errors import PackError, PrefixError
from lite_env.pack.limits import MAX_RAW_SIZE
from lite_env.pack.path import is_of_records, is_safe_path
from lite_env.prefix.model import PrefixFile
from lite_env.prefix.tree import refuse_beyond_bounds, scan_tree
from lite_env.store.digest import sha256_of_bytes, sha256_of_file
from lite_env.store.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# What kernels have there themselves: the user's files, devices, and what Emscripten tells of processes.
_RESERVED = frozenset(("drive", "dev", "proc"))
_FORM = "write HOST:/PATH, such as data:/data"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mount:
    """What a user wants to appear where.

    Attributes:
        source: a folder, or one file.
        target: where it appears: absolute, POSIX.
    """

    source: Path
    target: str

    @property
    def path(self) -> str:
        """Where it lies in the pack: relative to the root of the kernel's file system."""
        return self.target[1:]


@dataclass(frozen=True, kw_only=True, slots=True)
class Mounted:
    """The files of all mounts, as they were when they were looked at.

    Attributes:
        files: sorted by path; no package owns them.
        sources: where each file lies on this machine, by path; links are among them.
        digests: SHA-256 of each file, by path; links have none.
        empty: targets of folders without files.
    """

    files: tuple[PrefixFile, ...] = ()
    sources: Mapping[str, Path] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    empty: tuple[str, ...] = ()

    @property
    def content(self) -> list[object]:
        """All of them that decides about a pack, as a part of a key."""
        return [[file.path, file.size, file.executable, file.link, self.digests.get(file.path)] for file in self.files]

    def read(self, path: str) -> bytes:
        """The file at `path`, which is what it was.

        Raises:
            PackError: it is not, or it cannot be read.
        """
        source = self.sources[path]
        try:
            content = source.read_bytes()
        except OSError as error:
            raise refusal(PackError, f"'{source}', which is mounted, cannot be read", error, file=source) from error
        if sha256_of_bytes(content) != self.digests[path]:
            raise PackError(
                f"'{source}' was changed while it was packed", hint="pack again when nothing writes there", file=path
            )
        return content


NOTHING_MOUNTED = Mounted()


def parse_mount(text: str, base: Path = Path()) -> Mount:
    """A mount as it is written: ``HOST:/PATH``; the last colon counts, since a drive of Windows has one too.

    Args:
        text: what was written.
        base: the folder to which HOST is relative.

    Raises:
        PackError: it is no mount, or PATH is nowhere that files can be put.
    """
    source, colon, target = text.rpartition(":")
    if not colon or not source or not target:
        raise PackError(f"'{text}' is not a mount", hint=_FORM, found=text)
    if not target.startswith("/"):
        raise PackError(
            f"the mount '{text}' has no absolute path after its last colon, but '{target}'", hint=_FORM, found=text
        )
    path = target[1:].removesuffix("/")
    if not is_safe_path(path):
        raise PackError(
            f"the mount '{text}' cannot appear at '{target}'",
            hint="write the path of a folder below `/`, without `.`, `..`, backslashes or empty names",
            found=text,
        )
    _refuse_reserved(text, path)
    return Mount(source=base / source, target=f"/{path}")


def contents_mount(files: Path) -> Mount:
    """A JupyterLite site's contents at ``/files``."""
    return Mount(source=files, target="/files")


def refuse_overlaps(mounts: Sequence[Mount]) -> None:
    """Refuse mounts of which one appears at, or inside of, another.

    Raises:
        PackError: two do.
    """
    seen: dict[str, Mount] = {}
    for mount in sorted(mounts, key=lambda mount: PurePosixPath(mount.target).parts):
        for place in (mount.target, *map(str, PurePosixPath(mount.target).parents)):
            if place in seen:
                raise PackError(
                    f"two mounts overlap: '{seen[place].target}' and '{mount.target}'",
                    hint="let each appear in a folder of its own, or put the files together on this machine",
                    first=str(seen[place].source),
                    second=str(mount.source),
                )
        seen[mount.target] = mount


def refuse_output(output: Path, mounts: Iterable[Mount]) -> None:
    """Refuse to write a pack into what it holds, which would grow each time.

    Raises:
        PackError: `output` is in or around a folder that is mounted.
    """
    real = output.resolve()
    for mount in mounts:
        source = mount.source.resolve()
        if real.is_relative_to(source) or source.is_relative_to(real):
            raise PackError(
                f"a pack cannot be written to '{output}': that is in or around '{mount.source}', which is mounted at"
                f" '{mount.target}'",
                hint="choose another folder for the pack, or mount a folder that holds nothing but the files",
            )


def read_mounts(mounts: Sequence[Mount]) -> Mounted:
    """Look at the files of `mounts`, and hash them.

    Raises:
        PackError: two overlap, or a file is not there, cannot be read, or cannot be packed.
    """
    if not mounts:
        return NOTHING_MOUNTED
    refuse_overlaps(mounts)
    files: list[PrefixFile] = []
    sources: dict[str, Path] = {}
    empty: list[str] = []
    for mount in mounts:
        found = list_mount(mount)
        files += found.files
        sources |= found.sources
        empty += found.empty
    digests = {file.path: _digest(sources[file.path]) for file in files if file.link is None}
    return Mounted(
        files=tuple(sorted(files, key=lambda file: file.path)),
        sources=sources,
        digests=digests,
        empty=tuple(sorted(empty)),
    )


def list_mount(mount: Mount) -> Mounted:
    """The files of a mount, none of them opened: without digests.

    Raises:
        PackError: one is not there, or cannot be packed.
    """
    try:
        status = mount.source.stat()
        if stat.S_ISREG(status.st_mode):
            refuse_beyond_bounds(mount.path)
            executable = bool(status.st_mode & stat.S_IXUSR)
            files: tuple[PrefixFile, ...] = (PrefixFile(path=mount.path, size=status.st_size, executable=executable),)
            sources = {mount.path: mount.source}
        elif stat.S_ISDIR(status.st_mode):
            found = scan_tree(mount.source, without=None, what=f"'{mount.source}'")
            files = tuple(replace(file, path=f"{mount.path}/{file.path}") for file in found)
            sources = {f"{mount.path}/{file.path}": mount.source / file.path for file in found}
        else:
            raise PackError(
                f"'{mount.source}' cannot be mounted: it is neither a file nor a folder",
                hint="name a file or a folder",
                target=mount.target,
            )
    except OSError as error:
        what = f"'{mount.source}' cannot be mounted at '{mount.target}'"
        absent = "look at the spelling: what is mounted must be there"
        raise refusal(PackError, what, error, file=mount.source, absent=absent) from error
    except PrefixError as error:
        raise PackError(
            f"'{mount.source}' cannot be mounted at '{mount.target}': {error.message}",
            hint=error.hint,
            target=mount.target,
        ) from error
    for file in files:
        _refuse_unfit(file, mount)
    return Mounted(files=files, sources=sources, empty=() if files else (mount.target,))


def refuse_collisions(mounted: Mounted, prefix: Iterable[PrefixFile]) -> None:
    """Refuse mounted files that would hide, or lie inside of, one of the environment's own.

    Args:
        mounted: files of all mounts.
        prefix: all files of the environment.

    Raises:
        PackError: one does.
    """
    own = {file.path: file.package for file in prefix} if mounted.files else {}
    folders = {str(parent) for path in own for parent in PurePosixPath(path).parents}
    for file in mounted.files:
        above = (str(parent) for parent in PurePosixPath(file.path).parents)
        there = file.path if file.path in own or file.path in folders else next((it for it in above if it in own), None)
        if there is not None:
            package = own.get(there)
            raise PackError(
                f"'{mounted.sources[file.path]}' cannot appear at '/{file.path}': the environment has"
                f" '/{there}' itself" + (f", of the package {package}" if package else ""),
                hint="mount it at another path",
                file=file.path,
            )


def _refuse_reserved(text: str, path: str) -> None:
    first = path.partition("/")[0]
    if first in _RESERVED or is_of_records(path):
        raise PackError(
            f"the mount '{text}' cannot appear at '/{path}': kernels have '/{first}' for something else",
            hint="mount it at another path",
            found=text,
        )


def _refuse_unfit(file: PrefixFile, mount: Mount) -> None:
    if not is_safe_path(file.path):
        raise PackError(f"the path '/{file.path}' cannot be packed", hint="rename the file", file=str(mount.source))
    if file.size > MAX_RAW_SIZE:
        raise PackError(
            f"'/{file.path}' has {file.size} bytes: no browser could open it",
            hint="split it, or mount a folder without it",
            file=str(mount.source),
        )


def _digest(source: Path) -> str:
    try:
        # What was a regular file a moment ago may be something else that would be waited for.
        if not stat.S_ISREG(os.lstat(source).st_mode) and not source.is_file():
            raise PackError(f"'{source}' is no file any more", hint="pack again when nothing writes there")
        return sha256_of_file(source)
    except OSError as error:
        raise refusal(PackError, f"'{source}', which is mounted, cannot be read", error, file=source) from error
