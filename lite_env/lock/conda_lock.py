"""``conda-lock.yml``, version 1 (CEP 37): the writer; the reader is :mod:`lite_env.lock.conda_lock_reader`.

What CEP 37 has no place for lies in ``custom_metadata`` under the one key ``lite_env``, as JSON in a string: the
environment's name, requested specs, variables, the digest of the environment file, and what a record has beyond the
CEP's fields. One extension: a local channel and its packages are written as paths relative to the lock file.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from lite_env.lock.conda_lock_text import dependencies_of, specs_of
from lite_env.lock.conda_lock_wheels import pip_extras, wheel_extras
from lite_env.lock.model import PLATFORM, packages_digest
from lite_env.lock.urls import to_relative
from lite_env.spec.address import public_url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lite_env.lock.model import LockedPackage, Lockfile, Manager

VERSION = 1
"""The version of the format (CEP 37 knows no other)."""

CUSTOM_KEY = "lite_env"
CUSTOM_FORMAT = 1
"""Our key in ``custom_metadata`` and the version of what lies there."""

MARK = "# Made by `lite-env lock`"
"""How every lock that lite_env writes begins, by which also a damaged one is known."""

_HEADER = "; do not edit. Format: conda-lock.yml version 1 (CEP 37).\n"
_EXPORTED = "# Made by `lite-env export`"  # of the lock of another tool: it answers no environment file

_MANAGERS: Mapping[Manager, str] = {"conda": "conda", "wheel": "pip"}  # as CEP 37 calls them


def dump_lock(lock: Lockfile, *, folder: Path) -> str:
    """The text of a lock file that will lie in `folder`."""
    document = {
        "version": VERSION,
        "metadata": {
            "content_hash": {PLATFORM: content_hash(lock.packages)},
            "channels": [
                {"url": to_relative(public_url(channel), folder), "used_env_vars": []} for channel in lock.channels
            ],
            "platforms": [PLATFORM],
            "sources": [to_relative(source.absolute().as_uri(), folder).removeprefix("./") for source in lock.sources],
            "custom_metadata": {CUSTOM_KEY: _custom(lock)},
        },
        "package": [_dump_package(package, folder) for package in lock.packages],
    }
    text = yaml.dump(document, Dumper=YamlDumper, sort_keys=True, allow_unicode=True, width=10**6)
    return (MARK if lock.spec_digest else _EXPORTED) + _HEADER + text


class YamlDumper(yaml.SafeDumper):
    """Writes locks: strings of several lines as blocks, so that a lock's changes can be read in a diff.

    Not the C emitter: its bytes are not the same for every libyaml, and not every machine has one.
    """

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 - the base class's shape
        """Write every value where it stands."""
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


YamlDumper.add_representer(str, _represent_text)


def content_hash(packages: tuple[LockedPackage, ...]) -> str:
    """The hash of a platform's packages, as ``metadata.content_hash`` has it."""
    return packages_digest((package.subdir, package.file_name, package.sha256) for package in packages)


def _custom(lock: Lockfile) -> str:
    custom = {
        "format": CUSTOM_FORMAT,
        "name": lock.name,
        "requested": list(lock.requested),
        **({"spec_sha256": lock.spec_digest} if lock.spec_digest else {}),
        "variables": dict(lock.variables),
        "records": {f"{package.subdir}/{package.file_name}": _record_extras(package) for package in lock.conda},
        # Only where there is something: locks without a pip section are as they always were.
        **({"wheels": {wheel.name: wheel_extras(wheel) for wheel in lock.wheels}} if lock.wheels else {}),
        **({"pip": pip_extras(lock.pip)} if lock.pip is not None else {}),
    }
    # ASCII only: a YAML block would change some of Unicode's line ends.
    return json.dumps(custom, indent=1, sort_keys=True) + "\n"


def _record_extras(package: LockedPackage) -> dict[str, Any]:
    extras = {
        "build_number": package.build_number,
        "size": package.size,
        "license": package.license,
        "noarch": package.noarch,
        "timestamp": package.timestamp,
        "constrains": list(package.constrains) or None,
        # The CEP's mapping has one entry a name; two specs for one package do not fit into it.
        "depends": None if specs_of(dependencies_of(package.depends)) == package.depends else list(package.depends),
    }
    return {key: value for key, value in extras.items() if value is not None}


def _dump_package(package: LockedPackage, folder: Path) -> dict[str, Any]:
    return {
        "name": package.name,
        "version": package.version,
        "build": package.build,
        "manager": _MANAGERS[package.manager],
        "platform": PLATFORM,
        "dependencies": dependencies_of(package.depends),
        # A wheel's address is public since it was resolved.
        "url": to_relative(public_url(package.url) if package.manager == "conda" else package.url, folder),
        "hash": {"sha256": package.sha256, **({"md5": package.md5} if package.md5 else {})},
        "category": "main",
        "optional": False,
    }
