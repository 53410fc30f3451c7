from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_env.errors import ManifestError, PackError
from lite_env.pack.index import Index, IndexedFile, IndexedLink, decode_index, encode_index

names = st.text(st.characters(exclude_characters="/\\\0", exclude_categories=["Cs"]), min_size=1, max_size=8)
safe_names = names.filter(lambda name: name not in (".", ".."))
trees = st.recursive(
    st.integers(min_value=0, max_value=5000) | safe_names,
    lambda children: st.dictionaries(safe_names, children, min_size=1, max_size=5),
    max_leaves=25,
).filter(lambda tree: isinstance(tree, dict))


def index_of(tree):
    """Files (sizes) laid one after the other in archive 0, links (texts)."""
    entries, at = {}, 0

    def walk(node, prefix):
        nonlocal at
        for name, value in node.items():
            if isinstance(value, dict):
                walk(value, f"{prefix}{name}/")
            elif isinstance(value, str):
                entries[prefix + name] = IndexedLink(target=value)
            else:
                entries[prefix + name] = IndexedFile(size=value, archive=0, offset=at, executable=value % 2 == 1)
                at += value

    walk(tree, "")
    return Index(entries=dict(sorted(entries.items())), needed={}), at


@given(trees)
def test_what_is_encoded_is_decoded(tree):
    index, size = index_of(tree)
    data = encode_index(index)
    assert decode_index(data, [size]) == index
    assert encode_index(decode_index(data, [size])) == data


def test_the_form_is_the_documented_one():
    index = Index(
        entries={
            "lib/x.py": IndexedFile(size=3, archive=0, offset=512),
            "lib/run": IndexedFile(size=5, archive=1, offset=512, executable=True),
            "lib/a.so.1": IndexedLink(target="a.so"),
        },
        needed={"lib/a.so": ("libb.so",)},
    )
    assert encode_index(index) == (
        b'{"format":"1.0","needed":{"lib/a.so":["libb.so"]},'
        b'"tree":{"lib":{"a.so.1":"a.so","run":[5,1,512,1],"x.py":[3,0,512]}}}'
    )


def test_a_file_below_a_file_cannot_be_encoded():
    file = IndexedFile(size=0, archive=0, offset=0)
    with pytest.raises(PackError, match="'a/b' lies below a file"):
        encode_index(Index(entries={"a": file, "a/b": file}, needed={}))
    with pytest.raises(PackError, match="'a' is there twice, or is a folder too"):
        encode_index(Index(entries={"a/b": file, "a": file}, needed={}))


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        ({"..": {"x": [1, 0, 0]}}, "the name '..' in the folder '' is not allowed"),
        ({"a": {"": [1, 0, 0]}}, "the name '' in the folder 'a/' is not allowed"),
        ({"a/b": [1, 0, 0]}, "the name 'a/b' in the folder '' is not allowed"),
        ({"a\\b": [1, 0, 0]}, "is not allowed"),
        ({"a\0b": [1, 0, 0]}, "is not allowed"),
        ({"a": "/etc/passwd"}, "the link 'a' leaves the pack: it points to '/etc/passwd'"),
        ({"a": "../x"}, "the link 'a' leaves the pack"),
        ({"d": {"a": "../../x"}}, "the link 'd/a' leaves the pack"),
        ({"d": {"a": "../e/../../x"}}, "the link 'd/a' leaves the pack"),
        ({"a": ""}, "the link 'a' leaves the pack"),
        ({"a": [1, 0]}, r"the entry of 'a' is not \[size, archive, offset\]"),
        ({"a": [1, 0, 0, 2]}, "the entry of 'a' is not"),
        ({"a": [1, 0, 0, 1, 1]}, "the entry of 'a' is not"),
        ({"a": [-1, 0, 0]}, "the entry of 'a' is not"),
        ({"a": [1.0, 0, 0]}, "the entry of 'a' is not"),
        ({"a": [True, 0, 0]}, "the entry of 'a' is not"),
        ({"a": None}, "the entry of 'a' is not"),
        ({"a": [1, 2, 0]}, "'a' lies in archive 2, but there are 2"),
        ({"a": [1, 0, 100]}, "'a' ends behind the end of its archive 0"),
        ({"a": [3, 0, 0], "b": [1, 0, 2]}, "'b' and 'a' overlap in archive 0"),
    ],
)
def test_a_hostile_index_is_refused(tree, reason):
    data = json.dumps({"format": "1.0", "needed": {}, "tree": tree}).encode()
    with pytest.raises(ManifestError, match=reason):
        decode_index(data, [100, 100])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "is not UTF-8 text"),
        (b"[]", "it has no 'tree'"),
        (b'{"tree": []}', "it has no 'tree'"),
        (b'{"tree": {}}', "'needed' is not an object"),
        (b'{"tree": {}, "needed": {"a": "b"}}', "'a' needs 'b', which are not names of libraries"),
        (b'{"tree": {}, "needed": {"a": ["../b"]}}', r"'a' needs \['\.\./b'\], which are not names"),
    ],
)
def test_a_malformed_index_is_refused(data, reason):
    with pytest.raises(ManifestError, match=reason):
        decode_index(data, [])


def test_files_of_one_place_in_two_archives_do_not_overlap():
    data = json.dumps({"needed": {}, "tree": {"a": [3, 0, 0], "b": [3, 1, 0], "c": [0, 1, 3]}}).encode()
    assert len(decode_index(data, [3, 3]).entries) == 3


def test_a_deeply_nested_index_is_refused_and_does_not_crash():
    data = b'{"needed":{},"tree":' + b'{"a":' * 100_000 + b"{}" + b"}" * 100_000 + b"}"
    with pytest.raises(ManifestError):
        decode_index(data, [])
