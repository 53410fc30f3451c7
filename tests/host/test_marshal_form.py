"""Reads back with `marshal` what the tests themselves wrote."""

# ruff: noqa: S302

from __future__ import annotations

import importlib.util
import marshal
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lite_env.host.marshal_form import canonical

MODULES = ["argparse", "ast", "dataclasses", "decimal", "enum", "email.message", "inspect", "json.decoder", "typing"]

names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name.isidentifier())
texts = st.one_of(
    names, st.text(max_size=8), st.sampled_from(["x" * 255, "x" * 256, "a b" * 100, "\u00e9", "\U0001f40d"])
)
numbers = st.one_of(st.integers(-(2**70), 2**70), st.floats(), st.complex_numbers(), st.booleans(), st.none())
leaves = st.one_of(texts, numbers, st.binary(max_size=6), st.just(...))
constants = st.recursive(leaves, lambda inner: st.one_of(st.tuples(inner, inner), st.frozensets(leaves, max_size=5)))


def code_of(*values):
    """A code object with a function inside, and these constants in both."""
    inner = compile("def f(a, *, b):\n    return a + b\n", "<inner>", "exec").co_consts[0]
    return inner.replace(co_consts=(*inner.co_consts, *values, inner))


def same(one, other) -> bool:
    """Equal, of the same types, all the way down; nan is itself and 0.0 is not -0.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, frozenset):
        return sorted(map(repr, one)) == sorted(map(repr, other))
    if isinstance(one, type(code_of())):
        return one == other and same(one.co_consts, other.co_consts)
    return repr(one) == repr(other)


@given(st.lists(constants, max_size=6))
def test_the_form_loads_as_what_it_was_made_of(values):
    code = code_of(*values)
    loaded = marshal.loads(canonical(marshal.dumps(code)))
    assert same(loaded.co_consts, code.co_consts)


@given(st.lists(constants, max_size=6))
def test_equal_code_has_one_form_whatever_was_shared_and_interned(values):
    code = code_of(*values)
    form = canonical(marshal.dumps(code))
    # Nothing is shared in version 2; all that can be is after loading; names are held by another as well.
    assert canonical(marshal.dumps(code, 2)) == form
    assert canonical(marshal.dumps(marshal.loads(form))) == form
    held = [sys.intern(value) for value in values if isinstance(value, str)]
    assert canonical(marshal.dumps(marshal.loads(marshal.dumps(code)))) == form
    assert len(held) <= len(values)
    assert canonical(form) == form


@pytest.mark.parametrize("name", MODULES)
def test_real_modules_keep_their_meaning(name):
    spec = importlib.util.find_spec(name)
    source = Path(spec.origin).read_bytes()
    code = compile(source, spec.origin, "exec", dont_inherit=True)
    form = canonical(marshal.dumps(code))
    assert marshal.loads(form) == code
    again = canonical(marshal.dumps(compile(source, spec.origin, "exec", dont_inherit=True)))
    assert again == form
    assert len(form) <= len(marshal.dumps(code))


def test_members_of_a_frozen_set_have_one_order():
    source = "def f(x):\n    return x in {'b', 'a', 'c', 1, (2, 'a'), b'z'}\n"
    before = canonical(marshal.dumps(compile(source, "x", "exec")))
    kept = [sys.intern(name) for name in ("b", "zz")]
    assert canonical(marshal.dumps(compile(source, "x", "exec"))) == before
    assert kept


@pytest.mark.parametrize(
    "data",
    [b"", b"c", b"?", b"N" * 2, b"r\x00\x00\x00\x00", b"z\x05ab", b"i\x01", b"(\x02\x00\x00\x00N", b"{0"],
    ids=repr,
)
def test_what_is_no_marshalled_code_is_refused(data):
    with pytest.raises(ValueError, match="not marshalled code"):
        canonical(data)


@settings(max_examples=50)
@given(st.integers(0, 400))
def test_a_cut_stream_is_refused(length):
    whole = marshal.dumps(code_of("a", (1, "b")))
    with pytest.raises(ValueError, match="not marshalled code"):
        canonical(whole[: length % len(whole)])
