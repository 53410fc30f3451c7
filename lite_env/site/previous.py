"""An earlier deployment of a site that lies elsewhere, in a folder or at a URL, and what of its record is believed.

Nothing in it is trusted: of what it names only what sites have is looked at, within bounds, and each file has to be the
one that the record says. Whatever is wrong with it costs its visitors something, and never the new site.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from lite_env.errors import FetchError, LiteEnvError, SiteError, without_secrets
from lite_env.host.files import MIME_TYPES
from lite_env.pack.files import read_pack_file
from lite_env.pack.limits import MAX_RAW_SIZE
from lite_env.pack.path import name_fault
from lite_env.progress import SILENT
from lite_env.site.record import parse_record
from lite_env.site.runtime import runtime_digest
from lite_env.store.digest import is_sha256
from lite_env.store.download import fetch_small
from lite_env.store.refusals import is_absence
from lite_env.store.text import Origin, shown, split_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lite_env.progress import Reporter
    from lite_env.site.record import Recorded, SiteRecord

PATIENCE = 30.0
"""Seconds for an answer, besides what its size takes on a slow link."""
MAX_RECORD_SIZE = 1 << 24
"""Bytes: some 100,000 files."""
MAX_TOTAL = 1 << 34
"""Bytes of all files that are carried over: sixteen times what GitHub Pages has room for."""

_SHOWN = 5
_MAX_PATH = 1024  # bytes
_MAX_FOLDERS = 100
_RUNTIME = re.compile(r"(?P<folder>(?:.*/)?runtime/[0-9a-f]{16}/)(?P<path>.+)")
_SHARED = re.compile(r"(?:.*/)?files/(?P<digest>[0-9a-f]{64})\.")
_FONTS = frozenset({".eot", ".gif", ".ico", ".jpeg", ".jpg", ".otf", ".ttf", ".txt", ".webp", ".woff", ".woff2"})
# What a page's address could be is not taken from a stranger.
_TYPES = (frozenset(MIME_TYPES) | _FONTS) - {".html"}
_URL = re.compile(r"https?://", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Previous:
    """An earlier deployment.

    Attributes:
        place: how it was named, without what opens it.
        root: the folder, or the URL with a final slash.
        record: what it has of what sites have.
        patience: as `PATIENCE`.
    """

    place: str
    root: Path | str = field(repr=False)
    record: SiteRecord
    patience: float = PATIENCE

    def url_of(self, path: str) -> str:
        """The URL of a file; of a deployment that has one."""
        return f"{self.root}{quote(path)}"


def read_previous(
    place: str,
    record_path: str,
    folders: tuple[str, ...],
    *,
    patience: float = PATIENCE,
    reporter: Reporter = SILENT,
) -> Previous | None:
    """What the deployment at `place` says of itself; None, and a warning, where nothing can be learnt.

    Args:
        place: a folder, or the http or https URL of one.
        record_path: where its record lies below that.
        folders: with a final slash, in which files may lie that are to be carried over.
        patience: seconds for an answer.
        reporter: told why there is nothing.

    Raises:
        SiteError: it cannot be such a place.
    """
    root = _root_of(place)
    place = without_secrets(place)
    where = f"the record of the previous site '{place}'"
    origin = Origin(what=where, error=SiteError, file=record_path, max_bytes=MAX_RECORD_SIZE)
    try:
        data = _read(root, record_path, patience)
        if data is None:
            reporter.warn(
                f"'{place}' has no '{record_path}': nothing is carried over; at a first deployment nothing has to be"
            )
            return None
        record = parse_record(data, origin)
    except LiteEnvError as error:
        reason = f": {error.hint}" if error.hint and isinstance(error, FetchError) else ""
        reporter.warn(f"nothing is carried over from '{place}', whose visitors may miss files: {error.message}{reason}")
        return None
    record = _only(record, lambda path: path.startswith(folders))
    refused = dict(_refused({**record.old, **record.files}))
    tell_some(reporter, [f"'{shown(path)}' of '{place}' is not carried over: {why}" for path, why in refused.items()])
    return Previous(place=place, root=root, record=_only(record, lambda path: path not in refused), patience=patience)


def tell_some(reporter: Reporter, lines: list[str]) -> None:
    """Warn of each, as far as anybody would read it."""
    for line in lines[:_SHOWN]:
        reporter.warn(line)
    if len(lines) > _SHOWN:
        reporter.warn(f"… and the same of {len(lines) - _SHOWN} more files")


def _root_of(place: str) -> Path | str:
    if not _URL.match(place):
        if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", place):
            raise SiteError(
                f"'{place}' is no place of a previous site",
                hint="`--previous` takes a folder, or a URL of http or https",
            )
        return Path(place)
    hint = "name the folder as visitors do: https://example.org/demo/"
    try:
        parts = split_url(place)
    except ValueError as error:
        raise SiteError(f"the URL of the previous site cannot be read: {error}", hint=hint) from error
    if not parts.hostname or parts.query or parts.fragment:
        raise SiteError(f"'{place}' is not the URL of a site's folder", hint=hint)
    url = place.removesuffix("index.html")
    return url if url.endswith("/") else f"{url}/"


def _read(root: Path | str, path: str, patience: float) -> bytes | None:
    if isinstance(root, str):
        # Of caches on the way each knows another moment of this one file.
        return fetch_small(f"{root}{quote(path)}?{secrets.token_hex(8)}", limit=MAX_RECORD_SIZE, seconds=patience)
    try:
        return read_pack_file(root, path, limit=MAX_RECORD_SIZE)
    except LiteEnvError as error:
        if isinstance(error.__cause__, OSError) and is_absence(error.__cause__):
            return None
        raise


def _only(record: SiteRecord, condition: Callable[[str], bool]) -> SiteRecord:
    return msgspec.structs.replace(
        record,
        files={path: file for path, file in record.files.items() if condition(path)},
        old={path: file for path, file in record.old.items() if condition(path)},
    )


def _refused(files: Mapping[str, Recorded]) -> Iterator[tuple[str, str]]:
    """What is not carried over though a record names it, by path, and why."""
    wrong = _wrong_runtimes(files)
    total = 0
    for path, file in sorted(files.items()):
        if (fault := _fault(path, file)) is not None:
            yield path, fault
        elif any(folder in wrong for folder in _folders(path)):
            yield path, "its folder is not named by what is in it"
        elif total + file.size > MAX_TOTAL:
            yield path, f"all in all there would be more than {MAX_TOTAL >> 30} GiB"
        else:
            total += file.size


def _folders(path: str) -> Iterator[str]:
    """All that `path` lies in, with a final slash."""
    end = path.find("/")
    while end >= 0:
        yield path[: end + 1]
        end = path.find("/", end + 1)


def _fault(path: str, file: Recorded) -> str | None:
    if len(path.encode(errors="replace")) > _MAX_PATH or path.count("/") > _MAX_FOLDERS:
        return f"its path has more than {_MAX_PATH} bytes or {_MAX_FOLDERS} folders"
    for part in path.split("/"):
        if fault := name_fault(part):
            return fault
    if PurePosixPath(path).suffix.lower() not in _TYPES:
        return "sites have no such files"
    shared = _SHARED.match(path)
    if not is_sha256(file.sha256) or (shared and shared["digest"] != file.sha256):
        return "it is not named by its SHA-256" if shared else "its SHA-256 is none"
    return None if 0 <= file.size <= MAX_RAW_SIZE else "its size cannot be"


def _wrong_runtimes(files: Mapping[str, Recorded]) -> frozenset[str]:
    """Folders of runtimes that are not named by what is in them."""
    found: dict[str, dict[str, str]] = {}
    for path, file in files.items():
        match = _RUNTIME.match(path)
        if match:
            found.setdefault(match["folder"], {})[match["path"]] = file.sha256
    return frozenset(folder for folder, contents in found.items() if folder.split("/")[-2] != runtime_digest(contents))
