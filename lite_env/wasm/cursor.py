"""Reading a WebAssembly module's bytes forward: numbers and names of the binary format, never beyond a part's end.

Source: the WebAssembly core specification, section 5.2.
"""

from __future__ import annotations

from lite_env.errors import WasmError

_MAX_LEB = 5
_MAX_LEB_64 = 10
_LEB_BITS = 7
_LEB_MASK = 0x7F
_LEB_MORE = 0x80
_U32_MAX = 0xFFFFFFFF
_MAX_NAME = 100_000  # bytes; what engines take


class Malformed(Exception):  # noqa: N818 - never leaves this room
    """The module's bytes do not follow the specification."""


def unsound(path: str, reason: object) -> WasmError:
    """The error for the module called `path`."""
    return WasmError(
        f"'{path}' is not a sound WebAssembly module: {reason}",
        hint="the file is damaged: install its package again, or drop the file with a filter",
        file=path,
    )


class Cursor:
    """Reads forward within `data[at:end]` and never beyond."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self._data = data
        self.at = at
        self.end = end
        if end > len(data):
            raise Malformed("a section ends behind the end of the file")

    def byte(self) -> int:
        """The next byte."""
        if self.at >= self.end:
            raise Malformed("a section ends too early")
        value = self._data[self.at]
        self.at += 1
        return value

    def u32(self) -> int:
        """An unsigned LEB128 number of at most 32 bits."""
        if self.at < self.end and (value := self._data[self.at]) < _LEB_MORE:
            self.at += 1
            return value
        value = 0
        for position in range(_MAX_LEB):
            byte = self.byte()
            value |= (byte & _LEB_MASK) << (position * _LEB_BITS)
            if not byte & _LEB_MORE:
                break
        else:
            raise Malformed("a number is longer than five bytes")
        if value > _U32_MAX:
            raise Malformed("a number does not fit in 32 bits")
        return value

    def pass_leb(self) -> None:
        """Go past a number of at most 64 bits, with a sign or without."""
        for _ in range(_MAX_LEB_64):
            if not self.byte() & _LEB_MORE:
                return
        raise Malformed("a number is longer than ten bytes")

    def name(self) -> str:
        """A length and that many bytes of UTF-8."""
        length = self.u32()
        if length > _MAX_NAME:
            raise Malformed(f"a name has {length:,} bytes: engines take at most {_MAX_NAME:,}")
        start = self.at
        self.skip(length)
        try:
            return self._data[start : self.at].decode()
        except UnicodeDecodeError as error:
            raise Malformed("a name is not UTF-8") from error

    def skip(self, length: int) -> None:
        """Go past `length` bytes."""
        if self.at + length > self.end:
            raise Malformed("a length points behind its section")
        self.at += length

    def take(self, length: int) -> Cursor:
        """The next `length` bytes as a cursor of their own."""
        start = self.at
        self.skip(length)
        return Cursor(self._data, start, self.at)

    def names(self) -> tuple[str, ...]:
        """A count and that many names."""
        return tuple(self.name() for _ in range(self.u32()))
