"""Lab extensions between an environment and the site: kept beside its pack, then files of the site."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import msgspec

from lite_env.errors import SiteError
from lite_env.jupyterlite.decisive import site_extensions
from lite_env.jupyterlite.lite_json import FILE as LITE_JSON
from lite_env.jupyterlite.lite_json import read_lite_json, without_extensions, write_lite_json
from lite_env.pack.reader import read_manifest
from lite_env.site.extension import PACKAGE
from lite_env.site.lab_extensions import (
    SHARE,
    SITE_FOLDER,
    Packages,
    choose,
    extension_paths,
    lab_extensions,
)
from lite_env.site.plan import SiteFile
from lite_env.store.atomic import new_directory
from lite_env.store.digest import sha256_of_file
from lite_env.store.text import Origin, convert, parse_json, read_bounded
from lite_env.workflow.environment import opened_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from lite_env.jupyterlite.places import Environment, Workplace
    from lite_env.progress import Reporter
    from lite_env.site.lab_extensions import LabChoice, LabExtension
    from lite_env.store.protocol import Store
    from lite_env.workflow.options import PackOptions


# What builds look for, and no visitor's page does.
_BY_BUILDS = ("/package.json", "/install.json")


class _Collected(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was kept: of which packages it is, and of which environment, by name."""

    digest: str | None
    sourcemaps: bool
    environment: str
    packages: dict[str, str]


def collect(
    environment: Environment, options: PackOptions, *, sourcemaps: bool, store: Store, reporter: Reporter
) -> None:
    """Keep the lab extensions of `environment` beside its pack.

    Raises:
        SiteError: one of them is damaged.
        LiteEnvError: the environment cannot be read.
    """
    locked = environment.source.kind != "installed environment" and environment.manifest.is_file()
    digest = read_manifest(environment.pack).environment.lock_digest if locked else None
    if digest is not None and environment.collected.is_file():
        before = _collected(environment)
        if (before.digest, before.sourcemaps) == (digest, sourcemaps):
            # The packages are the same, so what they bring is.
            return
    with (
        opened_environment(environment.source.path, options, store=store, reporter=reporter) as opened,
        new_directory(environment.lab) as staging,
    ):
        for extension in lab_extensions(opened.prefix.path / SHARE, f"the environment '{opened.name}'"):
            copy_extension(extension, staging / extension.name, sourcemaps=sourcemaps)
        packages = {package.name: package.version for package in opened.prefix.packages}
        collected = _Collected(digest=digest, sourcemaps=sourcemaps, environment=opened.name, packages=packages)
        (staging / environment.collected.name).write_bytes(msgspec.json.encode(collected) + b"\n")


def copy_extension(extension: LabExtension, folder: Path, *, sourcemaps: bool = True) -> None:
    """Copy the files of `extension` to `folder`.

    Raises:
        SiteError: there is something else than files and folders.
    """
    for path in extension_paths(extension, sourcemaps=sourcemaps):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(extension.folder / path, target)


def _collected(environment: Environment) -> _Collected:
    path = environment.collected
    origin = Origin(
        what="the list of lab extensions", error=SiteError, file=str(path), hint="remove it, and build the site again"
    )
    return convert(parse_json(read_bounded(path, origin), origin), _Collected, origin)


def choose_extensions(environments: Sequence[Environment], place: Workplace) -> LabChoice:
    """What of the environments' extensions is put into the site, and what does not fit.

    Raises:
        SiteError: two environments bring different versions of one.
    """
    found: list[LabExtension] = []
    packages: list[Packages] = []
    for environment in environments:
        collected = _collected(environment)
        found += lab_extensions(environment.lab, f"the environment '{collected.environment}'")
        packages.append(Packages(environment=collected.environment, versions=collected.packages))
    return choose(found, site_extensions(place), packages, own=(PACKAGE,))


def extension_site_files(chosen: Iterable[LabExtension]) -> Iterator[SiteFile]:
    """The files of `chosen` in the site."""
    for extension in chosen:
        for path in extension_paths(extension):
            source = extension.folder / path
            yield SiteFile(
                path=f"{SITE_FOLDER}{extension.name}/{path}",
                size=source.stat().st_size,
                sha256=sha256_of_file(source),
                source=source,
            )


def removed_at_once(place: Workplace) -> Callable[[str], bool]:
    """Tells of paths of the site which may not stay when no environment brings them any more.

    By a ``package.json`` JupyterLite takes what is there for an extension, and where it has one of that name itself the
    files are its own.
    """
    own = tuple(f"{SITE_FOLDER}{extension.name}/" for extension in site_extensions(place))

    def is_removed(path: str) -> bool:
        return path.startswith(own) or (path.startswith(SITE_FOLDER) and path.endswith(_BY_BUILDS))

    return is_removed


def forget(place: Workplace, stale: Iterable[str]) -> None:
    """Take extensions that an earlier build has brought, and of which `stale` files are gone, out of the site's list.

    Where JupyterLite's own Python has one of that name, it is put in its place again.
    """
    gone = {
        path.removeprefix(SITE_FOLDER).removesuffix("/package.json")
        for path in stale
        if path.startswith(SITE_FOLDER) and path.endswith("/package.json")
    }
    gone = {name for name in gone if not (place.output / SITE_FOLDER / name / "package.json").is_file()}
    for extension in site_extensions(place):
        if extension.name in gone:
            shutil.copytree(extension.folder, place.output / SITE_FOLDER / extension.name, dirs_exist_ok=True)
            gone.discard(extension.name)
    if not gone or not (place.output / LITE_JSON).is_file():
        return
    document = read_lite_json(place.output)
    changed = without_extensions(document, sorted(gone))
    if changed != document:
        write_lite_json(place.output, changed)
