"""An installed environment read as a value, whoever installed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.errors import PrefixError
from lite_env.prefix.abi import with_runtimes
from lite_env.prefix.claims import find_owners, tell_conflicts
from lite_env.prefix.kernelspec import find_kernels
from lite_env.prefix.model import Prefix
from lite_env.prefix.record import is_prefix, read_own_record, read_packages, read_requested, read_variables
from lite_env.prefix.tree import scan_tree
from lite_env.progress import SILENT

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.progress import Reporter


def read_prefix(path: Path, *, reporter: Reporter = SILENT) -> Prefix:
    """Read the environment at `path`: made by lite-env, micromamba, conda, pixi or rattler.

    Files that no package owns (put there by pip, uv or hand) are part of it, with `package` None. Files that a package
    claims must be there, bytecode excepted. Their contents are not looked at here, see `hash_prefix`.

    Raises:
        PrefixError: `path` is no environment, is damaged, or holds what a pack cannot; or two packages bring a file of
            a kernel.
        AbiError: packages in it were built for different Emscripten or Python versions.
    """
    if not is_prefix(path):
        raise PrefixError(
            f"'{path}' is not an installed environment",
            hint="it has no 'conda-meta' folder; `lite-env install LOCKFILE --prefix DIR` makes one",
        )
    packages = read_packages(path)
    files, conflicts = find_owners(path, packages, scan_tree(path))
    by_path = {file.path: file for file in files}
    kernels = find_kernels(path, by_path, reporter=reporter)
    tell_conflicts(conflicts, kernels, reporter)
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
