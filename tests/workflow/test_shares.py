"""Who compiles what of many environments."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from lite_env.lock.model import LockedPackage, Lockfile
from lite_env.workflow.shares import awaited, share_out

PYTHON, OTHER_PYTHON = "python", "python3.13"


def lock(*names, python=PYTHON, sizes=None):
    sizes = sizes or {}
    packages = [(name, name) for name in names] + ([("python", python)] if python else [])
    return Lockfile(
        name="env",
        channels=(),
        packages=tuple(package(name, content, sizes.get(name, 1000)) for name, content in sorted(packages)),
        requested=(),
        variables=(),
        spec_digest="",
    )


def package(name, content, size):
    return LockedPackage(
        name=name,
        version="1",
        build="0",
        build_number=0,
        subdir="noarch",
        file_name=f"{name}-1-0.conda",
        url="",
        channel="",
        sha256=content,
        size=size,
    )


def shares_of(locks, width=1):
    return [(share.environment, share.names) for share in share_out(dict(enumerate(locks)), width)]


def test_what_one_environment_alone_has_is_no_share():
    assert shares_of([lock("numpy")]) == []
    assert shares_of([lock("numpy", python=None), lock("numpy", python=None)]) == [], "nobody compiles"


def test_what_two_have_is_compiled_in_one_of_them():
    locks = [lock("numpy", "mine"), lock("numpy", "pandas"), lock("numpy", "pandas", "yours")]
    assert shares_of(locks) == [(1, ("numpy", "pandas", "python"))]


def test_environments_with_another_python_share_nothing():
    locks = [lock("numpy"), lock("numpy", python=OTHER_PYTHON), lock("numpy", python=OTHER_PYTHON)]
    assert shares_of(locks) == [(1, ("numpy", "python"))]


def test_a_share_is_cut_while_there_are_hands_free():
    sizes = {"scipy": 9000, "numpy": 5000, "python": 3000}
    locks = [lock("numpy", "scipy", sizes=sizes), lock("numpy", "scipy", sizes=sizes)]
    assert shares_of(locks, 2) == [(0, ("scipy",)), (0, ("numpy", "python"))]
    assert sorted(shares_of(locks, 9)) == [(0, ("numpy",)), (0, ("python",)), (0, ("scipy",))]


def test_a_pack_waits_for_the_shares_that_it_has_packages_of():
    others = [lock("lua", python=None), lock("scipy", "x"), lock("scipy", python=OTHER_PYTHON)]
    shares = share_out(dict(enumerate([lock("numpy", "scipy"), lock("numpy", "scipy")])), 3)
    names = [share.names for share in shares]
    assert awaited(lock("numpy", "scipy"), shares) == {0, 1, 2}
    expected = [set(), {names.index(("scipy",)), names.index(("python",))}, set()]
    assert [awaited(other, shares) for other in others] == expected


@given(st.lists(st.sets(st.sampled_from("abcdefgh")), min_size=1, max_size=8), st.integers(1, 6))
def test_each_shared_package_is_in_exactly_one_share_of_an_environment_that_has_it(contents, width):
    locks = [lock(*names) for names in contents]
    shares = share_out(dict(enumerate(locks)), width)
    given_out = list(itertools.chain.from_iterable(share.names for share in shares))
    shared = {name for name in "abcdefgh" if sum(name in names for names in contents) > 1}
    assert sorted(given_out) == sorted(shared | ({"python"} if len(locks) > 1 else set()))
    for share in shares:
        assert set(share.names) <= contents[share.environment] | {"python"}
