"""Downloading one file whose content is known: retried, resumed, checked, and whole or not there at all."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env import __version__
from lite_env.errors import FetchError, without_secrets
from lite_env.progress import SILENT
from lite_env.store.digest import sha256_of_file
from lite_env.store.lock import held
from lite_env.store.wire import in_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import requests

    from lite_env.progress import Reporter, Task

_CHUNK = 1 << 16  # bytes
_TIMEOUT = (10.0, 60.0)  # seconds to connect, and between two pieces
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_GONE = frozenset({404, 410})
_SMALL_ATTEMPTS = 3
_REDIRECTS = 5
_PARTIAL_CONTENT = 206
_REFUSED = frozenset({401, 403})
_WANTS_LOGIN = "write the host with user and password into .netrc; if it is there, they are wrong or have expired"
_RANGE_NOT_SATISFIABLE = 416
_LONGEST_WAIT = 30.0  # seconds
_NAME_LENGTH = 200  # letters of a lock's name, which gets an addition


@dataclass(frozen=True, kw_only=True, slots=True)
class Retry:
    """How often to try, and how long to wait in between: `first` seconds, then twice as long each time."""

    attempts: int = 5
    first: float = 0.5
    sleep: Callable[[float], None] = time.sleep

    def pause(self, failures: int, asked: str | None = None) -> None:
        """Wait after the given number of failures; `asked` is the server's Retry-After, if it sent one."""
        seconds = float(asked) if asked and asked.isdecimal() else self.first * 2 ** (failures - 1)
        self.sleep(min(seconds, _LONGEST_WAIT))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Job:
    url: str
    partial: Path
    sha256: str
    size: int | None
    login: tuple[str, str] | None
    retry: Retry

    def received(self) -> int:
        """How many bytes are there already."""
        return self.partial.stat().st_size if self.partial.is_file() else 0


class _TryAgainError(Exception):
    """This attempt failed, the next may not."""

    def __init__(self, reason: str, *, asked: str | None = None) -> None:
        super().__init__(reason)
        self.asked = asked


def download(
    url: str,
    target: Path,
    *,
    sha256: str,
    size: int | None = None,
    partial: Path | None = None,
    login: tuple[str, str] | None = None,
    retry: Retry | None = None,
    reporter: Reporter = SILENT,
) -> None:
    """Put the file at `url` to `target`, if its content is the one that is expected.

    What was received before an interruption is kept in `partial` and continued from with a Range request: only ever
    our own partial file, and the digest of the whole decides in the end. A server that ignores Range costs time only.
    Of several processes that want one file, one downloads it, and the others wait and take it. Credentials go to the
    server of `url` alone, wherever it redirects to, and none leads from https to http.

    Args:
        url: http or https.
        target: where the whole file appears; its folder is made.
        sha256: of the content.
        size: in bytes, for progress and as a bound; None when it is not known.
        partial: where the file grows; by default beside `target`.
        login: user and password; where there is none, a ``.netrc`` may have it.
        retry: how often and when to try again.
        reporter: told of bytes.

    Raises:
        FetchError: it could not be downloaded, or is another file than expected.
    """
    partial = partial or target.with_name(f".{target.name}.part")
    partial.parent.mkdir(parents=True, exist_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    # What follows `?` may be a credential.
    label = re.split(r"[?#]", url, maxsplit=1)[0].rsplit("/", 1)[-1] or without_secrets(url)
    lock = partial.with_name(f"{partial.name[:_NAME_LENGTH]}.lock")
    try:
        with held(
            lock, waiting=lambda: reporter.note(f"waiting for another process that downloads {label}", passing=True)
        ):
            # Another process may have been faster.
            if not target.is_file() or sha256_of_file(target) != sha256:
                job = _Job(url=url, partial=partial, sha256=sha256, size=size, login=login, retry=retry or Retry())
                _download(job, label, reporter)
                partial.replace(target)
    except TimeoutError as error:
        raise FetchError(
            f"{url} could not be downloaded: {error}",
            hint="look what the other process does, and end it if it hangs; then the same command again",
        ) from error


def fetch_small(url: str, *, limit: int, seconds: float) -> bytes | None:
    """The file at `url` as it is now; None where the server has none.

    Args:
        url: http or https.
        limit: bytes that it may have.
        seconds: of one attempt, until all of it has to be there, however it comes; who takes longer is not asked again.

    Raises:
        FetchError: it cannot be had, or is larger, or the way to it leads from https to http.
    """
    failures = 0
    while True:
        try:
            found = in_time(lambda: _attempt_small(url, limit), seconds)
        except OSError as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise _unreadable(url, reason) from error
        if isinstance(found, FetchError):
            raise found
        if not isinstance(found, _TryAgainError):
            return found
        failures += 1
        if failures >= _SMALL_ATTEMPTS:
            raise _unreadable(url, str(found)) from found
        Retry().pause(failures, found.asked)


def _unreadable(url: str, reason: str) -> FetchError:
    return FetchError(f"{url} could not be read: {reason}", hint="look whether the address is still right")


def _attempt_small(url: str, limit: int) -> bytes | FetchError | _TryAgainError | None:
    """The file, None where there is none, or why it is not had: as a value, for another thread."""
    import requests  # noqa: PLC0415 - see below

    try:
        return _fetch_small(url, limit)
    except (FetchError, _TryAgainError) as error:
        return error
    except (
        requests.exceptions.ConnectionError,
        requests.exceptions.Timeout,
        requests.exceptions.ChunkedEncodingError,
    ) as error:
        return _TryAgainError(_reason(error))
    except requests.exceptions.RequestException as error:
        return _unreadable(url, _reason(error))


def _fetch_small(url: str, limit: int) -> bytes | None:
    import requests  # noqa: PLC0415 - see below

    with requests.Session() as session:
        session.max_redirects = _REDIRECTS
        session.hooks["response"].append(_refuse_downgrade)
        session.headers.update({"User-Agent": f"lite-env/{__version__}", "Cache-Control": "no-cache"})
        with session.get(url, stream=True, timeout=_TIMEOUT) as response:
            if response.status_code in _GONE:
                return None
            if response.status_code in _BUSY:
                wait = response.headers.get("Retry-After")
                msg = f"the server answered {response.status_code} {response.reason}"
                raise _TryAgainError(msg, asked=wait)
            if not response.ok:
                msg = f"the server answered {response.status_code} {response.reason}"
                raise OSError(msg)
            data = bytearray()
            for piece in response.iter_content(_CHUNK):
                data += piece
                if len(data) > limit:
                    msg = f"it has more than {limit} bytes"
                    raise OSError(msg)
            return bytes(data)


def _download(job: _Job, label: str, reporter: Reporter) -> None:
    import requests  # noqa: PLC0415 - takes a tenth of a second, and most commands download nothing

    partial = job.partial
    with requests.Session() as session, reporter.task(f"downloading {label}", job.size, "B") as task:
        session.auth = job.login
        session.hooks["response"].append(_refuse_downgrade)
        session.headers["User-Agent"] = f"lite-env/{__version__}"
        # A compressed transfer would make lengths and offsets those of another stream.
        session.headers["Accept-Encoding"] = "identity"
        resumed = job.received() > 0
        _receive(session, job, task)
        found = sha256_of_file(partial)
        if found != job.sha256 and resumed:
            # What an earlier run left may be the head of another file: once more, from the start.
            partial.unlink()
            _receive(session, job, task)
            found = sha256_of_file(partial)
    if found != job.sha256:
        length = partial.stat().st_size
        partial.unlink()
        raise FetchError(
            f"{job.url} is not the file that was expected",
            hint="the file was changed where it is published, or on the way (a proxy's error page, for example)",
            found=f"sha256 {found}, {length} bytes",
            expected=f"sha256 {job.sha256}" + (f", {job.size} bytes" if job.size is not None else ""),
        )


def _receive(session: requests.Session, job: _Job, task: Task) -> None:
    failures = 0
    while True:
        try:
            _attempt(session, job, task)
        except _TryAgainError as error:
            failures += 1
            if failures >= job.retry.attempts:
                raise FetchError(
                    f"{job.url} could not be downloaded: {error}",
                    hint="check the network; what was received is kept, and the same command goes on from there",
                    attempts=failures,
                ) from error
            job.retry.pause(failures, error.asked)
        else:
            return


def _attempt(session: requests.Session, job: _Job, task: Task) -> None:
    import requests  # noqa: PLC0415 - see above

    have = job.received()
    if job.size is not None and have >= job.size:
        if have == job.size:
            return
        job.partial.unlink()
        have = 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    try:
        with session.get(job.url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
            have = _first_byte(response, job, have)
            _append(response, job, have, task)
    except (
        requests.exceptions.ConnectionError,
        requests.exceptions.Timeout,
        requests.exceptions.ChunkedEncodingError,
        requests.exceptions.ContentDecodingError,
    ) as error:
        raise _TryAgainError(_reason(error)) from error
    except requests.exceptions.RequestException as error:
        raise FetchError(f"{job.url} could not be downloaded: {_reason(error)}", hint="check the address") from error


def _first_byte(response: requests.Response, job: _Job, have: int) -> int:
    """The offset at which the body of `response` begins: `have`, or 0 from a server that ignores Range."""
    status = response.status_code
    if status == _RANGE_NOT_SATISFIABLE:
        # It may say so without having been asked for a part.
        job.partial.unlink(missing_ok=True)
        raise _TryAgainError("the server has fewer bytes than were received before")
    if status in _BUSY:
        wait = response.headers.get("Retry-After")
        raise _TryAgainError(f"the server answered {status} {response.reason}", asked=wait)
    if not response.ok:
        raise FetchError(
            f"{job.url} could not be downloaded: the server answered {status} {response.reason}",
            hint=_WANTS_LOGIN if status in _REFUSED else "look whether the address is still right",
        )
    if status != _PARTIAL_CONTENT:
        return 0
    if not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        job.partial.unlink(missing_ok=True)
        raise _TryAgainError("the server sent another part than was asked for")
    return have


def _refuse_downgrade(response: requests.Response, **_: object) -> None:
    """Stop before a redirect from https to what anybody on the way can change."""
    target = response.headers.get("Location", "") if response.is_redirect else ""
    if response.url.startswith("https:") and target.lower().startswith("http:"):
        response.close()
        raise FetchError(
            f"{response.url} could not be downloaded: the server redirects from https to http",
            hint="tell who runs it, or take the file from another address",
        )


def _append(response: requests.Response, job: _Job, have: int, task: Task) -> None:
    announced = response.headers.get("Content-Length", "")
    received = 0
    with job.partial.open("r+b" if have else "wb") as stream:
        stream.seek(have)
        for piece in response.iter_content(_CHUNK):
            stream.write(piece)
            received += len(piece)
            task.advance(len(piece))
            if job.size is not None and have + received > job.size:
                # The digest will say that it is another file; a server that never stops must not fill the disk.
                return
    if announced.isdecimal() and received < int(announced):
        raise _TryAgainError(f"the connection ended after {received} of {announced} bytes")


def _reason(error: requests.exceptions.RequestException) -> str:
    # Where a redirect led is signed at times, and is written without its host here.
    lines = re.sub(r" with url: \S+", "", str(error)).splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}"


def arrived(folder: Path, ending: str = "") -> int | None:
    """Bytes of the files below `folder` that another program is bringing there.

    Args:
        folder: where they arrive.
        ending: of the names of those that count.

    Returns:
        None where something was moved or removed while it was counted.
    """
    try:
        return sum(path.stat().st_size for path in folder.rglob(f"*{ending}") if path.is_file())
    except FileNotFoundError:
        return None
