"""What a WebAssembly module is read into."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind: TypeAlias = Literal["function", "table", "memory", "global", "tag"]
"""What can be imported and exported."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FunctionType:
    """The signature of a function, and what a tag carries: value types by name, such as ``i32``."""

    parameters: tuple[str, ...]
    results: tuple[str, ...]

    def __str__(self) -> str:
        """As people write it: ``(i32, f64) -> i32``."""
        return f"({', '.join(self.parameters)}) -> {', '.join(self.results) or 'nothing'}"


@dataclass(frozen=True, kw_only=True, slots=True)
class GlobalType:
    """The type of a global."""

    value: str
    mutable: bool

    def __str__(self) -> str:
        """As people write it: ``mutable i32``."""
        return f"{'mutable ' if self.mutable else ''}{self.value}"


Type: TypeAlias = "FunctionType | GlobalType | None"
"""Of a function, a tag, or a global; of tables and memories it is not kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    """What a module imports: `name` of `module`, which is ``env`` or ``GOT.mem`` and the like."""

    module: str
    name: str
    kind: Kind
    type: Type


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """What a module exports."""

    name: str
    kind: Kind
    type: Type


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryInfo:
    """What a side module wants of the main module's memory and table.

    Attributes:
        size: bytes of memory.
        alignment: of the memory, as a power of two.
        table_size: slots of the table.
        table_alignment: of the table, as a power of two.
    """

    size: int
    alignment: int
    table_size: int
    table_alignment: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Dylink:
    """The section that makes a module a shared library.

    Attributes:
        section: ``dylink.0``, or the older ``dylink``.
        memory: None where it is not told.
        needed: bare names of libraries, in the module's order.
        export_flags: of symbols that are not plain, by name.
        import_flags: of symbols that are not plain, by module and name.
        runtime_path: folders in which needed libraries are looked for.
    """

    section: str
    memory: MemoryInfo | None = None
    needed: tuple[str, ...] = ()
    export_flags: Mapping[str, int] = field(default_factory=dict)
    import_flags: Mapping[tuple[str, str], int] = field(default_factory=dict)
    runtime_path: tuple[str, ...] = ()

    def is_weak(self, name: str) -> bool:
        """Whether the module can do without the symbol `name`.

        Emscripten's loader keeps the weak ones by their name alone, and so does this.
        """
        return any(flags & _BINDING == _WEAK for (_, symbol), flags in self.import_flags.items() if symbol == name)


_BINDING, _WEAK = 3, 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Module:
    """A whole module.

    Attributes:
        imports: in its order.
        exports: by name, in its order.
        dylink: None where it is no shared library.
        dylink_first: whether that section is the first one, where alone a loader finds it.
        sections: names of its custom sections, in their order.
        own_memory: whether it has a memory of its own.
        constructors: how many functions the first function of its own calls, which takes and gives nothing and does
            nothing else; None where it is not such a function. A linker's ``__wasm_call_ctors`` is that.
        first_export: the name under which that first function is exported.
    """

    imports: tuple[Import, ...]
    exports: Mapping[str, Export]
    dylink: Dylink | None
    dylink_first: bool
    sections: tuple[str, ...]
    own_memory: bool
    constructors: int | None
    first_export: str | None
