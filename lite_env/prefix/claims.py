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
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from lite_env.prefix.model import InstalledPackage, KernelSpec, PrefixFile
    from lite_env.progress import Reporter

_SHOWN = 5  # how many names a message lists


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflict:
    """A file that several packages bring, unless all bring the same content.

    Attributes:
        path: prefix-relative.
        stands: the package whose file lies there.
        others: the packages whose files do not, sorted.
        differs: whether the contents are known to differ; else an installer recorded none.
    """

    path: str
    stands: str
    others: tuple[str, ...]
    differs: bool


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
    if missing:
        raise _missing_error(root, missing)
    stands = {path: _standing(root, path, claimants) for path, claimants in claims.items()}
    owned = tuple(
        replace(file, package=owner.name, recorded=owner.digests.get(file.path))
        if (owner := stands.get(file.path)) is not None
        else file
        for file in files
    )
    return owned, _conflicts(packages, claims, stands)


def tell_conflicts(conflicts: Sequence[Conflict], kernels: Iterable[KernelSpec], reporter: Reporter) -> None:
    """Say which packages bring the same files.

    Raises:
        PrefixError: one of them is a kernel's own: a kernel made of two packages' files is nobody's.
    """
    own = {path: kernel for kernel in kernels for path in kernel.paths}
    for conflict in conflicts:
        kernel = own.get(conflict.path)
        if kernel is not None and conflict.differs:
            raise PrefixError(
                f"'{conflict.path}' of the kernel '{kernel.name}' is brought by several packages: by"
                f" {conflict.stands}, whose file lies there, and by {', '.join(conflict.others)}",
                hint="remove one of the packages from the environment file",
                file=conflict.path,
            )
    by_packages: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for conflict in conflicts:
        by_packages.setdefault((conflict.stands, conflict.others), []).append(conflict.path)
    for (stands, others), paths in sorted(by_packages.items()):
        reporter.warn(f"{stands} and {', '.join(others)} both bring {some(paths)}: what {stands} brings stands")


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
            found.append(Conflict(path=path, stands=owner.name, others=tuple(sorted(others)), differs=differs))
    return tuple(found)


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


def _missing_error(root: Path, missing: Mapping[str, Sequence[str]]) -> PrefixError:
    names = [path for package in sorted(missing) for path in missing[package]]
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    count = f"{len(names)} file{'s' if len(names) > 1 else ''}"
    return PrefixError(
        f"the environment lacks {count} of its packages: {shown}",
        hint="it was changed after the installation: make it anew",
        packages=", ".join(sorted(missing)),
        prefix=str(root),
    )
