"""What an environment holds but does not consist of: code that lies elsewhere on this machine, and scripts that set up.

None of it works in a browser, and the first kind would publish where things lie on this machine.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lite_env.errors import PrefixError
from lite_env.prefix.claims import some
from lite_env.prefix.families import family_called

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from lite_env.prefix.model import InstalledPackage, KernelSpec, PrefixFile
    from lite_env.prefix.wheels import InstalledWheel
    from lite_env.progress import Reporter

_POINTER = re.compile(r"(?:.+/)?site-packages/[^/]+\.(?:pth|egg-link)\Z")
_ELSEWHERE = re.compile(r"[/\\]|[A-Za-z]:[/\\]|~")
_SETUP = re.compile(r"(?:bin|Scripts)/\.(?P<name>.+)-(?:pre-link|post-link)\.(?:sh|bat)\Z")
_ACTIVATION = "etc/conda/activate.d/"


def leave_out(
    root: Path,
    files: Sequence[PrefixFile],
    wheels: Sequence[InstalledWheel],
    of_conda: frozenset[str],
    reporter: Reporter,
) -> tuple[tuple[PrefixFile, ...], tuple[InstalledPackage, ...]]:
    """`files` and the packages of `wheels` without what points to other places of this machine; each is told.

    Args:
        root: the prefix.
        files: what lies in it.
        wheels: installed in it.
        of_conda: paths that conda packages claim; those are as they were published.
        reporter: told.
    """
    out: set[str] = set()
    for wheel in wheels:
        if wheel.origin is not None:
            out.update(path for path in wheel.package.files if path not in of_conda)
            reporter.warn(
                f"'{wheel.package.name}' is left out: it is installed for editing, and its code lies in"
                f" '{wheel.origin}' (install it without `--editable`)"
            )
    for file in files:
        if file.path in out or file.path in of_conda or file.link is not None or not _POINTER.match(file.path):
            continue
        place = _place_elsewhere(root / file.path)
        if place is not None:
            out.add(file.path)
            reporter.warn(
                f"'{file.path}' is left out: it adds '{place}' of this machine to the path, whose code is not packed"
                " (install it without `--editable`, or remove the file)"
            )
    kept = tuple(file for file in files if file.path not in out)
    return kept, tuple(wheel.package for wheel in wheels if wheel.origin is None)


def _place_elsewhere(file: Path) -> str | None:
    """The first folder that a path file names and that is not relative to it."""
    for line in file.read_bytes().decode("utf-8", errors="replace").splitlines():
        text = line.strip()
        if text and not text.startswith(("#", "import ", "import\t")) and (
            _ELSEWHERE.match(text) or ".." in re.split(r"[/\\]", text)
        ):  # fmt: skip
            return text
    return None


def tell_scripts(packages: Sequence[InstalledPackage], reporter: Reporter) -> None:
    """Say which packages count on scripts that nobody runs for a browser."""
    for package in packages:
        setup = [path for path in package.files if (match := _SETUP.match(path)) and match["name"] == package.name]
        if setup:
            reporter.warn(
                f"{package.name} is set up by {some(setup)} when it is installed, which is not run: what it would make"
                " is missing"
            )
        activation = [path for path in package.files if path.startswith(_ACTIVATION)]
        if activation:
            reporter.warn(
                f"{package.name} is set up by {some(activation)} when a shell enters the environment, which is not run:"
                " set what it would set with `variables` in the environment file"
            )


def with_variables(
    root: Path, kernels: Sequence[KernelSpec], variables: Iterable[tuple[str, str]], reporter: Reporter
) -> tuple[KernelSpec, ...]:
    """Those of `kernels` that can be given `variables`; the others are told.

    Raises:
        PrefixError: no kernel is left.
    """
    names = [name for name, _ in variables]
    if not names:
        return tuple(kernels)
    able = tuple(kernel for kernel in kernels if family_called(kernel.runtime.family).takes_variables(root, kernel))
    without = [kernel for kernel in kernels if kernel not in able]
    if without and not able:
        raise PrefixError(
            f"the kernel '{without[0].name}' cannot be given environment variables: {names[0]} is set",
            hint="remove `variables` from the environment file, or from the environment's conda-meta/state",
            file=without[0].spec,
        )
    for kernel in without:
        reporter.warn(
            f"the kernel '{kernel.name}' is left out: it cannot be given environment variables, and {names[0]} is set"
        )
    return able


def claimed(packages: Sequence[InstalledPackage]) -> frozenset[str]:
    """The paths that `packages` claim."""
    return frozenset(path for package in packages for path in package.files)


def without_names(
    wheels: Sequence[InstalledWheel], packages: Sequence[InstalledPackage], reporter: Reporter
) -> tuple[InstalledWheel, ...]:
    """`wheels` but those whose project is also a conda package here: there is one package of a name."""
    by_name: Mapping[str, InstalledPackage] = {package.name: package for package in packages}
    for wheel in wheels:
        if wheel.package.name in by_name:
            reporter.warn(
                f"'{wheel.package.name}' is installed twice: {by_name[wheel.package.name].version} by conda, and"
                f" {wheel.package.version} as a wheel, whose files count as files of no package"
            )
    return tuple(wheel for wheel in wheels if wheel.package.name not in by_name)
