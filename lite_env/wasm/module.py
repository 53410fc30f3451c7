"""A WebAssembly module's types, imports, exports, tags and custom sections, read without an engine.

Code and data are passed over, but for the first function. Source: the WebAssembly core specification, section 5
(binary format), with exception handling; how much a module may hold is what the *WebAssembly JavaScript Interface*
lets engines refuse (section 8, implementation-defined limits).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from lite_env.wasm.cursor import Cursor, Malformed, unsound
from lite_env.wasm.dylink import CUSTOM_SECTION, DYLINK_SECTIONS, HEADER, check_header, read_dylink
from lite_env.wasm.model import Export, FunctionType, GlobalType, Import, Module

if TYPE_CHECKING:
    from collections.abc import Callable

    from lite_env.wasm.model import Dylink, Kind, Type

_T = TypeVar("_T")

_TYPE, _IMPORT, _FUNCTION, _TABLE, _MEMORY, _GLOBAL, _EXPORT, _START = 1, 2, 3, 4, 5, 6, 7, 8
_ELEMENT, _CODE, _DATA, _DATA_COUNT, _TAG = 9, 10, 11, 12, 13
# The order in which sections stand, which is not that of their numbers.
_ORDER = {
    number: place
    for place, number in enumerate(
        (
            *(_TYPE, _IMPORT, _FUNCTION, _TABLE, _MEMORY, _TAG, _GLOBAL),
            *(_EXPORT, _START, _ELEMENT, _DATA_COUNT, _CODE, _DATA),
        )
    )
}
_KINDS: tuple[Kind, ...] = ("function", "table", "memory", "global", "tag")
_MOST_ITEMS = 1_000_000  # of each section
_MOST_VALUES = 1_000  # of a signature, in and out
_FUNCTION_FORM = 0x60
_VALUES = {0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64", 0x7B: "v128", 0x70: "funcref", 0x6F: "externref"}
_VALUES |= {0x69: "exnref"}
_REFERENCES = {0x63: "ref null", 0x64: "ref"}
_HAS_MAXIMUM, _LIMIT_FLAGS = 1, 7
_END, _CALL, _DROP, _GLOBAL_GET = 0x0B, 0x10, 0x1A, 0x23
# Instructions of an initial value by the bytes behind them; None for a number.
_CONSTANTS: dict[int, int | None] = {
    0x41: None,
    0x42: None,
    0x43: 4,
    0x44: 8,
    _GLOBAL_GET: None,
    0xD0: None,
    0xD2: None,
}
_CONSTANTS |= dict.fromkeys((0x6A, 0x6B, 0x6C, 0x7C, 0x7D, 0x7E), 0)
_VECTOR, _VECTOR_BYTES = 0xFD, 16
_TABLE_WITH_VALUE = 0x40


def read_module(data: bytes, path: str) -> Module:
    """What the module `data` imports and exports, and what makes it a library.

    Args:
        data: the whole module.
        path: what the module is called in an error.

    Raises:
        WasmError: it is no WebAssembly module, malformed, or more than engines take.
    """
    try:
        check_header(data)
        return _Reader(data).read()
    except Malformed as error:
        raise unsound(path, error) from error


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._cursor = Cursor(data, HEADER, len(data))
        self._types: list[FunctionType] = []
        self._imports: list[Import] = []
        # What an index means, imports first.
        self._spaces: dict[Kind, list[Type]] = {kind: [] for kind in _KINDS}
        self._exports: list[tuple[str, Kind, int]] = []
        self._sections: list[str] = []
        self._dylink: Dylink | None = None
        self._dylink_first = False
        self._imported_functions = 0
        self._own_memory = False
        self._constructors: int | None = None

    def read(self) -> Module:
        last, first = -1, True
        readers: dict[int, Callable[[Cursor], None]] = {
            CUSTOM_SECTION: self._custom,
            _TYPE: self._read_types,
            _IMPORT: self._read_imports,
            _FUNCTION: self._read_functions,
            _TABLE: self._read_tables,
            _MEMORY: self._read_memories,
            _TAG: self._read_tags,
            _GLOBAL: self._read_globals,
            _EXPORT: self._read_exports,
            _CODE: self._read_code,
        }
        while self._cursor.at < self._cursor.end:
            number = self._cursor.byte()
            section = self._cursor.take(self._cursor.u32())
            if number != CUSTOM_SECTION:
                if number not in _ORDER:
                    raise Malformed(f"it has a section of number {number}, which none has")
                if _ORDER[number] <= last:
                    raise Malformed(f"its section {number} stands twice, or in a wrong place")
                last = _ORDER[number]
            if number in readers:
                readers[number](section)
            self._dylink_first |= first and self._dylink is not None
            first = False
        return Module(
            imports=tuple(self._imports),
            exports=self._named_exports(),
            dylink=self._dylink,
            dylink_first=self._dylink_first,
            sections=tuple(self._sections),
            own_memory=self._own_memory,
            constructors=self._constructors,
            first_export=next(
                (
                    name
                    for name, kind, index in self._exports
                    if kind == "function" and index == self._imported_functions
                ),
                None,
            ),
        )

    def _named_exports(self) -> dict[str, Export]:
        found = {name: Export(name=name, kind=kind, type=self._at(kind, index)) for name, kind, index in self._exports}
        if len(found) < len(self._exports):
            raise Malformed("it exports two things under one name")
        return found

    def _custom(self, section: Cursor) -> None:
        if len(self._sections) >= _MOST_ITEMS:
            raise Malformed(f"it has more than {_MOST_ITEMS:,} sections")
        name = section.name()
        self._sections.append(name)
        if name in DYLINK_SECTIONS and self._dylink is None:
            self._dylink = read_dylink(name, section)

    def _read_types(self, section: Cursor) -> None:
        self._types = _vector(section, _read_type)

    def _read_imports(self, section: Cursor) -> None:
        self._imports = _vector(section, self._read_import)
        for each in self._imports:
            self._spaces[each.kind].append(each.type)
        self._imported_functions = len(self._spaces["function"])

    def _read_import(self, section: Cursor) -> Import:
        module, name = section.name(), section.name()
        kind = _kind(section)
        found: Type = None
        if kind == "function":
            found = self._type(section)
        elif kind == "table":
            _read_table(section)
        elif kind == "memory":
            _read_limits(section)
        elif kind == "global":
            found = _read_global_type(section)
        else:
            found = self._read_tag(section)
        return Import(module=module, name=name, kind=kind, type=found)

    def _read_functions(self, section: Cursor) -> None:
        self._spaces["function"] += _vector(section, self._type)

    def _read_tables(self, section: Cursor) -> None:
        self._spaces["table"] += _vector(section, _read_own_table)

    def _read_memories(self, section: Cursor) -> None:
        self._spaces["memory"] += _vector(section, _read_limits)
        self._own_memory = True

    def _read_tags(self, section: Cursor) -> None:
        self._spaces["tag"] += _vector(section, self._read_tag)

    def _read_globals(self, section: Cursor) -> None:
        self._spaces["global"] += _vector(section, _read_global)

    def _read_exports(self, section: Cursor) -> None:
        self._exports = _vector(section, lambda part: (part.name(), _kind(part), part.u32()))

    def _read_code(self, section: Cursor) -> None:
        if not section.u32():
            return
        own = self._spaces["function"][self._imported_functions :]
        if own and own[0] == FunctionType(parameters=(), results=()):
            self._constructors = _calls_alone(section.take(section.u32()))

    def _type(self, section: Cursor) -> FunctionType:
        index = section.u32()
        if index >= len(self._types):
            raise Malformed(f"it speaks of type {index}, and has {len(self._types):,}")
        return self._types[index]

    def _read_tag(self, section: Cursor) -> FunctionType:
        if section.byte():
            raise Malformed("a tag is not that of an exception")
        return self._type(section)

    def _at(self, kind: Kind, index: int) -> Type:
        space = self._spaces[kind]
        if index >= len(space):
            raise Malformed(f"it exports {kind} {index}, and has {len(space):,}")
        return space[index]


def _vector(section: Cursor, read: Callable[[Cursor], _T]) -> list[_T]:
    count = section.u32()
    if count > _MOST_ITEMS:
        raise Malformed(f"a section has {count:,} items: engines take at most {_MOST_ITEMS:,}")
    return [read(section) for _ in range(count)]


def _kind(section: Cursor) -> Kind:
    number = section.byte()
    if number >= len(_KINDS):
        raise Malformed(f"an import or export is of kind {number}, which none is")
    return _KINDS[number]


def _read_type(section: Cursor) -> FunctionType:
    form = section.byte()
    if form != _FUNCTION_FORM:
        raise Malformed(f"a type is of the form {form:#x}, and no function")
    return FunctionType(parameters=_values(section), results=_values(section))


def _values(section: Cursor) -> tuple[str, ...]:
    count = section.u32()
    if count > _MOST_VALUES:
        raise Malformed(f"a signature has {count:,} values: engines take at most {_MOST_VALUES:,}")
    return tuple(_value(section) for _ in range(count))


def _value(section: Cursor) -> str:
    number = section.byte()
    if number in _REFERENCES:
        section.pass_leb()
        return _REFERENCES[number]
    if number not in _VALUES:
        raise Malformed(f"a value is of type {number:#x}, which is not known")
    return _VALUES[number]


def _read_global_type(section: Cursor) -> GlobalType:
    value = _value(section)
    mutable = section.byte()
    if mutable > 1:
        raise Malformed("a global is neither mutable nor not")
    return GlobalType(value=value, mutable=bool(mutable))


def _read_global(section: Cursor) -> GlobalType:
    found = _read_global_type(section)
    _pass_expression(section)
    return found


def _pass_expression(section: Cursor) -> None:
    while (code := section.byte()) != _END:
        if code == _VECTOR:
            section.u32()
            section.skip(_VECTOR_BYTES)
        elif code not in _CONSTANTS:
            raise Malformed(f"an initial value has the instruction {code:#x}, which none may have")
        elif (length := _CONSTANTS[code]) is None:
            section.pass_leb()
        else:
            section.skip(length)


def _read_table(section: Cursor) -> None:
    _value(section)
    _read_limits(section)


def _read_own_table(section: Cursor) -> None:
    first = section.byte()
    if first != _TABLE_WITH_VALUE:
        section.at -= 1
        _read_table(section)
        return
    section.byte()
    _read_table(section)
    _pass_expression(section)


def _read_limits(section: Cursor) -> None:
    flags = section.byte()
    if flags > _LIMIT_FLAGS:
        raise Malformed(f"limits have the flags {flags:#x}, which are not known")
    for _ in range(2 if flags & _HAS_MAXIMUM else 1):
        section.pass_leb()


def _calls_alone(body: Cursor) -> int | None:
    """How many functions a body calls that does nothing else; None where it does."""
    if body.u32():
        return None
    calls = 0
    while (code := body.byte()) in (_CALL, _DROP):
        if code == _CALL:
            body.u32()
            calls += 1
    return calls if code == _END and body.at == body.end else None
