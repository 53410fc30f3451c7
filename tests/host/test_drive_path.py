from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_env.errors import DriveError
from lite_env.host.drive_path import components, locate

NEEDS_LINKS = pytest.mark.skipif(os.name == "nt", reason="needs the right to make symbolic links")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", ()),
        ("/", ()),
        ("/a/b", ("a", "b")),
        ("a/b", ("a", "b")),
        ("//a/./b/", ("a", "b")),
        ("name:", ()),
        ("name:a/b", ("a", "b")),
        ("name:/a/b", ("a", "b")),
        (":a", ("a",)),
        ("/a:b", ("a:b",)),
        ("a/b:c", ("a", "b:c")),
        ("/%2e%2e/%2Fa", ("%2e%2e", "%2Fa")),
        ("/a&#46;&#46;", ("a&#46;&#46;",)),
        ("/...", ("...",)),
        ("/a\\..\\b", ("a\\..\\b",)),
        ("/ä ö\N{GRINNING FACE}", ("ä ö\N{GRINNING FACE}",)),
        ("/\N{FULLWIDTH FULL STOP}\N{FULLWIDTH FULL STOP}/x", ("\N{FULLWIDTH FULL STOP}" * 2, "x")),
    ],
)
def test_a_path_is_taken_as_it_is(path, expected):
    assert components(path, windows=False) == expected


@pytest.mark.parametrize("path", ["..", "/..", "/a/../b", "name:../x", "name:/../x", "/a/.."])
def test_no_path_goes_up(path):
    with pytest.raises(DriveError, match=r"has '\.\.'") as caught:
        components(path, windows=False)
    assert caught.value.code == "EACCES"


@pytest.mark.parametrize(("path", "reason"), [("/a\0b", "it has a NUL"), ("/\udc80", "it is not text")])
def test_a_name_that_cannot_be_one_is_refused(path, reason):
    with pytest.raises(DriveError, match=reason) as caught:
        components(path, windows=False)
    assert caught.value.code == "EINVAL"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/a\\b", "does not allow"),
        ("/C:", "does not allow"),
        ("/a/C:/x", "does not allow"),
        ("/a:stream", "does not allow"),
        ("/a?", "does not allow"),
        ("/a\n", "does not allow"),
        ("/a.", "lose its last letter"),
        ("/... ", "lose its last letter"),
        ("/NUL", "a device"),
        ("/x/con.txt", "a device"),
        ("/lpt1 .x", "a device"),
        ("/COM²", "a device"),
    ],
)
def test_on_windows_more_names_are_refused(path, reason):
    with pytest.raises(DriveError, match=reason) as caught:
        components(path, windows=True)
    assert caught.value.code == "EINVAL"
    assert components("/console/nullable.txt", windows=True) == ("console", "nullable.txt")


def test_a_file_need_not_exist(tmp_path):
    root = tmp_path.resolve()
    assert locate(root, ("a", "b")) == root / "a" / "b"
    assert locate(root, ()) == root


@NEEDS_LINKS
def test_links_are_followed_inside_only(tmp_path):
    root = (tmp_path / "root").resolve()
    (root / "in").mkdir(parents=True)
    (tmp_path / "root-beside").mkdir()
    (root / "good").symlink_to("in")
    (root / "in" / "up").symlink_to("../in")
    assert locate(root, ("good", "x")) == root / "in" / "x"
    assert locate(root, ("in", "up", "up", "x")) == root / "in" / "x"
    for number, target in enumerate((tmp_path, "..", tmp_path / "root-beside", "../nowhere", "/", "in/../../x")):
        (root / f"out{number}").symlink_to(target)
        (root / f"over{number}").symlink_to(f"out{number}")
        for name in (f"out{number}", f"over{number}"):
            with pytest.raises(DriveError, match="leads out of the folder") as caught:
                locate(root, (name, "x"))
            assert caught.value.code == "EACCES"


@NEEDS_LINKS
def test_nothing_hides_behind_a_loop_of_links(tmp_path):
    root = tmp_path.resolve()
    (root / "loop").symlink_to("loop")
    (root / "out").symlink_to("loop/../../x")
    with pytest.raises(DriveError, match="leads out of the folder"):
        locate(root, ("out",))


@given(
    path=st.text(st.sampled_from("/.:%2e5c\\\0\ud800ab~ \N{FULLWIDTH FULL STOP}"), max_size=30), windows=st.booleans()
)
def test_what_is_accepted_stays_below_the_folder(tmp_path_factory, path, windows):
    root = tmp_path_factory.getbasetemp().resolve()
    try:
        parts = components(path, windows=windows)
    except DriveError:
        return
    assert os.path.normpath(root.joinpath(*parts)) == str(root.joinpath(*parts))
    assert locate(root, parts).is_relative_to(root)
