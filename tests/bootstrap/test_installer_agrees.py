"""What installs in a notebook reads versions, requirements, cells and archives as Python's own tools do."""

from __future__ import annotations

import ast
import base64
import bz2
import json
import random
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from packaging.markers import Marker, default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from lite_env.host.find import find_node

pytestmark = pytest.mark.node
RUNTIME = Path(__file__).parents[2] / "lite_env" / "bootstrap" / "runtime"
numbers = st.integers(0, 12).map(str)
releases = st.lists(numbers, min_size=1, max_size=4).map(".".join)
names = st.sampled_from(["a", "b", "rc", ".alpha", "-c", "_pre"])
phases = st.builds("{}{}{}".format, names, st.sampled_from(["", "."]), numbers)
versions = st.builds(
    "{}{}{}{}{}{}".format,
    st.sampled_from(["", "", "", "v", "1!"]),
    releases,
    st.one_of(st.just(""), phases),
    st.sampled_from(["", "", ".post1", "-2", "post", ".rev3"]),
    st.sampled_from(["", "", ".dev0", "dev3", "-dev"]),
    st.sampled_from(["", "", "", "+local.1", "+1", "+ubuntu-2"]),
)
specifiers = st.builds(
    "{}{}{}".format,
    st.sampled_from(["==", "!=", "<=", ">=", "<", ">", "~=", "===", "== ", ">"]),
    versions,
    st.sampled_from(["", "", "", ".*"]),
)


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    node = str(find_node())
    script = tmp_path_factory.mktemp("peer") / "peer.mjs"
    build = [node, "build.mjs", "--script", "test/support/installer-peer.ts", str(script)]
    subprocess.run(build, cwd=RUNTIME, check=True)

    def asking(cases):
        done = subprocess.run(
            [node, str(script)], input=json.dumps(cases), capture_output=True, check=True, encoding="utf-8"
        )
        return json.loads(done.stdout)

    return asking


def examples(strategy, count=600):
    """Examples of a strategy, for a peer that is asked once."""
    found = []

    checks = list(HealthCheck)

    @settings(max_examples=count, phases=(Phase.generate,), derandomize=True, suppress_health_check=checks)
    @given(strategy)
    def collect(example):
        found.append(example)

    collect()
    return found


def test_versions_are_ordered_as_packaging_orders_them(ask):
    pairs = examples(st.tuples(versions, versions))
    answers = ask([["compare", *pair] for pair in pairs])
    for (a, b), answer in zip(pairs, answers, strict=True):
        expected = (Version(a) > Version(b)) - (Version(a) < Version(b))
        assert answer == {"is": expected}, (a, b)


def test_specifiers_fit_as_packaging_says(ask):
    pairs = examples(st.tuples(versions, specifiers), 1500)
    answers = ask([["fits", *pair] for pair in pairs])
    readable = ask([["specifiers", specifier] for _, specifier in pairs])
    seen = {True: 0, False: 0}
    for (version, specifier), answer, read in zip(pairs, answers, readable, strict=True):
        try:
            expected = SpecifierSet(specifier).contains(Version(version), prereleases=True)
        except InvalidSpecifier:
            assert read == {"is": False}, specifier
            continue
        if not specifier.startswith("==="):  # Of texts, and Version has none of its own.
            assert (read, answer) == ({"is": True}, {"is": expected}), (version, specifier)
            seen[expected] += 1
    assert min(seen.values()) > 150


VARIABLES = {
    **default_environment(),
    "python_version": "3.11",
    "python_full_version": "3.11.3",
    "sys_platform": "emscripten",
}
ORDERS = st.sampled_from(["<", ">=", "==", "!="])
comparisons = st.one_of(
    st.builds("python_version {} '{}'".format, ORDERS, st.sampled_from(["3.9", "3.11", "3.12"])),
    st.builds("python_version {} '3.11 3.12'".format, st.sampled_from(["in", "not in"])),
    st.builds("'{}' {} sys_platform".format, st.sampled_from(["emscripten", "win32"]), st.sampled_from(["==", "!="])),
    st.builds("extra == '{}'".format, st.sampled_from(["test", "Doc_s"])),
    st.builds(
        'python_full_version{}"{}"'.format, st.sampled_from(["~=", "<", ">"]), st.sampled_from(["3.11.0", "3.12"])
    ),
)
markers = st.recursive(
    comparisons,
    lambda inner: st.one_of(st.builds("({} and {})".format, inner, inner), st.builds("{} or {}".format, inner, inner)),
    max_leaves=5,
)


def test_markers_hold_as_packaging_says(ask):
    found = examples(markers, 200)
    for extra in ("", "doc-s"):
        variables = {**VARIABLES, "extra": extra}
        answers = ask([["holds", marker, json.dumps(variables)] for marker in found])
        for marker, answer in zip(found, answers, strict=True):
            assert answer == {"is": Marker(marker).evaluate(variables)}, marker


REQUIREMENTS = """\
Foo.Bar_baz|a[b,c]>=1,<2|a [ b ] (>=1.0)|a@ https://example.org/a.whl|a @ https://h/a.whl#sha256=1 ; os_name=='nt'
a>=1;python_version<'3'|-a|a>=|a b|a[|a;|a; python_version||a==1.*|a>=1.*|a; (os_name=='nt'"""


@pytest.mark.parametrize("text", REQUIREMENTS.replace("\n", "|").split("|"))
def test_requirements_are_read_as_packaging_reads_them(ask, text):
    (answer,) = ask([["requirement", text]])
    try:
        expected = Requirement(text)
    except InvalidRequirement:
        assert answer == {"failed": "InstallFailed"}
    else:
        name, extras, url = answer["is"]
        assert (name, sorted(extras), url) == (canonicalize_name(expected.name), sorted(expected.extras), expected.url)


def test_words_are_those_of_a_shell(ask):
    texts = examples(st.text("ab \"'\\=>#-[],\t", max_size=14), 600)
    for text, answer in zip(texts, ask([["words", text] for text in texts]), strict=True):
        try:
            expected = shlex.split(text, comments=True)
        except ValueError:
            continue  # No shell can read it; what we make of it is said or harmless.
        if "is" in answer and "#" not in text and "\\" not in text:
            assert answer["is"] == expected, text


COMMANDS = [
    "%pip install a",
    "!pip install b \\",
    "pip install c",
    "conda list",
    "  %pip install d",
    "%conda install e",
]
LINES = [*COMMANDS, "x = 1", "'''", '"""', "f(", ")", "# '''", "s = 'it\\'s'", "y = \\", ""]


def test_lines_of_code_are_never_taken_for_commands_and_none_is_lost(ask):
    codes = ["\n".join(lines) for lines in examples(st.lists(st.sampled_from(LINES), max_size=8), 1500)]
    seen = 0
    for code, answer in zip(codes, ask([["cell", code, "python"] for code in codes]), strict=True):
        rest = answer["is"]["rest"]
        assert len(rest.split("\n")) == len(code.split("\n"))
        before, after = code.split("\n"), rest.split("\n")
        assert all(new in (old, f"# {old}") for old, new in zip(before, after, strict=True))
        if not answer["is"]["commands"]:
            assert rest == code
        try:
            ast.parse(code)
        except SyntaxError:
            continue
        # What Python can read holds no command: those lines are in a string.
        assert (answer["is"]["commands"], rest) == ([], code)
        seen += 1
    assert seen > 50


def test_a_program_around_commands_is_the_same_program(ask):
    code = "import os\n%pip install a[b]\nx = '''\n%pip install no\n'''\npip install c\nif x:\n    pass\n"
    (answer,) = ask([["cell", code, "python"]])
    assert [command["text"] for command in answer["is"]["commands"]] == ["install a[b]", "install c"]
    plain = "import os\nx = '''\n%pip install no\n'''\nif x:\n    pass\n"
    assert ast.dump(ast.parse(answer["is"]["rest"])) == ast.dump(ast.parse(plain))


def test_bzip2_is_inflated_as_python_inflates_it(ask):
    chance = random.Random(1)  # noqa: S311 - the same bytes each time
    bodies = [b"", b"a", b"aaaa", b"a" * 4 + b"b", b"a" * 259, b"a" * 300_000, bytes(range(256)) * 40]
    bodies += [chance.randbytes(5_000), bytes(chance.choice(b"ab") for _ in range(250_000)), b"word " * 50_000]
    packed = [bz2.compress(body, level) for body in bodies for level in (1, 9)]
    packed.append(bz2.compress(b"one") + bz2.compress(b"two"))
    answers = ask(as_cases(packed))
    for data, answer in zip(packed, answers, strict=True):
        assert b"".join(base64.b64decode(piece) for piece in answer["is"]) == bz2.decompress(data)
    torn = [data[:length] for data in packed[4:8] for length in range(1, len(data), 3)]
    assert all(answer.keys() == {"failed"} for answer in ask(as_cases(torn)))
    data = packed[14]
    bent = [data[:at] + bytes([data[at] ^ 8]) + data[at + 1 :] for at in range(0, len(data), 97)]
    assert len(ask(as_cases(bent))) == len(bent)  # They end, one way or the other.


def as_cases(packed):
    return [["bunzip", base64.b64encode(data).decode()] for data in packed]
