"""One form for equal code: what ``marshal`` writes depends on what else an interpreter has in memory, this does not.

CPython marks an object for reference when something besides the code holds it too (an interned name that another
module uses), and writes strings as interned or not by the same accident; members of frozen sets are sorted by bytes
that hold those marks. So the same source compiled by the same interpreter gives other bytes after other imports. Here
the stream is read and written again by values only: equal constants are shared, whatever was shared before.

The format is that of ``Python/marshal.c``, versions 3 to 5; the layout of code objects is that of Python 3.11 to 3.14.
"""

from __future__ import annotations

import re
import struct

_FLAG_REF = 0x80
_NAME = re.compile(rb"[A-Za-z0-9_]*\Z")
_SHORT = 256
# Bytes behind the type: of None, False, True, StopIteration, Ellipsis and of numbers.
_FIXED = dict.fromkeys(b"NFTS.", 0) | {ord("i"): 4, ord("I"): 8, ord("g"): 8, ord("y"): 16}
_BYTES, _LONG = ord("s"), ord("l")
_SHORT_ASCII, _TEXTS = frozenset(b"zZ"), frozenset(b"zZaAut")
_REF_SIZE = 5
_SHARED = b"zZ)(>:"
_SMALL_TUPLE, _TUPLE, _FROZENSET, _SLICE = ord(")"), ord("("), ord(">"), ord(":")
_CODE, _REF = ord("c"), ord("r")
# Code: five numbers, eight objects (code, consts, names, locals' names and kinds, filename, name, qualname), the first
# line's number, two objects (line table, exception table).
_CODE_NUMBERS, _CODE_OBJECTS, _CODE_TABLES = 5, 8, 2
_CODE_HEAD = 1 + 4 * _CODE_NUMBERS
_WORD = struct.Struct("<i")


def canonical(data: bytes) -> bytes:
    """The canonical form of marshalled code: equal for equal code, and loaded as the same.

    Raises:
        ValueError: `data` is not a marshalled code object of Python 3.11 to 3.14.
    """
    try:
        reader = _Reader(data)
        top = reader.read()
    except (IndexError, struct.error, RecursionError) as error:
        raise ValueError(f"not marshalled code: {error}") from error
    if reader.at != len(data):
        raise ValueError("not marshalled code: there is more behind its end")
    return _Writer(reader.nodes).write(top)


# A leaf is its own bytes; a node with members is its head and the numbers of its members.
_Node = bytes | tuple[bytes, tuple[int, ...]]


class _Reader:
    """Reads a stream into numbered nodes; equal constants have one number, each code object has its own."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.nodes: list[_Node] = []
        self._numbers: dict[_Node, int] = {}
        self._refs: list[int] = []

    def read(self) -> int:
        kind = self.data[self.at]
        self.at += 1
        if kind == _REF:
            return self._refs[self._word()]
        flagged = kind & _FLAG_REF
        kind &= ~_FLAG_REF
        if flagged:
            # Members come later in the numbering than what holds them.
            place = len(self._refs)
            self._refs.append(-1)
        node = self._code() if kind == _CODE else self._constant(kind)
        if flagged:
            self._refs[place] = node
        return node

    def _constant(self, kind: int) -> int:
        if kind in _TEXTS:
            return self._number(self._text(kind))
        if kind in (_SMALL_TUPLE, _TUPLE):
            count = self._take(1)[0] if kind == _SMALL_TUPLE else self._word()
            head = bytes((_SMALL_TUPLE, count)) if count < _SHORT else b"(" + _WORD.pack(count)
            return self._number((head, tuple([self.read() for _ in range(count)])))
        if kind == _FROZENSET:
            count = self._word()
            members = sorted((self.read() for _ in range(count)), key=self._plain)
            return self._number((b">" + _WORD.pack(count), tuple(members)))
        if kind == _SLICE:
            return self._number((b":", (self.read(), self.read(), self.read())))
        return self._number(bytes((kind,)) + self._number_or_bytes(kind))

    def _text(self, kind: int) -> bytes:
        size = self._take(1)[0] if kind in _SHORT_ASCII else self._word()
        text = self._take(size)
        return _ascii(text) if text.isascii() else b"u" + _WORD.pack(size) + text

    def _number_or_bytes(self, kind: int) -> bytes:
        if kind in _FIXED:
            return self._take(_FIXED[kind])
        if kind not in (_BYTES, _LONG):
            raise ValueError(f"not marshalled code: the type {bytes((kind,))!r} before byte {self.at}")
        size = self._word()
        # A long number has digits of two bytes; its sign is that of their count.
        return _WORD.pack(size) + self._take(size if kind == _BYTES else 2 * abs(size))

    def _code(self) -> int:
        numbers = self._take(4 * _CODE_NUMBERS)
        objects = [self.read() for _ in range(_CODE_OBJECTS)]
        line = self._take(4)
        objects += [self.read() for _ in range(_CODE_TABLES)]
        # Two functions may be equal to the last byte and are still two.
        self.nodes.append((b"c" + numbers + line, tuple(objects)))
        return len(self.nodes) - 1

    def _number(self, node: _Node) -> int:
        number = self._numbers.get(node)
        if number is None:
            number = self._numbers[node] = len(self.nodes)
            self.nodes.append(node)
        return number

    def _plain(self, number: int) -> bytes:
        """A node's bytes without any sharing: an order of values."""
        node = self.nodes[number]
        return node if isinstance(node, bytes) else node[0] + b"".join(map(self._plain, node[1]))

    def _take(self, size: int) -> bytes:
        part = self.data[self.at : self.at + size]
        if len(part) != size:
            raise ValueError("not marshalled code: it ends too early")
        self.at += size
        return part

    def _word(self) -> int:
        value: int = _WORD.unpack_from(self.data, self.at)[0]
        self.at += 4
        return value


def _ascii(text: bytes) -> bytes:
    """An ASCII string, marked as interned when it looks like a name: the rule of CPython's compiler for constants."""
    interned = _NAME.match(text) is not None
    if len(text) < _SHORT:
        return (b"Z" if interned else b"z") + bytes((len(text),)) + text
    return (b"A" if interned else b"a") + _WORD.pack(len(text)) + text


class _Writer:
    """Writes nodes; what occurs more than once is written once and referred to."""

    def __init__(self, nodes: list[_Node]) -> None:
        self._nodes = nodes
        self._uses = self._count()
        self._refs: dict[int, int] = {}
        self._parts: list[bytes] = []

    def write(self, top: int) -> bytes:
        self._emit(top)
        return b"".join(self._parts)

    def _count(self) -> list[int]:
        uses = [0] * len(self._nodes)
        for node in self._nodes:
            if not isinstance(node, bytes):
                for member in node[1]:
                    uses[member] += 1
        return uses

    def _emit(self, number: int) -> None:
        node = self._nodes[number]
        head = node if isinstance(node, bytes) else node[0]
        # What is not longer than a reference is repeated; texts and tuples are shared for the memory they take.
        if self._uses[number] > 1 and (len(head) > _REF_SIZE or head[0] in _SHARED):
            ref = self._refs.get(number)
            if ref is not None:
                self._parts.append(b"r" + _WORD.pack(ref))
                return
            self._refs[number] = len(self._refs)
            head = bytes((head[0] | _FLAG_REF,)) + head[1:]
        if isinstance(node, bytes):
            self._parts.append(head)
        elif head[0] == _CODE:
            self._emit_all(head[:_CODE_HEAD], node[1][:_CODE_OBJECTS])
            self._emit_all(head[_CODE_HEAD:], node[1][_CODE_OBJECTS:])
        else:
            self._emit_all(head, node[1])

    def _emit_all(self, head: bytes, members: tuple[int, ...]) -> None:
        self._parts.append(head)
        for member in members:
            self._emit(member)
