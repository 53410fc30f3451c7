"""Which files imports fetch together."""

from __future__ import annotations

import random

import pytest

from lite_env.pack.grouping import MOST_GROUPS, SLACK, openers, put_together, traced_needs
from lite_env.pack.profile import ANY, Opened, Profile

KB = 1 << 10
MB = 1 << 20


def together(sizes):
    return list(put_together(sizes))


def profile(imports, submodules=None) -> Profile:
    return Profile(
        environment="e",
        kernels={ANY: Opened()},
        imports={name: tuple(files) for name, files in imports.items()},
        submodules={name: tuple(files) for name, files in (submodules or {}).items()},
    )


def test_openers_are_sorted_by_name():
    assert openers({"b": ["x", "y"], "a": ["y"]}) == {"x": ("b",), "y": ("a", "b")}


def test_a_submodule_needs_what_its_package_needs():
    needs = traced_needs(profile({"p": ["p:a"]}, {"p.s": ["p:s"], "q.t": ["q:t"]}))
    assert needs == {"p": {"p:a"}, "p.s": {"p:a", "p:s"}, "q.t": {"q:t"}}


def test_the_lower_level_is_left_out_where_there_would_be_too_many_groups():
    many = {f"p.s{number}.t": [f"p:{number}"] for number in range(MOST_GROUPS + 1)}
    needs = traced_needs(profile({"p": ["p:a"]}, {"p.s": ["p:s"], **many}))
    assert sorted(needs) == ["p", "p.s"]


def test_large_groups_of_different_imports_stay_apart():
    sizes = {("a",): 5 * MB, ("b",): 5 * MB, ("a", "b"): 5 * MB}
    assert together(sizes) == [(("a",),), (("a", "b"),), (("b",),)]


def test_what_is_small_goes_to_what_the_same_import_needs_anyway():
    sizes = {("p",): 5 * MB, ("p", "p.s"): KB}
    assert together(sizes) == [(("p",), ("p", "p.s"))] or together(sizes) == [(("p",),), (("p", "p.s"),)]
    assert together({("p.s",): KB, ("p.s", "p.t"): KB, ("p.t",): KB}) == [(("p.s",), ("p.s", "p.t"), ("p.t",))]


@pytest.mark.parametrize("seed", range(20))
def test_each_group_is_fetched_once_and_nobody_loads_much_more_than_it_needs(seed):
    chance = random.Random(seed)  # noqa: S311 - a seed makes it repeatable
    names = [f"p.s{number}" for number in range(12)] + ["p", "q"]
    sizes = {}
    for _ in range(60):
        importers = tuple(sorted(chance.sample(names, chance.randint(1, 5))))
        sizes[importers] = chance.choice([KB, 30 * KB, 300 * KB, 3 * MB])
    merged = together(sizes)
    assert sorted(key for keys in merged for key in keys) == sorted(sizes)
    assert len(merged) < len(sizes)
    for name in names:
        needed = sum(size for key, size in sizes.items() if name in key)
        loaded = sum(sizes[key] for keys in merged if any(name in key for key in keys) for key in keys)
        most = 4 / 3 if "." in name else 11 / 10
        assert needed <= loaded <= needed * most + SLACK
    assert together(dict(reversed(sizes.items()))) == merged
