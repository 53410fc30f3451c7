from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_env.errors import SpecError
from lite_env.pack.profile import (
    ANY,
    Opened,
    encode_profile,
    make_profile,
    parse_profile,
    read_profile,
    write_profile,
)

keys = st.lists(st.text("ab:/.é", min_size=1, max_size=8), max_size=6)
opened = st.dictionaries(st.text("xyz", min_size=1, max_size=3), keys, max_size=3)
profiles = st.builds(
    lambda interpreter, kernel, imports, workloads: make_profile(
        "e",
        kernels={"toy": Opened(interpreter=tuple(interpreter), kernel=tuple(kernel))},
        imports=imports,
        workloads=workloads,
        failed={"bad": "E: x"},
    ),
    keys,
    keys,
    opened,
    opened,
)


several = st.builds(
    lambda kernels, imports: make_profile("e", kernels=kernels, imports=imports, workloads={}, failed={}),
    st.dictionaries(
        st.text("xyz", min_size=1, max_size=3),
        st.builds(Opened, interpreter=keys.map(tuple), kernel=keys.map(tuple)),
        min_size=2,
        max_size=3,
    ),
    opened,
)


@given(several)
def test_a_profile_of_several_kernels_is_read_as_it_was_written(profile):
    text = encode_profile(profile)
    assert json.loads(text)["format"] == "2.0"
    assert parse_profile(text.encode(), file="p") == profile
    assert text == json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def test_a_profile_of_one_kernel_is_written_as_before():
    profile = make_profile(
        "e",
        kernels={"toy": Opened(interpreter=("p:b",), kernel=("p:a",))},
        imports={"m": ["p:c"]},
        workloads={},
        failed={},
    )
    assert json.loads(encode_profile(profile)) == {
        "environment": "e",
        "failed": {},
        "format": "1.0",
        "imports": {"m": ["p:c"]},
        "interpreter": ["p:b"],
        "kernel": ["p:a"],
        "workloads": {},
    }


def test_an_import_keeps_what_only_another_kernels_start_opens():
    profile = make_profile(
        "e",
        kernels={
            "lua": Opened(),
            "x": Opened(interpreter=("p:a",), kernel=("p:b",)),
            "y": Opened(interpreter=("p:a",)),
        },
        imports={"m": ["p:a", "p:b", "p:c"]},
        workloads={},
        failed={},
    )
    assert profile.imports == {"m": ("p:b", "p:c")}
    assert profile.boot == {"p:a", "p:b"}


@given(profiles)
def test_a_profile_is_read_as_it_was_written(profile):
    text = encode_profile(profile)
    assert parse_profile(text.encode(), file="p") == profile
    assert text == json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


@given(profiles, st.randoms())
def test_the_order_in_which_it_was_written_does_not_matter(profile, random):
    document = json.loads(encode_profile(profile))
    for files in (document["interpreter"], document["kernel"], *document["imports"].values()):
        random.shuffle(files)
    again = parse_profile(json.dumps(document).encode(), file="p")
    assert again == profile
    assert again.digest == profile.digest


def test_what_the_boot_opened_is_not_told_again():
    profile = make_profile(
        "e",
        kernels={"toy": Opened(interpreter=("p:b",), kernel=("p:b", "p:a"))},
        imports={"m": ["p:c", "p:a"]},
        workloads={"w.py": ["p:b"]},
        failed={},
    )
    assert profile.kernels == {ANY: Opened(interpreter=("p:b",), kernel=("p:a",))}
    assert profile.imports == {"m": ("p:c",)}
    assert profile.workloads == {"w.py": ()}


def test_a_file_is_written_and_read(tmp_path):
    profile = make_profile("e", kernels={"toy": Opened(interpreter=("p:é",))}, imports={}, workloads={}, failed={})
    write_profile(profile, tmp_path / "a" / "e.profile.json")
    assert read_profile(tmp_path / "a" / "e.profile.json") == profile


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no", r"the profile is not JSON"),
        (b"\xff", r"the profile is not UTF-8 text"),
        (b"[]", r"the profile has the format None; this lite-env reads 1\.x and 2\.x"),
        (b'{"format": "3.0"}', r"the profile has the format '3\.0'; this lite-env reads 1\.x and 2\.x"),
        (b'{"format": "2.0"}', r"the profile is malformed: Object missing required field `environment`"),
        (b'{"format": "1.0"}', r"the profile is malformed: Object missing required field `environment`"),
        (
            b'{"format": "1.0", "environment": "e", "interpreter": [1], "kernel": [], "imports": {}}',
            r"the profile is malformed: Expected `str`, got `int` - at `\$\.interpreter\[0\]`",
        ),
        (
            b'{"format": "1.0", "environment": "e", "interpreter": [], "kernel": [], "imports": {}, "extra": 1}',
            r"the profile is malformed: Object contains unknown field `extra`",
        ),
    ],
)
def test_what_is_no_profile_is_refused(data, message):
    with pytest.raises(SpecError, match=message) as caught:
        parse_profile(data, file="p.json")
    assert dict(caught.value.context)["file"] == "p.json"
    assert "lite-env trace" in caught.value.hint


def test_a_profile_that_is_not_there_is_told(tmp_path):
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        read_profile(tmp_path / "none.json")
