"""``lite-env-site.json``: which files of a folder a build has written, so that the next one removes no other."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec looks it up
from typing import TYPE_CHECKING, Annotated

import msgspec

from lite_env.errors import SiteError
from lite_env.pack.path import is_safe_path
from lite_env.store.text import Origin, convert, parse_json, read_bounded, shown

if TYPE_CHECKING:
    from pathlib import Path

RECORD = "lite-env-site.json"
_FORMAT = 1
_WHAT = "the record of the last build cannot be used: it"
_HINT = "remove the folder, or only this record and build with `--force`; then old files stay"


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A file: bytes and SHA-256."""

    size: int
    sha256: str


class RecordedOld(Recorded, frozen=True, kw_only=True):
    """A file that no build needs any more, and since when."""

    since: Annotated[datetime, msgspec.Meta(tz=True)]


class SiteRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a build has written.

    Attributes:
        format: 1.
        generator: who wrote it.
        build: as `SitePage.build`.
        files: by path, relative to the folder; the record itself is not among them.
        old: by path, what earlier builds have written and their visitors may still ask for.
    """

    format: int = _FORMAT
    generator: str
    build: str
    files: dict[str, Recorded]
    old: dict[str, RecordedOld] = {}


def encode_record(record: SiteRecord) -> bytes:
    """The record as it is written: sorted keys, two blanks, a final newline; nothing of `old` where nothing is."""
    document = msgspec.to_builtins(record)
    if not record.old:
        del document["old"]
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"


def read_record(folder: Path, name: str = RECORD) -> SiteRecord | None:
    """What the last build in `folder` has written; None where there was none.

    Args:
        folder: of the site.
        name: the record's path in it.

    Raises:
        SiteError: the record is damaged, or of a later version.
    """
    path = folder / name
    if not path.is_file():
        return None
    origin = Origin(what=_WHAT, error=SiteError, file=str(path), hint=_HINT)
    return parse_record(read_bounded(path, origin), origin)


def parse_record(data: bytes, origin: Origin) -> SiteRecord:
    """The record in `data`; whose it is, and what its faults become, says `origin`.

    Raises:
        LiteEnvError: of `origin`'s class, when it is damaged, or of a later version.
    """
    record = convert(parse_json(data, origin), SiteRecord, origin)
    if record.format != _FORMAT:
        raise origin.fault(f"has format {record.format}, this lite-env knows {_FORMAT}")
    # Files are removed by it.
    unsafe = sorted(name for name in (*record.files, *record.old) if not is_safe_path(name))
    if unsafe:
        raise origin.fault(f"names {shown(unsafe[0])!r}")
    return record
