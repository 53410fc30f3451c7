import dataclasses
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_env.channel.catalog import shipped_definitions
from lite_env.channel.definition import load_definition, parse_definition
from lite_env.channel.member import unsafe_reason
from lite_env.channel.model import Member
from lite_env.errors import ChannelError
from tests.channel_inputs import definition_text, write_definition

FILE = Path("channel.yaml")


def parse(text):
    return parse_definition(text, FILE, digest="d")


def test_a_definition_is_read_whole():
    definition = parse(definition_text())
    assert (definition.name, definition.summary) == ("small", "A channel for tests.")
    assert definition.timestamp == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    (source,) = definition.sources
    assert (source.name, source.pip, source.file, source.root) == ("things", None, "things.zip", "inner/static")
    assert source.urls == ("https://example.org/things.zip",)
    kernel, pure = definition.packages  # in the order of their paths, not of the file
    assert (kernel.path, pure.path) == ("emscripten-wasm32/kernel-2.0-h1_3.conda", "noarch/pure-1.0-py_0.conda")
    assert pure.archive == Member(source="things", path="pure-1.0-py_0.tar.gz")
    assert (pure.depends, pure.constrains, pure.noarch) == (("python >=3.5",), ("other 1.0",), "python")
    assert [rule.path for rule in kernel.files] == ["bin/glue.js", "bin/kernel.js", "bin/kernel.wasm"]
    transform = kernel.files[0].transform
    assert transform.options == (("entry", 213), ("global", "create"), ("module", 806))
    assert kernel.texts[0].text == '{"argv": ["@PREFIX@/bin/kernel", "{connection_file}"]}\n'


def test_definitions_are_values():
    definition = parse(definition_text())
    assert definition == parse(definition_text())
    assert len({definition, parse(definition_text())}) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        definition.name = "other"


# What is replaced, by what; what the message says; then the key, and parts of found and expected.
WRONG = [
    ("format: 1", "format: 2", "a format that this lite_env does not know", "format | 2 | 1"),
    ("format: 1", "format: one", "this must be a whole number", "format | a string: one | an integer, 0 or more"),
    ("format: 1\n", "", "the key `format` is missing", " | name, summary | format"),
    ("name: small", "name: Small Channel", "this is not a channel's name", "name | Small Channel | like"),
    ("name: small", "name: no", "this must be text", "name | true or false: no | text"),
    ("summary: A channel for tests.", 'summary: ""', "this must not be empty", "summary | nothing | text"),
    ("2024-01-02T03:04:05Z", "yesterday", "this is not a moment in time", "timestamp | yesterday | like 2023"),
    ("2024-01-02T03:04:05Z", "2024-01-02", "this is not a moment in time", "timestamp | 2024-01-02 | like 2023"),
    ("sources:\n", "unknown: 1\nsources:\n", "the key `unknown` is not known here", "unknown | unknown | one of"),
    (
        'url: ["https://example.org/things.zip"]',
        "pip: things",
        "not one exact distribution",
        "sources.things.pip | things | NAME==VERSION",
    ),
    ('    url: ["https://example.org/things.zip"]\n', "", "no place to come from", "sources.things | neither | `pip`"),
    (
        "https://example.org/things.zip",
        "ftp://example.org/x",
        "not an address to download from",
        "sources.things.url[0] | ftp | https",
    ),
    (
        "https://example.org",
        "https://me:secret@example.org",
        "not an address to download from",
        "sources.things.url[0] | https://***@example.org | without a user name",
    ),
    (
        'url: ["https://example.org/things.zip"]',
        "url: https://example.org/things.zip",
        "this must be a list",
        "sources.things.url | a string: https | a list",
    ),
    (
        "file: things.zip",
        "file: ../things.zip",
        "this must be a plain file name",
        "sources.things.file | ../things.zip | like",
    ),
    ("    size: ", "    size: -", "this must be a whole number", "sources.things.size | a number: - | 0 or more"),
    ("    sha256: ", "    sha256: x", "this is not a SHA-256", "sources.things.sha256 | x | 64 lower-case hex digits"),
    ("- name: pure", "- name: Pure", "this is not a conda name", "packages[0].name | Pure | lower-case"),
    ('version: "1.0"', "version: 1.0", "this must be text", "packages[0].version | a number: 1.0 | text"),
    ('version: "1.0"', 'version: "1-0"', "this is not a conda version", "packages[0].version | 1-0 | letters"),
    ("build: py_0", "build: py-0", "this is not a conda build", "packages[0].build | py-0 | letters"),
    ("build_number: 3", "build_number: 4", "not that of the build string", "packages[1].build_number | 4 | 3"),
    (
        "subdir: noarch",
        "subdir: linux-64",
        "this subdir is not known",
        "packages[0].subdir | linux-64 | emscripten-wasm32 or noarch",
    ),
    (
        "    noarch: python\n",
        "",
        "subdir and noarch do not fit",
        "packages[0] | noarch missing | exactly for the subdir",
    ),
    (
        "noarch: python",
        "noarch: ruby",
        "this kind of noarch is not known",
        "packages[0].noarch | ruby | python or generic",
    ),
    ("    license: MIT\n", "", "the key `license` is missing", "packages[0] | name, version | license"),
    ("- python >=3.5", "- Python >=3.5", "this is not a dependency", "packages[0].depends[0] | Python | NAME"),
    ("from: things:pure", "from: thing:pure", "this source is not defined", "packages[0].from | thing | one of things"),
    (
        "from: things:pure",
        "from: things:../pure",
        "does not name a file in a source",
        "packages[0].from | .. | SOURCE:PATH",
    ),
    ("    from: things:pure-1.0-py_0.tar.gz\n", "", "this package is made of nothing", "packages[0] | none | `from`"),
    (
        "bin/kernel.js: things",
        "/bin/kernel.js: things",
        "cannot be in a package: it is absolute",
        "packages[1].files./bin/kernel.js | /bin | below the prefix",
    ),
    (
        "bin/kernel.js: things:kernel.js",
        "bin/kernel.js: 7",
        "this must be a mapping",
        "packages[1].files.bin/kernel.js | a number: 7 | keys and values",
    ),
    (
        "entry: 213",
        "entry: x",
        "this transformation cannot be done",
        "packages[1].files.bin/glue.js.transform | webpack | entry (int)",
    ),
    (
        "name: webpack-module-as-global",
        "name: minify",
        "this transformation cannot be done",
        "packages[1].files.bin/glue.js.transform | minify | one of webpack-module-as-global",
    ),
    (
        "share/jupyter/kernels/k/kernel.json: |",
        "share\\k: |",
        "it has a character that means something else",
        "packages[1].text.share\\k | share\\k | below",
    ),
    (
        "share/jupyter/kernels/k/kernel.json: |",
        "bin/kernel.js: |",
        "this path is in `files` and in `text`",
        "packages[1] | bin/kernel.js | one of the two",
    ),
    (
        "- name: kernel\n",
        "- name: kernel\n    from: 1\n",
        "this must be text",
        "packages[1].from | a number: 1 | text",
    ),
]


@pytest.mark.parametrize(("old", "new", "message", "details"), WRONG)
def test_a_mistake_is_named_with_its_place(old, new, message, details):
    key, found, expected = details.split(" | ")
    text = definition_text()
    assert old in text
    wrong = text.replace(old, new, 1)
    with pytest.raises(ChannelError) as caught:
        parse(wrong)
    context = dict(caught.value.context)
    assert message in caught.value.message
    assert context["file"] == "channel.yaml"
    assert context.get("key", "") == key
    assert found in str(context["found"])
    assert expected in str(context["expected"])
    # The line is that of the key itself, or of the list's item or the mapping that it is missing from.
    line = wrong.splitlines()[context["line"] - 1].strip()
    assert not key or line.startswith("- ") or any(part in line for part in re.split(r"[.\[\]]+", key)[-3:] if part)


def test_an_unquoted_version_is_said_to_be_quoted():
    with pytest.raises(ChannelError) as caught:
        parse(definition_text().replace('version: "1.0"', "version: 3.10"))
    assert caught.value.hint == 'quote it: "3.10"'


def test_a_package_twice_is_refused():
    text = definition_text()
    head, _, packages = text.partition("packages:\n")
    with pytest.raises(ChannelError, match="this package is there twice") as caught:
        parse(head + "packages:\n" + packages + packages)
    assert "also on line 13" in dict(caught.value.context)["found"]


def test_a_source_that_nobody_uses_is_refused():
    unused = f"sources:\n  spare:\n    pip: spare==1\n    file: spare.zip\n    size: 1\n    sha256: {'a' * 64}\n"
    with pytest.raises(ChannelError, match="no package uses this source") as caught:
        parse(definition_text().replace("sources:\n", unused, 1))
    assert dict(caught.value.context)["found"] == "spare"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("- a\n", "this must be a mapping"),
        ("a: [1\n", "this is not valid YAML"),
        ("a: \x07", "this is not valid YAML"),
        ("a: b: c\n", "this is not valid YAML"),
        ("a: 1\na: 2\n", "`a` stands twice: in line 1 and in line 2"),
    ],
)
def test_what_is_no_mapping_is_refused(text, message):
    with pytest.raises(ChannelError, match=message) as caught:
        parse(text)
    assert dict(caught.value.context)["file"] == "channel.yaml"


def test_a_folder_without_a_definition_is_said_to_be_none(tmp_path):
    with pytest.raises(ChannelError, match=r"is not a channel definition: it has no channel\.yaml") as caught:
        load_definition(tmp_path)
    assert "channels/" in caught.value.hint


def test_a_definition_that_is_no_text_cannot_be_read(tmp_path):
    (tmp_path / "channel.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ChannelError, match="the channel definition is not UTF-8 text"):
        load_definition(tmp_path)


def test_the_digest_is_that_of_the_file(tmp_path):
    first = load_definition(write_definition(tmp_path / "a", definition_text()))
    second = load_definition(write_definition(tmp_path / "b", definition_text()))
    third = load_definition(write_definition(tmp_path / "c", definition_text() + "# a comment\n"))
    assert first.digest == second.digest != third.digest


@given(st.lists(st.text(st.characters(exclude_characters="/\\:\0"), min_size=1), min_size=1))
def test_paths_are_safe_exactly_when_no_part_is_a_dot(parts):
    assert (unsafe_reason("/".join(parts)) is None) == (not {".", ".."} & set(parts))


@pytest.mark.parametrize("path", ["", "/a", "a//b", "a/", "../a", "a/../b", "./a", "C:/a", "a\\b", "a\0b"])
def test_unsafe_paths_are_known(path):
    assert unsafe_reason(path)


def test_the_shipped_definition_is_the_whole_of_2023():
    definition = load_definition(shipped_definitions()["emscripten-forge-2023"])
    packages = {package.name: package for package in definition.packages}
    assert len(packages) == 32
    assert {source.pip for source in definition.sources} == {
        "jupyterlite-xeus-lua==0.3.3",
        "jupyterlite-xeus-nelson==0.1.4",
        "jupyterlite-xeus-python==1.0.0",
        "jupyterlite-xeus-sqlite==0.2.1",
    }
    # Every dependency of a package here is on a package here that has the version asked for by name at least.
    names = {spec.split()[0] for package in definition.packages for spec in package.depends}
    assert names <= set(packages)
    assert [name for name, package in packages.items() if package.subdir == "emscripten-wasm32"] == [
        "ipython",
        "numpy",
        "python",
        "requests-wasm-polyfill",
        "xeus-lite",
        "xeus-lua",
        "xeus-nelson",
        "xeus-python",
        "xeus-sqlite",
    ]
    assert [name for name, package in packages.items() if package.noarch == "generic"] == ["emscripten-abi"]
    assert packages["xeus-lua"].depends == ()
