"""What the system refuses (a full disk, no permission, …) as an answer: what, where and what to do about it."""

from __future__ import annotations

import errno
import os
import shutil

from lite_env.errors import LiteEnvError
from lite_env.store.refusals import ELSEWHERE, errno_of_rust, hint_of


def system_answer(error: BaseException) -> LiteEnvError | None:
    """The answer that an error of the system is; None when `error` is none."""
    if isinstance(error, MemoryError):
        return LiteEnvError("there is not enough memory", hint=hint_of(errno.ENOMEM))
    if isinstance(error, shutil.Error):
        # Its argument is a list: (from, to, reason).
        first = error.args[0][0] if error.args and isinstance(error.args[0], list) and error.args[0] else ("", "", "")
        return LiteEnvError(f"'{_place(first[1])}': {first[2]}", hint=ELSEWHERE)
    if isinstance(error, OSError) and error.errno is not None:
        what = error.strerror or os.strerror(error.errno)
        places = [f"'{_place(name)}'" for name in (error.filename, error.filename2) if name is not None]
        message = f"{' → '.join(dict.fromkeys(places))}: {what}" if places else what
        return LiteEnvError(message, hint="; ".join([*notes_of(error), hint_of(error.errno)]))
    number = errno_of_rust(str(error))
    if number is not None and not isinstance(error, LiteEnvError):
        return LiteEnvError(str(error), hint=hint_of(number))
    return None


def notes_of(error: BaseException) -> list[str]:
    """What was added to an error on its way up."""
    return list(getattr(error, "__notes__", ()))


def _place(name: object) -> str:
    return os.fsdecode(name) if isinstance(name, (str, bytes, os.PathLike)) else str(name)
