"""``/api/drive`` on a folder of the host: the protocol by which JupyterLite's DriveFS reads and writes files.

The answers are those of ``DriveContentsProcessor`` in ``@jupyterlite/services`` 0.8 (``lib/contents/drivecontents.js``
there). It adds: contents always as base64, whatever their bytes; a ``stat`` (what ``getattr`` answers) beside each
``lookup``; with ``"detail": true`` the type of each name in ``readdir`` (Emscripten looks up every name of a listing:
without it a folder of 500 files costs 501 requests); files in pieces; with ``"exclusive": false`` a ``mknod`` that
leaves the file which is there; errors as HTTP 4xx and 5xx with
``{"error": {"code", "message"}}``, the code being the name of an errno.
Where the Contents API is looser than a file system, this is a file system: a folder that holds something is not removed
(``ENOTEMPTY``), a file that exists is not made again (``EEXIST``), a rename replaces a file.

Not shown, because a kernel could not open them and one such entry would spoil a whole listing: links that lead out of
the folder or nowhere, devices and pipes, names that are not text.
"""

from __future__ import annotations

import binascii
import errno
import os
import stat
import threading
import time
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from lite_env.errors import DriveError, HostError
from lite_env.host.drive_path import can_be_told, components, locate
from lite_env.host.drive_stat import DIR_MODE, FILE_MODE, attributes_of, mode_of
from lite_env.host.drive_ticket import Generations, Ticket
from lite_env.host.drive_upload import UploadPiece, Uploads
from lite_env.store.atomic import write_bytes
from lite_env.store.typed import decode_json

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_FILE = 384 << 20
"""Bytes beyond which a file is not sent whole: its base64 would be longer than a string of V8 can be."""
MAX_PIECE = 8 << 20
"""Bytes of the largest piece that is given and taken."""
MAX_BODY = (MAX_FILE // 3) * 4 + (1 << 20)
"""Bytes of the longest request: such a file, and room for the rest."""

_STATUS = {
    "EACCES": HTTPStatus.FORBIDDEN,
    "EEXIST": HTTPStatus.CONFLICT,
    "EFBIG": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "EINVAL": HTTPStatus.BAD_REQUEST,
    "EIO": HTTPStatus.INTERNAL_SERVER_ERROR,
    "EISDIR": HTTPStatus.CONFLICT,
    "ENOENT": HTTPStatus.NOT_FOUND,
    "ENOSPC": HTTPStatus.INSUFFICIENT_STORAGE,
    "ENOTDIR": HTTPStatus.CONFLICT,
    "ENOTEMPTY": HTTPStatus.CONFLICT,
}
_SYNONYMS = {
    "EDQUOT": "ENOSPC",
    "ELOOP": "EINVAL",
    "ENAMETOOLONG": "EINVAL",
    "EPERM": "EACCES",
    "EROFS": "EACCES",
}


class _Data(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What some methods need besides the path."""

    new_path: str | None = None
    mode: int | None = None
    format: str | None = None
    data: str | None = None
    detail: bool = False
    exclusive: bool = True
    offset: Annotated[int, msgspec.Meta(ge=0)] | None = None
    length: Annotated[int, msgspec.Meta(gt=0)] = MAX_PIECE
    piece: UploadPiece | None = None


class DriveRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a kernel asks for: a method, a path and what the method needs."""

    method: str
    path: str
    data: _Data = _Data()


class _Envelope(Ticket, frozen=True, kw_only=True):
    data: DriveRequest


class FolderDrive:
    """The folder that a kernel sees as ``/drive``; nothing outside it can be reached.

    Requests are done one after the other, and none that nobody waits for. A link that is moved while another request
    has just looked where it leads would else be a way out.
    """

    def __init__(self, root: Path) -> None:
        """Take a folder.

        Raises:
            HostError: it is none.
        """
        if not root.is_dir():
            raise HostError(f"'{root}' is not a folder", hint="`--drive` takes the folder that a kernel sees as /drive")
        self.root = Path(os.path.realpath(root))
        self._lock = threading.Lock()
        self._uploads = Uploads()
        self._generations = Generations()
        self._methods: dict[str, Callable[[tuple[str, ...], _Data], Any]] = {
            "get": self._get,
            "getattr": self._getattr,
            "getmode": self._getmode,
            "lookup": self._lookup,
            "mknod": self._mknod,
            "readdir": self._readdir,
            "rename": self._rename,
            "rmdir": self._rmdir,
        }

    def process(self, request: DriveRequest, ticket: Ticket) -> Any:  # noqa: ANN401 - each method has an answer of its own
        """The answer to a request: a value that JSON can hold.

        Raises:
            DriveError: it is refused or fails, or nobody waits for it any more.
        """
        put = partial(self._put, owner=ticket.owner)
        method = put if request.method == "put" else self._methods.get(request.method)
        if method is None:
            raise DriveError("EINVAL", f"there is no method {request.method!r}")
        parts = components(request.path)
        limit = ticket.limit(wall=time.time(), clock=time.monotonic())
        with self._lock:
            if time.monotonic() > limit:
                raise DriveError("EIO", f"{request.method} '{request.path}' was given up and not begun")
            if self._generations.enter(ticket):
                self._uploads.drop(ticket.owner)
            try:
                return method(parts, request.data)
            except OSError as error:
                raise _drive_error(error, parts) from error

    def _lookup(self, parts: tuple[str, ...], _: _Data) -> dict[str, Any]:
        try:
            found = self._stat(parts)
        except (FileNotFoundError, NotADirectoryError):
            return {"ok": False}
        return {"ok": True, "mode": mode_of(found), "stat": attributes_of(found), "pieces": MAX_PIECE}

    def _getmode(self, parts: tuple[str, ...], _: _Data) -> int:
        return mode_of(self._stat(parts))

    def _getattr(self, parts: tuple[str, ...], _: _Data) -> dict[str, Any]:
        return attributes_of(self._stat(parts))

    def _readdir(self, parts: tuple[str, ...], data: _Data) -> list[str] | list[dict[str, Any]]:
        with os.scandir(locate(self.root, parts)) as entries:
            shown = {entry.name: entry.is_dir() for entry in entries if self._is_shown(parts, entry)}
        if not data.detail:
            return sorted(shown)
        return [{"name": name, "mode": DIR_MODE if shown[name] else FILE_MODE} for name in sorted(shown)]

    def _is_shown(self, parts: tuple[str, ...], entry: os.DirEntry[str]) -> bool:
        if not can_be_told(entry.name):
            return False
        if not entry.is_symlink():
            return entry.is_dir() or entry.is_file()
        try:
            self._stat((*parts, entry.name))
        except (OSError, DriveError):
            return False
        return True

    def _get(self, parts: tuple[str, ...], data: _Data) -> dict[str, Any] | None:
        try:
            found = self._stat(parts)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISDIR(found.st_mode):
            return None
        if data.offset is not None:
            return _piece(locate(self.root, parts), data.offset, min(data.length, MAX_PIECE))
        if found.st_size > MAX_FILE:
            raise DriveError("EFBIG", f"'{'/'.join(parts)}' has {found.st_size} bytes, more than {MAX_FILE}")
        return _base64(locate(self.root, parts).read_bytes())

    def _put(self, parts: tuple[str, ...], data: _Data, *, owner: str | None) -> None:
        content = _content(data)
        if data.piece is None:
            self._replace(parts, content)
            return
        try:
            target = locate(self.root, parts)
            self._writable(parts, target)
            with self._uploads.add(data.piece, content, target.parent, owner=owner) as whole:
                if whole is not None:
                    self._replace(parts, whole)
        except (OSError, DriveError):
            self._uploads.give_up(data.piece.upload)
            raise

    def _replace(self, parts: tuple[str, ...], content: bytes | memoryview) -> None:
        target = locate(self.root, parts)
        write_bytes(target, content, mode=self._writable(parts, target))

    def _writable(self, parts: tuple[str, ...], target: Path) -> int | None:
        """The permission bits of the file that may be replaced; None where there is none yet."""
        try:
            found = self._stat(parts)
        except FileNotFoundError:
            # Writing atomically makes missing folders; a file system does not.
            if not target.parent.is_dir():
                raise
            return None
        if stat.S_ISDIR(found.st_mode):
            raise DriveError("EISDIR", f"'{'/'.join(parts)}' is a folder")
        # Replacing a file asks for no right to write to it.
        if not os.access(target, os.W_OK):
            raise DriveError("EACCES", f"'{'/'.join(parts)}' is write-protected")
        return stat.S_IMODE(found.st_mode)

    def _mknod(self, parts: tuple[str, ...], data: _Data) -> dict[str, bool] | None:
        target = locate(self.root, parts)
        if stat.S_ISDIR((data.mode or 0) & 0xFFFF):
            target.mkdir()
            return None
        try:
            with target.open("xb"):
                return None
        except FileExistsError:
            if data.exclusive or not stat.S_ISREG(self._stat(parts).st_mode):
                raise
            return {"made": False}

    def _rename(self, parts: tuple[str, ...], data: _Data) -> None:
        if data.new_path is None:
            raise DriveError("EINVAL", "a rename needs `newPath`")
        self._entry(parts).replace(self._entry(components(data.new_path)))

    def _rmdir(self, parts: tuple[str, ...], _: _Data) -> None:
        """Remove a file or an empty folder: DriveFS sends this for both."""
        entry = self._entry(parts)
        if stat.S_ISDIR(entry.lstat().st_mode):
            entry.rmdir()
        else:
            entry.unlink()

    def _stat(self, parts: tuple[str, ...]) -> os.stat_result:
        found = locate(self.root, parts).stat()
        if not stat.S_ISDIR(found.st_mode) and not stat.S_ISREG(found.st_mode):
            # Opening a pipe would wait for ever.
            raise DriveError("EACCES", f"'{'/'.join(parts)}' is neither a file nor a folder")
        return found

    def _entry(self, parts: tuple[str, ...]) -> Path:
        """The entry itself: of a link its own name, not where it leads."""
        if not parts:
            raise DriveError("EACCES", "the drive's own folder can be neither renamed nor removed")
        return locate(self.root, parts[:-1]) / parts[-1]


def answer_request(drive: FolderDrive, body: bytes) -> tuple[HTTPStatus, bytes]:
    """The status and JSON document that answer the body of ``POST api/drive``."""
    try:
        envelope = decode_json(body, _Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return error_document(DriveError("EINVAL", f"the request is malformed: {error}"))
    try:
        return HTTPStatus.OK, msgspec.json.encode(drive.process(envelope.data, envelope))
    except DriveError as error:
        return error_document(error)


def error_document(error: DriveError) -> tuple[HTTPStatus, bytes]:
    """The status and JSON document by which an error is told."""
    # A path in the message may hold what is no text.
    message = error.message.encode("utf-8", "backslashreplace").decode()
    return _STATUS[error.code], msgspec.json.encode({"error": {"code": error.code, "message": message}})


def _base64(content: bytes) -> dict[str, Any]:
    return {"content": binascii.b2a_base64(content, newline=False).decode("ascii"), "format": "base64"}


def _piece(path: Path, offset: int, length: int) -> dict[str, Any]:
    """A piece of a file, the size of the whole, and a text that changes when the file does."""
    with path.open("rb") as stream:
        found = os.fstat(stream.fileno())
        stream.seek(offset)
        content = stream.read(length)
    version = f"{found.st_ino} {found.st_mtime_ns} {found.st_size}"
    return _base64(content) | {"size": found.st_size, "version": version}


def _content(data: _Data) -> bytes:
    text = data.data or ""
    if data.format == "base64":
        try:
            return binascii.a2b_base64(text, strict_mode=True)
        except (binascii.Error, ValueError) as error:
            raise DriveError("EINVAL", f"the content is not base64: {error}") from error
    if data.format in {"text", "json"}:
        return text.encode()
    raise DriveError("EINVAL", f"a content of format {data.format!r} cannot be written")


def _drive_error(error: OSError, parts: tuple[str, ...]) -> DriveError:
    name = errno.errorcode.get(error.errno or 0, "EIO")
    code = _SYNONYMS.get(name, name)
    # The host's own paths are not the kernel's business.
    message = f"'{'/'.join(parts)}': {error.strerror or 'it failed'}"
    return DriveError(code if code in _STATUS else "EIO", message)
