"""An installed environment read as a value, whoever installed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.errors import PrefixError
from lite_env.prefix.abi import with_runtimes
from lite_env.prefix.claims import find_owners
from lite_env.prefix.disputes import refuse_disputed_kernels, tell_conflicts
from lite_env.prefix.elsewhere import claimed, leave_out, tell_scripts, with_variables, without_names
from lite_env.prefix.kernelspec import find_kernels
from lite_env.prefix.model import Prefix
from lite_env.prefix.record import (
    is_prefix,
    read_own_record,
    read_packages,
    read_requested,
    read_variables,
    read_wheel_files,
)
from lite_env.prefix.tree import scan_tree
from lite_env.prefix.wheels import read_wheels
from lite_env.progress import SILENT
from lite_env.spec.matchspec import name_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lite_env.prefix.wheels import InstalledWheel
    from lite_env.progress import Reporter


def read_prefix(path: Path, *, reporter: Reporter = SILENT) -> Prefix:
    """Read the environment at `path`: made by lite-env, micromamba, conda, pixi or rattler.

    Wheels (put there by pip or uv) are packages as those of conda are. Files that no package owns are part of it, with
    `package` None; what points to other places of this machine is left out. Files that a conda package claims must be
    there, bytecode excepted. Their contents are not looked at here, see `hash_prefix`.

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
    conda = read_packages(path)
    of_conda = claimed(conda)
    scanned = scan_tree(path)
    wheels = without_names(read_wheels(path, scanned, of_conda, read_wheel_files(path)), conda, reporter)
    scanned, of_wheels = leave_out(path, scanned, wheels, of_conda, reporter)
    packages = tuple(sorted((*conda, *of_wheels), key=lambda package: package.name))
    files, conflicts = find_owners(path, packages, scanned)
    by_path = {file.path: file for file in files}
    refuse_disputed_kernels(path, by_path, conflicts)
    kernels = find_kernels(path, by_path, reporter=reporter)
    tell_conflicts(conflicts, kernels, reporter)
    tell_scripts(conda, reporter)
    variables = read_variables(path)
    own = read_own_record(path)
    return Prefix(
        path=path,
        name=str(own["name"]) if own and own.get("name") else path.resolve().name,
        packages=packages,
        files=files,
        kernels=with_runtimes(packages, with_variables(path, kernels, variables, reporter), by_path),
        requested=_requested(path, wheels),
        variables=variables,
    )


def _requested(path: Path, wheels: Sequence[InstalledWheel]) -> tuple[str, ...]:
    """What was asked for, of conda and by the names of wheels."""
    specs = read_requested(path)
    named = {name_of(spec) for spec in specs}
    asked = [wheel.package.name for wheel in wheels if wheel.requested and wheel.origin is None]
    return tuple(sorted({*specs, *(name for name in asked if name not in named)}))
