from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_env.spec.selectors import apply_comment_selectors, evaluate, key_selector


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("unix", True),
        ("win", False),
        ("not win", True),
        ("linux or emscripten", True),
        ("unix and win or wasm32", True),
        ("unix and (win or osx64)", False),
        ("not (unix and wasm32)", False),
        ("win or osx and unix", False),
    ],
)
def test_expressions(expression, value):
    assert evaluate(expression) is value


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("", "ends too early"),
        ("unix and", "ends too early"),
        ("moon", "unknown name 'moon'"),
        ("unix win", "unexpected 'win'"),
        ("(unix", "parenthesis is not closed"),
        ("unix == 1", "unexpected '='"),
    ],
)
def test_what_is_no_expression(expression, problem):
    with pytest.raises(ValueError, match=problem):
        evaluate(expression)


def test_keys():
    assert key_selector("sel(unix)") is True
    assert key_selector("sel(win)") is False
    assert key_selector("pip") is None


@given(st.lists(st.sampled_from(["a: 1", "- x  # [win]", "- y # [unix]", "# [moon]", ""])))
def test_line_numbers_stay(lines):
    selected = apply_comment_selectors("".join(f"{line}\n" for line in lines))
    kept = selected.text.split("\n")[: len(lines)]
    assert kept == ["" if "[win]" in line else line for line in lines]
    assert [number for number, _ in selected.unknown] == [n for n, line in enumerate(lines, 1) if "moon" in line]


@pytest.mark.parametrize(
    "expression", ["(" * 5000, "not " * 100 + "win", "(" * 51 + "win" + ")" * 51, "win or " * 100 + "win"]
)
def test_an_expression_that_is_too_much_to_read_is_none(expression):
    with pytest.raises(ValueError, match="it has"):
        evaluate(expression)
    text = f"- numpy  # [{expression}]"
    selected = apply_comment_selectors(text)
    assert (selected.text, selected.unknown) == (text, ((1, expression),))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("- a\n- pip:  # [win]\n  - x\n    y\n- b", "- a\n\n\n\n- b"),
        ("- a\n- pip:  # [unix]\n  - x  # [win]\n- b", "- a\n- pip:  # [unix]\n\n- b"),
        ("a:  # [win]\n- x\n- y\nb: 1", "\n\n\nb: 1"),
        ("a: &a  # [win]\n  - x\n\n# far left\n  - y\nb: 1", "\n\n\n\n\nb: 1"),
        ("  a: |  # [win]\n    x\n  b: 1", "\n\n  b: 1"),
        ("-  # [win]\n  a: 1\n- b", "\n\n- b"),
        ("- pip:  # [win]\n- x", "\n- x"),
        ("[a,  # [win]\n  b]", "\n  b]"),
        ("- a  # [win]\n  # [win] said\n- b", "\n  # [win] said\n- b"),
        ("a:  # [win]\r\n  - x\r\nb: 1\r", "\n\nb: 1\r"),
    ],
    ids=range(10),
)
def test_a_selector_on_a_line_that_opens_a_block_drops_the_block(text, left):
    assert apply_comment_selectors(text).text == left
