"""Submodules as a profile writes them."""

from __future__ import annotations

from lite_env.pack.profile import ANY, Opened, encode_profile, make_profile, parse_profile
from lite_env.pack.submodules import Submodule, condense, expand, told_apart

FILES = {
    "p.a": ("p:a", "p:common"),
    "p.b": ("p:a", "p:b", "p:common"),
    "p.c": ("p:c",),
    "q.a": ("p:a", "p:common", "q:a"),
}


def test_one_that_opens_all_of_another_needs_it():
    written = condense(FILES)
    assert written["p.a"] == Submodule(files=("p:a", "p:common"))
    assert written["p.b"] == Submodule(files=("p:b",), needs=("p.a",))
    assert written["q.a"] == Submodule(files=FILES["q.a"])  # Of another package.
    assert expand(written) == {name: frozenset(files) for name, files in FILES.items()}


def test_needs_on_a_circle_and_of_what_is_not_there_add_nothing():
    written = {
        "p.a": Submodule(files=("x",), needs=("p.b", "p.gone")),
        "p.b": Submodule(files=("y",), needs=("p.a",)),
    }
    assert expand(written) == {"p.a": {"x", "y"}, "p.b": {"x", "y"}}


def test_what_is_that_of_the_package_above_is_not_told():
    found = {"p": 1, "p.a": 1, "p.a.b": 1, "p.c": 2, "p.c.d": 2, "p.c.e": 1, "q.r": 0, "q.s": 3}
    assert told_apart(found, 0) == {"p": 1, "p.c": 2, "p.c.e": 1, "q.s": 3}


def test_a_profile_with_submodules_is_read_as_it_was_written():
    profile = make_profile(
        "e",
        kernels={"k": Opened()},
        imports={"p": ["p:common"]},
        workloads={},
        submodules=FILES,
        failed={},
    )
    assert profile.submodules["p.b"] == ("p:a", "p:b")  # Without what the package's own import opens.
    text = encode_profile(profile)
    assert '"format": "1.1"' in text
    assert parse_profile(text.encode(), file="p.json") == profile


def test_a_profile_without_submodules_is_written_as_ever():
    profile = make_profile("e", kernels={ANY: Opened()}, imports={"p": ["p:x"]}, workloads={}, failed={})
    text = encode_profile(profile)
    assert '"format": "1.0"' in text
    assert "submodules" not in text
    assert parse_profile(text.encode(), file="p.json") == profile
