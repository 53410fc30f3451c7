"""Makes WebAssembly modules of every kind that an audit looks at, sound and faulty, without a compiler.

An engine takes all of the sound ones: `test_an_engine_takes_what_tests_make`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.prefixes import WASM, leb, section, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_VALUES = {"i": 0x7F, "p": 0x7F, "j": 0x7E, "f": 0x7D, "d": 0x7C}
_KINDS = {"function": 0, "table": 1, "memory": 2, "global": 3, "tag": 4}
_UNREACHABLE = b"\x00\x00\x0b"

LOADER = {
    "env.memory": "memory",
    "env.__indirect_function_table": "table",
    "env.__stack_pointer": "global mutable i",
    "env.__memory_base": "global i",
    "env.__table_base": "global i",
}
"""What every library of Emscripten imports."""


def library(
    *,
    imports: Mapping[str, str] | None = None,
    exports: Mapping[str, str] | None = None,
    needed: Sequence[str] = (),
    weak: Sequence[str] = (),
    constructors: int | None = 0,
    exported: str | None = "__wasm_call_ctors",
    dylink: str | None = "dylink.0",
    dylink_last: bool = False,
    with_memory: bool = True,
    padding: bytes = b"",
) -> bytes:
    """A side module as Emscripten's linker makes it.

    Args:
        imports: ``env.puts`` or ``GOT.mem.stdout`` to what it is: ``function ii`` (the result first, ``v`` for none),
            ``tag vi``, ``global i``, ``global mutable i``, ``memory``, ``table``.
        exports: by name, functions and globals.
        needed: libraries that it needs.
        weak: names of imports that may be missing.
        constructors: how many functions ``__wasm_call_ctors`` calls; None for a module without that function.
        exported: the name under which that function is; None where it is not.
        dylink: the name of its first section; None for none.
        dylink_last: put that section at the end.
        with_memory: whether it imports its memory; else it has one of its own.
        padding: put into a custom section.
    """
    wanted = {name: what for name, what in LOADER.items() if with_memory or what != "memory"} | dict(imports or {})
    given = dict(exports or {})
    types: list[bytes] = []

    def type_of(signature: str) -> bytes:
        result, parameters = signature[0], signature[1:]
        encoded = b"\x60" + leb(len(parameters)) + bytes(_VALUES[letter] for letter in parameters)
        encoded += b"\x00" if result == "v" else b"\x01" + bytes([_VALUES[result]])
        if encoded not in types:
            types.append(encoded)
        return leb(types.index(encoded))

    entries = [_import(name, what, type_of) for name, what in wanted.items()]
    first = sum(what.startswith("function") for what in wanted.values())
    signatures, bodies, exporting = [], [], []
    if constructors is not None:
        signatures.append("v")
        bodies.append(b"\x00" + b"".join(b"\x10" + leb(first + 1) for _ in range(constructors)) + b"\x0b")
        if exported is not None:
            exporting.append(text(exported) + b"\x00" + leb(first))
        signatures.append("v")
        bodies.append(_UNREACHABLE)
    for name, what in given.items():
        if what.startswith("function"):
            exporting.append(text(name) + b"\x00" + leb(first + len(signatures)))
            signatures.append(what.split()[1])
            bodies.append(_UNREACHABLE)
    outside = sum(what.startswith("global") for what in wanted.values())
    globals_ = [(name, what) for name, what in given.items() if what.startswith("global")]
    exporting += [text(name) + b"\x03" + leb(outside + place) for place, (name, _) in enumerate(globals_)]
    tags = [(name, what) for name, what in given.items() if what.startswith("tag")]
    own_tags = sum(what.startswith("tag") for what in wanted.values())
    exporting += [text(name) + b"\x04" + leb(own_tags + place) for place, (name, _) in enumerate(tags)]
    functions = [type_of(signature) for signature in signatures]
    tagged = [b"\x00" + type_of(what.split()[1]) for _, what in tags]
    head = section(dylink, _dylink(dylink, needed, weak)) if dylink is not None else b""
    parts = [
        *([] if dylink_last else [head]),
        _section(1, types),
        _section(2, entries),
        _section(3, functions),
        b"" if with_memory else _section(5, [b"\x00\x01"]),
        _section(13, tagged) if tagged else b"",
        _section(6, [_global_type(what) + b"\x41\x00\x0b" for _, what in globals_]),
        _section(7, exporting),
        _section(10, [leb(len(body)) + body for body in bodies]),
        section("padding", padding) if padding else b"",
        *([head] if dylink_last else []),
    ]
    return WASM + b"".join(parts)


def main_module(*, exports: Mapping[str, str], imports: Mapping[str, str] | None = None, padding: bytes = b"") -> bytes:
    """A main module that can load libraries."""
    return library(imports=imports, exports=dict(exports), padding=padding)


def script(*names: str, invokes: bool = True) -> str:
    """The script of a main module, which hands over functions of these names."""
    makes = "symName.startsWith('invoke_'); symName.startsWith('__cxa_find_matching_catch_');" if invokes else ""
    entries = ",".join(f"{name}:_{name}" for name in ("memory", "__indirect_function_table", *names))
    return f"var createXeusModule=1;WebAssembly.x;{makes}var wasmImports={{{entries}}};"


def _import(name: str, what: str, type_of: object) -> bytes:
    module, _, field = name.rpartition(".")
    kind, _, rest = what.partition(" ")
    assert callable(type_of)
    described = {
        "function": lambda: type_of(rest),
        "table": lambda: b"\x70\x00\x00",
        "memory": lambda: b"\x00\x00",
        "global": lambda: _global_type(what),
        "tag": lambda: b"\x00" + type_of(rest),
    }[kind]()
    return text(module) + text(field) + bytes([_KINDS[kind]]) + described


def _global_type(what: str) -> bytes:
    _, *words = what.split()
    return bytes([_VALUES[words[-1]], "mutable" in words])


def _dylink(name: str, needed: Sequence[str], weak: Sequence[str]) -> bytes:
    names = leb(len(needed)) + b"".join(map(text, needed))
    if name == "dylink":
        return leb(16) + leb(2) + leb(0) + leb(0) + names
    parts = {1: leb(16) + leb(2) + leb(0) + leb(0)}
    if needed:
        parts[2] = names
    if weak:
        parts[4] = leb(len(weak)) + b"".join(text("env") + text(each) + leb(1) for each in weak)
    return b"".join(bytes([number]) + leb(len(body)) + body for number, body in parts.items())


def _section(identifier: int, items: Sequence[bytes]) -> bytes:
    body = leb(len(items)) + b"".join(items)
    return bytes([identifier]) + leb(len(body)) + body
