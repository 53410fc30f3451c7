"""What to do when the system refuses something (a full disk, no permission, …), by the number of its error."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING, TypeVar

from lite_env.errors import LiteEnvError
from lite_env.store.location import CACHE_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

E = TypeVar("E", bound=LiteEnvError)

ELSEWHERE = f"choose another place; {CACHE_VARIABLE} moves the cache, TMPDIR what is temporary"
"""What helps where a place is the trouble."""

NETWORK = frozenset(
    {
        *(errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE, errno.EADDRNOTAVAIL),
        *(errno.ETIMEDOUT, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH),
    }
)
"""What is of a connection and of no file."""

_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ENAMETOOLONG})

_HINTS = {
    errno.ENOSPC: f"make room there, or {ELSEWHERE}",
    errno.EFBIG: f"files may not be so large here (`ulimit -f`): {ELSEWHERE}",
    errno.EACCES: f"look at the permissions, or {ELSEWHERE}",
    errno.EPERM: f"look at the permissions, or {ELSEWHERE}",
    errno.EROFS: f"nothing can be written there: {ELSEWHERE}",
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
    **dict.fromkeys(NETWORK, "check the network, and proxies"),
}
if hasattr(errno, "EDQUOT"):
    _HINTS[errno.EDQUOT] = f"your quota there is used up: make room, or {ELSEWHERE}"
# How libraries written in Rust tell of the system's errors.
_OF_RUST = re.compile(r"\(os error ([0-9]{1,5})\)")


def hint_of(number: int | None) -> str:
    """What to do about the error `number` of the system; never empty."""
    name = errno.errorcode.get(number or 0, "without a name")
    return _HINTS.get(number or 0, f"the system refuses it: errno {number}, {name}")


def is_absence(error: OSError) -> bool:
    """Whether no such file is there, which says something of the file; all else says something of the system."""
    return error.errno in _ABSENT


def refusal(kind: type[E], what: str, error: OSError, *, file: Path | str, absent: str | None = None) -> E:
    """What the system refused, as an error of `kind`.

    Args:
        kind: the class of the error.
        what: what could not be done: ``the lock file cannot be read``.
        error: the system's.
        file: which one.
        absent: the hint where there is no such file.
    """
    hint = absent if absent and is_absence(error) else hint_of(error.errno)
    return kind(f"{what}: {error.strerror or error}", hint=hint, file=str(file))


def errno_of_rust(text: str) -> int | None:
    """The number of the system's error that a library written in Rust tells of in `text`; None if there is none."""
    found = _OF_RUST.search(text)
    return int(found[1]) if found else None
