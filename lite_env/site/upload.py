"""What is to be uploaded of a site, in which order and as what, and what may be deleted when: for any uploader.

A visitor in the middle of it sees the old site or the new one, if files are put there one after the other as they are
listed: first what is named by its hash, then manifests, then the pages that name these, and the record of all last.
Nothing has a Content-Encoding: what is compressed is inflated by those who asked for it, after its check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from lite_env.errors import SiteError
from lite_env.host.files import IMMUTABLE, content_type
from lite_env.site.headers import cache_control
from lite_env.site.record import encode_record
from lite_env.store.atomic import write_bytes
from lite_env.store.digest import sha256_of_bytes

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from lite_env.site.plan import SitePlan

Phase = Literal["content", "manifest", "page", "record"]
PHASES: tuple[Phase, ...] = get_args(Phase)
"""In their order; files of one phase may be uploaded at once."""
_OF_PACKS = ("packs/", "files/")


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """One file to be uploaded: where it lies below the site's folder, and what it is to be served as."""

    path: str
    phase: Phase
    size: int
    sha256: str
    content_type: str
    cache_control: str


class Deletion(msgspec.Struct, frozen=True, kw_only=True):
    """One file that no visitor asks for any more after a time."""

    path: str
    after: datetime


class UploadList(msgspec.Struct, frozen=True, kw_only=True):
    """All that is to be done to a host.

    Attributes:
        format: 1.
        build: as of `SiteRecord`.
        upload: in the order of uploading.
        delete: by path; what is listed there may go when the upload is done and the time has come.
    """

    format: int = 1
    build: str
    upload: tuple[Upload, ...]
    delete: tuple[Deletion, ...]


def upload_list(plan: SitePlan) -> UploadList:
    """What an uploader has to do so that a host has the site of `plan`."""
    record = encode_record(plan.record)
    entries = [
        *(_upload(file.path, file.size, file.sha256) for file in plan.leaving.files),
        *(_upload(file.path, file.size, file.sha256) for file in plan.files),
    ]
    entries.sort(key=lambda entry: PHASES.index(entry.phase))
    last = _upload(plan.record_path, len(record), sha256_of_bytes(record))
    ends = {file.path: file.until for file in (*plan.leaving.elsewhere, *plan.leaving.files)}
    ends |= dict.fromkeys(plan.stale, plan.now)
    return UploadList(
        build=plan.record.build,
        upload=(*entries, msgspec.structs.replace(last, phase="record")),
        delete=tuple(Deletion(path=path, after=ends[path]) for path in sorted(ends)),
    )


def write_upload_list(plan: SitePlan, path: Path) -> None:
    """Write the list of `plan` to `path`, outside the site.

    Raises:
        SiteError: it would be published.
    """
    refuse_published(path, plan.output)
    document = msgspec.json.encode(upload_list(plan), order="sorted")
    write_bytes(path, msgspec.json.format(document, indent=2) + b"\n")


def refuse_published(path: Path, output: Path) -> None:
    """Refuse a list inside the site at `output`.

    Raises:
        SiteError: it is there.
    """
    if path.resolve().is_relative_to(output.resolve()):
        raise SiteError(
            f"the list of uploads '{path}' would lie in the site, and be published",
            hint="write it beside the site's folder",
        )


def _upload(path: str, size: int, sha256: str) -> Upload:
    cached = cache_control(path)
    phase: Phase = "content" if cached == IMMUTABLE else "manifest" if path.startswith(_OF_PACKS) else "page"
    return Upload(
        path=path, phase=phase, size=size, sha256=sha256, content_type=content_type(path), cache_control=cached
    )
