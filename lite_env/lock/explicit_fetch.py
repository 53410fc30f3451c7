"""From an ``@EXPLICIT`` list to a lock: each package is had, and says itself what it is and needs.

A package whose line has a SHA-256 is held against it. One with an MD5 is held against that, which vouches for little,
and one without a hash against nothing: the SHA-256 of what came is what is locked then, a warning counts them, and what
an address had is remembered in the store, and is the same on this machine as long as the store has it. Who wants none
of that asks for pinned packages.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from lite_env.errors import FetchError, LockError, PrefixError
from lite_env.lock.field import MAX_NUMBER
from lite_env.lock.kept import take_packages
from lite_env.lock.model import LockedPackage, Lockfile
from lite_env.lock.pixi_packages import milliseconds
from lite_env.lock.verify import refuse_unreachable
from lite_env.spec.address import local_path
from lite_env.spec.matchspec import beyond_bounds
from lite_env.store.protocol import key_of
from lite_env.store.text import Origin, convert, parse_json, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lite_env.lock.explicit import Listed
    from lite_env.progress import Reporter
    from lite_env.spec.address import Channel
    from lite_env.store.protocol import Key, Store

_PACKAGE = "package"
_CHUNK = 1 << 20  # bytes
_SHOWN = 5  # names in a message
_PIN = "`lite-env export --format conda-lock` writes a lock that has them"


class _Index(msgspec.Struct, frozen=True, kw_only=True):
    """What a package says of itself in its ``info/index.json``."""

    name: str
    version: str
    build: str
    build_number: int
    subdir: str | None = None
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    license: str | None = None
    noarch: Literal["generic", "python"] | bool | None = None
    timestamp: int | float | None = None


def lock_of(
    listed: Sequence[Listed], path: Path, *, pinned: bool, offline: bool, store: Store, reporter: Reporter
) -> Lockfile:
    """The lock that an ``@EXPLICIT`` list comes to.

    Args:
        listed: its packages.
        path: of the list.
        pinned: whether each package needs a SHA-256 in it.
        offline: open no connection.
        store: keeps package files, and what an address without a SHA-256 had.
        reporter: told of bytes, and warned of packages without a SHA-256.

    Raises:
        LockError: a package has no SHA-256 and needs one, or a channel is there with two different credentials.
        FetchError: a package cannot be had, or is another one.
        PrefixError: a package is not what its address says.
    """
    _tell_unpinned(listed, path, pinned=pinned, reporter=reporter)
    channels = _channels(listed, path)
    with tempfile.TemporaryDirectory(prefix="lite-env-explicit-") as name:
        wanted = [_wanted(each) for each in listed]
        remembered = {each.name: digest for each in listed if (digest := _remembered(each, store))}
        archives = _archives(
            wanted, channels, Path(name), remembered=remembered, offline=offline, store=store, reporter=reporter
        )
        found = {package.name: _verified(package, archives[package.name]) for package in wanted}
        packages = _described(list(found.values()), archives)
    for each in listed:
        if each.sha256 is None and local_path(each.url) is None:
            store.record(_key(each), {_PACKAGE: found[each.name].sha256})
    return Lockfile(
        name=path.absolute().parent.name,
        channels=tuple(channel.url for channel in channels),
        packages=packages,
        requested=(),
        variables=(),
        spec_digest="",
        addresses=channels,
        file=path,
    )


def _channels(listed: Sequence[Listed], path: Path) -> tuple[Channel, ...]:
    """The channels in the order of the packages, each with the credentials that any of its lines has."""
    found: dict[str, Channel] = {}
    for each in listed:
        known = found.setdefault(each.channel.url, each.channel)
        if not known.is_secret:
            found[known.url] = each.channel
        elif each.channel.is_secret and _asked(each.channel) != _asked(known):
            raise LockError(
                f"the lock file is not valid: line {each.line} has other credentials for {known} than another line",
                hint="write the same ones in all lines of a channel, or none: they may be kept for its host",
                file=str(path),
                line=each.line,
            )
    return tuple(found.values())


def _asked(channel: Channel) -> tuple[str, str | None]:
    return channel.address_for_request(), channel.authorization_for_request()


def _tell_unpinned(listed: Sequence[Listed], path: Path, *, pinned: bool, reporter: Reporter) -> None:
    weak = [each for each in listed if each.sha256 is None]
    if not weak:
        return
    names = ", ".join(each.file_name for each in weak[:_SHOWN]) + (", …" if len(weak) > _SHOWN else "")
    count = f"{len(weak)} of {len(listed)} packages"
    if pinned:
        raise LockError(
            f"{count} have no sha256 in the list, and locked ones were asked for: {names}",
            hint=_PIN,
            file=str(path),
            line=weak[0].line,
        )
    bare = sum(each.md5 is None for each in weak)
    known = f"{bare} of them no hash at all, {len(weak) - bare} an MD5 alone"
    reporter.warn(f"{count} in '{path.name}' have no sha256 ({known}), and are taken as they come: {names}; {_PIN}")


def _wanted(each: Listed) -> LockedPackage:
    """What is to be had; the SHA-256 is empty where the list has none."""
    return LockedPackage(
        name=each.name,
        version=each.version,
        build=each.build,
        build_number=0,
        subdir=each.subdir,
        file_name=each.file_name,
        url=each.url,
        channel=each.channel.url,
        sha256=each.sha256 or "",
        md5=each.md5,
    )


def _remembered(each: Listed, store: Store) -> str | None:
    """The SHA-256 of what the address of a package without one had at first."""
    known = None if each.sha256 or local_path(each.url) else store.recall(_key(each))
    return known.get(_PACKAGE) if known else None


def _key(each: Listed) -> Key:
    return key_of("explicit", 1, each.url, each.md5)


def _archives(
    wanted: Sequence[LockedPackage],
    channels: Sequence[Any],
    folder: Path,
    *,
    remembered: Mapping[str, str],
    offline: bool,
    store: Store,
    reporter: Reporter,
) -> dict[str, Path]:
    """The files of `wanted`, by name: where they lie, or below `folder`; of those `remembered` one may be kept."""
    # rattler takes a third of a second to import.
    from lite_env.lock.conda.archives import fetch_packages  # noqa: PLC0415

    local = {package.name: path for package in wanted if (path := local_path(package.url))}
    refuse_unreachable([package for package in wanted if package.name in local], offline=offline)
    remote = [package for package in wanted if package.name not in local]
    with reporter.task(f"fetching {len(remote)} packages", None, "B") as task:
        known = [replace(package, sha256=package.sha256 or remembered.get(package.name, "")) for package in remote]
        kept = take_packages([package for package in known if package.sha256], folder, store, task)
        absent = [package for package in remote if package.name not in kept]
        refuse_unreachable(absent, offline=offline)
        return local | kept | fetch_packages(absent, folder, channels, task, store)


def _verified(package: LockedPackage, path: Path) -> LockedPackage:
    """The package with the hashes and the size of its file, which are those of the list where it has them."""
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    with path.open("rb") as stream:
        while block := stream.read(_CHUNK):
            sha256.update(block)
            md5.update(block)
            size += len(block)
    found = {"sha256": sha256.hexdigest(), "md5": md5.hexdigest()}
    for kind, expected in (("sha256", package.sha256), ("md5", package.md5)):
        if expected and found[kind] != expected:
            raise FetchError(
                f"{package.file_name} is not the file that was locked: expected {kind} {expected}, found {found[kind]}",
                hint="the file was changed or damaged; make the list anew if the change is meant",
                url=package.url,
            )
    return replace(package, sha256=found["sha256"], md5=found["md5"], size=size)


def _described(packages: Sequence[LockedPackage], archives: Mapping[str, Path]) -> tuple[LockedPackage, ...]:
    """The packages with what they say of themselves."""
    from lite_env.lock.conda.archives import read_indexes  # noqa: PLC0415 - see above

    indexes = read_indexes(packages, archives)
    return tuple(with_index(package, indexes[package.name]) for package in packages)


def with_index(package: LockedPackage, text: bytes) -> LockedPackage:
    """The package with what its ``info/index.json`` says of it.

    Raises:
        PrefixError: it says something else than the address, or is no such file.
    """
    what = f"the `info/index.json` of {package.file_name}"
    origin = Origin(what=what, error=PrefixError, file=package.url, hint="do not use this package: it is broken")
    index = convert(parse_json(text, origin), _Index, origin)
    told = {"name": index.name, "version": index.version, "build": index.build, "subdir": index.subdir}
    for key, value in told.items():
        expected = getattr(package, key)
        if value is not None and value != expected:
            raise origin.fault(f"says that its {key} is {shown(value)}, and its address that it is {expected}")
    for spec in (*index.depends, *index.constrains):
        if reason := beyond_bounds(spec):
            raise origin.fault(f"has the match spec `{shown(spec)}`, which {reason}")
    for key, number in (("build_number", index.build_number), ("timestamp", index.timestamp or 0)):
        if not 0 <= number < MAX_NUMBER:
            raise origin.fault(f"says that its {key} is {shown(repr(number))}, which is not from 0 to 2**63 - 1")
    return replace(
        package,
        build_number=index.build_number,
        depends=tuple(sorted(index.depends)),
        constrains=tuple(sorted(index.constrains)),
        license=index.license,
        noarch="generic" if index.noarch is True else index.noarch or None,
        timestamp=milliseconds(round(index.timestamp)) if index.timestamp is not None else None,
    )
