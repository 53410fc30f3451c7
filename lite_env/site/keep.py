"""How long what earlier builds have written stays: decided here, without touching a file.

A visitor who came before the last deployment has its page, or a manifest of it, and may ask for what these name until
the tab is closed. So a file is not removed when a build no longer needs it, but some time after.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lite_env.errors import SiteError
from lite_env.site.record import RecordedOld

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from lite_env.site.previous import Previous
    from lite_env.site.record import SiteRecord

KEEP = 7 * 24 * 3600
"""Seconds for which what is not needed any more stays, where nothing else is said."""
MAX_KEEP = 10 * 366 * 24 * 3600
"""Seconds; what is to stay longer than a browser keeps anything need not be told apart from what stays for ever."""
EPOCH_VARIABLE = "SOURCE_DATE_EPOCH"
"""Where it is set it is the time: https://reproducible-builds.org/specs/source-date-epoch/."""

# A picture that may hold scripts, which run where somebody opens its address: no stranger's is taken.
_A_PAGE_AT_TIMES = ".svg"


def current_time() -> datetime:
    """The time in whole seconds, in UTC.

    Raises:
        SiteError: ``SOURCE_DATE_EPOCH`` is set, and is no number of seconds, or one after which there is no time.
    """
    text = os.environ.get(EPOCH_VARIABLE)
    if not text:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        now = datetime.fromtimestamp(int(text), UTC)
        # Until when something stays is a time, too.
        _ = now + timedelta(seconds=MAX_KEEP)
    except (ValueError, OverflowError, OSError) as error:
        raise SiteError(
            f"{EPOCH_VARIABLE} is {text!r}, which is no time",
            hint="it is a whole number of seconds since 1970, or is not set",
        ) from error
    return now


@dataclass(frozen=True, kw_only=True, slots=True)
class OldFile:
    """A file of an earlier build that visitors of that one may still ask for.

    Attributes:
        path: of the site.
        size: in bytes.
        sha256: of it.
        since: when a build did not need it any more.
        until: when the first build after that removes it.
    """

    path: str
    size: int
    sha256: str
    since: datetime
    until: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Keeping:
    """What is to become of what earlier builds have written.

    Attributes:
        seconds: for which it stays when it is not needed any more; with 0 it is removed at once.
        now: the time of this build.
        previous: an earlier deployment that lies elsewhere, of which files are carried over.
        at_once: tells of a path that what lies there is to be removed as soon as it is not needed.
    """

    seconds: int
    now: datetime
    previous: Previous | None = None
    at_once: Callable[[str], bool] = lambda _: False

    def __post_init__(self) -> None:
        if not 0 <= self.seconds <= MAX_KEEP:
            raise SiteError(
                f"old files cannot be kept for {self.seconds} seconds", hint="at most ten years: `--keep 30d`"
            )

    def deployed(self, before: SiteRecord | None, root: str = "") -> dict[str, str]:
        """SHA-256 by path below `root` of what visitors may have been told of; nothing where nothing is to stay."""
        if not self.seconds:
            return {}
        found: dict[str, str] = {}
        for record in (self.previous.record if self.previous else None, before):
            for files in (record.old, record.files) if record else ():
                found |= {path.removeprefix(root): file.sha256 for path, file in files.items() if path.startswith(root)}
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaving:
    """What of earlier builds a site does not need.

    Attributes:
        old: what stays in the folder for a while, by path.
        carried: what an earlier deployment elsewhere has and the folder has not, by path.
        stale: paths of what is removed now, sorted.
        elsewhere: what the earlier deployment has and nobody carries over; it is removed by uploaders alone, by path.
        in_the_way: paths of what is not carried over because something lies there that no build has put there, sorted.
    """

    old: tuple[OldFile, ...] = ()
    carried: tuple[OldFile, ...] = ()
    stale: tuple[str, ...] = ()
    elsewhere: tuple[OldFile, ...] = ()
    in_the_way: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[OldFile, ...]:
        """All that stays, by path."""
        return tuple(sorted((*self.old, *self.carried), key=lambda file: file.path))

    @property
    def recorded(self) -> dict[str, RecordedOld]:
        """All that stays, as it is noted."""
        return {file.path: RecordedOld(size=file.size, sha256=file.sha256, since=file.since) for file in self.files}

    def without(self, lost: AbstractSet[str]) -> Leaving:
        """The same, where files of the earlier deployment cannot be had."""
        gone = [file for file in self.carried if file.path in lost]
        return replace(
            self,
            carried=tuple(file for file in self.carried if file.path not in lost),
            elsewhere=tuple(sorted((*self.elsewhere, *gone), key=lambda file: file.path)),
        )


def plan_leaving(output: Path, needed: AbstractSet[str], before: SiteRecord | None, keeping: Keeping) -> Leaving:
    """Decide what becomes of files that are not `needed`.

    Args:
        output: the site's folder.
        needed: paths of what the site is to have.
        before: what the last build in the folder has noted.
        keeping: what is to become of them.
    """
    here = _unneeded(before, needed, keeping)
    for path in _other_names(output, here, needed):
        del here[path]
    stays = {path: file for path, file in here.items() if file.until > keeping.now and _is_there(output / path)}
    previous = keeping.previous
    ours = {*(before.files if before else ()), *(before.old if before else ())}
    taken = _Paths((*needed, *(before.files if before else ()), *stays))
    carried, elsewhere, in_the_way = [], [], []
    for path, file in sorted(_unneeded(previous.record if previous else None, needed, keeping).items()):
        if path in stays:
            continue
        if path.lower().endswith(_A_PAGE_AT_TIMES):
            elsewhere.append(replace(file, until=keeping.now))
        elif file.until <= keeping.now or not taken.add(path):
            elsewhere.append(file)
        elif path not in ours and os.path.lexists(output / path):
            in_the_way.append(path)
            elsewhere.append(file)
        else:
            carried.append(file)
    return Leaving(
        old=tuple(stays[path] for path in sorted(stays)),
        carried=tuple(carried),
        stale=tuple(sorted(here.keys() - stays.keys())),
        elsewhere=tuple(elsewhere),
        in_the_way=tuple(in_the_way),
    )


def _other_names(output: Path, paths: Iterable[str], needed: AbstractSet[str]) -> list[str]:
    """Those of `paths` that are a needed file by another name, where the system does not tell `A` from `a`."""
    folded = {path.casefold(): path for path in needed}
    found = []
    for path in paths:
        twin = folded.get(path.casefold())
        # One that is not there is no file of any name.
        with suppress(OSError):
            if twin is not None and (output / path).samefile(output / twin):
                found.append(path)
    return found


def _unneeded(record: SiteRecord | None, needed: AbstractSet[str], keeping: Keeping) -> dict[str, OldFile]:
    if record is None:
        return {}
    now = keeping.now
    since = {path: min(file.since, now) for path, file in record.old.items()} | dict.fromkeys(record.files, now)
    sizes = {**record.old, **record.files}
    return {
        path: OldFile(
            path=path,
            size=sizes[path].size,
            sha256=sizes[path].sha256,
            since=moment,
            until=now if keeping.at_once(path) else max(now, moment + timedelta(seconds=keeping.seconds)),
        )
        for path, moment in since.items()
        if path not in needed
    }


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # A name that is too long for any file.
        return False


class _Paths:
    """Paths of files that can lie in one folder on any system, also on those that do not tell `A` from `a`."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()
        for path in paths:
            self.add(path)

    def add(self, path: str) -> bool:
        """Take one more; False where it cannot be."""
        folded = path.casefold()
        parts = folded.split("/")
        folders = {"/".join(parts[:count]) for count in range(1, len(parts))}
        if folded in self._files or folded in self._folders or folders & self._files:
            return False
        self._files.add(folded)
        self._folders |= folders
        return True
