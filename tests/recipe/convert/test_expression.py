from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_env.recipe.convert import expression as e
from lite_env.recipe.convert.expression_reader import MAX_LENGTH, ExpressionError, parse_expression
from lite_env.recipe.convert.expression_text import expression_text
from lite_env.recipe.convert.rewrite import Rewriter, UnwritableError

NAMES = st.sampled_from(["a", "version", "win", "linux"]).map(e.Name)
TEXTS = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=6).map(e.Text)
NUMBERS = st.integers(0, 999).map(lambda number: e.Number(str(number)))


def larger(inner):
    signs = ["and", "or", "+", "-", "~", "*", "==", "!=", "<", ">=", "in", "not in"]
    return st.one_of(
        st.builds(e.Unary, st.just("not"), inner),
        st.builds(e.Binary, st.sampled_from(signs), inner, inner),
        st.builds(e.Choice, inner, inner, inner),
        st.builds(e.Item, inner, inner),
        st.builds(e.Slice, inner, st.none(), inner),
        st.builds(e.Filter, inner, st.just("replace"), st.tuples(TEXTS, TEXTS)),
        st.builds(e.Test, inner, st.just("defined")),
        st.builds(e.Call, NAMES, st.tuples(inner), st.just((("exact", e.Name("True")),))),
        st.lists(inner, max_size=3).map(lambda items: e.Sequence(tuple(items))),
    )


@given(st.recursive(st.one_of(NAMES, TEXTS, NUMBERS), larger, max_leaves=12))
def test_what_is_written_is_read_as_the_same(expression):
    # Joining is the same from either side, and a chain of comparisons is read as two.
    try:
        again = parse_expression(expression_text(expression))
    except ExpressionError as error:
        assert "nested" in str(error)  # noqa: PT017 - of very deep ones
        return
    assert expression_text(again) == expression_text(expression)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version.split('.')[0]", '(version | split("."))[0]'),
        ("'.'.join(version.split('.')[:2])", '(version | split("."))[:2] | join(".")'),
        ("name|lower|replace('-', '_')", 'name | lower | replace("-", "_")'),
        ("version.replace('.', '')[0:2]", '(version | replace(".", ""))[0:2]'),
        ("build + 100", "build + 100"),
        ("'a' + version", '"a" ~ version'),
        ("'x' if win", '"x" if win else ""'),
        ("(major|int + 1)|string", '"" ~ ((major | int) + 1)'),
        ("py", "python | version_to_buildstring"),
        ("compiler('cxx')", 'compiler("cxx")'),
        (
            "pin_compatible('numpy', max_pin='x', min_pin='x.x')",
            'pin_compatible("numpy", lower_bound="x.x", upper_bound="x")',
        ),
        ("pin_compatible('a', max_pin='x', upper_bound='2')", 'pin_compatible("a", upper_bound="2")'),
        ("pin_subpackage('a', max_pin=None, exact=False)", 'pin_subpackage("a", upper_bound=None)'),
        ("pin_subpackage(name, exact=True, max_pin='x')", "pin_subpackage(name, exact=True)"),
        ("environ['HOME']", 'env.get("HOME")'),
        ("os.environ.get('A', 'b')", 'env.get("A", default="b")'),
        ("version is defined", "version is defined"),
        ("mpi != 'nompi' and not win", 'mpi != "nompi" and not win'),
        ("len(name) > 3", "(name | length) > 3"),
        ("target_platform.startswith('linux')", 'target_platform is startingwith("linux")'),
    ],
)
def test_jinja_becomes_minijinja(old, new):
    assert expression_text(Rewriter(context=frozenset({"version", "name"})).rewrite(parse_expression(old))) == new


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("py<38", 'match(python, "<3.8")'),
        ("py>=310", 'match(python, ">=3.10")'),
        ("py>37", 'match(python, ">=3.8")'),
        ("py<=39", 'match(python, "<3.10")'),
        ("py==311", 'match(python, "3.11.*")'),
        ("py!=27", 'match(python, "!=2.7.*")'),
        ("38 <= py < 311", 'match(python, ">=3.8") and match(python, "<3.11")'),
        ("py in [38, 39]", 'match(python, "3.8.*") or match(python, "3.9.*")'),
        ("not py27", 'not match(python, "2.7.*")'),
        ("py3k", 'match(python, ">=3")'),
        ("np>=120", 'match(numpy, ">=1.20")'),
        ("vc < 14", 'match(vc, "<14")'),
        ("x86", "x86 or x86_64"),
        ("unix and x86", "unix and (x86 or x86_64)"),
        ("build_platform != target_platform", "build_platform != target_platform"),
        ("environ.get('A')", 'env.get("A", default="")'),
        ("linux and (aarch64 or ppc64le)", "linux and (aarch64 or ppc64le)"),
        ("cuda_compiler_version != 'None'", 'cuda_compiler_version != "None"'),
    ],
)
def test_selectors_become_conditions(old, new):
    assert expression_text(Rewriter(condition=True).rewrite(parse_expression(old))) == new


@pytest.mark.parametrize(
    "text", ["", "a b", "(", "a +", "{1: 2}", "lambda: 1", "a[", "a | ", "'x", "- - 1", "a.1", "x = 1"]
)
def test_what_is_no_expression_is_refused(text):
    with pytest.raises(ExpressionError):
        parse_expression(text)


@pytest.mark.parametrize(
    "text", ["(" * 500, "not " * 500 + "a", "a" * (MAX_LENGTH + 1), "a" + ".b" * 200, "a" + "[0]" * 300]
)
def test_what_is_beyond_a_bound_is_refused(text):
    with pytest.raises(ExpressionError):
        parse_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "load_setup_py_data()",
        "name.title()",
        "'%s' % a",
        "PREFIX",
        "nomkl",
        "py >= 3",
        "a.b",
        "range(3)",
        "a | map('b')",
        "x is divisibleby(3)",
    ],
)
def test_what_rattler_build_lacks_is_refused_with_what_to_write(text):
    with pytest.raises(UnwritableError) as caught:
        Rewriter(condition=True).rewrite(parse_expression(text))
    assert caught.value.why
    assert caught.value.hint
