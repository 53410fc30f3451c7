"""Laying out one package: which file goes where, with which content, before anything is packed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.channel.member import SourceArchive, read_archive
from lite_env.channel.model import PREFIX_PLACEHOLDER, PREFIX_TOKEN
from lite_env.channel.transform import transform
from lite_env.channel.wheel import read_wheel
from lite_env.errors import ChannelError
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.text import Origin, parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lite_env.channel.member import ArchivedFile
    from lite_env.channel.model import ArchiveRule, FileRule, PackageDefinition

_SITE_PACKAGES = re.compile(r"lib/python[0-9]+\.[0-9]+/site-packages/")
_META = "conda-meta/"


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedFile:
    """One file of a package.

    Attributes:
        path: in the package.
        file: where its content is on disk.
        has_prefix: whether it is text that holds the prefix placeholder.
    """

    path: str
    file: Path
    has_prefix: bool = False


def stage_package(
    package: PackageDefinition, sources: Mapping[str, SourceArchive], directory: Path, *, python: str = ""
) -> tuple[StagedFile, ...]:
    """Write the files of `package` into the empty folder `directory`; the answer is sorted by path.

    Args:
        package: what it is made of.
        sources: by name.
        directory: is empty.
        python: version of the Python that a wheel is installed for.

    Raises:
        ChannelError: a member is missing, unsafe, not what the definition says, or two are the same file.
    """
    staged: dict[str, StagedFile] = {}
    for number, (path, data, executable) in enumerate(_contents(package, sources, python)):
        if path in staged:
            raise ChannelError(f"two files of {package.file_name} have the same path", path=path)
        # Numbered names: paths that differ only in case stay apart on every file system.
        file = directory / f"{number:06}"
        file.write_bytes(data)
        file.chmod(0o755 if executable else 0o644)
        has_prefix = PREFIX_PLACEHOLDER.encode() in data
        staged[path] = StagedFile(path=path, file=file, has_prefix=has_prefix)
    return tuple(staged[path] for path in sorted(staged))


def _contents(
    package: PackageDefinition, sources: Mapping[str, SourceArchive], python: str
) -> Iterator[tuple[str, bytes, bool]]:
    for file in _archived(package, sources):
        yield _placed(file.path, package), file.data, file.executable
    if package.wheel:
        for file in read_wheel(package, _archive_content(package.wheel, sources), python=python):
            yield file.path, file.data, file.executable
    for unpacked in package.unpacked:
        for file in read_archive(_archive_content(unpacked, sources), name=str(unpacked.member)):
            yield f"{unpacked.path}/{file.path}", file.data, False
    for rule in package.files:
        yield rule.path, _rule_content(rule, sources[rule.member.source]), False
    for text in package.texts:
        yield text.path, text.text.replace(PREFIX_TOKEN, PREFIX_PLACEHOLDER).encode(), False


def _archived(package: PackageDefinition, sources: Mapping[str, SourceArchive]) -> Iterator[ArchivedFile]:
    if package.archive is None:
        return
    data = sources[package.archive.source].read(package.archive.path)
    for file in read_archive(data, name=str(package.archive)):
        if not file.path.startswith(_META):
            yield file
        elif file.path.endswith(".json"):
            # What a packed environment says of itself is checked and left out: it is the installer's to write,
            # and a package that brings its own breaks the installer.
            _check_identity(package, file)


def _check_identity(package: PackageDefinition, file: ArchivedFile) -> None:
    try:
        record = parse_json(file.data, Origin(what=f"{file.path} in {package.archive}", error=ChannelError))
        found = {key: record[key] for key in ("name", "version", "build", "build_number")}
    except (KeyError, TypeError) as error:
        raise ChannelError(f"{file.path} in {package.archive} is not a conda record: {error}") from error
    expected = {key: getattr(package, key) for key in found}
    if found != expected:
        raise ChannelError(
            "the archive is of another package than the definition says",
            archive=str(package.archive),
            line=package.line,
            found=_identity(found),
            expected=_identity(expected),
        )


def _identity(record: Mapping[str, object]) -> str:
    return "{name} {version} {build} {build_number}".format_map(record)


def _placed(path: str, package: PackageDefinition) -> str:
    """Where a file of an installed environment is in a package that installs it to there.

    In a ``noarch: python`` package site-packages and scripts are at the top; the installer knows the Python version.
    """
    if package.noarch != "python":
        return path
    match = _SITE_PACKAGES.match(path)
    if match:
        return "site-packages/" + path[match.end() :]
    return "python-scripts/" + path.removeprefix("bin/") if path.startswith("bin/") else path


def _archive_content(rule: ArchiveRule, sources: Mapping[str, SourceArchive]) -> bytes:
    data = sources[rule.member.source].read(rule.member.path)
    if rule.sha256:
        _check_sha256(data, rule.sha256, f"the member {rule.member}")
    return data


def _rule_content(rule: FileRule, source: SourceArchive) -> bytes:
    data = source.read(rule.member.path)
    if rule.sha256:
        _check_sha256(data, rule.sha256, f"the member {rule.member}")
    if rule.transform:
        data = transform(rule.transform.name, dict(rule.transform.options), data)
        _check_sha256(data, rule.transform.sha256, f"the result of {rule.transform.name} on {rule.member}")
    return data


def _check_sha256(data: bytes, expected: str, what: str) -> None:
    found = sha256_of_bytes(data)
    if found != expected:
        raise ChannelError(
            f"{what} is not what the definition says", found=f"sha256 {found}", expected=f"sha256 {expected}"
        )
