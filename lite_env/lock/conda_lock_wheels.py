"""Wheels in a ``conda-lock.yml`` (CEP 37: ``manager: pip``), and the pip section that they answer.

``url`` and ``hash`` are the CEP's. What it has no place for is in our part of ``custom_metadata``: by project under
``wheels``, and the section itself under ``pip``. The ``url`` of a wheel that is built is that of its sources: a path
relative to the lock file, or ``git+https://host/path@commit``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import unquote

from lite_env.lock.conda_lock_text import specs_of
from lite_env.lock.model import LockedPackage, LockedPip, SourceKind, WheelSource
from lite_env.lock.pylock import public_address
from lite_env.lock.wheel import split_wheel_name
from lite_env.lock.wheel_target import target_of
from lite_env.spec.matchspec import split_name
from lite_env.spec.pip import PipLineError, split_git
from lite_env.store.text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lite_env.lock.field import Field

_WHEEL = ("file_name", "kind", "requested", "size", "license", "commit", "subdirectory", "sources_sha256", "build")
_PIP = ("requirements", "settings", "sources", "exclude_newer")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")


def wheel_extras(wheel: LockedPackage) -> dict[str, Any]:
    """What a lock says of a wheel beyond the CEP's fields."""
    source = wheel.wheel or WheelSource(kind="index")
    extras = {
        "file_name": wheel.file_name,
        "kind": source.kind,
        "requested": source.requested,
        "size": wheel.size,
        "license": wheel.license,
        "commit": source.commit or None,
        "subdirectory": source.subdirectory or None,
        "sources_sha256": source.sources_sha256 or None,
        "build": list(source.build) or None,
    }
    return {key: value for key, value in extras.items() if value is not None}


def pip_extras(pip: LockedPip) -> dict[str, Any]:
    """What a lock says of the pip section."""
    return {
        "requirements": list(pip.requirements),
        "settings": list(pip.settings),
        "sources": dict(pip.sources),
        **({"exclude_newer": pip.exclude_newer} if pip.exclude_newer else {}),
    }


def parse_pip(field: Field) -> LockedPip | None:
    """The pip section that a lock answers; None where it answers none, or is another tool's.

    Raises:
        LockError: a field is wrong.
    """
    if not field.exists:
        return None
    field.only(_PIP)
    return LockedPip(
        requirements=tuple(sorted(field["requirements"].strings())),
        settings=tuple(sorted(field["settings"].strings())),
        sources=tuple(sorted((text, digest.sha256()) for text, digest in field["sources"].entries(optional=True))),
        exclude_newer=field["exclude_newer"].string() if field["exclude_newer"].exists else None,
    )


def parse_wheel(item: Field, wheels: Field, folder: Path) -> LockedPackage:
    """One package of the manager pip; `wheels` is our part, which a lock of another tool has not.

    Raises:
        LockError: a field is wrong, or it is no wheel.
    """
    name = item["name"].string()
    own = wheels[name]
    source = _source(own, item)
    built = source.kind in ("project", "git")
    url = _repository(item["url"], source) if source.kind == "git" else _address(item["url"], folder)
    file_name = own["file_name"].string() if own.exists else unquote(url.rpartition("/")[2])
    if "/" in file_name or (own.exists and not built and unquote(url.rpartition("/")[2]) != file_name):
        own["file_name"].fault("is not that of the address")
    parts = split_wheel_name(file_name)
    if parts is None:
        item["url"].fault("is not the address of a wheel: only wheels can be installed")
    if (parts.project, parts.version) != (name, item["version"].string()):
        item["url"].fault(f"is the address of {parts.project} {parts.version}, not of {name} {item['version'].value}")
    needs = {key: constraint.text() for key, constraint in item["dependencies"].entries(optional=True)}
    for key in needs:
        if split_name(key) != (key, ""):
            item["dependencies"].fault(f"has `{shown(key)}`, which is no name of a package")
    depends = specs_of(needs)
    for spec in depends:
        item["dependencies"].refuse_unreadable(spec)
    return parts.package(
        file_name=file_name,
        url=url,
        sha256=item["hash"].only(("md5", "sha256"))["sha256"].sha256(),
        size=own["size"].number(),
        depends=depends,
        license_=own["license"].text() if own["license"].exists else None,
        source=source,
    )


def refuse_native(packages: Mapping[str, LockedPackage], addresses: Mapping[str, Field]) -> None:
    """Refuse wheels that are compiled for something else than the environment; both by the names of packages.

    Raises:
        LockError: there is one.
    """
    target = target_of(packages.values())
    for name, package in packages.items():
        parts = split_wheel_name(package.file_name) if package.manager == "wheel" else None
        if parts is not None and not target.takes(parts):
            needs = f": that would be {target.tag}" if target.tag else ""
            addresses[name].fault(f"is the address of a native wheel, which cannot be installed in the browser{needs}")


def _source(own: Field, item: Field) -> WheelSource:
    if not own.exists:
        text = item["url"].string()
        return WheelSource(kind="index" if text.startswith(("https://", "http://")) else "file")
    own.only(_WHEEL)
    kind = own["kind"].string()
    known: dict[str, SourceKind] = {each: each for each in get_args(SourceKind)}
    if kind not in known:
        own["kind"].fault(f"is none of {', '.join(known)}")
    if not isinstance(own["requested"].value, bool):
        own["requested"].fault("is not true or false")
    commit = own["commit"].string() if own["commit"].exists else ""
    if (kind == "git") != bool(_COMMIT.match(commit)):
        own["commit"].fault("is no commit")
    subdirectory = own["subdirectory"].string() if own["subdirectory"].exists else ""
    if subdirectory and (subdirectory.startswith("/") or ".." in subdirectory.split("/") or "\\" in subdirectory):
        own["subdirectory"].fault("leaves the repository")
    return WheelSource(
        kind=known[kind],
        requested=own["requested"].value,
        commit=commit,
        subdirectory=subdirectory,
        sources_sha256=own["sources_sha256"].sha256() if own["sources_sha256"].exists else "",
        build=tuple(sorted(own["build"].strings())),
    )


def _address(field: Field, folder: Path) -> str:
    url = field.address(folder)
    try:
        return public_address(url)
    except ValueError as error:
        field.fault(f"is no wheel's address: {error}")


def _repository(field: Field, source: WheelSource) -> str:
    text = field.string()
    try:
        _, ref, _, _ = split_git(text)
    except PipLineError as error:
        field.fault(f"is no repository's address: {error}")
    if not text.startswith("git+") or ref != source.commit:
        field.fault("is not the address of its commit")
    return text
