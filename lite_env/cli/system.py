"""What the system refuses (a full disk, no permission, …) as an answer: what, where and what to do about it."""

from __future__ import annotations

import errno
import os
import re
import shutil

from lite_env.errors import LiteEnvError
from lite_env.store.location import CACHE_VARIABLE

_ELSEWHERE = f"choose another place; {CACHE_VARIABLE} moves the cache, TMPDIR what is temporary"
_NETWORK = "check the network, and proxies"
_HINTS = {
    errno.ENOSPC: f"make room there, or {_ELSEWHERE}",
    errno.EFBIG: f"files may not be so large here (`ulimit -f`): {_ELSEWHERE}",
    errno.EACCES: f"look at the permissions, or {_ELSEWHERE}",
    errno.EPERM: f"look at the permissions, or {_ELSEWHERE}",
    errno.EROFS: f"nothing can be written there: {_ELSEWHERE}",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOTDIR: "a part of the path is a file: choose another path",
    errno.EEXIST: "something is there already, a file where a folder is needed perhaps: choose another path",
    errno.EISDIR: "that is a folder: name a file",
    errno.ENOENT: "look at the spelling, and whether something removes it at the moment",
    errno.ENOTEMPTY: "something else writes there at the moment: try again",
    errno.EMFILE: "allow more open files (`ulimit -n`), or do less at once",
    errno.ENFILE: "end other programs: the whole system has too many files open",
    errno.ENOMEM: "end other programs, or do less at once",
    errno.EAGAIN: "end other programs, or do less at once",
    errno.ELOOP: "symbolic links lead in a circle: remove one of them",
    errno.EBUSY: "something uses it, or it is where a file system is mounted: choose another place",
    errno.EXDEV: "two places have to be on one file system: choose another one",
    errno.ETXTBSY: "it runs at the moment: end it",
    errno.EIO: "the disk or its connection fails: look at the system's log",
    errno.EINVAL: "the name may have characters that the file system does not allow",
    errno.ECONNREFUSED: _NETWORK,
    errno.ECONNRESET: _NETWORK,
    errno.ETIMEDOUT: _NETWORK,
    errno.ENETUNREACH: _NETWORK,
    errno.EHOSTUNREACH: _NETWORK,
}
if hasattr(errno, "EDQUOT"):
    _HINTS[errno.EDQUOT] = f"your quota there is used up: make room, or {_ELSEWHERE}"
# How libraries written in Rust tell of the system's errors.
_OF_RUST = re.compile(r"\(os error ([0-9]{1,5})\)")


def system_answer(error: BaseException) -> LiteEnvError | None:
    """The answer that an error of the system is; None when `error` is none."""
    if isinstance(error, MemoryError):
        return LiteEnvError("there is not enough memory", hint=_HINTS[errno.ENOMEM])
    if isinstance(error, shutil.Error):
        # Its argument is a list: (from, to, reason).
        first = error.args[0][0] if error.args and isinstance(error.args[0], list) and error.args[0] else ("", "", "")
        return LiteEnvError(f"'{_place(first[1])}': {first[2]}", hint=_ELSEWHERE)
    if isinstance(error, OSError) and error.errno is not None:
        what = error.strerror or os.strerror(error.errno)
        places = [f"'{_place(name)}'" for name in (error.filename, error.filename2) if name is not None]
        message = f"{' → '.join(dict.fromkeys(places))}: {what}" if places else what
        return LiteEnvError(message, hint="; ".join([*notes_of(error), _hint(error.errno)]))
    found = _OF_RUST.search(str(error))
    if found and not isinstance(error, LiteEnvError):
        return LiteEnvError(str(error), hint=_hint(int(found[1])))
    return None


def notes_of(error: BaseException) -> list[str]:
    """What was added to an error on its way up."""
    return list(getattr(error, "__notes__", ()))


def _hint(number: int) -> str:
    return _HINTS.get(number, f"the system refuses it: errno {number}, {errno.errorcode.get(number, 'without a name')}")


def _place(name: object) -> str:
    return os.fsdecode(name) if isinstance(name, (str, bytes, os.PathLike)) else str(name)
