from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_env.pack.archive import tar_offsets
from lite_env.pack.bytecode import bytecode_path, source_path
from lite_env.pack.layout import ARCHIVE_SIZE, kind_of, lay_out
from lite_env.pack.profile import ANY, Opened, file_key, make_profile
from lite_env.prefix.model import PrefixFile
from tests.prefixes import SITE

MODULES = ["numpy", "pandas", "scipy"]
LIB = "lib/python3.11"

sizes = st.one_of(st.integers(0, 3000), st.integers(min_value=0, max_value=3 * ARCHIVE_SIZE))
names = st.text("abc/", min_size=1, max_size=6).filter(lambda path: "//" not in path and path.strip("/") == path)
# One owner a path, drawn from the path, so that environments that differ in some files agree about the rest.
owned = st.builds(
    lambda path, size, package: PrefixFile(path=f"{LIB}/{path}.py", size=size, package=package),
    names,
    sizes,
    st.sampled_from([None, "a", "b", "c"]),
)
files = st.lists(owned, unique_by=lambda file: file.path, max_size=30)


@st.composite
def traced_files(draw):
    """Files, some of them with bytecode, and a profile of some of them and of files that are not there."""
    sources = draw(files)
    compiled = [
        PrefixFile(path=bytecode_path(file.path, "cpython-311"), size=file.size + 16, package=file.package)
        for file in sources
        if draw(st.booleans())
    ]
    keys = [file_key(file.package, file.path) for file in sources] + ["gone:lib/gone.py"]
    some = st.lists(st.sampled_from(keys), unique=True)
    profile = make_profile(
        "test",
        kernels={"toy": Opened(interpreter=tuple(draw(some)), kernel=tuple(draw(some)))},
        imports={module: draw(some) for module in draw(st.lists(st.sampled_from(MODULES), unique=True))},
        workloads={"demo.ipynb": draw(some)} if draw(st.booleans()) else {},
        failed={},
    )
    return sources + compiled, profile, draw(st.sampled_from(["fused", "packages"]))


def key_of(file, by_path):
    source = source_path(file.path)
    return file_key(file.package, source if source in by_path else file.path)


@given(traced_files())
def test_every_file_lies_in_exactly_one_archive_and_sizes_add_up(case):
    members, profile, order = case
    archives = lay_out(members, profile=profile, order=order).archives
    by_path = {file.path: file for file in members}
    placed = [entry.path for archive in archives for entry in archive.entries]
    assert sorted(placed) == sorted(by_path)
    assert sum(entry.size for archive in archives for entry in archive.entries) == sum(file.size for file in members)
    for archive in archives:
        assert archive.entries
        assert archive.raw_size == tar_offsets(archive.entries)[1]
        owners = [by_path[entry.path].package for entry in archive.entries]
        counted = [name for name, count in archive.packages.items() for _ in range(count)]
        assert owners == counted + [None] * (len(owners) - len(counted))
        assert list(archive.packages) == sorted(archive.packages)


@given(traced_files())
def test_what_was_traced_lies_where_it_is_loaded(case):
    members, profile, order = case
    layout = lay_out(members, profile=profile, order=order)
    by_path = {file.path: file for file in members}
    compiled = {source_path(path) for path in by_path}
    where = {entry.path: number for number, archive in enumerate(layout.archives) for entry in archive.entries}
    assert list(layout.imports) == sorted(profile.imports)
    for file in members:
        archive = layout.archives[where[file.path]]
        key = key_of(file, by_path)
        if file.path in compiled:
            assert (archive.kind, archive.load) == ("sources", "demand")
        elif key in profile.kernels[ANY].interpreter:
            assert archive.load == "interpreter"
        elif key in profile.kernels[ANY].kernel:
            assert archive.load == "kernel"
        else:
            importers = [module for module, opened in profile.imports.items() if key in opened]
            assert (archive.load == "import") == bool(importers)
            assert all(where[file.path] in layout.imports[module] for module in importers)
    for module, positions in layout.imports.items():
        assert list(positions) == sorted(positions)
        # Whatever an import is told to fetch has something that this import, or one it shares with, opens.
        assert all(layout.archives[position].load == "import" for position in positions)
        if not profile.imports[module]:
            assert positions == ()


@given(traced_files())
def test_what_was_not_traced_is_cut_and_never_mixed(case):
    members, profile, order = case
    for archive in lay_out(members, profile=profile, order=order).archives:
        if archive.kind in ("code", "data", "sources", "tests"):
            assert len(archive.packages) <= 1
            assert sum(archive.packages.values()) in (0, len(archive.entries))
            assert archive.raw_size <= ARCHIVE_SIZE or len(archive.entries) == 1
        if order == "packages":
            assert len(archive.packages) <= 1
            assert sum(archive.packages.values()) in (0, len(archive.entries))


@given(traced_files(), st.randoms())
def test_the_order_in_which_files_are_found_does_not_matter(case, random):
    members, profile, order = case
    shuffled = list(members)
    random.shuffle(shuffled)
    assert lay_out(shuffled, profile=profile, order=order) == lay_out(members, profile=profile, order=order)


@given(traced_files(), st.integers(1, 5000), st.booleans())
def test_a_change_in_one_package_changes_only_its_archives_and_those_it_shares_a_trace_with(case, growth, removed):
    members, profile, order = case
    changed = [replace(file, size=file.size + growth) if file.package == "a" else file for file in members]
    if removed:
        mine = [file for file in changed if file.package == "a"]
        changed = [file for file in changed if file not in mine[: len(mine) // 2]]
    before = set(_contents(lay_out(members, profile=profile, order=order)))
    after = set(_contents(lay_out(changed, profile=profile, order=order)))
    for archive in before ^ after:
        kind, packages, _ = archive
        assert (
            "a" in packages
            or (order == "fused" and kind in ("interpreter", "kernel", "import", "workload"))
            or kind == "shared"
        )
        if kind == "shared" and "a" not in packages:
            # Only small groups of several imports move together.
            assert any("a" in other[1] for other in before | after if other[0] == "shared")


def _contents(layout):
    return [
        (archive.kind, frozenset(archive.packages), tuple((entry.path, entry.size) for entry in archive.entries))
        for archive in layout.archives
    ]


def test_archives_are_filled_to_about_one_mebibyte():
    small = [PrefixFile(path=f"f{number:03}.py", size=10_000, package="a") for number in range(300)]
    archives = lay_out([*small, PrefixFile(path="f100x.so", size=5_000_000, package="a")]).archives
    assert [len(archive.entries) for archive in archives] == [97, 1, 97, 97, 9]
    assert archives[1].entries[0].path == "f100x.so"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("lib/python3.11/abc.py", "code"),
        (f"{SITE}/x.pyc", "code"),
        (f"{SITE}/distutils-precedence.pth", "code"),
        ("lib/libz.so", "code"),
        ("lib/libz.so.1.2", "code"),
        ("share/lua/5.4/x.lua", "code"),
        (f"{SITE}/six-1.dist-info/METADATA", "code"),
        (f"{SITE}/six-1.egg-info/entry_points.txt", "code"),
        (f"{SITE}/six-1.dist-info/RECORD", "data"),
        ("share/METADATA", "data"),
        (f"{SITE}/numpy/__init__.pyi", "data"),
        (f"{SITE}/x.json", "data"),
        (f"{SITE}/astropy/tests/helper.py", "tests"),
        (f"{SITE}/numpy/testing/utils.py", "code"),
    ],
)
def test_what_imports_open_lies_apart(path, kind):
    assert kind_of(path) == kind
