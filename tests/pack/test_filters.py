from __future__ import annotations

import contextlib
from importlib.resources import files

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lite_env.errors import SpecError
from lite_env.pack.filters import FileFilter, default_filter, parse_filter, read_filter, read_project_filter

SITE = "lib/python3.11/site-packages"
DEFAULT = default_filter()


def rules(*rules):
    return parse_filter(yaml.safe_dump({"rules": list(rules)}), origin="mine.yaml")


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("lib/libz.a", "static-libraries"),
        ("lib/python3.11/config-3.11-wasm32-emscripten/libpython3.11.a", "static-libraries"),
        ("lib/libz.la", "static-libraries"),
        ("include/zlib.h", "headers"),
        ("include/boost/config", "headers"),
        (f"{SITE}/numpy/core/include/numpy/ndarrayobject.h", "headers"),
        (f"{SITE}/numpy/__init__.pxd", "compiled-sources"),
        (f"{SITE}/lxml/etree.pyx", "compiled-sources"),
        ("lib/cmake/xeus/xeusConfig.cmake", "cmake"),
        ("share/cmake/nlohmann_json/x.txt", "cmake"),
        ("lib/pkgconfig/zlib.pc", "pkgconfig"),
        ("share/pkgconfig/xtl.pc", "pkgconfig"),
        ("lib/python3.11/config-3.11/Makefile", "build-helpers"),
        ("etc/conda/activate.d/proj.sh", "rattler-metadata"),
        ("bin/pip", "programs"),
        ("bin/sqlite3.wasm", "programs"),
        (f"{SITE}/setuptools/cli-64.exe", "windows-programs"),
        ("share/jupyter/labextensions/x/static/a.js.map", "symbols"),
        ("share/jupyter/labextensions/x/package.json", "front-end-extensions"),
        ("share/jupyter/nbextensions/x/extension.js", "front-end-extensions"),
        ("etc/jupyter/nbconfig/notebook.d/x.json", "front-end-extensions"),
        ("share/man/man1/x.1", "documentation"),
        ("share/doc/x/README", "documentation"),
        (f"{SITE}/tests/test_x.py", "stray-folders"),
        ("lib/python3.11/test/support/__init__.py", "stdlib-tests"),
        ("lib/python3.13/unittest/test/testmock.py", "stdlib-tests"),
        ("lib/python3.11/lib-dynload/_testcapi.cpython-311-wasm32-emscripten.so", "stdlib-tests"),
        (f"{SITE}/numpy/core/tests/test_dtype.py", "package-tests"),
        (f"{SITE}/pandas/tests/__init__.py", "package-tests"),
        ("lib/R/library/stats/tests/x.R", "r-tests"),
        ("lib/python3.11/idlelib/idle.py", "idle"),
        ("lib/python3.11/turtledemo/clock.py", "idle"),
        ("lib/python3.11/ensurepip/_bundled/pip.whl", "bundled-wheels"),
        (f"{SITE}/numpy/__pycache__/x.cpython-311.pyc", "bytecode"),
        ("CACHEDIR.TAG", "leftovers"),
        ("__clobbers__/b/lib/x.py", "leftovers"),
        (f"{SITE}/six-1.16.0.dist-info/direct_url.json", "installer-records"),
    ],
)
def test_what_a_browser_never_needs_is_dropped_by_its_rule(path, rule):
    found = DEFAULT.dropped_by(path, None)
    assert found is not None
    assert found.identifier == rule


@pytest.mark.parametrize(
    "path",
    [
        "lib/python3.11/abc.py",
        "lib/python3.11/lib2to3/pytree.py",
        "lib/python3.11/lib2to3/Grammar.txt",
        "lib/python3.11/ensurepip/__init__.py",
        "lib/python3.11/unittest/mock.py",
        "lib/python3.11/doctest.py",
        f"{SITE}/numpy/testing/__init__.py",
        f"{SITE}/numpy/testing/_private/utils.py",
        f"{SITE}/numpy/doc/constants.py",
        f"{SITE}/IPython/testing/skipdoctest.py",
        f"{SITE}/IPython/testing/tools.py",
        f"{SITE}/pandas/testing.py",
        f"{SITE}/astropy/tests/runner.py",
        f"{SITE}/tables/tests/common.py",
        f"{SITE}/jedi/third_party/typeshed/stdlib/3/abc.pyi",
        f"{SITE}/matplotlib/mpl-data/fonts/ttf/DejaVuSans.ttf",
        f"{SITE}/six-1.16.0.dist-info/METADATA",
        f"{SITE}/six-1.16.0.dist-info/LICENSE",
        f"{SITE}/sourceless.pyc",
        f"{SITE}/pkg/contests/x.py",
        "lib/libopenblas.so",
        "lib/libz.so.1.2.13",
        "share/jupyter/kernels/x/kernel.json",
        "share/lua/5.4/x.lua",
        "etc/fonts/fonts.conf",
    ],
)
def test_what_a_program_may_need_stays(path):
    assert DEFAULT.dropped_by(path, None) is None


def test_every_default_rule_has_an_identifier_of_its_own_and_a_reason():
    document = yaml.safe_load(files("lite_env.pack").joinpath("filters.yaml").read_text("utf-8"))
    identifiers = [rule["id"] for rule in document["rules"]]
    assert len(set(identifiers)) == len(identifiers)
    assert all(len(rule["reason"]) > 10 for rule in document["rules"])


def test_headers_stay_for_a_compiler_in_the_browser():
    for_cpp = DEFAULT.for_packages(["xeus-cpp", "zlib"])
    assert for_cpp.dropped_by("include/vector", None) is None
    assert for_cpp.dropped_by("lib/libz.a", None).identifier == "static-libraries"
    assert DEFAULT.for_packages(["zlib"]).dropped_by("include/vector", None).identifier == "headers"


def test_a_users_rule_for_a_package_leaves_the_default_rules_on():
    mine = DEFAULT + rules({"id": "fonts", "drop": "**/*.ttf", "package": "matplotlib"})
    assert mine.dropped_by(f"{SITE}/matplotlib/x.ttf", "matplotlib").identifier == "fonts"
    assert mine.dropped_by(f"{SITE}/other/x.ttf", "other") is None
    assert mine.dropped_by(f"{SITE}/matplotlib/tests/x.py", "matplotlib").identifier == "package-tests"
    assert mine.dropped_by("lib/libz.a", "matplotlib").identifier == "static-libraries"


def test_keep_wins_over_drop_in_whatever_order():
    keep = {"id": "keep", "keep": f"{SITE}/mine/tests/"}
    drop = {"id": "drop", "drop": f"{SITE}/mine/"}
    for order in ((keep, drop), (drop, keep)):
        both = DEFAULT + rules(*order)
        assert both.dropped_by(f"{SITE}/mine/tests/x.py", None) is None
        assert both.dropped_by(f"{SITE}/mine/x.py", None).identifier == "drop"


def test_rules_of_users_tell_where_they_come_from():
    (rule,) = rules({"drop": ["a"], "unless": "b"}).rules
    assert (rule.identifier, rule.origin, rule.reason) == ("rules[0]", "mine.yaml", "asked for by the user")
    assert rule.unless == ("b",)


@pytest.mark.parametrize(
    ("pattern", "matches", "not_matches"),
    [
        ("*.a", ["x.a"], ["lib/x.a", "x.ab"]),
        ("**/*.a", ["x.a", "lib/x.a", "a/b/x.a"], ["x.so"]),
        ("doc/", ["doc/x", "doc/y/z"], ["doc", "a/doc/x", "docs/x"]),
        ("**/doc/", ["doc/x", "a/doc/x"], ["adoc/x"]),
        ("a?c", ["abc"], ["a/c", "ac"]),
        ("x.{c,h}", ["x.c", "x.h"], ["x.cc", "x.{c,h}"]),
        ("a+b(1).txt", ["a+b(1).txt"], ["aab1.txt"]),
    ],
)
def test_patterns(pattern, matches, not_matches):
    only = rules({"drop": pattern})
    assert all(only.dropped_by(path, None) for path in matches)
    assert not any(only.dropped_by(path, None) for path in not_matches)


@given(st.text(st.characters(exclude_categories=["C"], exclude_characters="*?{}/"), min_size=1, max_size=30))
def test_a_plain_pattern_means_itself(pattern):
    (rule,) = rules({"drop": pattern}).rules
    assert FileFilter(rules=(rule,)).dropped_by(pattern, None) is rule
    assert FileFilter(rules=(rule,)).dropped_by(f"{pattern}x", None) is None


@given(st.text("a*?{},/.[(\\+", min_size=1, max_size=12), st.text("ab/.", min_size=1, max_size=12))
def test_any_pattern_is_refused_or_gives_an_answer(pattern, path):
    with contextlib.suppress(SpecError):
        rules({"drop": pattern}).dropped_by(path, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[", "'mine.yaml' is not valid YAML"),
        ("a: 1", "a filter file is a mapping with the one key 'rules'"),
        ("rules: {}", "'rules' is not a list of rules"),
        ("rules: [x]", r"'rules\[0\]' is not a mapping"),
        ("rules: [{dropp: a}]", r"'rules\[0\]' has the unknown key 'dropp'"),
        ("rules: [{reason: a}]", r"'rules\[0\]' needs either 'drop' or 'keep'"),
        ("rules: [{drop: a, keep: b}]", r"'rules\[0\]' needs either 'drop' or 'keep'"),
        ("rules: [{drop: []}]", r"'rules\[0\].drop' is not a text or a list of texts"),
        ("rules: [{drop: [1]}]", r"'rules\[0\].drop' is not a text or a list of texts"),
        ("rules: [{drop: /abs}]", r"'rules\[0\]' has the pattern '/abs', which is no path below the prefix"),
        ("rules: [{drop: '**'}]", r"has the pattern '\*\*'"),
        ("rules: 2024-13-45", "has `2024-13-45`, which YAML reads as a timestamp and which is none"),
        ("rules: !!bool x", "says that `x` is of the type bool, and it is not"),
        ("rules: " + "[" * 900, "is nested more than 100 deep"),
        ("rules: [{drop: '" + "{a,b}" * 10 + "'}]", r"has choices that come to more than 1,000 patterns"),
        ("rules: [{drop: " + "a" * 1001 + "}]", r"'rules\[0\]' has the pattern 'a+… .*', which has 1,001 characters"),
        ("rules: [{drop: ['" + "{a,b}" * 9 + "', '" + "','".join(["a"] * 1500) + "']}]", "more than 2,000 patterns"),
        ("rules: [{drop: a}, {drop: a, package: [b]}]", r"'rules\[1\].package' is not a text"),
    ],
)
def test_wrong_filters_name_the_rule_and_the_fault(text, reason):
    with pytest.raises(SpecError, match=reason) as caught:
        parse_filter(text, origin="mine.yaml")
    assert caught.value.hint
    assert ("file", "mine.yaml") in caught.value.context


def test_a_filter_file_is_read(tmp_path):
    path = tmp_path / "filters.yaml"
    path.write_text("rules:\n- {id: fonts, drop: share/fonts/, reason: not used}\n")
    assert read_filter(path).dropped_by("share/fonts/a.ttf", None).reason == "not used"
    with pytest.raises(SpecError, match="cannot be read"):
        read_filter(tmp_path / "none.yaml")


def test_rules_in_pyproject_are_read(tmp_path):
    assert read_project_filter(tmp_path) == FileFilter()
    project = tmp_path / "pyproject.toml"
    project.write_text("[project]\nname = 'x'\n")
    assert read_project_filter(tmp_path) == FileFilter()
    project.write_text("[[tool.lite-env.filters]]\nid = 'fonts'\ndrop = ['share/fonts/']\n")
    assert read_project_filter(tmp_path).dropped_by("share/fonts/a", None).identifier == "fonts"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[tool", "is not TOML"),
        ("[tool.lite-env]\nfilters = 1\n", "'tool.lite-env.filters' is not a list of rules"),
        ("tool = 1\n", "'tool' is not a table"),
        ("[tool]\nlite-env = 1\n", "'tool.lite-env' is not a table"),
    ],
)
def test_wrong_rules_in_pyproject_name_the_fault(tmp_path, text, reason):
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(SpecError, match=reason):
        read_project_filter(tmp_path)
