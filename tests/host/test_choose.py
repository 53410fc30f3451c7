from __future__ import annotations

import pytest

from lite_env.host.choose import language_of_file, same_language


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("python", "Python", True),
        ("python", "python3", True),
        ("ipython", "python", True),
        ("C++17", "c++", True),
        ("cpp", "C++20", True),
        ("sqlite3", "sql", True),
        ("R", "r", True),
        ("c", "c++", False),
        ("lua", "python", False),
        (None, None, False),
        ("lua", None, False),
        ("", "", True),
    ],
)
def test_one_language_has_many_names(first, second, same):
    assert same_language(first, second) is same
    assert same_language(second, first) is same


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("a.py", "python"),
        ("b/a.LUA", "lua"),
        ("a.R", "r"),
        ("a.cpp", "c++"),
        ("a.txt", None),
        ("py", None),
        (".py", None),
    ],
)
def test_the_name_of_a_file_tells_its_language(name, language):
    assert language_of_file(name) == language
