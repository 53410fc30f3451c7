"""A package file on this machine, read for an audit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lite_env.audit.contents import Contents
from lite_env.audit.look import Looker, is_license
from lite_env.errors import ChannelError, PrefixError
from lite_env.lock.contents import INDEX, PATHS, contents_of
from lite_env.lock.explicit_fetch import with_index
from lite_env.lock.model import LockedPackage
from lite_env.lock.safety import refuse_unsafe_contents
from lite_env.spec.matchspec import split_file_name
from lite_env.store.text import Origin, parse_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageFile:
    """A package as its own record and lists tell of it; its files were not looked at.

    Attributes:
        path: where it lies.
        package: its record.
        files: paths that its lists name.
        prefix_paths: those that are recorded as holding the placeholder of a prefix.
    """

    path: Path
    package: LockedPackage
    files: tuple[str, ...]
    prefix_paths: tuple[str, ...]


def is_package_file(path: Path) -> bool:
    """Whether `path` is named as a conda package is."""
    return split_file_name(path.name) is not None


def read_package_file(path: Path) -> PackageFile:
    """The record and the lists of the package at `path`.

    Raises:
        ChannelError: it is not named as a package is, or is not there.
        PrefixError: it cannot be read, or its record is wrong.
    """
    # rattler takes a third of a second to import, which `--help` shall not cost.
    from lite_env.lock.conda.archives import read_texts  # noqa: PLC0415

    named = split_file_name(path.name)
    if named is None:
        raise ChannelError(
            f"'{path}' is not named as a conda package is", hint="such as numpy-1.25.2-py311_2.conda", file=str(path)
        )
    if not path.is_file():
        raise ChannelError(f"there is no package '{path}'", hint="give a .conda or .tar.bz2 file", file=str(path))
    name, version, build = named
    bare = LockedPackage(
        name=name,
        version=version,
        build=build,
        build_number=0,
        subdir="",
        file_name=path.name,
        url=path.absolute().as_uri(),
        channel=path.absolute().parent.parent.as_uri(),
        sha256="",
    )
    texts = read_texts(bare, path, [INDEX, PATHS])
    index = texts[INDEX]
    if index is None:
        raise _broken(path, f"has no {INDEX}")
    origin = Origin(what=f"the `{INDEX}` of {path.name}", error=PrefixError, file=str(path), hint=_HINT)
    told = parse_json(index, origin)
    subdir = told.get("subdir") if isinstance(told, dict) else None
    package = with_index(
        replace(bare, subdir=subdir if isinstance(subdir, str) else path.absolute().parent.name), index
    )
    files, prefix_paths = _listed(texts[PATHS], path)
    return PackageFile(path=path, package=package, files=files, prefix_paths=prefix_paths)


def look_into(file: PackageFile, *, host_paths: Sequence[str] = ()) -> Contents:
    """What an audit wants to know of the package; each of its files is read once.

    Args:
        file: the package.
        host_paths: paths of this machine that are to be in none.

    Raises:
        PrefixError: it cannot be read, or would write outside of an environment.
    """
    from lite_env.lock.conda.archives import look_into_archives  # noqa: PLC0415 - see above

    package = file.package
    looker = Looker(host_paths)
    (held,) = look_into_archives([package], {package.name: file.path}, see=looker.see).values()
    refuse_unsafe_contents([package], {package.name: held})
    files = tuple(sorted(path.removeprefix("./") for path in held.packed if path not in held.links))
    return Contents(
        name=package.name,
        version=package.version,
        label=file.path.name,
        subdir=package.subdir,
        noarch=package.noarch,
        depends=package.depends,
        license=package.license,
        complete=True,
        is_wheel=False,
        files=files,
        links=held.links,
        licenses=tuple(
            sorted(path for path in (*files, *held.info) if is_license(path) and not path.startswith("info/recipe/"))
        ),
        lacking=held.lacking,
        changed=tuple(
            path for path, digest in held.digests.items() if held.found.get(path.removeprefix("./"), digest) != digest
        ),
        unread=tuple(path for path in files if path not in held.found),
        **looker.facts(prefix_paths=file.prefix_paths),
    )


_HINT = "do not use this package: it is broken"


def _broken(path: Path, what: str) -> PrefixError:
    return PrefixError(f"the package {path.name} {what}", hint=_HINT, file=str(path))


def _listed(text: bytes | None, path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The paths of ``paths.json``, and those of files with a placeholder; none in packages from before it."""
    if text is None:
        return (), ()
    origin = Origin(what=f"the `{PATHS}` of {path.name}", error=PrefixError, file=str(path), hint=_HINT)
    document = parse_json(text, origin)
    try:
        listed = contents_of({PATHS: text}, (), {}, ()).listed
        marked = tuple(
            str(entry["_path"]) for entry in document["paths"] if entry.get("prefix_placeholder") is not None
        )
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise origin.fault("is not the list of a package") from error
    return listed, marked
