from __future__ import annotations

import contextlib
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_env.errors import WasmError
from lite_env.host.find import find_node
from lite_env.wasm.model import FunctionType, GlobalType, MemoryInfo
from lite_env.wasm.module import read_module
from tests.prefixes import WASM, leb, section, text
from tests.side_modules import LOADER, library, main_module

if TYPE_CHECKING:
    from pathlib import Path

TO_I32 = FunctionType(parameters=("i32", "f64"), results=("i32",))
WHOLE = library(
    imports={"env.puts": "function iid", "GOT.mem.stdout": "global mutable i", "env.__cpp_exception": "tag vi"},
    exports={"add": "function iid", "answer": "global i", "__c_longjmp": "tag vi"},
    needed=("libz.so",),
    weak=("puts",),
    constructors=3,
    exported=None,
)


def test_all_of_a_library_is_read():
    module = read_module(WHOLE, "a.so")
    imports = {f"{each.module}.{each.name}": (each.kind, each.type) for each in module.imports}
    assert [*imports][: len(LOADER)] == [*LOADER]
    assert imports["env.memory"] == ("memory", None)
    assert imports["env.__indirect_function_table"] == ("table", None)
    assert imports["env.__stack_pointer"] == ("global", GlobalType(value="i32", mutable=True))
    assert imports["env.puts"] == ("function", TO_I32)
    assert imports["GOT.mem.stdout"] == ("global", GlobalType(value="i32", mutable=True))
    assert imports["env.__cpp_exception"] == ("tag", FunctionType(parameters=("i32",), results=()))
    exports = {name: (export.kind, export.type) for name, export in module.exports.items()}
    assert exports == {
        "add": ("function", TO_I32),
        "answer": ("global", GlobalType(value="i32", mutable=False)),
        "__c_longjmp": ("tag", FunctionType(parameters=("i32",), results=())),
    }
    assert module.dylink is not None
    assert module.dylink.needed == ("libz.so",)
    assert module.dylink.memory == MemoryInfo(size=16, alignment=2, table_size=0, table_alignment=0)
    assert (module.dylink.is_weak("puts"), module.dylink.is_weak("stdout")) == (True, False)
    assert (module.dylink_first, module.own_memory) == (True, False)
    assert (module.constructors, module.first_export) == (3, None)
    assert str(TO_I32) == "(i32, f64) -> i32"


def test_the_rest_of_dylink_is_read():
    flags = b"\x03" + leb(len(text("tls") + b"\x02") + 1) + leb(1) + text("tls") + leb(2)
    paths = b"\x05" + leb(1 + len(text("$ORIGIN/.."))) + leb(1) + text("$ORIGIN/..")
    dylink = read_module(WASM + section("dylink.0", flags + paths), "a.so").dylink
    assert dylink is not None
    assert (dylink.export_flags, dylink.runtime_path, dylink.memory) == ({"tls": 2}, ("$ORIGIN/..",), None)


def test_an_engine_takes_what_tests_make(tmp_path: Path):
    for number, data in enumerate(
        (WHOLE, main_module(exports={"puts": "function ii"}), library(with_memory=False), library(dylink_last=True))
    ):
        (tmp_path / f"{number}.wasm").write_bytes(data)
    check = (
        "for (const f of fs.readdirSync('.')) new WebAssembly.Module(fs.readFileSync(f)); process.stdout.write('all')"
    )
    done = subprocess.run(
        [find_node(), "-e", f"const fs = require('fs'); {check}"], cwd=tmp_path, capture_output=True, check=False
    )
    assert (done.stdout, done.stderr) == (b"all", b"")


def numbered(identifier: int, body: bytes) -> bytes:
    return bytes([identifier]) + leb(len(body)) + body


TYPES = numbered(1, b"\x01\x60\x00\x00")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (numbered(1, b"\x01\x5f\x00"), "a type is of the form 0x5f"),
        (numbered(1, b"\x01\x60\x01\x11\x00"), "a value is of type 0x11"),
        (numbered(1, b"\x01\x60" + leb(1001) + bytes(1001)), "a signature has 1,001 values"),
        (numbered(1, leb(1_000_001)), "has 1,000,001 items"),
        (numbered(2, b"\x01" + text("env") + text("f") + b"\x00\x07"), "it speaks of type 7, and has 0"),
        (numbered(2, b"\x01" + text("env") + text("f") + b"\x09"), "of kind 9"),
        (numbered(2, b"\x01" + text("env") + text("m") + b"\x02\x20\x00"), "limits have the flags 0x20"),
        (numbered(2, b"\x01" + text("env") + text("g") + b"\x03\x7f\x02"), "neither mutable nor not"),
        (numbered(6, b"\x01\x7f\x00\x00\x0b"), "an initial value has the instruction 0x0"),
        (numbered(7, b"\x01" + text("f") + b"\x00\x00"), "it exports function 0, and has 0"),
        (TYPES + numbered(3, b"\x01\x00") + numbered(7, b"\x02" + 2 * (text("f") + b"\x00\x00")), "under one name"),
        (TYPES + TYPES, "section 1 stands twice"),
        (numbered(7, b"\x00") + TYPES, "section 1 stands twice, or in a wrong place"),
        (numbered(99, b""), "a section of number 99"),
        (b"\x01\x7f", "a length points behind its section"),
        (numbered(2, b"\x01" + leb(200_000)), "a name has 200,000 bytes"),
        (numbered(2, b"\x05"), "a section ends too early"),
    ],
)
def test_what_is_malformed_is_named(body: bytes, reason: str):
    with pytest.raises(WasmError, match=reason) as caught:
        read_module(WASM + body, "lib/a.so")
    assert "'lib/a.so' is not a sound WebAssembly module" in caught.value.message


@given(st.binary(max_size=100))
def test_any_bytes_give_an_answer_or_an_error(data: bytes):
    with contextlib.suppress(WasmError):
        read_module(WASM + data, "a.so")


@given(st.integers(min_value=0, max_value=len(WHOLE) - 1), st.binary(min_size=1, max_size=3))
def test_a_damaged_library_gives_an_answer_or_an_error(place: int, data: bytes):
    with contextlib.suppress(WasmError):
        read_module(WHOLE[:place] + data + WHOLE[place + len(data) :], "a.so")


def test_ten_thousand_exports_take_no_second():
    data = main_module(exports={f"function_{number}": "function iii" for number in range(10_744)})
    began = time.perf_counter()
    assert len(read_module(data, "a.wasm").exports) == 10_745
    assert time.perf_counter() - began < 1
