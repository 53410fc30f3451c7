"""Files of an earlier deployment that lies elsewhere, brought here: each is what the record says, or left out."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from lite_env.errors import LiteEnvError, without_secrets
from lite_env.pack.files import open_pack_file
from lite_env.site.plan import SiteFile
from lite_env.store.digest import sha256_of_bytes, sha256_of_stream
from lite_env.store.download import Retry, download
from lite_env.store.location import cache_directory
from lite_env.store.lock import held

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from lite_env.progress import Reporter, Task, Unit
    from lite_env.site.keep import OldFile
    from lite_env.site.previous import Previous

AT_ONCE = 8
PREVIOUS = "previous"
"""The folder of the cache in which files lie until they are in the site."""

_SLOWEST = 1 << 16  # bytes a second
_ATTEMPTS = 3


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
            yield from _fetch_all(previous, files, reporter, task)


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


def _fetch_all(
    previous: Previous, files: Sequence[OldFile], reporter: Reporter, task: Task
) -> Iterator[SiteFile | LostFile]:
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(_own_folder())
        except OSError as error:
            yield from (LostFile(path=file.path, why=str(error)) for file in files)
            return
        fetching = _Fetching(previous, files, folder, reporter, task)
        stack.callback(fetching.over.set)
        for _ in range(min(AT_ONCE, len(files))):
            threading.Thread(target=fetching.work, daemon=True).start()
        for _ in files:
            file = fetching.found.get()
            yield file
            if isinstance(file, SiteFile) and file.source is not None:
                file.source.unlink(missing_ok=True)


@contextmanager
def _own_folder() -> Iterator[Path]:
    """A folder of this run alone, which `lite-env cache prune` leaves alone; it is removed at the end."""
    root = cache_directory(PREVIOUS)
    root.mkdir(parents=True, exist_ok=True)
    # Who is not waited for may write there a little longer.
    with TemporaryDirectory(dir=root, ignore_cleanup_errors=True) as name, held(root / f"{Path(name).name}.lock"):
        yield Path(name)


class _Fetching:
    """Files that are fetched at once, by threads for which nobody waits who does not want the next file."""

    def __init__(
        self, previous: Previous, files: Sequence[OldFile], folder: Path, reporter: Reporter, task: Task
    ) -> None:
        self._previous = previous
        self._folder = folder
        self._reporter = reporter
        self._task = task
        self._waiting = deque(files)
        self.found: SimpleQueue[SiteFile | LostFile] = SimpleQueue()
        self.over = threading.Event()
        # A server that does not answer any more is not waited for a hundred times.
        self._silences = 0

    def work(self) -> None:
        """Fetch one after the other until there is none."""
        while not self.over.is_set():
            try:
                file = self._waiting.popleft()
            except IndexError:
                return
            self.found.put(self._try(file))

    def _try(self, file: OldFile) -> SiteFile | LostFile:
        if self._silences >= AT_ONCE:
            return LostFile(path=file.path, why=f"the server did not answer in time {AT_ONCE} times in a row")
        try:
            found = self._fetch(file)
        except TimeoutError as error:
            self._silences += 1
            return LostFile(path=file.path, why=str(error))
        except LiteEnvError as error:
            self._silences = 0
            return LostFile(path=file.path, why=error.message)
        except Exception as error:  # noqa: BLE001 - somebody waits for an answer to each file
            return LostFile(path=file.path, why=f"{type(error).__name__}: {without_secrets(str(error))}")
        self._silences = 0
        return found

    def _fetch(self, file: OldFile) -> SiteFile:
        """Fetch one, as long as it comes.

        Raises:
            TimeoutError: it does not.
            Exception: whatever `download` raises.
        """
        target = self._folder / sha256_of_bytes(file.path.encode())
        watch = _Watch(self._reporter, self._task, self._previous.patience, file.size, self.over)
        done: Future[None] = Future()

        def run() -> None:
            url = self._previous.url_of(file.path)
            retry = Retry(attempts=_ATTEMPTS, sleep=watch.sleep)
            try:
                download(url, target, sha256=file.sha256, size=file.size, retry=retry, reporter=watch)
                done.set_result(None)
            except Exception as error:  # noqa: BLE001 - for the thread that waits
                done.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        while not done.done():
            wait((done,), watch.left())
        done.result()
        return SiteFile(path=file.path, size=file.size, sha256=file.sha256, source=target)


class _Watch:
    """A reporter of one download, whose bytes are of the task of all; it knows how long nothing came."""

    def __init__(self, reporter: Reporter, task: Task, patience: float, size: int, over: threading.Event) -> None:
        self._reporter = reporter
        self._task = task
        self._patience = patience
        self._over = over
        self._ended = False
        self._last = time.monotonic()
        # All that are fetched at once share one link.
        self._end = self._last + patience + AT_ONCE * size / _SLOWEST

    def left(self) -> float:
        """Seconds for which there is reason to wait.

        Raises:
            TimeoutError: there is none.
        """
        now = time.monotonic()
        silent = self._last + self._patience <= now
        if silent or self._end <= now:
            self._ended = True
            raise TimeoutError(f"no answer within {self._patience:.0f} s" if silent else "it comes too slowly")
        return min(self._last + self._patience, self._end) - now

    def sleep(self, seconds: float) -> None:
        """Wait before the next attempt, perhaps because the server has asked for it: that is no silence."""
        self._end += seconds
        self._last = time.monotonic() + seconds
        self._over.wait(seconds)

    def advance(self, amount: int) -> None:
        """Count bytes; end what nobody waits for any more."""
        if self._ended or self._over.is_set():
            raise TimeoutError("nobody waits for it any more")
        self._last = time.monotonic()
        self._task.advance(amount)

    def note(self, message: str, *, passing: bool = False) -> None:
        """Pass on."""
        self._reporter.note(message, passing=passing)

    def warn(self, message: str, *, passing: bool = False) -> None:
        """Pass on."""
        self._reporter.warn(message, passing=passing)

    @contextmanager
    def task(self, label: str, total: int | None, unit: Unit) -> Iterator[Task]:  # noqa: ARG002 - the seam's shape
        """The one task."""
        yield self
