"""Lab extensions that the packages of an environment bring, as files of a JupyterLite site.

A prebuilt extension is a folder with a ``package.json`` that names what to load. JupyterLite takes those that are
installed beside it (``share/jupyter/labextensions`` of its Python, and folders that are named); of an environment that
is packed it knows nothing. JupyterLite's own addon lists whatever lies in the site's folder ``extensions``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lite_env.errors import SiteError
from lite_env.pack.path import is_safe_path
from lite_env.prefix.tree import walk
from lite_env.site.extension import is_package_name
from lite_env.site.widgets import Offered, widget_notes
from lite_env.store.text import Origin, parse_json, read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

SHARE = "share/jupyter/labextensions"
"""Where extensions lie in an environment, and below ``sys.prefix``."""
SITE_FOLDER = "extensions/"
"""Where they lie in a site."""

_PACKAGE = "package.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class LabExtension:
    """A prebuilt extension.

    Attributes:
        name, version: as its ``package.json`` says.
        folder: where it lies.
        origin: whose it is, for people: ``the environment 'demo'``.
        load: what of it is loaded with the page, relative to the folder.
    """

    name: str
    version: str
    folder: Path
    origin: str
    load: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Packages:
    """The packages of an environment: its name, and their versions by name."""

    environment: str
    versions: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class LabChoice:
    """What becomes of the extensions of environments.

    Attributes:
        copied: those that are put into the site, by name.
        notes: what a user of the site may miss, and what to change.
    """

    copied: tuple[LabExtension, ...]
    notes: tuple[str, ...]


def lab_extensions(folder: Path, origin: str, *, tolerant: bool = False) -> tuple[LabExtension, ...]:
    """The prebuilt extensions below `folder` (``…/labextensions``), by name; what is none is passed by.

    Args:
        folder: where to look; it need not be there.
        origin: as `LabExtension.origin`.
        tolerant: whether to pass by what is damaged as well.

    Raises:
        SiteError: a ``package.json`` cannot be read, or names another folder than its own, or a file outside.
    """
    found = []
    for path in sorted((*folder.glob(f"*/{_PACKAGE}"), *folder.glob(f"@*/*/{_PACKAGE}"))):
        try:
            extension = _extension(path, path.parent.relative_to(folder).as_posix(), origin)
        except SiteError:
            if not tolerant:
                raise
        else:
            found += [extension] if extension is not None else []
    return tuple(sorted(found, key=lambda extension: extension.name))


def _extension(path: Path, place: str, origin: str) -> LabExtension | None:
    hint = "install the package that brings it again, or leave it out"
    source = Origin(what=f"'{place}' of {origin}", error=SiteError, file=str(path), hint=hint)
    document: Any = parse_json(read_bounded(path, source), source)
    build = _at(_at(document, "jupyterlab"), "_build")
    load = _at(build, "load")
    if not isinstance(load, str):
        # A theme's sources, an extension that JupyterLab would have to build, and the like.
        return None
    name, version = _at(document, "name"), _at(document, "version")
    if name != place or not is_package_name(place) or not isinstance(version, str) or not is_safe_path(load):
        raise SiteError(
            f"a lab extension of {origin} is not the one of its folder",
            hint=hint,
            file=str(path),
            expected=f"the name {place!r}, a version, and a file of it to load",
            found=f"{name!r}, {version!r}, {load!r}",
        )
    return LabExtension(name=place, version=version, folder=path.parent, origin=origin, load=load)


def _at(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


def extension_paths(extension: LabExtension, *, sourcemaps: bool = True) -> Iterator[str]:
    """The files of an extension, relative to its folder, sorted; what is loaded comes before ``package.json``.

    Raises:
        SiteError: there is something else than files and folders.
    """
    paths = []
    for path, entry in walk(extension.folder):
        if entry.is_dir(follow_symlinks=False) or (not sourcemaps and path.endswith(".map")):
            continue
        if entry.is_symlink() or not entry.is_file() or not is_safe_path(path):
            raise SiteError(
                f"the lab extension '{extension.name}' of {extension.origin} holds '{path}', which is no plain file",
                hint="was it installed with `jupyter labextension develop`? Install its wheel instead",
                file=str(extension.folder / path),
            )
        paths.append(path)
    yield from sorted(paths, key=lambda path: (path == _PACKAGE, path))


def choose(
    found: Sequence[LabExtension],
    site: Sequence[LabExtension],
    environments: Sequence[Packages] = (),
    *,
    own: Sequence[str] = (),
) -> LabChoice:
    """Decide which extensions of environments are put into a site, and what does not fit.

    An environment's wins over one of the site: kernels need what fits their packages, and that is what was locked.

    Args:
        found: of all environments.
        site: of JupyterLite's own Python and folders; of several with one name the last one is taken.
        environments: packages that may need an extension.
        own: names that are not an environment's to bring.

    Raises:
        SiteError: two environments bring different versions of one extension.
    """
    there = {extension.name: extension for extension in site}
    chosen: dict[str, LabExtension] = {}
    notes: list[str] = []
    for extension in found:
        other = chosen.setdefault(extension.name, extension)
        if other.version != extension.version:
            raise SiteError(
                f"two environments of the site bring different versions of the lab extension '{extension.name}', of"
                " which a page can load one",
                hint="ask for the same version of the package that brings it in both environment files",
                first=f"{other.version} of {other.origin}",
                second=f"{extension.version} of {extension.origin}",
            )
    for extension in list(chosen.values()):
        beside = there.get(extension.name)
        if extension.name in own or (beside is not None and beside.version == extension.version):
            del chosen[extension.name]
        elif beside is not None:
            notes.append(
                f"the lab extension '{extension.name}' is in the site as {extension.version} of {extension.origin}, and"
                f" not as {beside.version} of {beside.origin}: install the same version there to have no two"
            )
    offered = {
        extension.name: Offered(version=extension.version, origin=extension.origin)
        for extension in (*there.values(), *chosen.values())
    }
    for environment in environments:
        notes += widget_notes(environment.environment, environment.versions, offered)
    return LabChoice(copied=tuple(chosen[name] for name in sorted(chosen)), notes=tuple(notes))
