"""``lite-env-site.json``: which files of a folder a build has written, so that the next one removes no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lite_env.errors import SiteError
from lite_env.pack.path import is_safe_path
from lite_env.store.text import Origin, convert, parse_json, read_bounded

if TYPE_CHECKING:
    from pathlib import Path

RECORD = "lite-env-site.json"
_FORMAT = 1
_HINT = "remove the folder, or only this record and build with `--force`; then old files stay"


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A file: bytes and SHA-256."""

    size: int
    sha256: str


class SiteRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a build has written.

    Attributes:
        format: 1.
        generator: who wrote it.
        build: as `SitePage.build`.
        files: by path, relative to the folder; the record itself is not among them.
    """

    format: int = _FORMAT
    generator: str
    build: str
    files: dict[str, Recorded]


def encode_record(record: SiteRecord) -> bytes:
    """The record as it is written: sorted keys, two blanks, a final newline."""
    return msgspec.json.format(msgspec.json.encode(record, order="sorted"), indent=2) + b"\n"


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
    origin = Origin(what="the record of the last build cannot be used: it", error=SiteError, file=str(path), hint=_HINT)
    record = convert(parse_json(read_bounded(path, origin), origin), SiteRecord, origin)
    if record.format != _FORMAT:
        raise _unreadable(path, f"it has format {record.format}, this lite-env knows {_FORMAT}")
    # Files are removed by it.
    unsafe = sorted(name for name in record.files if not is_safe_path(name))
    if unsafe:
        raise _unreadable(path, f"it names {unsafe[0]!r}")
    return record


def _unreadable(path: Path, reason: str) -> SiteError:
    return SiteError(
        "the record of the last build cannot be used",
        hint=_HINT,
        file=str(path),
        reason=reason,
    )
