"""What is asked about: a lock or a pack, read into one value that tells of its packages what either of them tells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from packaging.utils import canonicalize_name

from lite_env.errors import LockError
from lite_env.lock.file import is_lock, lock_path, read_lock
from lite_env.lock.model import PLATFORM, packages_digest
from lite_env.lock.urls import to_relative
from lite_env.pack.reader import MANIFEST, read_manifest
from lite_env.progress import SILENT
from lite_env.spec.environment import find_environment_file
from lite_env.spec.matchspec import name_of
from lite_env.store.protocol import FORGETFUL
from lite_env.store.text import shown

if TYPE_CHECKING:
    from lite_env.lock.model import LockedPackage, Lockfile, SourceKind
    from lite_env.pack.manifest import Manifest, Package
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store

Kind = Literal["lock", "pack"]
"""Of what is asked about."""

_HINT = "name a lock file, a pack, or an environment file with a lock beside it"


@dataclass(frozen=True, kw_only=True, slots=True)
class Root:
    """What was asked for: a match spec or a requirement of the pip section, and the package that it is about."""

    spec: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SubjectPackage:
    """One package, as far as a lock or a manifest tells of it.

    Attributes:
        name, version, build, build_number, subdir, file_name: its identity; of a wheel `build` is its compatibility
            tag.
        manager: ``conda`` or ``wheel``.
        depends: match specs, sorted.
        license: as the package says it.
        sha256: of the package file; of a wheel in a pack perhaps over its RECORD, which is no file's.
        md5, size, url, channel: of the package file, in bytes; a manifest has none of them. A local `url` or `channel`
            is relative to the lock's folder; a wheel has no channel.
        source: how a wheel came; a manifest does not tell.
    """

    name: str
    version: str
    build: str
    build_number: int
    subdir: str
    file_name: str
    manager: str
    depends: tuple[str, ...]
    license: str | None
    sha256: str | None
    md5: str | None = None
    size: int | None = None
    url: str | None = None
    channel: str | None = None
    source: SourceKind | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """A lock or a pack.

    Attributes:
        kind: which of them.
        path: the lock file, or the pack's folder.
        name: the environment's.
        digest: over subdir, file name and sha256 of its packages.
        roots: what was asked for, sorted; empty where it is not told.
        packages: sorted by name.
        manifest: of a pack.
        lock: of a lock.
    """

    kind: Kind
    path: Path
    name: str
    platform: str
    digest: str
    roots: tuple[Root, ...]
    packages: tuple[SubjectPackage, ...]
    manifest: Manifest | None = None
    lock: Lockfile | None = None


def read_subject(
    path: Path | None = None,
    *,
    environment: str | None = None,
    offline: bool = False,
    store: Store = FORGETFUL,
    reporter: Reporter = SILENT,
) -> Subject:
    """Read what `path` names: a lock, a pack, or an environment file (or its folder) whose lock is meant.

    Args:
        path: by default this folder.
        environment: which one of a lock of pixi; by default ``default``, or the only one.
        offline: open no connection: an ``@EXPLICIT`` list is fetched else, for only packages tell what they are.
        store: keeps what was fetched.
        reporter: told of that.

    Raises:
        SpecError: the folder has neither a manifest nor an environment file.
        LockError: the lock is missing or wrong, or there is nothing at `path`.
        ManifestError: the pack cannot be read.
    """
    path = path or Path()
    if path.name == MANIFEST and path.is_file():
        path = path.parent
    if (path / MANIFEST).exists():
        if environment is not None:
            raise LockError(
                f"no environment '{shown(environment)}' can be chosen: '{path}' is a pack",
                hint="leave out `--environment`",
            )
        return _of_pack(path)
    if path.is_dir():
        path = find_environment_file(path)
    if not path.exists():
        raise LockError(f"there is no '{path}'", hint=_HINT)
    if not path.is_file():
        raise LockError(f"'{path}' is no file", hint=_HINT)
    file = path if is_lock(path) else lock_path(path)
    return _of_lock(read_lock(file, environment=environment, offline=offline, store=store, reporter=reporter), file)


def _of_pack(pack: Path) -> Subject:
    manifest = read_manifest(pack)
    environment = manifest.environment
    return Subject(
        kind="pack",
        path=pack,
        name=environment.name,
        platform=environment.platform,
        digest=environment.lock_digest,
        roots=_roots(environment.requested),
        packages=tuple(sorted(map(_packed, environment.packages), key=lambda package: package.name)),
        manifest=manifest,
    )


def _packed(package: Package) -> SubjectPackage:
    return SubjectPackage(
        name=package.name,
        version=package.version,
        build=package.build,
        build_number=package.build_number,
        subdir=package.subdir,
        file_name=package.file_name,
        manager=package.manager,
        depends=tuple(sorted(package.depends)),
        license=package.license,
        sha256=package.sha256,
    )


def _of_lock(lock: Lockfile, file: Path) -> Subject:
    folder = file.absolute().parent
    return Subject(
        kind="lock",
        path=file,
        name=lock.name,
        platform=PLATFORM,
        digest=packages_digest((package.subdir, package.file_name, package.sha256) for package in lock.packages),
        roots=tuple(sorted((*_roots(lock.requested), *_wheel_roots(lock)), key=lambda root: (root.name, root.spec))),
        packages=tuple(_locked(package, folder) for package in lock.packages),
        lock=lock,
    )


def _locked(package: LockedPackage, folder: Path) -> SubjectPackage:
    return SubjectPackage(
        name=package.name,
        version=package.version,
        build=package.build,
        build_number=package.build_number,
        subdir=package.subdir,
        file_name=package.file_name,
        manager=package.manager,
        depends=package.depends,
        license=package.license,
        sha256=package.sha256,
        md5=package.md5,
        size=package.size,
        url=to_relative(package.url, folder),
        channel=to_relative(package.channel, folder) if package.channel else None,
        source=package.wheel.kind if package.wheel is not None else None,
    )


def _roots(specs: tuple[str, ...]) -> tuple[Root, ...]:
    roots = (Root(spec=spec, name=name_of(spec) or spec) for spec in specs)
    return tuple(sorted(roots, key=lambda root: (root.name, root.spec)))


def _wheel_roots(lock: Lockfile) -> list[Root]:
    """What the pip section asks for, by the wheels that answer it: a requirement may be a path or a repository."""
    texts = lock.pip.requirements if lock.pip is not None else ()
    named = {str(canonicalize_name(name)): text for text in texts if (name := name_of(text))}
    return [
        Root(spec=named.get(wheel.name, wheel.name), name=wheel.name)
        for wheel in lock.wheels
        if wheel.wheel is not None and wheel.wheel.requested
    ]
