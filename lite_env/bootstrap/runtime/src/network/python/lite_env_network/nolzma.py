"""`lzma` of a Python that was built without: it can be imported, and says so when it is used."""

from __future__ import annotations

import io
from typing import Any, NoReturn

FORMAT_AUTO, FORMAT_XZ, FORMAT_ALONE, FORMAT_RAW = range(4)
CHECK_NONE, CHECK_CRC32, CHECK_CRC64, CHECK_SHA256 = 0, 1, 4, 10
PRESET_DEFAULT = 6
PRESET_EXTREME = 1 << 31


class LZMAError(Exception):
    """An error of lzma."""


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise LZMAError("this Python was built without lzma: .xz and .lzma cannot be read or written")


class LZMAFile(io.BufferedIOBase):
    """A file that cannot be opened; joblib looks whether the class is that of one."""

    __init__ = _refuse


class LZMACompressor:
    """Refused."""

    __init__ = _refuse


class LZMADecompressor:
    """Refused."""

    __init__ = _refuse


open = compress = decompress = is_check_supported = _refuse
