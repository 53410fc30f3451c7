from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_env.cli.kernel_output import allows_colour, display_text, name_cell, strip_ansi, write


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\x1b[0;31mred\x1b[0m", "red"),
        ("\x1b[38;5;28;01mdef\x1b[39;00m", "def"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x07", "link"),
        ("\x1b[2Kgone", "gone"),
        ("no [31m escape", "no [31m escape"),
    ],
)
def test_ansi_sequences_are_taken_out(text, plain):
    assert strip_ansi(text) == plain


@given(st.text(st.characters(exclude_characters="\x1b")))
def test_text_without_sequences_stays(text):
    assert strip_ansi(text) == text


@pytest.mark.parametrize(
    ("text", "number", "expected"),
    [
        ("Cell \x1b[0;32mIn[1], line 3\x1b[0m", 1, "File f.py, line 3\x1b[0m"),
        ("Cell In[1], line 3, in f(x)", 1, "File f.py, line 3, in f(x)"),
        ("Cell In[2], line 3", 1, "Cell In[2], line 3"),
        ("Cell In[2], line 3", None, "File f.py, line 3"),
        ("x = 'Cell In[1]'", 1, "x = 'Cell In[1]'"),
    ],
)
def test_the_cell_of_a_file_bears_its_name(text, number, expected):
    assert name_cell(text, number=number, file="f.py") == expected


def test_a_file_name_is_no_pattern():
    assert name_cell("Cell In[1], line 3", number=1, file=r"a\1b") == r"File a\1b, line 3"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"data": {"text/plain": "1", "text/html": "<b>"}}, "1"),
        ({"data": {"text/plain": ["a", "b"]}}, "ab"),
        ({"data": {"image/png": "x", "application/json": {}}}, "<application/json, image/png>"),
        ({"data": {}}, "<nothing>"),
        ({}, "<nothing>"),
    ],
)
def test_what_a_terminal_shows_of_a_display(content, expected):
    assert display_text(content) == expected


def test_what_the_stream_cannot_express_is_escaped():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", newline="\n")
    write(stream, "π\n")
    assert raw.getvalue() == b"\\u03c0\n"


@pytest.mark.parametrize(
    ("terminal", "environment", "allowed"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colours_are_for_terminals_whose_user_wants_them(monkeypatch, terminal, environment, allowed):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal, raising=False)
    assert allows_colour(stream) is allowed
