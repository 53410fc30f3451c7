"""Reads ``pixi.lock``, versions 6 and 7, for one of its environments, and trusts nothing in it.

The format is rattler's (``rattler_lock``), whose own reader takes what has no hash and tells no place of a fault. Of an
environment what is for emscripten-wasm32 is read and looked at; what is for other platforms is passed over. So are keys
of packages that are not known: both versions got some while they were in use. What was asked for, and variables, such a
lock does not tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from lite_env.errors import LockError
from lite_env.lock.conda_lock_wheels import refuse_native
from lite_env.lock.field import read_document
from lite_env.lock.model import PLATFORM, LockedPackage, Lockfile
from lite_env.lock.pixi_packages import KINDS, conda_package, wheel_package
from lite_env.lock.wheel_target import target_of
from lite_env.store.text import shown

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from lite_env.lock.field import Field

VERSIONS = (6, 7)
"""Those that are known: pixi wrote 6 from 0.39 on, and writes 7 since 0.68."""
DEFAULT = "default"
"""The environment that every workspace of pixi has."""

_TOP = ("version", "platforms", "environments", "packages")
_SHOWN = 10  # names that a message lists


def parse_pixi(text: str, path: Path, environment: str | None = None) -> Lockfile:
    """The lock of one environment in `text`, which stands at `path`; local packages are found relative to its folder.

    Args:
        text: the whole file.
        path: of it.
        environment: which of them; by default ``default``, or the only one.

    Raises:
        LockError: it is no lock of a version that is known, has not the environment, is not for emscripten-wasm32, or a
            field is wrong; with the path to the fault, as in ``packages[3].sha256``.
    """
    document = read_document(text, path)
    version = _version(document)
    document.only(_TOP)
    subdirs = _subdirs(document["platforms"]) if version > VERSIONS[0] else None
    environments = dict(document["environments"].entries())
    name = _chosen(environments, environment, document["environments"])
    chosen = environments[name]
    platforms = _platforms(chosen["packages"], subdirs)
    if PLATFORM not in platforms.values():
        fitting = [each for each, other in environments.items() if _is_ours(other["packages"], subdirs)]
        _refuse_platforms(chosen["packages"], fitting)
    folder = path.absolute().parent
    channels = tuple(channel for item in chosen["channels"].items() for channel in item.channels(folder))
    return Lockfile(
        name=folder.name if name == DEFAULT else name,
        channels=tuple(dict.fromkeys(channel.url for channel in channels)),
        packages=_packages(_selected(chosen["packages"], platforms), document["packages"], folder),
        requested=(),
        variables=(),
        spec_digest="",
        platforms=tuple(dict.fromkeys(platforms.values())),
        addresses=channels,
        file=path,
    )


def _version(document: Field) -> int:
    document.entries()
    field = document["version"]
    number = field.number()
    if number is None:
        field.fault("is missing")
    if number not in VERSIONS:
        older = number < VERSIONS[0]
        raise LockError(
            f"the lock of pixi has the version {number}, and only {' and '.join(map(str, VERSIONS))} are known",
            hint="write it again with `pixi lock` of a newer pixi (0.39 or later)" if older else "use a newer lite_env",
            file=str(field.file),
            key=field.where,
        )
    return number


def _subdirs(platforms: Field) -> dict[str, str]:
    """The subdir of each platform, by its name, which since version 7 may be another one."""
    found: dict[str, str] = {}
    for item in platforms.items():
        name = item["name"].string()
        if name in found:
            item["name"].fault(f"is {shown(name)}, which is there twice")
        found[name] = item["subdir"].string() if item["subdir"].exists else name
    return found


def _platforms(listed: Field, subdirs: Mapping[str, str] | None) -> dict[str, str]:
    """The subdirs of the platforms that an environment has, by their names."""
    found = {}
    for name, field in listed.entries():
        if subdirs is not None and name not in subdirs:
            field.fault("is a platform that `platforms` does not list")
        found[name] = name if subdirs is None else subdirs[name]
    return found


def _is_ours(listed: Field, subdirs: Mapping[str, str] | None) -> bool:
    return PLATFORM in _platforms(listed, subdirs).values()


def _chosen(environments: Mapping[str, Field], wanted: str | None, place: Field) -> str:
    only = next(iter(environments)) if len(environments) == 1 else DEFAULT
    name = wanted if wanted is not None else DEFAULT if DEFAULT in environments else only
    if name not in environments:
        raise LockError(
            f"the lock of pixi has no environment '{shown(name)}'",
            hint=f"choose one with `--environment`: {_some(environments)}" if environments else "run `pixi lock`",
            file=str(place.file),
            key=place.where,
        )
    return name


def _refuse_platforms(listed: Field, fitting: Collection[str]) -> NoReturn:
    """Refuse an environment that is not for the browser; `fitting` are those that are."""
    raise LockError(
        f"the lock file is not valid: `{listed.where}` is for {_some(dict(listed.entries()))}, and not for {PLATFORM}",
        hint=f"choose an environment that is with `--environment`: {_some(fitting)}"
        if fitting
        else f"add {PLATFORM} to the platforms in the manifest of pixi, and run `pixi lock`",
        file=str(listed.file),
        key=listed.where,
    )


def _some(names: Collection[str]) -> str:
    if not names:
        return "nothing"
    more = f", … ({len(names)} of them)" if len(names) > _SHOWN else ""
    return ", ".join(map(shown, sorted(names)[:_SHOWN])) + more


def _selected(listed: Field, platforms: Mapping[str, str]) -> Field:
    """What is locked for the platform that stands for the browser."""
    found = [name for name, subdir in platforms.items() if subdir == PLATFORM]
    if len(found) > 1 and PLATFORM not in found:
        listed.fault(f"has several platforms of {PLATFORM}, and none of that name: {_some(found)}")
    return listed[PLATFORM if PLATFORM in found else found[0]]


def _packages(selected: Field, packages: Field, folder: Path) -> tuple[LockedPackage, ...]:
    table: dict[tuple[str, str], list[Field]] = {}
    for item in packages.items():
        kind = _kind(item)
        table.setdefault((kind, item[kind].string()), []).append(item)
    found: dict[str, LockedPackage] = {}
    addresses: dict[str, Field] = {}
    wheels: list[tuple[Field, list[Field]]] = []
    for selector in selected.items():
        kind = _kind(selector)
        place = selector[kind]
        items = table.get((kind, place.string()), [])
        if not items:
            place.fault("is not among `packages`")
        if kind == "pypi":
            wheels.append((place, items))
        else:
            _take([conda_package(item, folder) for item in items], place, found, addresses)
    python = target_of(found.values()).python
    for place, items in wheels:
        _take([wheel_package(item, folder, python=python) for item in items], place, found, addresses)
    refuse_native(found, addresses)
    return tuple(found[name] for name in sorted(found))


def _take(
    told: list[LockedPackage], place: Field, found: dict[str, LockedPackage], addresses: dict[str, Field]
) -> None:
    """Add the package that `place` names, and that is told of once or more often."""
    package = told[0]
    # Version 6 has a file several times, with other names of projects, which are of no concern here.
    if any(other != package for other in told):
        place.fault("is among `packages` twice, with different fields")
    if package.name in found:
        place.fault(f"is of {package.name}, which is locked twice")
    found[package.name] = package
    addresses[package.name] = place


def _kind(item: Field) -> str:
    found = [kind for kind in KINDS if item[kind].exists]
    if len(found) != 1:
        item.fault(f"has not exactly one of the keys {', '.join(KINDS)}")
    return found[0]
