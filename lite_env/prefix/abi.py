"""Whether packages fit together: one Emscripten, one Python."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from lite_env.errors import AbiError, PrefixError
from lite_env.spec.matchspec import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lite_env.prefix.model import InstalledPackage, KernelSpec, PrefixFile

_ABI = "emscripten-abi"
_PYTHON = "python"
_GUARDED = (_ABI, _PYTHON, "python_abi")
_SITE_PACKAGES = re.compile(r"lib/python(\d+\.\d+)/site-packages/")
_EXTENSION = re.compile(r"\.cpython-(\d)(\d+)-wasm32-emscripten\.so\Z")
_HINT = (
    "packages of different channels or of different times were mixed: lock again with the channels of one Emscripten"
    " version only, and let the solver choose"
)


def with_runtimes(
    packages: Sequence[InstalledPackage], kernels: Sequence[KernelSpec], files: Mapping[str, PrefixFile]
) -> tuple[KernelSpec, ...]:
    """The kernels, each with what it was built for, once all packages agree about it.

    Raises:
        AbiError: they do not agree.
        PrefixError: a kernel lacks its interpreter.
    """
    by_name = {package.name: package for package in packages}
    _check_dependencies(packages, by_name)
    python = by_name[_PYTHON].version if _PYTHON in by_name else None
    if python is not None:
        _check_python_files(python, files)
    for kernel in kernels:
        _check_interpreter(kernel, by_name)
    return tuple(
        replace(
            kernel,
            runtime=replace(
                kernel.runtime,
                emscripten=_emscripten(kernel, by_name, files),
                python=python if kernel.runtime.interpreter == _PYTHON else None,
            ),
        )
        for kernel in kernels
    )


def _emscripten(
    kernel: KernelSpec, by_name: Mapping[str, InstalledPackage], files: Mapping[str, PrefixFile]
) -> str | None:
    """What the packages say that bring the kernel, or what those need: another kernel beside it may be of another."""
    if _ABI not in by_name:
        return None
    owners = {owner for path in kernel.paths if path in files and (owner := files[path].package) is not None}
    waiting, seen = list(owners), set(owners)
    while waiting:
        package = by_name.get(waiting.pop())
        names = {name_of(spec) for spec in package.depends} if package else set()
        new = {name for name in names if name is not None} - seen
        seen |= new
        waiting.extend(new)
    return by_name[_ABI].version if _ABI in seen or not owners else None


def _check_dependencies(packages: Sequence[InstalledPackage], by_name: Mapping[str, InstalledPackage]) -> None:
    for package in packages:
        for spec in package.depends:
            name = name_of(spec)
            found = by_name.get(name or "")
            if name in _GUARDED and found is not None and not _satisfies(spec, found):
                raise AbiError(
                    f"{package.name} {package.version} was built for {spec}, but {name} {found.version} is installed",
                    hint=_HINT,
                    needs=spec,
                    found=f"{name} {found.version} {found.build}",
                )


def _satisfies(spec: str, package: InstalledPackage) -> bool:
    # rattler takes a third of a second to import, which `--help` shall not cost.
    from lite_env.lock.conda.records import satisfies  # noqa: PLC0415

    return satisfies(
        spec,
        name=package.name,
        version=package.version,
        build=package.build,
        build_number=package.build_number,
        subdir=package.subdir,
    )


def _check_python_files(python: str, files: Mapping[str, PrefixFile]) -> None:
    expected = ".".join(python.split(".")[:2])
    for path, file in files.items():
        owner = file.package or "a file of no package"
        for built_for, what in _python_versions(path):
            if built_for != expected:
                raise AbiError(
                    f"{owner} was built for Python {built_for}, but the environment has Python {python}",
                    hint=_HINT,
                    file=path,
                    found=what,
                )


def _python_versions(path: str) -> Iterator[tuple[str, str]]:
    if folder := _SITE_PACKAGES.match(path):
        yield folder[1], folder[0]
    if extension := _EXTENSION.search(path):
        yield f"{extension[1]}.{extension[2]}", extension[0]


def _check_interpreter(kernel: KernelSpec, by_name: Mapping[str, InstalledPackage]) -> None:
    interpreter = kernel.runtime.interpreter
    if interpreter is not None and interpreter not in by_name:
        raise PrefixError(
            f"the kernel '{kernel.name}' speaks {interpreter.title()},"
            f" but the package '{interpreter}' is not installed",
            hint=f"add {interpreter} to the environment",
            file=kernel.spec,
        )
