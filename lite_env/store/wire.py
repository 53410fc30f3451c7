"""Files of a remote folder by fsspec, each within a time limit: who asks is never left waiting.

https://filesystem-spec.readthedocs.io/. Credentials are the ecosystem's own (``AWS_*``, ``~/.aws``, ``.netrc``, what
fsspec is configured with); a file system of fsspec tells them to whoever prints it, so none is printed.
"""

from __future__ import annotations

import secrets
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from lite_env.errors import MissingToolError, StoreError, without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

SECONDS = 5.0
"""How long one request may take."""

_PIECE = 1 << 20  # bytes asked for at once: as much as a slow link brings in time
_MOST = 4 << 30  # bytes of a file
_SLOWEST_UPLOAD = 1 << 18  # bytes a second
_EXTRA = "install it: `pip install 'lite-env[remote]'`"


class Wire(Protocol):
    """Files of a folder somewhere, by their places in it."""

    def get(self, place: str) -> bytes | None:
        """A whole file; None when it is not there."""

    def has(self, place: str) -> bool:
        """Whether it is there."""

    def put(self, place: str, file: bytes) -> None:
        """Write it, whole or not at all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """A file system of fsspec, and the folder in it."""

    system: Any
    root: str


class FsspecWire:
    """A folder at a URL of fsspec's; safe for several threads.

    Args:
        url: ``s3://bucket/folder``, ``https://…``, ``file:///…``.
        seconds: how long one request may take.
    """

    def __init__(self, url: str, *, seconds: float = SECONDS) -> None:
        self._url = url
        self._seconds = seconds
        self._lock = threading.Lock()
        self._place: _Place | None = None
        self.requests = 0

    def get(self, place: str) -> bytes | None:
        """A whole file, in pieces of which each comes in time; None when it is not there.

        Raises:
            TimeoutError: it does not come.
            OSError: the remote refuses it, or cannot be reached.
        """
        try:
            piece = self._ask(partial(_piece, place=place, start=0))
        except FileNotFoundError:
            return None
        file = bytearray(piece)
        while len(piece) == _PIECE:
            # From the last byte on: so there is always something to answer with.
            piece = self._ask(partial(_piece, place=place, start=len(file) - 1))
            if piece[:1] != file[-1:]:
                # Of a server that knows no ranges it was all of it.
                break
            file += piece[1:]
            if len(file) > _MOST:
                raise OSError(f"'{place}' has more bytes than the {_MOST} that a file of a store may have")
        return bytes(file)

    def has(self, place: str) -> bool:
        """Whether it is there.

        Raises:
            OSError: as `get`.
        """
        return bool(self._ask(lambda at: at.system.exists(_in(at, place))))

    def put(self, place: str, file: bytes) -> None:
        """Write it, whole or not at all.

        Raises:
            OSError: as `get`.
        """

        def write(at: _Place) -> None:
            path = _in(at, place)
            if "file" not in at.system.protocol:
                at.system.pipe_file(path, file)
                return
            part = f"{path}.{secrets.token_hex(8)}.part"
            at.system.pipe_file(part, file)
            at.system.mv(part, path)

        self._ask(write, seconds=self._seconds + len(file) / _SLOWEST_UPLOAD)

    def _ask(self, work: Callable[[_Place], T], *, seconds: float | None = None) -> T:
        place = self._opened()
        with self._lock:
            self.requests += 1
        return in_time(lambda: work(place), self._seconds if seconds is None else seconds)

    def _opened(self) -> _Place:
        with self._lock:
            if self._place is None:
                self._place = _open(self._url)
            return self._place


def in_time(work: Callable[[], T], seconds: float) -> T:
    """What `work` returns, within `seconds`; what it does after that nobody waits for, nor does the end of Python.

    Raises:
        TimeoutError: it takes longer.
        OSError: it fails, whatever it raises.
    """
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except OSError as error:
            done.set_exception(error)
        except Exception as error:  # noqa: BLE001 - libraries have errors of their own
            done.set_exception(OSError(f"{type(error).__name__}: {without_secrets(str(error))}"))

    threading.Thread(target=run, daemon=True).start()
    try:
        return done.result(seconds)
    except TimeoutError as error:
        raise TimeoutError(f"no answer within {seconds:.0f} s") from error


def _open(url: str) -> _Place:
    """The file system behind `url`.

    Raises:
        MissingToolError: a library for it is not installed.
        StoreError: there is no such kind.
    """
    try:
        import fsspec  # noqa: PLC0415 - optional, and slow to import
    except ImportError as error:
        raise MissingToolError("a remote store needs fsspec, which is not installed", hint=_EXTRA) from error
    scheme = urlsplit(url).scheme
    try:
        system, root = fsspec.url_to_fs(url, skip_instance_cache=True, **_OPTIONS.get(scheme, {}))
    except ImportError as error:
        raise MissingToolError(f"a remote store at {scheme}:// needs a library: {error}", hint=_EXTRA) from error
    except ValueError as error:
        raise StoreError(
            f"no remote store can be at '{url}': {error}", hint="write s3://BUCKET/FOLDER, https://… or file:///…"
        ) from error
    return _Place(system=system, root=root.rstrip("/"))


def _piece(at: _Place, *, place: str, start: int) -> bytes:
    piece: bytes = at.system.cat_file(_in(at, place), start=start, end=start + _PIECE)
    return piece


def _in(at: _Place, place: str) -> str:
    return f"{at.root}/{place}"


_ONE_TRY = {"connect_timeout": SECONDS, "read_timeout": SECONDS, "retries": {"total_max_attempts": 1}}
_HTTP = {"client_kwargs": {"trust_env": True, "headers": {"Accept-Encoding": "identity"}}}
# By scheme; in addition to fsspec's own configuration.
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {"config_kwargs": _ONE_TRY, "use_listings_cache": False},
    "http": _HTTP,
    "https": _HTTP,
    "file": {"auto_mkdir": True},
}
