"""``conda-meta``: what installers write down about an environment, read whoever the installer was.

micromamba, conda, pixi and rattler agree on ``<name>-<version>-<build>.json`` and on ``state``; what was asked for is
in ``history`` (conda, micromamba), in each record's ``requested_specs`` (rattler, pixi),
or in our own ``lite-env``: JSON too, and named without a suffix, since other tools take every ``*.json`` for a package.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lite_env.errors import PrefixError
from lite_env.prefix.model import InstalledPackage
from lite_env.prefix.tree import CONDA_META
from lite_env.spec.address import Channel, holds_credentials, public_spec
from lite_env.spec.matchspec import beyond_bounds, name_of
from lite_env.store.atomic import write_text
from lite_env.store.digest import is_sha256
from lite_env.store.refusals import refusal
from lite_env.store.text import Origin, parse_json, read_bounded, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

OWN_RECORD = "lite-env"
STATE = "state"
_QUOTED = re.compile(r"'([^'\\]*)'|\"([^\"\\]*)\"")
_UNSET_VARIABLE = "***unset***"  # how conda marks a variable that was taken back


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelFileRecord:
    """The file that a wheel was installed from."""

    file_name: str
    sha256: str


def is_prefix(path: Path) -> bool:
    """Whether `path` is a folder that some conda-like installer made."""
    return (path / CONDA_META).is_dir()


def read_packages(prefix: Path) -> tuple[InstalledPackage, ...]:
    """The packages of a prefix, sorted by name.

    Raises:
        PrefixError: a record is not readable, incomplete, or two records are of one package.
    """
    packages: dict[str, InstalledPackage] = {}
    for file in sorted((prefix / CONDA_META).glob("*.json")):
        package = _package(file)
        if package.name in packages:
            raise PrefixError(
                f"two records describe the package '{package.name}'",
                hint="the environment was damaged by an interrupted update: make it anew",
                file=str(file),
            )
        packages[package.name] = package
    return tuple(packages[name] for name in sorted(packages))


def _package(file: Path) -> InstalledPackage:
    record = read_json_object(file)
    try:
        file_name = record.get("fn") or record.get("file_name") or f"{file.name.removesuffix('.json')}.conda"
        return InstalledPackage(
            name=_text(record["name"]),
            version=_text(record["version"]),
            build=_text(record.get("build", record.get("build_string"))),
            build_number=int(record.get("build_number", 0)),
            subdir=_text(record.get("subdir") or "noarch"),
            file_name=_text(file_name),
            sha256=record.get("sha256") or None,
            license=record.get("license") or None,
            depends=tuple(sorted(_match_spec(spec) for spec in record.get("depends") or ())),
            files=tuple(sorted(_text(path) for path in record.get("files") or ())),
            digests=_digests(record),
            moved=_moved(record),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PrefixError(
            f"a package's record is incomplete or of a wrong type: {error}",
            hint="it was not written by conda, micromamba, pixi or lite-env: make the environment anew",
            file=str(file),
        ) from error


def _entries(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    data = record.get("paths_data") or {}
    return [entry for entry in data.get("paths") or () if isinstance(entry.get("_path"), str)]


def _digests(record: Mapping[str, Any]) -> dict[str, str]:
    """What each file's content should be; where the installer replaced a placeholder, what it became."""
    digests = {}
    for entry in _entries(record):
        # Installers disagree about what the digest of a link or of bytecode is of.
        if entry.get("path_type", "hardlink") != "hardlink":
            continue
        replaced = entry.get("prefix_placeholder") is not None
        digest = entry.get("sha256_in_prefix") or (None if replaced else entry.get("sha256"))
        if isinstance(digest, str) and is_sha256(digest):
            digests[entry["_path"]] = digest
    return digests


def _moved(record: Mapping[str, Any]) -> dict[str, str]:
    return {
        entry["_path"]: entry["original_path"]
        for entry in _entries(record)
        if isinstance(entry.get("original_path"), str)
    }


def read_origins(prefix: Path) -> dict[str, str]:
    """The URL of the channel that a package comes from, by its name; no credentials, and no folders of this machine.

    Raises:
        PrefixError: a record is not readable.
    """
    origins = {}
    for file in sorted((prefix / CONDA_META).glob("*.json")):
        record = read_json_object(file)
        name, channel = record.get("name"), record.get("channel")
        if isinstance(name, str) and isinstance(channel, str) and channel.startswith(("https://", "http://")):
            with suppress(ValueError):
                origins[name] = Channel.parse(channel).url
    return origins


def read_variables(prefix: Path) -> tuple[tuple[str, str], ...]:
    """The environment variables of a prefix (``conda-meta/state``), sorted by name."""
    file = prefix / CONDA_META / STATE
    if not file.exists():
        return ()
    variables = read_json_object(file).get("env_vars") or {}
    if not isinstance(variables, dict) or not all(isinstance(value, str) for value in variables.values()):
        raise PrefixError(
            "the variables of the environment are not texts by name", hint="remove the file", file=str(file)
        )
    for name, value in variables.items():
        if holds_credentials(value):
            raise PrefixError(
                f"the variable {name} holds an address with credentials, which would be published with a pack",
                hint="take it out of the environment (`conda env config vars unset`), or the credentials out of it",
                file=str(file),
            )
    return tuple(sorted((name, value) for name, value in variables.items() if value != _UNSET_VARIABLE))


def read_own_record(prefix: Path) -> Mapping[str, Any] | None:
    """What `install` or `unpack` wrote about the environment; None in a prefix that somebody else made."""
    file = prefix / CONDA_META / OWN_RECORD
    return read_json_object(file) if file.exists() else None


def read_wheel_files(prefix: Path) -> dict[str, WheelFileRecord]:
    """By project, the file that each wheel was installed from; of those that lite-env or a pack of it installed.

    Raises:
        PrefixError: the record is damaged.
    """
    own = read_own_record(prefix) or {}
    found = {}
    wheels = own.get("wheels") or {}
    for project, file in wheels.items() if isinstance(wheels, dict) else ():
        if isinstance(file, dict) and isinstance(file.get("file_name"), str) and is_sha256(str(file.get("sha256"))):
            found[project] = WheelFileRecord(file_name=file["file_name"], sha256=file["sha256"])
    return found


def read_requested(prefix: Path) -> tuple[str, ...]:
    """The match specs that a prefix was asked for, sorted; empty where no installer wrote them down."""
    own = read_own_record(prefix)
    if own is not None:
        return _public(str(spec) for spec in own.get("requested") or ())
    requested: set[str] = set()
    for file in sorted((prefix / CONDA_META).glob("*.json")):
        record = read_json_object(file)
        specs = record.get("requested_specs") or [record.get("requested_spec")]
        if not isinstance(specs, list):
            raise PrefixError(
                "'requested_specs' is not a list of match specs",
                hint="the environment is damaged: make it anew",
                file=str(file),
            )
        requested.update(str(spec) for spec in specs if spec and spec != "None")
    return _public(requested or _requested_in_history(prefix))


def _public(specs: Iterable[str]) -> tuple[str, ...]:
    # Other installers write down what was typed, and a pack's manifest is public.
    return tuple(sorted(filter(None, map(public_spec, specs))))


def _requested_in_history(prefix: Path) -> set[str]:
    """Match specs out of conda's history: lines such as ``# update specs: ["numpy", "python=3.11"]``."""
    file = prefix / CONDA_META / "history"
    by_name: dict[str, str] = {}
    if not file.exists():
        return set()
    for line in file.read_text("utf-8", errors="replace").splitlines():
        action, found, specs = line.removeprefix("# ").partition(" specs: ")
        if not (line.startswith("# ") and found and action in ("update", "install", "create", "remove")):
            continue
        for spec in _history_list(specs):
            name = name_of(spec)
            if name is not None and action == "remove":
                by_name.pop(name, None)
            elif name is not None:
                by_name[name] = spec
    return set(by_name.values())


def _history_list(text: str) -> list[str]:
    # Either a Python or JSON list (conda, micromamba), or names with commas (old conda). Not evaluated: Python's own
    # reader of literals does not survive every text.
    if text.lstrip().startswith(("[", "(")):
        specs = [first or second for first, second in _QUOTED.findall(text)]
    else:
        specs = text.split(",")
    return [spec.strip() for spec in specs if spec.strip()]


def write_environment(
    prefix: Path,
    *,
    name: str,
    lock_digest: str,
    requested: Sequence[str],
    variables: Mapping[str, str],
    wheels: Mapping[str, WheelFileRecord] | None = None,
) -> None:
    """Write down what a whole environment is: our own record, and ``state`` for the others.

    Args:
        prefix: the folder.
        name: the environment's name.
        lock_digest: see :func:`lite_env.lock.model.packages_digest`.
        requested: match specs that were asked for.
        variables: environment variables.
        wheels: by project, the file that each wheel was installed from, which their own records do not tell.
    """
    folder = prefix / CONDA_META
    folder.mkdir(parents=True, exist_ok=True)
    own: dict[str, Any] = {"lock_digest": lock_digest, "name": name, "requested": sorted(requested), "version": 1}
    if wheels:
        own["wheels"] = {
            project: {"file_name": wheel.file_name, "sha256": wheel.sha256} for project, wheel in wheels.items()
        }
    write_text(folder / OWN_RECORD, _as_text(own))
    write_text(folder / STATE, _as_text({"env_vars": dict(variables), "version": 1}))
    # conda and mamba take a folder for an environment only when this file is there.
    history = folder / "history"
    if not history.exists():
        write_text(history, "")


def write_package(prefix: Path, package: InstalledPackage) -> None:
    """Write one package's record, as far as a pack knows it (not where it was fetched)."""
    record = {
        "build": package.build,
        "build_number": package.build_number,
        "depends": list(package.depends),
        "files": list(package.files),
        "fn": package.file_name,
        "license": package.license,
        "name": package.name,
        "sha256": package.sha256,
        "subdir": package.subdir,
        "version": package.version,
    }
    stem = f"{package.name}-{package.version}-{package.build}"
    write_text(prefix / CONDA_META / f"{stem}.json", _as_text(record))


def _as_text(value: object) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def read_json_object(file: Path) -> dict[str, Any]:
    """A JSON object in a file.

    Raises:
        PrefixError: the file is not JSON, or something else than an object.
    """
    damaged = "the environment is damaged: make it anew"
    origin = Origin(what=f"'{file.name}'", error=PrefixError, file=str(file), hint=damaged)
    try:
        value = parse_json(read_bounded(file, origin), origin)
    except OSError as error:
        raise refusal(PrefixError, f"'{file.name}' cannot be read", error, file=file, absent=damaged) from error
    if not isinstance(value, dict):
        raise PrefixError(f"'{file.name}' is JSON, but not an object", hint=damaged, file=str(file))
    return value


def _match_spec(value: object) -> str:
    text = _text(value)
    reason = beyond_bounds(text)
    if reason:
        msg = f"the dependency `{shown(text)}` {reason}"
        raise ValueError(msg)
    return text


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        msg = f"expected a text, found {value!r}"
        raise TypeError(msg)
    return value
