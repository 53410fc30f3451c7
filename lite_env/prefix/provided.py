"""The Python projects that an environment's conda packages bring, told by their own records."""

from __future__ import annotations

import re
from email.parser import HeaderParser
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from lite_env.errors import PrefixError
from lite_env.lock.stubs import ProvidedProject, extra_name, of_extras
from lite_env.store.text import Origin, decode_text, read_bounded

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.prefix.model import Prefix

_METADATA = re.compile(
    r"lib/python[^/]+/site-packages/[^/]+\.(?:dist-info/METADATA|egg-info/PKG-INFO|egg-info)\Z", re.IGNORECASE
)
_SITE = re.compile(r"lib/python[^/]+/site-packages/")


def provided_projects(prefix: Prefix) -> tuple[ProvidedProject, ...]:
    """The projects, sorted by name.

    A package that has files among Python's, but no record of a project (old builds of pip and setuptools), counts as
    the project of its own name and version.

    Raises:
        PrefixError: a record cannot be read.
    """
    conda = {package.name: package for package in prefix.packages if package.manager == "conda"}
    found: dict[str, ProvidedProject] = {}
    told: set[str] = set()
    modules: set[str] = set()
    for file in prefix.files:
        if file.package not in conda or file.link is not None:
            continue
        if _METADATA.match(file.path):
            project = _read(prefix.path / file.path, file.package)
            told.add(file.package)
            if project is not None:
                found.setdefault(project.name, project)
        elif _SITE.match(file.path):
            modules.add(file.package)
    for name in sorted(modules - told):
        project = ProvidedProject(name=canonicalize_name(name), version=conda[name].version, package=name)
        found.setdefault(project.name, project)
    return tuple(found[name] for name in sorted(found))


def _read(file: Path, package: str) -> ProvidedProject | None:
    origin = Origin(what=f"'{file.parent.name}/{file.name}'", error=PrefixError, file=str(file))
    metadata = HeaderParser().parsestr(decode_text(read_bounded(file, origin), origin))
    name, version = str(metadata.get("Name", "")).strip(), str(metadata.get("Version", "")).strip()
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", name) or not version:
        return None
    return ProvidedProject(
        name=canonicalize_name(name),
        version=version,
        package=package,
        extras=tuple(sorted({extra_name(str(text)) for text in metadata.get_all("Provides-Extra", [])})),
        requires=of_extras(str(text) for text in metadata.get_all("Requires-Dist", [])),
    )
