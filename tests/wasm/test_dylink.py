from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_env.errors import WasmError
from lite_env.wasm.dylink import is_wasm, needed_libraries
from tests.prefixes import WASM, leb, section, side_module, text

names = st.lists(st.text(min_size=1, max_size=200), max_size=5)


@given(names)
def test_needed_libraries_come_back_in_their_order(needed):
    assert needed_libraries(side_module(*needed), "a.so") == tuple(needed)


def test_old_dylink_section_is_read():
    fixed = leb(1 << 20) + leb(4) + leb(7) + leb(0)
    data = WASM + section("dylink", fixed + leb(2) + text("libz.so") + text("libpng.so"))
    assert needed_libraries(data, "a.so") == ("libz.so", "libpng.so")


def test_unknown_subsections_are_passed_over():
    body = b"\x63" + leb(3) + b"abc" + b"\x02" + leb(1 + len(text("l.so"))) + leb(1) + text("l.so")
    assert needed_libraries(WASM + section("dylink.0", body), "a.so") == ("l.so",)


@pytest.mark.parametrize(
    "data",
    [WASM, WASM + section("name", b"rest"), WASM + b"\x01" + leb(1) + b"\0"],
    ids=["no section", "another custom section", "a type section first"],
)
def test_modules_without_dylink_need_nothing(data):
    assert needed_libraries(data, "a.so") == ()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x7fELF....", "does not begin with the WebAssembly magic number"),
        (b"", "does not begin with the WebAssembly magic number"),
        (WASM[:6], "ends within its header"),
        (WASM + b"\0" + leb(100) + b"abc", "a length points behind its section"),
        (WASM + b"\0\xff\xff\xff\xff\xff\x01", "longer than five bytes"),
        (WASM + b"\0\xff\xff\xff\xff\x7f", "does not fit in 32 bits"),
        (WASM + b"\0" + leb(3) + leb(2) + b"\xff\xfe", "a name is not UTF-8"),
        (WASM + section("dylink.0", b"\x02" + leb(9)), "a length points behind its section"),
        (WASM + section("dylink.0", b"\x02" + leb(1) + leb(3)), "a section ends too early"),
        (WASM + b"\0", "a section ends too early"),
    ],
)
def test_malformed_modules_are_named(data, reason):
    with pytest.raises(WasmError, match=reason) as caught:
        needed_libraries(data, "lib/a.so")
    assert "'lib/a.so' is not a sound WebAssembly module" in caught.value.message
    assert "filter" in caught.value.hint


@given(st.binary(max_size=80))
def test_any_bytes_give_an_answer_or_a_wasm_error(data):
    with contextlib.suppress(WasmError):
        needed_libraries(WASM + data, "a.so")


@given(st.integers(min_value=0, max_value=60))
def test_a_truncated_module_never_gives_other_names(length):
    whole = side_module("libopenblas.so", "libgfortran.so")
    try:
        found = needed_libraries(whole[: len(WASM) + length], "a.so")
    except WasmError:
        return
    assert found in ((), ("libopenblas.so", "libgfortran.so"))


def test_is_wasm_looks_at_the_magic_number():
    assert is_wasm(WASM)
    assert not is_wasm(b"\x7fELF")
