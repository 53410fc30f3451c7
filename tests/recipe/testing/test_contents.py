from __future__ import annotations

import pytest

from lite_env.errors import RecipeError
from lite_env.recipe.testing.contents import check_contents
from lite_env.recipe.testing.declared import ContentsTest

FILES = (
    "bin/tool",
    "include/z.h",
    "lib/libz.a",
    "lib/libq.so",
    "lib/python3.11/site-packages/mod.py",
    "lib/python3.11/site-packages/pkg/__init__.py",
    "lib/python3.11/site-packages/pkg/_ext.cpython-311-wasm32-emscripten.so",
    "share/doc/readme",
)


@pytest.mark.parametrize(
    ("kind", "patterns"),
    [
        ("files", ("share/doc/*", "lib/libz.a")),
        ("lib", ("z", "q", "libz.a", "libq.so")),
        ("include", ("z.h", "*.h")),
        ("bin", ("tool",)),
        ("site_packages", ("mod", "pkg", "pkg._ext", "pkg/__init__.py", "mod.py")),
    ],
)
def test_what_is_there_is_found(kind, patterns):
    check_contents(ContentsTest(wanted={kind: patterns}, unwanted={}), FILES, of="a 1")


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("files", "libz.a"),
        ("lib", "zz"),
        ("include", "q.h"),
        ("bin", "libz.a"),
        ("site_packages", "tool"),
        ("site_packages", "pkg.other"),
    ],
)
def test_what_is_not_there_is_named(kind, pattern):
    with pytest.raises(RecipeError, match="a 1 lacks a file") as caught:
        check_contents(ContentsTest(wanted={kind: (pattern,)}, unwanted={}), FILES, of="a 1")
    assert dict(caught.value.context)["expected"] == f"{kind}: {pattern}"


def test_what_must_not_be_there_is_named():
    test = ContentsTest(wanted={}, unwanted={"files": ("*.exe", "**/*.so")})
    with pytest.raises(RecipeError, match="has a file that its recipe says it has not") as caught:
        check_contents(test, FILES, of="a 1")
    assert dict(caught.value.context)["found"].endswith(".so")
