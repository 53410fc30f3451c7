"""Reading and checking ``channel.yaml``; the format is described in ``docs/channels.md``."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from lite_env.channel.definition_source import read_sha256, read_source
from lite_env.channel.member import unsafe_reason
from lite_env.channel.model import (
    DEFINITION_FILE,
    SUBDIRS,
    ArchiveRule,
    ChannelDefinition,
    FileRule,
    Member,
    PackageDefinition,
    TextRule,
    Transform,
)
from lite_env.channel.strict_yaml import Mapping, Value, parse_mapping
from lite_env.channel.transform import check_transform
from lite_env.errors import ChannelError
from lite_env.lock.wheel import split_wheel_name
from lite_env.spec.matchspec import beyond_bounds
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.refusals import refusal
from lite_env.store.text import Origin, decode_text, read_bounded

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.channel.model import Source

    Sources = dict[str, str]  # file names by the names of the sources

FORMAT = 1
"""The definition format that is read here."""

# CEP 26, which says what conda names, versions and build strings may be made of.
_PACKAGE_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]*\Z")
_VERSION = re.compile(r"[a-z0-9_.+!]+\Z")
_BUILD = re.compile(r"[A-Za-z0-9_.+]+\Z")
_MATCH_SPEC = re.compile(r"[a-z0-9_][a-z0-9_.-]*( \S+){0,2}\Z")
_BUILD_NUMBER = re.compile(r"_([0-9]+)\Z")
# https://packaging.python.org/en/latest/specifications/entry-points/
_ENTRY_POINT = re.compile(r"[A-Za-z0-9._-]+ = [A-Za-z_][\w.]*:[A-Za-z_][\w.]*\Z")
_PYTHON = re.compile(r"[0-9]+\.[0-9]+(\.[0-9]+)?\Z")
_CHANNEL_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")
_NOARCH: dict[str, Literal["python", "generic"]] = {"python": "python", "generic": "generic"}


def load_definition(directory: Path) -> ChannelDefinition:
    """Read the definition in `directory`.

    Raises:
        ChannelError: there is none, or something in it is wrong; with file, line, key, what was found and expected.
    """
    file = directory / DEFINITION_FILE
    origin = Origin(what="the channel definition", error=ChannelError, file=str(file))
    try:
        data = read_bounded(file, origin)
        text = decode_text(data, origin)
    except FileNotFoundError:
        raise ChannelError(
            f"{directory} is not a channel definition: it has no {DEFINITION_FILE}",
            hint="give a folder of channels/, or the name of a definition that lite_env brings",
        ) from None
    except OSError as error:
        raise refusal(ChannelError, "the channel definition cannot be read", error, file=file) from error
    return parse_definition(text, file, digest=sha256_of_bytes(data))


def parse_definition(text: str, file: Path, *, digest: str) -> ChannelDefinition:
    """Make a definition of the text of ``channel.yaml``; `file` is for messages and `digest` is kept as it is."""
    top = parse_mapping(text, file)
    version = top.need("format")
    if version.integer() != FORMAT:
        version.place.fail(
            "this definition has a format that this lite_env does not know",
            expected=str(FORMAT),
            found=str(version.integer()),
            hint="upgrade lite_env",
        )
    name = top.text("name")
    if not _CHANNEL_NAME.match(name):
        top.need("name").place.fail("this is not a channel's name", found=name, expected="like emscripten-forge-2023")
    summary = top.text("summary")
    timestamp = _timestamp(top.need("timestamp"))
    python = _matching(top, "python", _PYTHON, "like 3.11") if top.find("python") else None
    sources = tuple(read_source(key, value) for key, value in sorted(top.need("sources").mapping().all()))
    values = top.need("packages").items()
    packages = tuple(_package(value, {source.name: source.file for source in sources}) for value in values)
    top.finish()
    _check_whole(values, packages, sources, top, python=python)
    return ChannelDefinition(
        name=name,
        summary=summary,
        timestamp=timestamp,
        sources=sources,
        packages=tuple(sorted(packages, key=lambda package: package.path)),
        file=file,
        digest=digest,
        built_for=python,
    )


def _timestamp(value: Value) -> datetime:
    text = value.date()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        value.place.fail("this is not a moment in time", found=text, expected="like 2023-12-13T00:00:00Z")
    return moment


def _package(value: Value, sources: Sources) -> PackageDefinition:
    fields = value.mapping()
    subdir = fields.text("subdir")
    if subdir not in SUBDIRS:
        fields.need("subdir").place.fail("this subdir is not known", found=subdir, expected=" or ".join(SUBDIRS))
    archive, wheel = fields.find("from"), fields.find("wheel")
    package = PackageDefinition(
        name=_matching(fields, "name", _PACKAGE_NAME, "lower-case letters, digits, `-`, `_`, `.`"),
        version=_matching(fields, "version", _VERSION, "letters, digits, `.`, `_`, `+`, `!`"),
        build=_matching(fields, "build", _BUILD, "letters, digits, `.`, `_`, `+`"),
        build_number=fields.need("build_number").integer(),
        subdir=subdir,
        noarch=_noarch(fields, subdir),
        license=fields.text("license"),
        summary=fields.text("summary").strip(),
        home=fields.text("home"),
        depends=tuple(_match_spec(item) for item in fields.texts("depends")),
        constrains=tuple(_match_spec(item) for item in fields.texts("constrains")),
        archive=_member(archive, sources, whole=True) if archive else None,
        wheel=_wheel(wheel, sources) if wheel else None,
        unpacked=tuple(sorted(_unpacked(fields, sources), key=lambda rule: rule.path)),
        files=tuple(sorted(_files(fields, sources), key=lambda rule: rule.path)),
        texts=tuple(sorted(_texts(fields), key=lambda rule: rule.path)),
        entry_points=tuple(sorted(_entry_point(item) for item in fields.texts("entry_points"))),
        line=value.place.line,
    )
    fields.finish()
    if package.entry_points and package.noarch != "python":
        fields.need("entry_points").place.fail(
            "only what is `noarch: python` has entry points", found=f"subdir {subdir}", expected="noarch: python"
        )
    number = _BUILD_NUMBER.search(package.build)
    if number and int(number[1]) != package.build_number:
        fields.need("build_number").place.fail(
            "the build number is not that of the build string", found=str(package.build_number), expected=number[1]
        )
    made_of = (package.archive, package.wheel, package.unpacked, package.files, package.texts)
    # Packages that only say something have no files, and say that: `files: {}`.
    if not any(made_of) and not fields.find("files"):
        fields.place.fail(
            "this package is made of nothing",
            expected="`from`, `wheel`, `unpack`, `files` or `text`; `files: {}` for one without files",
            found="none of them",
        )
    return package


def _matching(fields: Mapping, key: str, pattern: re.Pattern[str], expected: str) -> str:
    text = fields.text(key)
    if not pattern.match(text):
        fields.need(key).place.fail(f"this is not a conda {key}", found=text, expected=expected)
    return text


def _noarch(fields: Mapping, subdir: str) -> Literal["python", "generic"] | None:
    value = fields.find("noarch")
    if (value is not None) != (subdir == "noarch"):
        fields.place.fail(
            "subdir and noarch do not fit",
            found=f"subdir {subdir}, noarch {value.text() if value else 'missing'}",
            expected="`noarch: python` or `noarch: generic` exactly for the subdir noarch",
        )
    if value is None:
        return None
    kind = _NOARCH.get(value.text())
    if kind is None:
        value.place.fail("this kind of noarch is not known", found=value.text(), expected="python or generic")
    return kind


def _match_spec(value: Value) -> str:
    text = value.text()
    if beyond_bounds(text) or not _MATCH_SPEC.match(text):
        value.place.fail("this is not a dependency", found=text, expected="NAME, NAME VERSION or NAME VERSION BUILD")
    return text


def _entry_point(value: Value) -> str:
    text = value.text()
    if not _ENTRY_POINT.match(text):
        value.place.fail("this is not an entry point", found=text, expected="NAME = MODULE:FUNCTION")
    return text


def _wheel(value: Value, sources: Sources) -> ArchiveRule:
    rule = _archive("", value, sources)
    if split_wheel_name(rule.file_name) is None:
        value.place.fail("this is not the name of a wheel", found=rule.file_name, expected="NAME-VERSION-TAG.whl")
    return rule


def _unpacked(fields: Mapping, sources: Sources) -> list[ArchiveRule]:
    value = fields.find("unpack")
    rules = []
    for path, rule in value.mapping().all() if value else []:
        _check_path(path, rule)
        rules.append(_archive(path, rule, sources))
    return rules


def _archive(path: str, value: Value, sources: Sources) -> ArchiveRule:
    if value.is_text():
        member, sha256 = _member(value, sources, whole=True), None
    else:
        fields = value.mapping()
        member, sha256 = _member(fields.need("from"), sources, whole=True), read_sha256(fields)
        fields.finish()
    return ArchiveRule(path=path, member=member, file_name=member.name or sources[member.source], sha256=sha256)


def _files(fields: Mapping, sources: Sources) -> list[FileRule]:
    value = fields.find("files")
    return [_file(path, rule, sources) for path, rule in value.mapping().all()] if value else []


def _file(path: str, value: Value, sources: Sources) -> FileRule:
    _check_path(path, value)
    if value.is_text():
        return FileRule(path=path, member=_member(value, sources))
    fields = value.mapping()
    member = _member(fields.need("from"), sources)
    transform = fields.find("transform")
    rule = FileRule(
        path=path,
        member=member,
        sha256=read_sha256(fields) if fields.find("sha256") else None,
        transform=_transform(transform) if transform else None,
    )
    fields.finish()
    return rule


def _transform(value: Value) -> Transform:
    fields = value.mapping()
    name = fields.text("name")
    options: dict[str, str | int] = {}
    for key, option in fields.all():
        if key not in ("name", "sha256"):
            options[key] = option.text() if option.is_text() else option.integer()
    reason = check_transform(name, options)
    if reason:
        value.place.fail("this transformation cannot be done", expected=reason, found=f"{name} {options}")
    return Transform(name=name, options=tuple(sorted(options.items())), sha256=read_sha256(fields))


def _texts(fields: Mapping) -> list[TextRule]:
    value = fields.find("text")
    rules = []
    for path, text in value.mapping().all() if value else []:
        _check_path(path, text)
        rules.append(TextRule(path=path, text=text.text()))
    return rules


def _check_path(path: str, value: Value) -> None:
    reason = unsafe_reason(path)
    if reason:
        value.place.fail(f"this path cannot be in a package: {reason}", found=path, expected="a path below the prefix")


def _member(value: Value, sources: Sources, *, whole: bool = False) -> Member:
    """A file in a source; where `whole` files make sense, the source's file itself too."""
    text = value.text()
    source, separator, path = text.partition(":")
    if unsafe_reason(path) if separator else not whole:
        expected = "SOURCE:PATH or SOURCE" if whole else "SOURCE:PATH"
        value.place.fail("this does not name a file in a source", found=text, expected=expected)
    if source not in sources:
        value.place.fail("this source is not defined", found=source, expected="one of " + ", ".join(sorted(sources)))
    return Member(source=source, path=path)


def _check_whole(
    values: list[Value],
    packages: tuple[PackageDefinition, ...],
    sources: tuple[Source, ...],
    top: Mapping,
    *,
    python: str | None,
) -> None:
    seen: dict[str, int] = {}
    for value, package in zip(values, packages, strict=True):
        if package.path in seen:
            value.place.fail(
                "this package is there twice",
                found=f"{package.path}, also on line {seen[package.path]}",
                expected="one",
            )
        seen[package.path] = package.line
        both = {rule.path for rule in package.files} & {rule.path for rule in package.texts}
        if package.wheel and python is None and not any(other.name == "python" for other in packages):
            value.place.fail(
                "a wheel is installed for a Python, and this channel has none",
                expected="a package `python`, or `python: VERSION`",
            )
        if both:
            value.place.fail("this path is in `files` and in `text`", found=min(both), expected="one of the two")
    for source in sources:
        if source.members is not None:
            _check_members(source.name, packages, top)
    used = {member.source for package in packages for member in package.members}
    for source in sources:
        if source.name not in used:
            place = top.need("sources").place
            place.fail("no package uses this source", found=source.name, expected="a package that names it")


def _check_members(source: str, packages: tuple[PackageDefinition, ...], top: Mapping) -> None:
    """What may come from a place of its own is known by its own digest."""
    for package in packages:
        for member, sha256 in package.digests:
            if member.source == source and sha256 is None:
                place = top.need("sources").place
                place.fail("this source has `members`, so each needs a sha256", found=str(member), expected="sha256: …")
