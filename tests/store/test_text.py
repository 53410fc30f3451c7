from __future__ import annotations

import json
import math
import subprocess
import sys
import textwrap

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lite_env.errors import SpecError
from lite_env.store.text import Origin, convert, decode_text, parse_json, parse_toml, read_bounded, shown
from lite_env.store.yaml_text import MAX_NODES, compose_yaml, plain_value

ORIGIN = Origin(what="the file", error=SpecError, file="x", hint="correct it", max_bytes=1 << 24)


def refusal(function, *arguments, **options) -> SpecError:
    with pytest.raises(SpecError) as caught:
        function(*arguments, **options)
    assert dict(caught.value.context)["file"] == "x"
    assert caught.value.hint
    return caught.value


def line_of(error: SpecError) -> object:
    return dict(error.context).get("line")


def yaml_of(text: str) -> object:
    return plain_value(compose_yaml(text, ORIGIN), ORIGIN)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_json_is_read_as_it_was_written(value):
    for ascii_only in (True, False):
        assert parse_json(json.dumps(value, ensure_ascii=ascii_only), ORIGIN) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON: Expecting value"),
        ("[" * 100_000, "is nested more than 100 deep"),
        ("[" * 101 + "]" * 101, "is nested more than 100 deep"),
        ('{"a":' * 500 + "1" + "}" * 500, "is nested more than 100 deep"),
        ("1" * 5000, "has a number of 5,000 digits"),
        ("[-" + "1" * 21 + "]", "has a number of 22 digits"),
        ("1e999", "has the number 1e999"),
        ("[NaN]", "has NaN, which is no number in JSON"),
        ("[-Infinity]", "has -Infinity, which"),
        (r'"\ud800"', r"has half of a pair of surrogates in a text: \ud800"),
        (r'{"\udc00": 1}', r"has half of a pair of surrogates in a text: \udc00"),
        (r'"\ude00\ud83d"', r"has half of a pair of surrogates in a text: \ude00"),
        ("[[]" + ",[]" * 1_600_000 + "]", "has more than 3,000,000 values"),
        (b"\xff", "is not UTF-8 text"),
        (b'"\xed\xa0\x80"', "is not UTF-8 text"),
        (b" " * ((1 << 24) + 1), "is larger than 16 MiB"),
    ],
    ids=range(16),
)
def test_json_beyond_a_bound_is_refused(text, message):
    assert message in refusal(parse_json, text, ORIGIN).message


def test_json_at_its_bounds_is_read():
    assert parse_json("[" * 100 + "]" * 100, ORIGIN)
    assert parse_json(str(2**64 - 1), ORIGIN) == 2**64 - 1
    assert parse_json(rb'"\ud83d\ude00 \\ud800"', ORIGIN) == "\N{GRINNING FACE} \\ud800"
    assert parse_json(b"\xef\xbb\xbf1", ORIGIN) == 1


def test_a_fault_of_json_has_its_line():
    assert line_of(refusal(parse_json, '{"a": 1,\n"b": }', ORIGIN)) == 2
    assert line_of(refusal(parse_json, '["a",\n\n"\\udfff"]', ORIGIN)) == 3
    assert line_of(refusal(decode_text, b"a\nb\n\xff", ORIGIN)) == 3


def test_nan_is_for_those_who_ask_for_it():
    assert math.isnan(parse_json("[NaN]", ORIGIN, nan=True)[0])


def test_a_value_of_a_wrong_type_is_told_with_its_path():
    assert refusal(convert, {"a": [1]}, dict[str, list[str]], ORIGIN).message == (
        "the file is malformed: Expected `str`, got `int` - at `$[...][0]`"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = ", "is not TOML"),
        ("a = " + "[" * 100_000, "is nested more than 100 deep"),
        ("a = " + "[" * 200 + "]" * 200, "is nested more than 100 deep"),
        ("a" + ".a" * 200 + " = 1", "is nested more than 100 deep"),
        ("a = " + "{b = " * 5000, "is nested more than 100 deep"),
        ("a = " + "1" * 5000, "is not TOML: Exceeds the limit"),
        ("a = 0x" + "1" * 5000, "has a number of more than 20 digits"),
        ("a = 1e999", "has the number 1e999"),
        ("a = 2024-13-45", "is not TOML"),
        (r'a = "\ud800"', "is not TOML"),
        (b"a = '\xff'", "is not UTF-8 text"),
        (b" " * ((1 << 24) + 1), "is larger than 16 MiB"),
    ],
    ids=range(12),
)
def test_toml_beyond_a_bound_is_refused(text, message):
    assert message in refusal(parse_toml, text, ORIGIN).message


def test_toml_is_read():
    assert parse_toml("a = [1, 2.5, inf]\nb.c = 'x'\n", ORIGIN) == {"a": [1, 2.5, math.inf], "b": {"c": "x"}}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: [1", 2, "is not valid YAML"),
        ("x: 1\na: " + "[" * 900, 2, "is nested more than 100 deep"),
        ("\n".join(" " * depth + "a:" for depth in range(200)), 101, "is nested more than 100 deep"),
        ("a: &a [[[[[x]]]]]\nb: " + "[" * 95 + "*a" + "]" * 95, 2, "is nested more than 100 deep"),
        ("x: 1\na: " + "1" * 5000, 2, "has a number of 5,000 characters"),
        ("a: 0x" + "1" * 5000, 1, "has a number of 5,002 characters"),
        ("a: 1.0e+" + "1" * 5000, 1, "has a number of 5,005 characters"),
        ("a: 1\nb: !!bool x", 2, "says that `x` is of the type bool, and it is not"),
        ("b: !!timestamp x", 1, "says that `x` is of the type timestamp, and it is not"),
        ("b: !!int x", 1, "says that `x` is of the type int"),
        ("b: !!null x", 1, "says that `x` is of the type null"),
        ("b: !!python/object/apply:os.system [ls]", 1, "has the tag `!!python/object/apply:os.system`"),
        ("b: !!python/name:os.system ''", 1, "has the tag `!!python/name:os.system`"),
        ("b: !mine x", 1, "has the tag `!mine`, which means nothing here"),
        ("b: !!binary aGk=", 1, "has the tag `!!binary`"),
        ("b: !!seq {a: 1}", 1, "has the tag `!!seq`"),
        ("b: !!set {a, b}", 1, "has the tag `!!set`"),
        ("a: 1\n? [x]\n: 1", 2, "has a list or a mapping for a key"),
        ("a: 1\nb: *a", 2, "has the alias `*a`, and no anchor of this name ends above it"),
        ("a: &a [*a]", 1, "has the alias `*a`, and no anchor of this name ends above it"),
        ("<<: 1", 1, "merges what is no mapping"),
        ("<<: [[a]]", 1, "merges what is no mapping"),
        ("a: 1\n---\nb: 2", 2, "has a second document"),
        ("a: 1\n...\n---\nb: 2", 3, "has a second document"),
        ('a: "\\0"', 1, "has a character that cannot be written down"),
        ("a: \x07", None, "is not valid YAML"),
        ("a: \ud800", None, "is not valid YAML"),
        ("a: " + " " * (1 << 24), None, "is larger than 16 MiB"),
    ],
    ids=range(28),
)
def test_yaml_beyond_a_bound_is_refused(text, line, message):
    error = refusal(compose_yaml, text, ORIGIN)
    assert message in error.message
    assert line_of(error) == line


@pytest.mark.parametrize(
    "text", ["a: 2024-13-45", "a: 0000-01-01", "- 2001-12-14T21:59:43+99:99", "x: 2001-02-30t01:01:01Z"]
)
def test_a_date_that_no_calendar_has_is_refused(text):
    error = refusal(yaml_of, text)
    assert "which YAML reads as a timestamp and which is none" in error.message
    assert line_of(error) == 1


def test_aliases_count_as_what_they_stand_for():
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    laughs += "".join(f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 10) + "]\n" for n in range(1, 12))
    error = refusal(compose_yaml, laughs, ORIGIN)
    assert error.message == f"the file has more than {MAX_NODES:,} values, aliases counted as what they stand for"
    assert line_of(error) == 6


def test_a_list_without_an_end_is_refused():
    assert "values" in refusal(compose_yaml, "[" + "1," * (MAX_NODES + 1) + "]", ORIGIN).message


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text() | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(PLAIN, st.booleans())
def test_yaml_is_read_as_pyyaml_reads_it(value, flow):
    if "\0" in repr(value) or "\\x00" in repr(value):
        return
    text = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True)
    assert yaml_of(text) == yaml.safe_load(text)


@pytest.mark.parametrize(
    "text",
    [
        "base: &base {a: 1, b: 2}\nown:\n  <<: *base\n  b: 3\n",
        "a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc:\n  z: 0\n  <<: [*a, *b]\n",
        "a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b}\n",
        "a: &a [1, 2]\nb: *a\nc: &s text\nd: *s\n",
        "- '<<'\n- ! 3.10\n- !!str 3.10\n- !!int '3'\n- !!float 3\n- ~\n",
        "---\na: 1\n...\n",
        "a: |\n  b\n  c\nd: >-\n  e\n  f\n",
    ],
    ids=range(7),
)
def test_merge_keys_aliases_and_tags_are_those_of_pyyaml(text):
    assert yaml_of(text) == yaml.safe_load(text)


def test_text_that_only_looks_like_yaml_of_its_own_is_text():
    assert yaml_of("- =\n- <<\n") == ["=", "<<"]


def test_pure_python_and_libyaml_make_the_same_nodes(monkeypatch):
    text = "a: &a [1, 'x', {b: ~}]\nc: *a\nd: !!str 1\n<<: {e: 2024-01-01}\n"
    first = yaml_of(text)
    monkeypatch.setattr("lite_env.store.yaml_text._LOADER", yaml.SafeLoader)
    assert yaml_of(text) == first
    assert "nested" in refusal(compose_yaml, "[" * 5000, ORIGIN).message


def test_a_file_that_does_not_end_is_not_read_to_its_end(tmp_path):
    file = tmp_path / "x"
    with file.open("wb") as sparse:
        sparse.truncate(1 << 40)
    assert "is larger than 16 MiB" in refusal(read_bounded, file, ORIGIN).message


def test_a_long_text_is_shown_in_part():
    assert shown("a" * 200) == "a" * 200
    assert shown("a" * 5000) == "a" * 200 + "… (5,000 characters)"


WORST = """
    import resource
    from lite_env.errors import SpecError
    from lite_env.store.text import Origin, parse_json
    from lite_env.store.yaml_text import compose_yaml
    resource.setrlimit(resource.RLIMIT_AS, (500 << 20, 500 << 20))
    origin = Origin(what="x", error=SpecError)
    for parse, text in [
        (parse_json, "[" + ",".join(['{"a":[]}'] * 749_990) + "]"),
        (parse_json, "[" + ",".join(["[]"] * 1_499_990) + "]"),
        (parse_json, "[" + ",".join(["1.5"] * 2_999_990) + "]"),
        (compose_yaml, "[" + ",".join(["x"] * 299_990) + "]"),
        (compose_yaml, "[" + ",".join(["[]"] * 299_990) + "]"),
        (compose_yaml, "\\n".join(["- a: b"] * 99_990)),
        (compose_yaml, "\\n".join(["- &a"] * 99_990)),
    ]:
        assert parse(text, origin) is not None
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is that of Linux")
def test_the_largest_that_is_read_fits_into_500_mb():
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(WORST)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
