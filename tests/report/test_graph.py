"""Trees and ways through locks as no solver makes them."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest

from lite_env.errors import LiteEnvError, LockError, ReportError, SpecError
from lite_env.report.graph import constraint_of, make_graph
from lite_env.report.subject import Root, read_subject
from lite_env.report.tree import MAX_DEPTH, tree_lines, tree_rows
from lite_env.report.why import ways_to, why_lines
from tests.locks import conda, wheel, write


@pytest.fixture
def graph_of(tmp_path):
    def make(*packages, requested=(), **changes):
        return make_graph(read_subject(write(tmp_path / "conda-lock.yml", packages, requested, **changes)))

    return make


def shown(graph, **options):
    return tree_lines(tree_rows(graph, **options), inverted=bool(options.get("invert")))


def ways(graph, name, **options):
    return [[edge.name for edge in way] for way in ways_to(graph, name, **options).ways]


def test_a_circle_is_walked_once(graph_of):
    graph = graph_of(conda("a", "1", "b"), conda("b", "1", "c"), conda("c", "1", "a >=1"), requested=["a"])
    assert shown(graph) == [
        "a 1 (asked for)",
        "└── b 1",
        "    └── c 1",
        "        └── a 1 (>=1) (*)",
        "",
        "(*) taken apart where it stands first",
    ]
    assert shown(graph, invert="b")[:3] == ["b 1", "└── a 1 (asked for)", "    └── c 1 (>=1)"]
    assert ways(graph, "c") == [["a", "b", "c"]]
    assert not ways_to(graph, "c").more


def test_what_is_missing_is_shown_as_missing(graph_of):
    graph = graph_of(conda("a", "1", "gone >=2,<3", "__unix"), requested=["a", "never-there >1"])
    assert shown(graph) == [
        "a 1 (asked for)",
        "└── gone (>=2,<3) (not here)",
        "never-there (asked for: never-there >1) (not here)",
        "",
        "(not here) needed, and not among the packages",
    ]
    with pytest.raises(ReportError, match="no package 'gone'"):
        ways_to(graph, "gone")


def test_packages_that_nothing_asks_for_are_roots_too(graph_of):
    packages = [conda("a", "1", "b"), conda("b"), conda("x", "1", "y"), conda("y", "1", "x"), conda("z", "1", "x")]
    graph = graph_of(*packages, requested=["a"])
    assert [line for line in shown(graph) if line[:1].isalpha()] == ["a 1 (asked for)", "z 1"]
    assert ways(graph, "y") == [["z", "x", "y"]]
    # What was asked for is the answer, as long as it leads there.
    more = graph_of(*packages, conda("c", "1", "y"), conda("d", "1", "c"), requested=["d"])
    assert ways(more, "y") == [["d", "c", "y"]]
    assert why_lines(graph, ways_to(graph, "z"))[2:] == ["1. z 1 was not asked for, and no other package leads to it"]
    untold = graph_of(*packages[:4])
    assert [root.name for root in untold.roots] == ["a", "x"]
    assert why_lines(untold, ways_to(untold, "b"))[2] == (
        "1. a 1: no other package leads to it, and it is not told what was asked for"
    )


def test_a_cut_tree_takes_a_package_apart_where_there_is_room(graph_of):
    graph = graph_of(conda("a", "1", "b"), conda("b", "1", "c"), conda("c", "1", "d"), conda("d"), requested=["a", "c"])
    assert shown(graph, depth=1) == [
        "a 1 (asked for)",
        "└── b 1 …",
        "c 1 (asked for)",
        "└── d 1.0",
        "",
        "… goes on deeper",
    ]


def test_the_depth_has_an_end_and_no_stack_does(graph_of):
    many = 3000
    packages = [conda(f"p{number}", "1", f"p{number + 1}") for number in range(many)]
    graph = graph_of(*packages, conda(f"p{many}"), requested=["p0"])
    rows = tree_rows(graph)
    assert (len(rows), rows[-1].depth, rows[-1].state) == (MAX_DEPTH + 1, MAX_DEPTH, "cut")
    assert [len(way) for way in ways_to(graph, f"p{many}").ways] == [many + 1]


def test_ways_come_shortest_first_and_are_counted(graph_of):
    # A ladder: at each step there are two ways on, so 2**10 in all.
    packages = [conda("end")]
    for number in range(10):
        below = "end" if number == 9 else f"n{number + 1}"
        packages.append(conda(f"n{number}", "1", f"left{number}", f"right{number}"))
        packages += [conda(f"{side}{number}", "1", f"{below} >1") for side in ("left", "right")]
    graph = graph_of(*packages, conda("short", "1", "end"), requested=["n0", "short"])
    found = ways_to(graph, "end", limit=5)
    assert [len(way) for way in found.ways] == [2, 21, 21, 21, 21]
    assert found.more
    assert why_lines(graph, found)[-1] == "there are more ways: --limit N shows N of them"
    everything = ways_to(graph, "end", limit=2000)
    assert (len(everything.ways), everything.more) == (2**10 + 1, False)
    assert len(set(map(str, everything.ways))) == 2**10 + 1


def test_a_graph_full_of_circles_ends(graph_of):
    names = [f"n{number}" for number in range(40)]
    packages = [conda(name, "1", *(other for other in names if other != name)) for name in names]
    found = ways_to(graph_of(*packages, requested=["n0"]), "n39", limit=1000)
    assert found.more
    assert [len(way) for way in found.ways[:3]] == [2, 3, 3]


def test_a_search_takes_bounded_memory(tmp_path):
    subject = read_subject(write(tmp_path / "conda-lock.yml", [conda("n0")]))
    names = [f"n{number}" for number in range(300)]
    packages = tuple(replace(subject.packages[0], name=name, depends=tuple(names)) for name in sorted(names))
    graph = make_graph(replace(subject, packages=packages, roots=(Root(spec="n0", name="n0"),)))
    tracemalloc.start()
    found = ways_to(graph, "n299", limit=1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.more
    assert [len(way) for way in found.ways[:3]] == [2, 3, 3]
    assert len(found.ways) > 100
    assert peak < 50_000_000, peak


def test_a_wheel_finds_packages_that_a_channel_writes_otherwise(graph_of):
    graph = graph_of(conda("typing_extensions", "4"), wheel("app", "1", "typing-extensions >=4"), requested=[])
    assert shown(graph) == ["app 1", "└── typing_extensions 4 (>=4)"]
    assert graph.find("Typing.Extensions").name == "typing_extensions"


def test_two_specs_for_one_package_stand_on_one_line(graph_of):
    graph = graph_of(conda("a", "1", "b >=1", "b <3"), conda("b", "2"), requested=["a"])
    assert shown(graph)[1] == "└── b 2 (<3 and >=1)"


def test_an_unknown_package_is_an_error_with_near_names(graph_of):
    graph = graph_of(conda("numpy"), conda("numba"), requested=["numpy"])
    with pytest.raises(ReportError, match="no package 'numpa'") as caught:
        graph.find("numpa")
    assert caught.value.hint == "did you mean 'numpy' or 'numba'?"
    with pytest.raises(ReportError) as caught:
        tree_rows(graph, invert="x" * 10_000)
    assert "10,000 characters" in caught.value.message
    assert caught.value.hint == "`lite-env list` shows all packages"


@pytest.mark.parametrize(
    ("spec", "constraint"),
    [
        ("numpy", ""),
        ("numpy >=1.2,<2", ">=1.2,<2"),
        ("python_abi 3.11.* *_cp311", "3.11.* *_cp311"),
        ("c::numpy=1", "=1"),
    ],
)
def test_a_constraint_is_what_a_spec_says_besides_the_name(spec, constraint):
    assert constraint_of(spec) == constraint


def test_what_is_no_lock_and_no_pack_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError, match=r"no environment\.yml here"):
        read_subject()
    with pytest.raises(LockError, match="there is no 'x'") as caught:
        read_subject(tmp_path.relative_to(tmp_path) / "x")
    assert caught.value.hint
    (tmp_path / "environment.yml").write_text("dependencies: [numpy]\n")
    with pytest.raises(LockError, match="no lock file"):
        read_subject()
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(LiteEnvError, match="manifest"):
        read_subject()
