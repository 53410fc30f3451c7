"""What a WebAssembly side module says it needs: the ``dylink.0`` section, read without a WebAssembly engine.

Source: the tool conventions' *WebAssembly Dynamic Linking* (``DynamicLinking.md``): the section is the first one of the
module; ``dylink.0`` holds subsections, of which number 2 lists the needed libraries; the older ``dylink`` is one flat
record that ends with that list.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from lite_env.errors import PackError

_MAGIC = b"\0asm"
_HEADER = 8
_CUSTOM_SECTION = 0
_NEEDED = 2
_MAX_LEB = 5
_LEB_BITS = 7
_LEB_MASK = 0x7F
_LEB_MORE = 0x80
_OLD_FIXED_FIELDS = 4
_U32_MAX = 0xFFFFFFFF


class _Cursor:
    """Reads forward within `data[at:end]` and never beyond."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self._data = data
        self.at = at
        self.end = end
        if end > len(data):
            raise _Malformed("a section ends behind the end of the file")

    def byte(self) -> int:
        if self.at >= self.end:
            raise _Malformed("a section ends too early")
        value = self._data[self.at]
        self.at += 1
        return value

    def u32(self) -> int:
        """An unsigned LEB128 number of at most 32 bits."""
        value = 0
        for position in range(_MAX_LEB):
            byte = self.byte()
            value |= (byte & _LEB_MASK) << (position * _LEB_BITS)
            if not byte & _LEB_MORE:
                break
        else:
            raise _Malformed("a number is longer than five bytes")
        if value > _U32_MAX:
            raise _Malformed("a number does not fit in 32 bits")
        return value

    def name(self) -> str:
        """A length and that many bytes of UTF-8."""
        part = self.take(self.u32())
        try:
            return self._data[part.at : part.end].decode()
        except UnicodeDecodeError as error:
            raise _Malformed("a name is not UTF-8") from error

    def take(self, length: int) -> _Cursor:
        """The next `length` bytes as a cursor of their own."""
        if self.at + length > self.end:
            raise _Malformed("a length points behind its section")
        part = _Cursor(self._data, self.at, self.at + length)
        self.at = part.end
        return part

    def names(self) -> tuple[str, ...]:
        return tuple(self.name() for _ in range(self.u32()))


class _Malformed(Exception):  # noqa: N818 - never leaves this module
    """The module's bytes do not follow the specification."""


def is_library(path: str) -> bool:
    """Whether `path` is named as a shared library: ``x.so`` or ``x.so.1.2``."""
    base = PurePosixPath(path).name
    return base.endswith(".so") or ".so." in base


def is_wasm(data: bytes) -> bool:
    """Whether `data` begins as a WebAssembly module does."""
    return data[:4] == _MAGIC


def needed_libraries(data: bytes, path: str) -> tuple[str, ...]:
    """Names of the libraries that a module must be loaded after, in its own order.

    Args:
        data: the whole module; only its first section is looked at.
        path: what the module is called in an error.

    Raises:
        PackError: `data` is no WebAssembly module, or its first section is malformed.
    """
    try:
        return _needed(data)
    except _Malformed as error:
        raise PackError(
            f"'{path}' is not a sound WebAssembly module: {error}",
            hint="the file is damaged: install its package again, or drop the file with a filter",
            file=path,
        ) from error


def _needed(data: bytes) -> tuple[str, ...]:
    if not is_wasm(data):
        raise _Malformed("it does not begin with the WebAssembly magic number")
    if len(data) < _HEADER:
        raise _Malformed("it ends within its header")
    if len(data) == _HEADER:
        return ()
    cursor = _Cursor(data, _HEADER, len(data))
    identifier = cursor.byte()
    section = cursor.take(cursor.u32())
    if identifier != _CUSTOM_SECTION:
        return ()
    name = section.name()
    if name == "dylink.0":
        return _needed_of_subsections(section)
    if name == "dylink":
        for _ in range(_OLD_FIXED_FIELDS):
            section.u32()
        return section.names()
    return ()


def _needed_of_subsections(section: _Cursor) -> tuple[str, ...]:
    needed: tuple[str, ...] = ()
    while section.at < section.end:
        kind = section.byte()
        body = section.take(section.u32())
        if kind == _NEEDED:
            needed += body.names()
    return needed
