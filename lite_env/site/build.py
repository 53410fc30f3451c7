"""The one place that writes a static site: file by file, so that the folder is a working site all the time."""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from lite_env.errors import LiteEnvError, SiteError
from lite_env.progress import SILENT
from lite_env.site.carry import LostFile, bring
from lite_env.site.plan import plan_site
from lite_env.site.previous import tell_some
from lite_env.site.record import SiteRecord, encode_record, read_record
from lite_env.site.staging import INSIDE, remove_parts, sole_writer, staging_folder
from lite_env.store.refusals import hint_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from lite_env.progress import Reporter
    from lite_env.site.plan import SiteFile, SiteOptions, SitePlan
    from lite_env.site.previous import Previous

_PIECE = 1 << 20  # bytes
_FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})
_IN_THE_WAY = frozenset({errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY})


def make_site(
    packs: Sequence[Path],
    output: Path,
    options: SiteOptions,
    *,
    runtime: Path | None = None,
    previous: Previous | None = None,
    now: datetime | None = None,
    reporter: Reporter = SILENT,
) -> SitePlan:
    """Make the folder `output` a site of `packs`; what was done is returned. Several at once take turns.

    Arguments are those of `plan_site`.

    Raises:
        ManifestError: one of the packs is broken or incomplete.
        SiteError: as `plan_site` and `write_site`.
    """
    plan = plan_site(packs, output, options, runtime=runtime, previous=previous, now=now)
    with _turn(output):
        if read_record(output) != plan.before:
            # Another build was here since.
            plan = plan_site(packs, output, options, runtime=runtime, previous=previous, now=now)
        return _write_plan(plan, reporter)


def write_site(plan: SitePlan, *, reporter: Reporter = SILENT) -> SitePlan:
    """Make the folder of `plan` that site; what was done is returned: without what could not be carried over.

    Each file is replaced in one step, and after all files that it names: a visitor, and a build that was interrupted,
    see the old site or the new one. Then what was needed long ago is removed, and nothing else ever is.

    Raises:
        SiteError: a file of a pack is not the one that its manifest names, or something stands in a file's place.
    """
    with _turn(plan.output):
        return _write_plan(plan, reporter)


@contextmanager
def _turn(output: Path) -> Iterator[None]:
    with ExitStack() as turn:
        try:
            turn.enter_context(sole_writer(output))
        except OSError as error:
            raise _unwritable(output, error) from error
        yield


def _write_plan(plan: SitePlan, reporter: Reporter) -> SitePlan:
    """Write it; the first site of an empty folder is there whole or not at all, unless the process is killed."""
    first = all(entry.name == INSIDE for entry in plan.output.iterdir())
    try:
        return _write_files(plan, reporter)
    except BaseException:
        if first:
            for path in (*plan.record.files, *plan.record.old, plan.record_path):
                with suppress(OSError):
                    _remove(plan.output, path)
        raise


def _write_files(plan: SitePlan, reporter: Reporter) -> SitePlan:
    output, before = plan.output, plan.before
    files = {**(before.files if before else {}), **plan.record.files}
    old = {**(before.old if before else {}), **plan.record.old}
    remove_parts(output, [plan.record_path, *files, *old])
    try:
        with staging_folder(output) as staging:
            if plan.to_write or plan.leaving.carried:
                # First what both builds have: an interrupted one is cleaned up by the next.
                both = msgspec.structs.replace(plan.record, files=files, old=old)
                _write_record(output / plan.record_path, both, staging)
            done = _carry_over(plan, staging, reporter)
            with reporter.task("writing the site", sum(file.size for file in plan.to_write), "B") as task:
                for file in plan.to_write:
                    _write(output / file.path, file, staging)
                    task.advance(file.size)
            for path in plan.stale:
                _remove(output, path)
            _write_record(output / plan.record_path, done.record, staging)
    except OSError as error:
        raise _unwritable(output, error) from error
    return done


def _carry_over(plan: SitePlan, staging: Path, reporter: Reporter) -> SitePlan:
    """Bring what an earlier deployment has; the plan without what cannot be had."""
    if plan.previous is None:
        return plan
    place = plan.previous.place
    why = "something lies there that no build has put there"
    lost = [LostFile(path=path, why=why) for path in plan.leaving.in_the_way]
    with closing(bring(plan.previous, plan.leaving.carried, reporter)) as files:
        for file in files:
            if isinstance(file, LostFile):
                lost.append(file)
            elif (fault := _fault_of_writing(plan.output / file.path, file, staging)) is not None:
                lost.append(LostFile(path=file.path, why=fault.message))
    lost.sort(key=lambda file: file.path)
    tell_some(reporter, [f"'{file.path}' of '{place}' cannot be carried over: {file.why}" for file in lost])
    return plan.without({file.path for file in lost})


def _fault_of_writing(target: Path, file: SiteFile, staging: Path) -> LiteEnvError | None:
    """Write what is carried over; why it cannot be, unless all else could not be written either."""
    try:
        _write(target, file, staging)
    except LiteEnvError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in _FULL:
            raise
        return error
    return None


def _write(target: Path, file: SiteFile, staging: Path) -> None:
    growing = staging / "file"
    digest = hashlib.sha256()
    size = 0
    with _writing(growing, target) as stream:
        for piece in _pieces(file):
            stream.write(piece)
            digest.update(piece)
            size += len(piece)
    if (size, digest.hexdigest()) != (file.size, file.sha256):
        raise file.unexpected(f"sha256 {digest.hexdigest()}, {size} bytes")
    _put(growing, target)


def _pieces(file: SiteFile) -> Iterator[bytes]:
    """What the file is to be made of; at most a byte more than there should be."""
    left = file.size + 1
    try:
        with file.open() as source:
            while left and (piece := source.read(min(_PIECE, left))):
                yield piece
                left -= len(piece)
    except OSError as error:
        raise file.unexpected(f"it cannot be read: {error.strerror}") from error


@contextmanager
def _writing(growing: Path, target: Path) -> Iterator[BinaryIO]:
    try:
        with growing.open("wb") as stream:
            yield stream
    except OSError as error:
        raise _unwritable(target, error) from error


def _put(growing: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        growing.replace(target)
    except OSError as error:
        raise _unwritable(target, error) from error


def _unwritable(target: Path, error: OSError) -> SiteError:
    in_the_way = error.errno in _IN_THE_WAY
    return SiteError(
        f"'{target}' cannot be written: {error.strerror}",
        hint="what stands in its place was not made by `lite-env site`: move it away, or choose another folder with -o"
        if in_the_way
        else hint_of(error.errno),
        file=str(target),
    )


def _remove(output: Path, path: str) -> None:
    target = output / path
    root = output.resolve()
    if not target.parent.resolve().is_relative_to(root):
        return
    target.unlink(missing_ok=True)
    for folder in target.parents:
        # Folders that others put something into stay.
        if folder == output or (folder.is_dir() and any(folder.iterdir())):
            return
        with suppress(FileNotFoundError):
            folder.rmdir()


def _write_record(path: Path, record: SiteRecord, staging: Path) -> None:
    content = encode_record(record)
    if path.is_file() and path.read_bytes() == content:
        return
    growing = staging / "record"
    with growing.open("wb") as stream:
        stream.write(content)
        stream.flush()
        # By it the next build knows what it may remove.
        os.fsync(stream.fileno())
    _put(growing, path)
