"""Which package each file of an environment belongs to, and which packages claim the same file.

rattler lets one of several claimants stand and moves the files of the others to ``__clobbers__``; conda and micromamba
let the last one write over the others. Whichever stands, the rule for what is told is one: see `find_owners`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lite_env.errors import PrefixError
from lite_env.prefix.tree import CONDA_META
from lite_env.store.digest import sha256_of_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from lite_env.prefix.model import InstalledPackage, PrefixFile

_SHOWN = 5  # how many names a message lists


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflict:
    """A place that several packages want, unless all bring the same file.

    Attributes:
        path: prefix-relative.
        stands: the packages whose file lies there, or whose files lie in the folder there; empty where none does.
        others: those whose do not, sorted.
        differs: whether the contents are known to differ; else an installer recorded none.
        inside: where some bring a file and others a folder of one name, the files in that folder, sorted; else empty.
    """

    path: str
    stands: tuple[str, ...]
    others: tuple[str, ...]
    differs: bool
    inside: tuple[str, ...] = ()


def find_owners(
    root: Path, packages: Sequence[InstalledPackage], files: Sequence[PrefixFile]
) -> tuple[tuple[PrefixFile, ...], tuple[Conflict, ...]]:
    """`files`, each with its package and the SHA-256 that this package recorded; and what several packages claim.

    Where several do, the one that stands is the one whose recorded digest the file has, else the first by name.

    Raises:
        PrefixError: a package claims files that are not there, or that are not below the environment.
    """
    present = {file.path: file for file in files}
    claims: dict[str, list[InstalledPackage]] = {}
    missing: dict[str, list[str]] = {}
    for package in packages:
        for claimed in package.files:
            _refuse_outside(package, claimed, root)
            path = claimed if claimed in present else _real_path(root, claimed)
            if path in present:
                claims.setdefault(path, []).append(package)
            elif not _is_trivial(claimed) and package.manager == "conda":
                missing.setdefault(package.name, []).append(claimed)
    stands = {path: _standing(root, path, claimants) for path, claimants in claims.items()}
    crossings = tuple(_crossings(packages, present, stands))
    explained = {path for crossing in crossings for path in (crossing.path, *crossing.inside)}
    missing = {name: left for name, paths in missing.items() if (left := [p for p in paths if p not in explained])}
    if missing:
        raise _missing_error(root, missing, present)
    owned = tuple(
        replace(file, package=owner.name, recorded=owner.digests.get(file.path))
        if (owner := stands.get(file.path)) is not None
        else file
        for file in files
    )
    return owned, (*_conflicts(packages, claims, stands), *crossings)


def some(paths: Sequence[str]) -> str:
    """The first of `paths`, and how many there are when not all are shown."""
    return ", ".join(paths[:_SHOWN]) + (f", … ({len(paths)} files)" if len(paths) > _SHOWN else "")


def _refuse_outside(package: InstalledPackage, claimed: str, root: Path) -> None:
    if claimed.startswith("/") or ".." in claimed.split("/"):
        raise PrefixError(
            f"the package '{package.name}' claims the file '{claimed}', which is not below the environment",
            hint="do not use this package: it is broken or hostile",
            prefix=str(root),
        )


def _standing(root: Path, path: str, claimants: Sequence[InstalledPackage]) -> InstalledPackage:
    known = len(claimants) > 1 and any(path in package.digests for package in claimants)
    if known and (root / path).is_file():
        digest = sha256_of_file(root / path)
        return next((package for package in claimants if package.digests.get(path) == digest), claimants[0])
    return claimants[0]


def _conflicts(
    packages: Sequence[InstalledPackage],
    claims: Mapping[str, Sequence[InstalledPackage]],
    stands: Mapping[str, InstalledPackage],
) -> tuple[Conflict, ...]:
    losers: dict[str, dict[str, str | None]] = {}
    for path, claimants in claims.items():
        if len(claimants) > 1 and not _is_trivial(path):
            losers[path] = {package.name: package.digests.get(path) for package in claimants}
    for package in packages:
        for moved, original in package.moved.items():
            if original in stands:
                losers.setdefault(original, {})[package.name] = package.digests.get(moved)
    found = []
    for path in sorted(losers):
        owner = stands[path]
        known = owner.digests.get(path)
        # Of one content it makes no difference whose it is.
        others = {name: digest for name, digest in losers[path].items() if name != owner.name and digest != known}
        others |= {name: digest for name, digest in losers[path].items() if name != owner.name and known is None}
        if others:
            differs = known is not None and None not in others.values()
            found.append(Conflict(path=path, stands=(owner.name,), others=tuple(sorted(others)), differs=differs))
    return tuple(found)


def _crossings(
    packages: Sequence[InstalledPackage], present: Mapping[str, PrefixFile], stands: Mapping[str, InstalledPackage]
) -> Iterator[Conflict]:
    """What some packages bring as a file and others as a folder, of which one had to give way."""
    wanted: dict[str, dict[str, bool]] = {}
    for package in packages:
        for claimed in package.files:
            original = package.moved.get(claimed, claimed)
            if not _is_trivial(original):
                wanted.setdefault(original, {})[package.name] = claimed in package.moved
    for path in sorted(_folders(wanted) & wanted.keys()):
        inside = tuple(sorted(other for other in wanted if other.startswith(f"{path}/")))
        lies = present.get(path)
        # What lies behind a link to a folder has its place.
        is_whole = lies is not None and lies.link is not None
        moved = any(any(wanted[name].values()) for name in (path, *inside))
        names = {name for place in (path, *inside) for name in wanted[place]}
        if len(names) > 1 and (moved or not is_whole):
            standing = {
                name
                for place in ((path,) if lies is not None else inside)
                for name, is_moved in wanted[place].items()
                if not is_moved and (lies is None or name == stands[path].name) and place in present
            }
            yield Conflict(
                path=path,
                stands=tuple(sorted(standing)),
                others=tuple(sorted(names - standing)),
                differs=True,
                inside=inside,
            )


def _folders(paths: Iterable[str]) -> set[str]:
    """Every folder in which one of `paths` lies, near or far."""
    found: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def _real_path(root: Path, path: str) -> str:
    """Where `path` really lies below `root` when a folder on the way is a link (``lib64/x`` is ``lib/x``)."""
    folder, _, name = path.rpartition("/")
    try:
        real = (root / folder).resolve(strict=True).relative_to(root.resolve())
    except (OSError, ValueError):
        return path
    return (real / name).as_posix()


def _is_trivial(path: str) -> bool:
    # Bytecode is made after linking by some installers and never by others; conda-meta is not scanned.
    return path.endswith(".pyc") or path.startswith(f"{CONDA_META}/")


def _missing_error(root: Path, missing: Mapping[str, Sequence[str]], present: Iterable[str]) -> PrefixError:
    names = [path for package in sorted(missing) for path in missing[package]]
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    count = f"{len(names)} file{'s' if len(names) > 1 else ''}"
    folded = {path.casefold() for path in names}
    alike = sorted(path for path in present if path.casefold() in folded)
    hint = "it was changed after the installation: make it anew"
    if alike:
        hint = f"this file system does not tell upper from lower case, or {hint}, on one that does"
    return PrefixError(
        f"the environment lacks {count} of its packages: {shown}",
        hint=hint,
        found=some(alike) or None,
        packages=", ".join(sorted(missing)),
        prefix=str(root),
    )
