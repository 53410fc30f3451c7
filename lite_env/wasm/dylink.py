"""What a WebAssembly side module says it needs: the ``dylink.0`` section, read without a WebAssembly engine.

Source: the tool conventions' *WebAssembly Dynamic Linking* (``DynamicLinking.md``): the section is the first one of the
module; ``dylink.0`` holds subsections, of which number 2 lists the needed libraries; the older ``dylink`` is one flat
record that ends with that list.
"""

from __future__ import annotations

from lite_env.wasm.cursor import Cursor, Malformed, unsound
from lite_env.wasm.model import Dylink, MemoryInfo

_MAGIC = b"\0asm"
HEADER = 8
"""Bytes before the first section."""
CUSTOM_SECTION = 0
"""Its number."""
DYLINK_SECTIONS = ("dylink.0", "dylink")
"""Names of the section, the newer first."""
_MEMORY, _NEEDED, _EXPORTS, _IMPORTS, _RUNTIME_PATH = 1, 2, 3, 4, 5


def is_library(path: str) -> bool:
    """Whether `path` is named as a shared library: ``x.so`` or ``x.so.1.2``."""
    base = path.rpartition("/")[2]
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
        WasmError: `data` is no WebAssembly module, or its first section is malformed.
    """
    try:
        return _needed(data)
    except Malformed as error:
        raise unsound(path, error) from error


def check_header(data: bytes) -> None:
    """Refuse what does not begin as a module.

    Raises:
        Malformed: says why.
    """
    if not is_wasm(data):
        raise Malformed("it does not begin with the WebAssembly magic number")
    if len(data) < HEADER:
        raise Malformed("it ends within its header")


def read_dylink(name: str, section: Cursor) -> Dylink:
    """What the section called `name` tells; the cursor stands behind the name.

    Raises:
        Malformed: it does not follow the conventions.
    """
    if name == "dylink":
        memory = MemoryInfo(
            size=section.u32(), alignment=section.u32(), table_size=section.u32(), table_alignment=section.u32()
        )
        return Dylink(section=name, memory=memory, needed=section.names())
    info: MemoryInfo | None = None
    needed: tuple[str, ...] = ()
    exported: dict[str, int] = {}
    imported: dict[tuple[str, str], int] = {}
    places: tuple[str, ...] = ()
    while section.at < section.end:
        kind = section.byte()
        body = section.take(section.u32())
        if kind == _MEMORY:
            info = MemoryInfo(size=body.u32(), alignment=body.u32(), table_size=body.u32(), table_alignment=body.u32())
        elif kind == _NEEDED:
            needed += body.names()
        elif kind == _EXPORTS:
            exported |= {body.name(): body.u32() for _ in range(body.u32())}
        elif kind == _IMPORTS:
            imported |= {(body.name(), body.name()): body.u32() for _ in range(body.u32())}
        elif kind == _RUNTIME_PATH:
            places += body.names()
    return Dylink(
        section=name,
        memory=info,
        needed=needed,
        export_flags=exported,
        import_flags=imported,
        runtime_path=places,
    )


def _needed(data: bytes) -> tuple[str, ...]:
    check_header(data)
    if len(data) == HEADER:
        return ()
    cursor = Cursor(data, HEADER, len(data))
    identifier = cursor.byte()
    section = cursor.take(cursor.u32())
    if identifier != CUSTOM_SECTION:
        return ()
    name = section.name()
    return read_dylink(name, section).needed if name in DYLINK_SECTIONS else ()
