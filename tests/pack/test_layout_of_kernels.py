"""Several kernels in one environment: each start loads what that kernel opens, and what two of them open lies once."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_env.errors import PackError
from lite_env.pack.layout import lay_out
from lite_env.pack.limits import MAX_RAW_SIZE
from lite_env.pack.manifest import KernelStart
from lite_env.pack.plan import plan_pack
from lite_env.pack.profile import ANY, Opened, file_key, make_profile
from lite_env.pack.reader import read_manifest
from lite_env.pack.restore import unpack
from lite_env.pack.writer import write_pack
from lite_env.prefix.model import PrefixFile
from lite_env.prefix.reader import read_prefix
from tests.prefixes import Toy, kernel_package, make_prefix, python_package

LANGUAGES = {"lua": "lua", "python": "python", "raw": "Python"}
FILES = tuple(PrefixFile(path=f"lib/f{number}.py", size=100 * number, package="ab"[number % 2]) for number in range(8))
KEYS = [file_key(file.package, file.path) for file in FILES]

some = st.lists(st.sampled_from(KEYS), unique=True).map(tuple)
starts = st.dictionaries(
    st.sampled_from(sorted(LANGUAGES)), st.builds(Opened, interpreter=some, kernel=some), min_size=2
)
profiles = st.builds(
    lambda kernels, imports: make_profile("e", kernels=kernels, imports=imports, workloads={}, failed={}),
    starts,
    st.dictionaries(st.sampled_from(["numpy", "six"]), some),
)


def files_at(layout, positions):
    by_path = dict(zip((file.path for file in FILES), KEYS, strict=True))
    return {by_path[entry.path] for position in positions for entry in layout.archives[position].entries}


@given(profiles, st.sampled_from(["fused", "packages"]))
def test_a_start_loads_exactly_what_its_kernel_opens(profile, order):
    layout = lay_out(FILES, profile=profile, order=order, languages=LANGUAGES)
    assert list(layout.starts) == list(LANGUAGES)
    for name, start in layout.starts.items():
        opened = profile.kernels.get(name, Opened())
        assert files_at(layout, start.interpreter) == set(opened.interpreter)
        assert files_at(layout, start.kernel) == set(opened.kernel)
    placed = [entry.path for archive in layout.archives for entry in archive.entries]
    assert sorted(placed) == [file.path for file in FILES]


@given(profiles, st.sampled_from(["fused", "packages"]))
def test_an_import_names_all_that_it_opens(profile, order):
    layout = lay_out(FILES, profile=profile, order=order, languages=LANGUAGES)
    for module, opened in profile.imports.items():
        assert set(opened) <= files_at(layout, layout.imports[module])
        assert all(layout.archives[position].load != "demand" for position in layout.imports[module])


@given(profiles)
def test_an_archive_loads_when_the_first_kernel_needs_it(profile):
    layout = lay_out(FILES, profile=profile, languages=LANGUAGES)
    for phase, loads in (("interpreter", {"interpreter"}), ("kernel", {"interpreter", "kernel"})):
        for start in layout.starts.values():
            assert {layout.archives[position].load for position in getattr(start, phase)} <= loads
    order = [archive.load for archive in layout.archives]
    assert order == sorted(order, key=["interpreter", "kernel", "import", "demand"].index)


@given(st.builds(Opened, interpreter=some, kernel=some), some, st.sampled_from(["fused", "packages"]))
def test_the_archives_of_one_kernel_do_not_follow_from_how_it_is_named(opened, imported, order):
    profile = make_profile("e", kernels={"toy": opened}, imports={"numpy": imported}, workloads={}, failed={})
    unnamed = lay_out(FILES, profile=profile, order=order)
    named = lay_out(FILES, profile=profile, order=order, languages={"toy": "toy"})
    assert (named.archives, named.imports) == (unnamed.archives, unnamed.imports)
    assert named.starts["toy"] == unnamed.starts[ANY]
    assert named.starts["toy"] == KernelStart(
        interpreter=tuple(number for number, one in enumerate(named.archives) if one.load == "interpreter"),
        kernel=tuple(number for number, one in enumerate(named.archives) if one.load == "kernel"),
    )


@pytest.mark.parametrize(
    ("languages", "loading"),
    [
        ({"x": "lua"}, {"x"}),
        ({"x": "lua", "y": "python", "z": "Python"}, {"y", "z"}),
        ({"x": "lua", "y": "r"}, {"x", "y"}),
    ],
)
def test_a_profile_of_one_kernel_is_of_the_only_one_or_of_those_that_speak_python(languages, loading):
    profile = make_profile("e", kernels={"old": Opened(kernel=(KEYS[1],))}, imports={}, workloads={}, failed={})
    layout = lay_out(FILES, profile=profile, languages=languages)
    assert {name for name, start in layout.starts.items() if start.all} == loading


def test_what_belongs_together_and_is_too_large_for_a_browser_is_refused_by_its_name():
    files = [PrefixFile(path=f"lib/f{number}.py", size=MAX_RAW_SIZE // 2, package="a") for number in range(3)]
    profile = make_profile(
        "e",
        kernels={"toy": Opened(kernel=tuple(file_key("a", file.path) for file in files))},
        imports={},
        workloads={},
        failed={},
    )
    assert len(lay_out(files).archives) == 3
    with pytest.raises(PackError, match=r"644245\d+ bytes, more than the 4294967296 .* largest is 'lib/f2\.py'"):
        lay_out(files, profile=profile)
    large = [PrefixFile(path="lib/large.so", size=MAX_RAW_SIZE + 1, package="a")]
    with pytest.raises(PackError, match=r"'lib/large\.so' has 4294967297 bytes: no browser could open it"):
        lay_out(large)
    with pytest.raises(PackError, match=r"the largest is 'lib/large\.so'"):
        lay_out([PrefixFile(path="lib/large.so", size=MAX_RAW_SIZE - 10, package="a")])


@pytest.fixture
def two_kernels(tmp_path):
    return make_prefix(
        tmp_path / "prefix",
        kernel_package("xeus-lua", kernel="xlua", language="lua", argv=["bin/xlua"]),
        kernel_package("xeus-python", kernel="xpython", language="python", argv=["bin/xpython"]),
        python_package(files={"lib/python3.11/abc.py": "x = 1\n", "lib/python3.11/os.py": "x = 2\n"}),
        Toy(name="both", files={"share/both.txt": "both"}),
    )


def test_a_pack_says_what_each_start_loads(two_kernels, tmp_path):
    profile = make_profile(
        "two",
        kernels={
            "xlua": Opened(kernel=("both:share/both.txt",)),
            "xpython": Opened(interpreter=("python:lib/python3.11/abc.py",), kernel=("both:share/both.txt",)),
        },
        imports={},
        workloads={},
        failed={},
    )
    plan = plan_pack(read_prefix(two_kernels), name="two", level=1, profile=profile)
    written = write_pack(plan, tmp_path / "pack")
    manifest = read_manifest(tmp_path / "pack")
    assert manifest == written
    lua, python = manifest.kernels
    assert (lua.start, python.start) == (KernelStart(kernel=(1,)), KernelStart(interpreter=(0,), kernel=(1,)))
    assert [archive.load for archive in manifest.archives][:3] == ["interpreter", "kernel", "demand"]
    assert manifest.requires == ("kernel-starts",)
    assert (lua.runtime.python, python.runtime.python) == (None, "3.11.3")
    unpack(tmp_path / "pack", tmp_path / "out")
    write_pack(plan_pack(read_prefix(tmp_path / "out"), name="two", level=1, profile=profile), tmp_path / "again")
    assert (tmp_path / "again/manifest.json").read_bytes() == (tmp_path / "pack/manifest.json").read_bytes()


def test_kernels_that_load_the_same_ask_nothing_of_a_reader(two_kernels, tmp_path):
    manifest = write_pack(plan_pack(read_prefix(two_kernels), level=1), tmp_path / "pack")
    assert manifest.requires == ()
    document = json.loads((tmp_path / "pack/manifest.json").read_bytes())
    assert [kernel["start"] for kernel in document["kernels"]] == [{"interpreter": [], "kernel": []}] * 2
