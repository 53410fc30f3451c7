from __future__ import annotations

import os
import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_env.errors import PrefixError
from lite_env.prefix.fingerprint import fingerprint
from lite_env.prefix.tree import is_safe_link, scan_tree
from lite_env.store.removal import remove_tree
from tests.prefixes import put
from tests.store.test_atomic import deep_folder


def scan(root):
    return {file.path: file for file in scan_tree(root)}


def test_files_and_links_are_found_sorted_and_conda_meta_is_not(tmp_path):
    for name, content in {
        "lib/b.py": "12",
        "lib/a.py": "1",
        "lib64": ("->", "lib"),
        "conda-meta/history": "",
        "sub/conda-meta/x": "",
    }.items():
        put(tmp_path, name, content)
    found = scan_tree(tmp_path)
    assert [(file.path, file.size, file.link) for file in found] == [
        ("lib/a.py", 1, None),
        ("lib/b.py", 2, None),
        ("lib64", 0, "lib"),
        ("sub/conda-meta/x", 0, None),
    ]


def test_a_link_to_a_folder_is_a_link_and_is_not_walked(tmp_path):
    put(tmp_path, "a/x", "")
    put(tmp_path, "a/loop", ("->", "."))
    put(tmp_path, "b", ("->", "a"))
    assert set(scan(tmp_path)) == {"a/x", "a/loop", "b"}
    assert scan(tmp_path)["a/loop"].link == "."


@pytest.mark.parametrize("levels", [200, 1_500])
@pytest.mark.parametrize("read", [scan_tree, fingerprint])
def test_folders_in_folders_without_end_are_refused(tmp_path, read, levels):
    deep_folder(tmp_path / "deep", levels)
    try:
        with pytest.raises(PrefixError, match=r"the environment holds 'deep/d/.*: at most 100 are possible") as caught:
            read(tmp_path)
    finally:
        # Or else pytest could not remove it.
        remove_tree(tmp_path / "deep")
    assert len(caught.value.message) < 500


def test_the_deepest_that_is_possible_is_found(tmp_path):
    path = "d/" * 100 + "f"
    put(tmp_path, path, "")
    assert set(scan(tmp_path)) == {path}


def test_executable_files_are_told(tmp_path):
    put(tmp_path, "run", "")
    (tmp_path / "run").chmod(0o700)
    put(tmp_path, "read", "")
    assert (scan(tmp_path)["run"].executable, scan(tmp_path)["read"].executable) == (True, False)


@pytest.mark.parametrize(
    ("target", "relative"),
    [
        ("{root}/lib/x", "../lib/x"),
        ("../lib/../lib/x", "../lib/x"),
        ("./../lib//x", "../lib/x"),
        ("{root}", ".."),
        ("../bin/../lib/nothing", "../lib/nothing"),
        ("../lib/", "../lib"),
    ],
)
def test_links_that_mean_a_place_inside_become_relative(tmp_path, target, relative):
    put(tmp_path, "lib/x", "")
    put(tmp_path, "bin/l", ("->", target.format(root=tmp_path)))
    assert scan(tmp_path)["bin/l"].link == relative


def test_a_dangling_link_stays(tmp_path):
    put(tmp_path, "l", ("->", "nothing"))
    assert scan(tmp_path)["l"].link == "nothing"


@pytest.mark.parametrize("target", ["/etc/passwd", "../x", "../../etc/passwd", "d/../../x"])
def test_a_link_that_leaves_is_refused(tmp_path, target):
    root = tmp_path / "root"
    put(root, "d/x", "")
    put(root, "l", ("->", target))
    with pytest.raises(PrefixError, match="the link 'l' leaves the environment: it points to") as caught:
        scan_tree(root)
    assert target.rpartition("/")[2] in caught.value.message
    assert caught.value.hint


def test_a_link_that_leaves_by_way_of_another_is_refused(tmp_path):
    root = tmp_path / "root"
    put(root, "a/b/up", ("->", "../.."))
    # By its letters `a/x` stays inside; by what the links mean it does not.
    put(root, "a/x", ("->", "b/up/../x"))
    with pytest.raises(PrefixError, match="the link 'a/x' leaves the environment"):
        scan_tree(root)


def test_names_that_are_not_unicode_are_refused(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / os.fsdecode(b"\xff.py")).touch()
    with pytest.raises(PrefixError, match=r"the file name b'd/\\xff.py' is not UTF-8"):
        scan_tree(tmp_path)


def test_a_link_target_that_is_not_unicode_is_refused(tmp_path):
    (tmp_path / "l").symlink_to(os.fsdecode(b"\xff"))
    with pytest.raises(PrefixError, match="is not UTF-8"):
        scan_tree(tmp_path)


def test_a_backslash_is_refused(tmp_path):
    put(tmp_path, "a\\b", "")
    with pytest.raises(PrefixError, match="contains a backslash"):
        scan_tree(tmp_path)


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PrefixError, match="'pipe' is neither a file nor a folder nor a link"):
        scan_tree(tmp_path)


@given(
    st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=4),
    st.lists(st.sampled_from(["..", "a", ".", ""]), max_size=5),
    st.sampled_from(["", "/"]),
)
def test_a_safe_link_never_leaves_by_its_letters(path, target, root):
    text = root + "/".join(target)
    reached = posixpath.normpath(posixpath.join(*path[:-1], text) if path[:-1] else text)
    if is_safe_link("/".join(path), text):
        assert not reached.startswith(("..", "/"))
