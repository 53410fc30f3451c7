"""Files of an earlier deployment that lies elsewhere, brought here: each is what the record says, or left out."""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from lite_env.errors import LiteEnvError
from lite_env.pack.files import open_pack_file
from lite_env.site.plan import SiteFile
from lite_env.store.digest import sha256_of_bytes, sha256_of_stream
from lite_env.store.download import Retry, download
from lite_env.store.location import cache_directory
from lite_env.store.wire import in_time

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from lite_env.progress import Reporter, Task, Unit
    from lite_env.site.keep import OldFile
    from lite_env.site.previous import Previous

AT_ONCE = 8
_SLOWEST = 1 << 16  # bytes a second
_RETRY = Retry(attempts=3)


@dataclass(frozen=True, kw_only=True, slots=True)
class LostFile:
    """A file that cannot be carried over, and why."""

    path: str
    why: str


def bring(previous: Previous, files: Sequence[OldFile], reporter: Reporter) -> Generator[SiteFile | LostFile]:
    """Bring `files` of an earlier deployment; what was fetched is removed when the next one is asked for.

    Args:
        previous: where they lie.
        files: of it.
        reporter: told of bytes.
    """
    with reporter.task(f"carrying over from {previous.place}", sum(file.size for file in files), "B") as task:
        if isinstance(previous.root, Path):
            for file in files:
                yield _look(previous.root, file)
                task.advance(file.size)
        else:
            yield from _fetch_all(previous, files, _OneTask(reporter, task))


def _look(folder: Path, file: OldFile) -> SiteFile | LostFile:
    try:
        with open_pack_file(folder, file.path) as stream:
            size = os.fstat(stream.fileno()).st_size
            is_right = size == file.size and sha256_of_stream(stream) == file.sha256
    except (LiteEnvError, OSError) as error:
        return LostFile(path=file.path, why=str(error))
    if not is_right:
        return LostFile(path=file.path, why="it is not the file that the record names")
    return SiteFile(path=file.path, size=file.size, sha256=file.sha256, pack=folder, name=file.path)


def _fetch_all(previous: Previous, files: Sequence[OldFile], reporter: Reporter) -> Iterator[SiteFile | LostFile]:
    fetching = _Fetching(previous, files, reporter)
    try:
        for _ in range(min(AT_ONCE, len(files))):
            threading.Thread(target=fetching.work, daemon=True).start()
        for _ in files:
            file = fetching.found.get()
            yield file
            if isinstance(file, SiteFile) and file.source is not None:
                file.source.unlink(missing_ok=True)
    finally:
        fetching.over.set()
        for old in files:
            _place_of(old).unlink(missing_ok=True)


class _Fetching:
    """Files that are fetched at once, by threads for which nobody waits who does not want the next file."""

    def __init__(self, previous: Previous, files: Sequence[OldFile], reporter: Reporter) -> None:
        self._previous = previous
        self._reporter = reporter
        self._waiting = deque(files)
        self.found: SimpleQueue[SiteFile | LostFile] = SimpleQueue()
        self.over = threading.Event()
        # A server that once did not answer in time is not waited for a hundred times.
        self._silent = threading.Event()

    def work(self) -> None:
        """Fetch one after the other until there is none."""
        while not self.over.is_set():
            try:
                file = self._waiting.popleft()
            except IndexError:
                return
            self.found.put(self._try(file))

    def _try(self, file: OldFile) -> SiteFile | LostFile:
        if self._silent.is_set():
            return LostFile(path=file.path, why="the server did not answer in time")
        try:
            return _fetch(self._previous, file, self._reporter)
        except TimeoutError as error:
            self._silent.set()
            return LostFile(path=file.path, why=str(error))
        except LiteEnvError as error:
            return LostFile(path=file.path, why=error.message)
        except OSError as error:
            return LostFile(path=file.path, why=str(error))


def _fetch(previous: Previous, file: OldFile, reporter: Reporter) -> SiteFile:
    target = _place_of(file)
    # What was received before an interruption is gone on with.
    partial = target.with_name(f"{file.sha256}.part")

    def fetch() -> LiteEnvError | None:
        try:
            url = previous.url_of(file.path)
            download(url, target, sha256=file.sha256, size=file.size, partial=partial, retry=_RETRY, reporter=reporter)
        except LiteEnvError as error:
            return error
        return None

    failed = in_time(fetch, previous.patience + file.size / _SLOWEST)
    if failed is not None:
        raise failed
    return SiteFile(path=file.path, size=file.size, sha256=file.sha256, source=target)


def _place_of(file: OldFile) -> Path:
    """Where a file lies until it is in the site; other processes have other places."""
    return cache_directory("previous") / f"{os.getpid()}-{sha256_of_bytes(file.path.encode())[:16]}"


class _OneTask:
    """A reporter for downloads at once: their bytes are of one task."""

    def __init__(self, reporter: Reporter, task: Task) -> None:
        self._reporter = reporter
        self._task = task

    def note(self, message: str, *, passing: bool = False) -> None:
        """Pass on."""
        self._reporter.note(message, passing=passing)

    def warn(self, message: str, *, passing: bool = False) -> None:
        """Pass on."""
        self._reporter.warn(message, passing=passing)

    @contextmanager
    def task(self, label: str, total: int | None, unit: Unit) -> Iterator[Task]:  # noqa: ARG002 - the seam's shape
        """The one task."""
        yield self._task
