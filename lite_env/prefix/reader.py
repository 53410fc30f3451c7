"""An installed environment read as a value, whoever installed it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lite_env.errors import PrefixError
from lite_env.prefix.abi import with_runtimes
from lite_env.prefix.kernelspec import find_kernels
from lite_env.prefix.model import Prefix
from lite_env.prefix.record import is_prefix, read_own_record, read_packages, read_requested, read_variables
from lite_env.prefix.tree import CONDA_META, scan_tree
from lite_env.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lite_env.prefix.model import InstalledPackage, PrefixFile
    from lite_env.progress import Reporter

_SHOWN = 5  # how many names an error lists


def read_prefix(path: Path, *, reporter: Reporter = SILENT) -> Prefix:
    """Read the environment at `path`: made by lite-env, micromamba, conda, pixi or rattler.

    Files that no package owns (put there by pip, uv or hand) are part of it, with `package` None. Files that a package
    claims must be there, bytecode excepted.

    Raises:
        PrefixError: `path` is no environment, is damaged, or holds what a pack cannot.
        AbiError: packages in it were built for different Emscripten or Python versions.
    """
    if not is_prefix(path):
        raise PrefixError(
            f"'{path}' is not an installed environment",
            hint="it has no 'conda-meta' folder; `lite-env install LOCKFILE --prefix DIR` makes one",
        )
    packages = read_packages(path)
    files = _with_owners(path, packages, scan_tree(path))
    by_path = {file.path: file for file in files}
    kernels = find_kernels(path, by_path, reporter=reporter)
    own = read_own_record(path)
    return Prefix(
        path=path,
        name=str(own["name"]) if own and own.get("name") else path.resolve().name,
        packages=packages,
        files=files,
        kernels=with_runtimes(packages, kernels, by_path),
        requested=read_requested(path),
        variables=read_variables(path),
    )


def _with_owners(
    root: Path, packages: Sequence[InstalledPackage], files: Sequence[PrefixFile]
) -> tuple[PrefixFile, ...]:
    """`files`, each with the first package (by name) that claims it.

    Raises:
        PrefixError: a package claims files that are not there.
    """
    present = {file.path for file in files}
    owners: dict[str, str] = {}
    missing: dict[str, list[str]] = {}
    for package in packages:
        for claimed in package.files:
            if claimed.startswith("/") or ".." in claimed.split("/"):
                raise PrefixError(
                    f"the package '{package.name}' claims the file '{claimed}', which is not below the environment",
                    hint="do not use this package: it is broken or hostile",
                    prefix=str(root),
                )
            path = claimed if claimed in present else _real_path(root, claimed)
            if path in present:
                owners.setdefault(path, package.name)
            elif not _is_trivial(claimed):
                missing.setdefault(package.name, []).append(claimed)
    if missing:
        raise _missing_error(root, missing)
    return tuple(replace(file, package=owners.get(file.path)) for file in files)


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
