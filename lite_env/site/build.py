"""The one place that writes a static site: file by file, so that the folder is a working site all the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lite_env.errors import SiteError
from lite_env.progress import SILENT
from lite_env.site.record import RECORD, SiteRecord, encode_record, read_record
from lite_env.store.atomic import write_bytes
from lite_env.store.digest import sha256_of_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.progress import Reporter
    from lite_env.site.plan import SiteFile, SitePlan


def write_site(plan: SitePlan, *, reporter: Reporter = SILENT) -> None:
    """Make the folder of `plan` that site.

    Each file is replaced in one step, and after all files that it names: a visitor, and a build that was interrupted,
    see the old site or the new one. Then what only the old one had is removed, and nothing else ever is.

    Raises:
        SiteError: a file of a pack is not the one that its manifest names, or something stands in a file's place.
    """
    output = plan.output
    output.mkdir(parents=True, exist_ok=True)
    if plan.to_write:
        # First what both builds have: an interrupted one is cleaned up by the next.
        before = read_record(output)
        both = msgspec.structs.replace(plan.record, files={**(before.files if before else {}), **plan.record.files})
        _write_record(output, both)
    with reporter.task("writing the site", sum(file.size for file in plan.to_write), "B") as task:
        for file in plan.to_write:
            _write(output / file.path, file)
            task.advance(file.size)
    for path in plan.stale:
        _remove(output, path)
    _write_record(output, plan.record)


def _write(target: Path, file: SiteFile) -> None:
    content = file.content
    try:
        if content is None and file.source is not None:
            content = file.source.read_bytes()
        if content is None or sha256_of_bytes(content) != file.sha256:
            raise SiteError(
                f"'{file.source}' is not the file that was expected",
                hint="it is truncated, or changes while it is read: make or copy the pack again",
                expected=f"sha256 {file.sha256}, {file.size} bytes",
                found=f"{len(content or b'')} bytes",
            )
        write_bytes(target, content)
    except OSError as error:
        raise SiteError(
            f"'{target}' cannot be written: {error.strerror}",
            hint="what stands in its place was not made by `lite-env site`, or the disk is full",
            file=file.path,
        ) from error


def _remove(output: Path, path: str) -> None:
    target = output / path
    root = output.resolve()
    if not target.parent.resolve().is_relative_to(root):
        return
    target.unlink(missing_ok=True)
    for folder in target.parents:
        # Folders that others put something into stay.
        if folder == output or not folder.is_dir() or any(folder.iterdir()):
            return
        folder.rmdir()


def _write_record(output: Path, record: SiteRecord) -> None:
    content = encode_record(record)
    path = output / RECORD
    if not path.is_file() or path.read_bytes() != content:
        write_bytes(path, content, durable=True)
