"""Makes small WebAssembly side modules as Emscripten's linker does, without a compiler.

Sources: the WebAssembly core specification, section 5 (binary format), and the tool conventions' *WebAssembly Dynamic
Linking* for ``dylink.0``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.prefixes import WASM, leb, section, text

if TYPE_CHECKING:
    from collections.abc import Sequence

_TYPE, _IMPORT, _FUNCTION, _EXPORT, _CODE, _DATA = 1, 2, 3, 7, 10, 11
_NO_ARGUMENTS_TO_I32 = b"\x60\x00\x01\x7f"
_MEMORY = text("env") + text("memory") + b"\x02\x00\x00"
_MEMORY_BASE = text("env") + text("__memory_base") + b"\x03\x7f\x00"
_GET_MEMORY_BASE = b"\x23\x00"
_LOAD_I32 = b"\x28\x02\x00"
_ADD_I32 = b"\x6a"
_END = b"\x0b"


def adding_module(name: str, addend: int, *, adds_to: str | None = None, needed: Sequence[str] = ()) -> bytes:
    """A library with one function, ``int name(void)``.

    It gives `addend` plus the result of the function `adds_to`, which another library has to bring. The addend is read
    from the module's own data, so that the answer is right only where the linker placed the module in memory.

    Args:
        name: of the exported function.
        addend: 0 to 127.
        adds_to: name of an imported function, or None.
        needed: libraries that the module says it needs.
    """
    imports = [_MEMORY, _MEMORY_BASE]
    body = _GET_MEMORY_BASE + _LOAD_I32
    if adds_to is not None:
        imports.append(text("env") + text(adds_to) + b"\x00\x00")
        body += b"\x10\x00" + _ADD_I32
    own_index = 0 if adds_to is None else 1
    code = b"\x00" + body + _END
    data = b"\x00" + _GET_MEMORY_BASE + _END + leb(4) + addend.to_bytes(4, "little")
    return b"".join(
        (
            WASM,
            section("dylink.0", _dylink(memory=4, needed=needed)),
            _section(_TYPE, [_NO_ARGUMENTS_TO_I32]),
            _section(_IMPORT, imports),
            _section(_FUNCTION, [b"\x00"]),
            _section(_EXPORT, [text(name) + b"\x00" + leb(own_index)]),
            _section(_CODE, [leb(len(code)) + code]),
            _section(_DATA, [data]),
        )
    )


def _dylink(*, memory: int, needed: Sequence[str]) -> bytes:
    """Subsection 1: bytes of memory, their alignment (log2), table slots, their alignment; subsection 2: names."""
    info = leb(memory) + leb(2) + leb(0) + leb(0)
    names = leb(len(needed)) + b"".join(map(text, needed))
    return b"\x01" + leb(len(info)) + info + (b"\x02" + leb(len(names)) + names if needed else b"")


def _section(identifier: int, items: Sequence[bytes]) -> bytes:
    body = leb(len(items)) + b"".join(items)
    return bytes([identifier]) + leb(len(body)) + body
