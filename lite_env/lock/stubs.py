"""What conda provides, as a resolver of wheels sees it: a wheel of nothing for each project.

Its version has a local part of ours (``1.25.2+lite.env``), and a constraint asks for exactly that: so an index's file
of the same version, and what that depends on, never comes into question. Only an extra brings dependencies: what is
asked for beyond the project itself has to come from somewhere.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LOCAL = "lite.env"
"""The mark of a stub's version."""

_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProvidedProject:
    """A Python project that a conda package brings.

    Attributes:
        name: normalized.
        version: of the project, as its metadata gives it.
        package: the conda package.
        extras: what it offers beyond itself.
        requires: its ``Requires-Dist`` that are of an extra.
    """

    name: str
    version: str
    package: str
    extras: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()


def stub_version(version: str) -> str | None:
    """The version of a stub; None where `version` is none that wheels can have."""
    try:
        parsed = Version(version)
    except ValueError:
        # Also a number of 5,000 digits.
        return None
    return f"{parsed}.{LOCAL}" if parsed.local else f"{parsed}+{LOCAL}"


def write_stubs(provided: Iterable[ProvidedProject], folder: Path) -> tuple[str, ...]:
    """Put a wheel for each project into `folder`.

    Returns:
        The constraints that hold a resolver to them, sorted.
    """
    constraints = []
    for project in provided:
        version = stub_version(project.version)
        if version is not None:
            _write(project, version, folder)
            constraints.append(f"{project.name}=={version}")
    return tuple(sorted(constraints))


def _write(project: ProvidedProject, version: str, folder: Path) -> None:
    headers = ["Metadata-Version: 2.1", f"Name: {project.name}", f"Version: {version}"]
    headers += [f"Provides-Extra: {extra}" for extra in project.extras]
    headers += [f"Requires-Dist: {text}" for text in project.requires if _is_plain(text)]
    write_wheel(project.name, version, "\n".join([*headers, ""]).encode(), folder)


def write_wheel(name: str, version: str, metadata: bytes, folder: Path) -> Path:
    """Put a wheel for every platform that has its records only into `folder`."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    files = {
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: lite-env\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in files.items()]
    files[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"]).encode()
    wheel = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path, _EPOCH), data)
    return wheel


def of_extras(requires: Iterable[str]) -> tuple[str, ...]:
    """Those of a project's ``Requires-Dist`` that only an extra asks for."""
    found = []
    for text in requires:
        try:
            marker = Requirement(text).marker
        except (InvalidRequirement, RecursionError):
            continue
        if marker is not None and "extra" in str(marker):
            found.append(text)
    return tuple(found)


def extra_name(text: str) -> str:
    """An extra's name, normalized."""
    return str(canonicalize_name(text.strip()))


def _is_plain(text: str) -> bool:
    return text.isprintable()


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
