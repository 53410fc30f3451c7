"""Reads ``conda-lock.yml``, version 1 (CEP 37), and trusts nothing in it.

Files of other tools are read as well; what they do not tell (requested specs, variables) is empty then.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lite_env.errors import LockError
from lite_env.lock.conda_lock import CUSTOM_FORMAT, CUSTOM_KEY, VERSION, content_hash
from lite_env.lock.conda_lock_text import specs_of
from lite_env.lock.conda_lock_wheels import parse_pip, parse_wheel, refuse_native
from lite_env.lock.field import LOCK_AGAIN, Field, read_document
from lite_env.lock.model import PLATFORM, LockedPackage, Lockfile
from lite_env.spec.address import holds_credentials, local_path
from lite_env.spec.matchspec import split_file_name, split_name
from lite_env.store.text import Origin, parse_json, shown

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_BUILD_NUMBER = re.compile(r"(?:.*_)?([0-9]{1,9})\Z")

_TOP = ("version", "metadata", "package")
_METADATA = (
    *("content_hash", "channels", "platforms", "sources"),
    *("time_metadata", "git_metadata", "inputs_metadata", "custom_metadata"),
)
_PACKAGE = (
    *("name", "version", "manager", "platform", "dependencies", "url", "hash"),
    *("source", "build", "category", "optional"),
)
_CUSTOM = ("format", "name", "requested", "spec_sha256", "variables", "records", "wheels", "pip")
_RECORD = ("build_number", "size", "license", "noarch", "timestamp", "constrains", "depends")


def parse_lock(text: str, path: Path) -> Lockfile:
    """The lock in `text`, which stands at `path`; local channels are found relative to its folder.

    Raises:
        LockError: it is no lock of a version that is known, is not for emscripten-wasm32, or a field is wrong; with the
            path to the fault, as in ``package[3].hash.sha256``.
    """
    document = read_document(text, path)
    _check_version(document)
    document.only(_TOP)
    metadata = document["metadata"].only(_METADATA)
    platforms = [item.string() for item in metadata["platforms"].items()]
    if PLATFORM not in platforms:
        metadata["platforms"].fault(f"lists {', '.join(platforms) or 'nothing'}, but not {PLATFORM}")
    hashes = {key: field.sha256() for key, field in metadata["content_hash"].entries()}
    if set(hashes) != set(platforms):
        metadata["content_hash"].fault("has not exactly the keys that `metadata.platforms` lists")
    folder = path.absolute().parent
    custom = _custom(metadata)
    channels = tuple(channel for item in metadata["channels"].items() for channel in item.channels(folder))
    packages = _packages(document["package"], custom, platforms, folder)
    if custom.exists and hashes[PLATFORM] != content_hash(packages):
        metadata["content_hash"][PLATFORM].fault("does not fit the packages: they were changed by hand or damaged")
    return Lockfile(
        name=custom["name"].string() if custom.exists else folder.name,
        channels=tuple(dict.fromkeys(channel.url for channel in channels)),
        packages=packages,
        requested=_requested(custom["requested"]),
        variables=tuple(sorted((key, field.text()) for key, field in custom["variables"].entries(optional=True))),
        spec_digest=custom["spec_sha256"].sha256() if custom["spec_sha256"].exists else "",
        sources=tuple(_source(item, folder) for item in metadata["sources"].items()),
        platforms=tuple(platforms),
        addresses=channels,
        pip=parse_pip(custom["pip"]),
        file=path,
    )


def _check_version(document: Field) -> None:
    document.entries()
    version = document["version"]
    # CEP 37: "Optional, defaults to 1".
    if version.exists and (version.value != VERSION or isinstance(version.value, bool)):
        raise LockError(
            f"the lock file has the version {shown(repr(version.value))}, and only version {VERSION} is known",
            hint="make it anew with `lite-env lock --upgrade`, or use a newer lite_env",
            file=str(version.file),
            key="version",
        )


def _custom(metadata: Field) -> Field:
    """Our part of ``custom_metadata``; a field that does not exist in a lock of another tool."""
    for _, field in metadata["custom_metadata"].entries(optional=True):
        field.text()
    raw = metadata["custom_metadata"][CUSTOM_KEY]
    if not raw.exists:
        return raw
    origin = Origin(what=f"`{raw.where}`", error=LockError, file=str(raw.file), hint=LOCK_AGAIN)
    value = parse_json(raw.string(), origin)
    custom = Field(value, raw.where, raw.file).only(_CUSTOM)
    if custom["format"].number() != CUSTOM_FORMAT:
        custom["format"].fault(f"is {custom['format'].value!r}, and only {CUSTOM_FORMAT} is known")
    return custom


def _packages(field: Field, custom: Field, platforms: Collection[str], folder: Path) -> tuple[LockedPackage, ...]:
    packages: dict[str, LockedPackage] = {}
    addresses: dict[str, Field] = {}
    for item in field.items():
        item.only(_PACKAGE)
        platform = item["platform"].string()
        if platform not in platforms:
            item["platform"].fault(f"is {platform}, which `metadata.platforms` does not list")
        if item["manager"].string() not in {"conda", "pip"}:
            item["manager"].fault("is neither conda nor pip")
        if not isinstance(item["optional"].value, bool):
            item["optional"].fault("is not true or false")
        category = item["category"].string() if item["category"].exists else "main"
        if platform != PLATFORM or category != "main" or item["optional"].value:
            continue
        if item["manager"].value == "pip":
            package = parse_wheel(item, custom["wheels"], folder)
        else:
            package = _package(item, custom["records"], folder)
        if package.name in packages:
            item["name"].fault(f"is {package.name}, which is locked twice")
        packages[package.name] = package
        addresses[package.name] = item["url"]
    refuse_native(packages, addresses)
    return tuple(packages[name] for name in sorted(packages))


def _package(item: Field, records: Field, folder: Path) -> LockedPackage:
    name = item["name"].string()
    if split_name(name) != (name, ""):
        item["name"].fault(f"is {name!r}, which is no package name")
    url = item["url"].package_url(folder)
    channel, subdir, file_name = item["url"].split_package(url)
    hashes = item["hash"].only(("md5", "sha256"))
    version = item["version"].string()
    build = item["build"].string() if item["build"].exists else _build(item["url"], file_name, name, version)
    if hashes["md5"].exists and not hashes["sha256"].exists:
        hashes["sha256"].fault("is missing: an MD5 alone does not vouch for a file")
    depends = {key: constraint.text() for key, constraint in item["dependencies"].entries(optional=True)}
    for spec in specs_of(depends):
        item["dependencies"].refuse_unreadable(spec)
    return LockedPackage(
        name=name,
        version=version,
        build=build,
        subdir=subdir,
        file_name=file_name,
        url=url,
        channel=channel,
        sha256=hashes["sha256"].sha256(),
        md5=hashes["md5"].md5(),
        **_record(records[f"{subdir}/{file_name}"], build, specs_of(depends)),
    )


def _record(field: Field, build: str, depends: tuple[str, ...]) -> dict[str, Any]:
    """What a record has beyond the CEP's fields."""
    if field.exists:
        field.only(_RECORD)
    number = field["build_number"].number()
    if number is None:
        # Other tools leave it out; by convention it ends the build string.
        found = _BUILD_NUMBER.match(build)
        number = int(found[1]) if found else 0
    return {
        "build_number": number,
        "size": field["size"].number(),
        "license": field["license"].text() if field["license"].exists else None,
        "noarch": field["noarch"].noarch() if field["noarch"].exists else None,
        "timestamp": field["timestamp"].number(),
        "constrains": tuple(sorted(field["constrains"].match_specs())),
        "depends": tuple(sorted(field["depends"].match_specs())) if field["depends"].exists else depends,
    }


def _build(url: Field, file_name: str, name: str, version: str) -> str:
    """The build string, which CEP 37 lets a lock leave out: it ends the file name of every conda package (CEP 26)."""
    parts = split_file_name(file_name)
    if parts is None:
        url.fault("is no package's address: it does not end in NAME-VERSION-BUILD.conda or .tar.bz2")
    if parts[:2] != (name, version):
        url.fault(f"is the address of {parts[0]} {parts[1]}, not of {name} {version}")
    return parts[2]


def _requested(field: Field) -> tuple[str, ...]:
    specs = field.match_specs()
    if any(map(holds_credentials, specs)):
        field.fault("has an address with credentials in it")
    return tuple(sorted(specs))


def _source(item: Field, folder: Path) -> Path:
    path = local_path(item.address(folder))
    return path if path is not None else item.fault("is not a path relative to the lock file")
