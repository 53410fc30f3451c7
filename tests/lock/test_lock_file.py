from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lite_env.errors import LockError
from lite_env.lock.conda_lock import dump_lock
from lite_env.lock.conda_lock_reader import parse_lock
from lite_env.lock.file import lock_path, read_lock, write_lock, wrote_lock
from lite_env.lock.model import LockedPackage, Lockfile
from tests.locks import science

SHA = "ab" * 32


def package(name: str = "numpy", **changes) -> LockedPackage:
    fields = {
        "name": name,
        "version": "1.10",
        "build": "py311_2",
        "build_number": 2,
        "subdir": "emscripten-wasm32",
        "file_name": f"{name}-1.10-py311_2.conda",
        "url": f"https://prefix.dev/c/emscripten-wasm32/{name}-1.10-py311_2.conda",
        "channel": "https://prefix.dev/c",
        "sha256": SHA,
        "md5": "cd" * 16,
        "size": 12,
        "depends": ("__unix", "python >=3.11,<3.12", "python_abi 3.11.* *_cp311"),
        "constrains": ("six >=1",),
        "license": "BSD-3-Clause",
        "noarch": None,
        "timestamp": 1_700_000_000_000,
    }
    return LockedPackage(**{**fields, **changes})


def lock(*packages: LockedPackage, **changes) -> Lockfile:
    fields = {
        "name": "demo",
        "channels": ("https://prefix.dev/c",),
        "packages": packages or (package(),),
        "requested": ("numpy >=1.10",),
        "variables": (("A", "1"), ("B", "two\nlines")),
        "spec_digest": "ef" * 32,
        "sources": (Path("/home/project/environment.yml"),),
        "file": Path("/home/project/conda-lock.yml"),
    }
    return Lockfile(**{**fields, **changes})


def text_of(value: Lockfile) -> str:
    return dump_lock(value, folder=value.file.parent)


def test_what_is_written_is_read():
    value = lock(package(), package("six", depends=("python <4", "python >=3"), noarch="python", md5=None, size=None))
    assert parse_lock(text_of(value), value.file) == value


def test_the_rules_of_cep_37_hold():
    document = yaml.safe_load(text_of(lock()))
    assert set(document) == {"version", "metadata", "package"}
    assert document["version"] == 1
    metadata = document["metadata"]
    assert set(metadata) == {"content_hash", "channels", "platforms", "sources", "custom_metadata"}
    assert set(metadata["content_hash"]) == set(metadata["platforms"]) == {"emscripten-wasm32"}
    assert metadata["channels"] == [{"url": "https://prefix.dev/c", "used_env_vars": []}]
    assert metadata["sources"] == ["environment.yml"]
    assert all(isinstance(value, str) for value in metadata["custom_metadata"].values())
    (entry,) = document["package"]
    assert entry == {
        "name": "numpy",
        "version": "1.10",
        "build": "py311_2",
        "manager": "conda",
        "platform": "emscripten-wasm32",
        "dependencies": {"__unix": "", "python": ">=3.11,<3.12", "python_abi": " 3.11.* *_cp311"},
        "url": "https://prefix.dev/c/emscripten-wasm32/numpy-1.10-py311_2.conda",
        "hash": {"sha256": SHA, "md5": "cd" * 16},
        "category": "main",
        "optional": False,
    }


def test_versions_stay_strings():
    assert "version: '1.10'" in text_of(lock())


def test_keys_are_sorted_and_the_file_ends_in_a_line():
    text = text_of(lock())
    assert text.endswith("\n")
    assert "\r" not in text
    assert list(yaml.safe_load(text)) == ["metadata", "package", "version"]


def test_local_channels_are_relative_to_the_lock(tmp_path):
    def at(root: Path) -> Lockfile:
        channel = (root / "channels/my channel").as_uri()
        url = f"{channel}/noarch/six-1-0.conda"
        local = package("six", url=url, channel=channel, subdir="noarch", file_name="six-1-0.conda")
        return lock(
            local,
            channels=(channel,),
            sources=(root / "envs/a/environment.yml",),
            file=root / "envs/a/conda-lock.yml",
        )

    here, there = at(tmp_path / "here"), at(tmp_path / "over/there")
    assert text_of(here) == text_of(there)
    assert "url: ../../channels/my%20channel/noarch/six-1-0.conda" in text_of(here)
    assert parse_lock(text_of(here), there.file) == there


def test_a_channel_below_the_lock_starts_with_a_dot(tmp_path):
    channel = (tmp_path / "channel").as_uri()
    value = lock(channels=(channel,), file=tmp_path / "conda-lock.yml")
    assert "url: ./channel\n" in text_of(value)
    assert parse_lock(text_of(value), value.file).channels == (channel,)


def test_credentials_are_not_written():
    address = "https://user:password@prefix.dev/t/tk-12345/c"
    value = lock(
        package(url=f"{address}/noarch/a-1-0.conda", subdir="noarch", file_name="a-1-0.conda"), channels=(address,)
    )
    text = text_of(value)
    assert "https://prefix.dev/c/noarch/a-1-0.conda" in text
    assert not any(word in text for word in ("user", "password", "tk-12345"))


def test_the_file_on_disk(tmp_path):
    path = tmp_path / "conda-lock.yml"
    value = lock(file=path, sources=(tmp_path / "environment.yml",))
    write_lock(value, path)
    assert read_lock(path) == value


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ("a/environment.yml", "a/conda-lock.yml"),
        ("a/environment.yaml", "a/conda-lock.yml"),
        ("a/docs.yml", "a/docs.conda-lock.yml"),
    ],
)
def test_where_a_lock_lies(environment, expected):
    assert lock_path(Path(environment)) == Path(expected)


def test_a_missing_file(tmp_path):
    with pytest.raises(LockError, match="there is no lock file") as caught:
        read_lock(tmp_path / "conda-lock.yml")
    assert "lite-env lock" in caught.value.hint


def test_a_file_that_is_no_text(tmp_path):
    path = tmp_path / "conda-lock.yml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(LockError, match="the lock file is not UTF-8 text"):
        read_lock(path)


FOREIGN = f"""\
version: 1
metadata:
  content_hash:
    emscripten-wasm32: {SHA}
    linux-64: {SHA}
  channels:
  - url: https://prefix.dev/c/
    used_env_vars: []
  platforms: [emscripten-wasm32, linux-64]
  sources: [../environment.yml]
  time_metadata:
    created_at: "2026-01-01T00:00:00Z"
package:
- name: b
  version: "1"
  manager: conda
  platform: emscripten-wasm32
  dependencies:
    a: ">=1"
  build: h1_7
  optional: false
  url: https://prefix.dev/c/noarch/b-1-h1_7.tar.bz2
  hash:
    sha256: {SHA}
- name: a
  version: "1"
  manager: conda
  platform: emscripten-wasm32
  build: "0"
  optional: false
  category: main
  url: https://prefix.dev/c/emscripten-wasm32/a-1-0.conda
  hash:
    sha256: {SHA}
    md5: {"cd" * 16}
- name: a
  version: "1"
  manager: conda
  platform: linux-64
  build: "0"
  optional: false
  url: https://prefix.dev/c/linux-64/a-1-0.conda
  hash:
    sha256: {SHA}
- name: dev
  version: "1"
  manager: conda
  platform: emscripten-wasm32
  build: "0"
  optional: false
  category: dev
  url: https://prefix.dev/c/noarch/dev-1-0.conda
  hash:
    sha256: {SHA}
"""


def test_a_lock_of_another_tool_is_read():
    value = parse_lock(FOREIGN, Path("/home/project/conda-lock.yml"))
    assert [(p.name, p.build_number, p.depends, p.channel) for p in value.packages] == [
        ("a", 0, (), "https://prefix.dev/c"),
        ("b", 7, ("a >=1",), "https://prefix.dev/c"),
    ]
    assert (value.name, value.requested, value.variables, value.spec_digest) == ("project", (), (), "")
    assert value.sources == (Path("/home/environment.yml"),)
    assert value.channels == ("https://prefix.dev/c",)


def test_version_is_1_when_it_is_not_there():
    assert parse_lock(FOREIGN.removeprefix("version: 1\n"), Path("/x/conda-lock.yml")).packages


@pytest.mark.parametrize("version", [2, 0, "1", True, 1.5, [1]])
def test_other_versions_are_refused(version):
    document = {**yaml.safe_load(FOREIGN), "version": version}
    with pytest.raises(LockError, match="only version 1 is known") as caught:
        parse_lock(yaml.safe_dump(document), Path("conda-lock.yml"))
    assert dict(caught.value.context)["key"] == "version"


# What is changed in a valid lock (a path, a value; `...` removes the field), and what the refusal says.
_P = "package.0"
_CUSTOM = "metadata.custom_metadata.lite_env"
INVALID = [
    ("metadata", ..., "`metadata` is missing"),
    ("metadata", [], "`metadata` is not a mapping"),
    ("extra", 1, "`extra` is a key that this format does not have"),
    ("metadata.extra", 1, "`metadata.extra` is a key that this format does not have"),
    ("metadata.content_hash", ..., "`metadata.content_hash` is missing"),
    ("metadata.content_hash.emscripten-wasm32", "x", "`metadata.content_hash.emscripten-wasm32` is no SHA-256"),
    ("metadata.content_hash.emscripten-wasm32", "0" * 64, "does not fit the packages: they were changed by hand"),
    ("metadata.content_hash.linux-64", SHA, "`metadata.content_hash` has not exactly the keys"),
    ("metadata.channels", ..., "`metadata.channels` is missing"),
    ("metadata.channels", "x", "`metadata.channels` is not a list"),
    ("metadata.channels.0.url", "", "`metadata.channels[0].url` is empty"),
    ("metadata.channels.0.url", 3, "`metadata.channels[0].url` is 3 where a string is expected: quote it"),
    ("metadata.channels.0.name", "x", "`metadata.channels[0].name` is a key that"),
    ("metadata.platforms", ["linux-64"], "`metadata.platforms` lists linux-64, but not emscripten-wasm32"),
    ("metadata.platforms", [], "`metadata.platforms` lists nothing"),
    ("metadata.sources", ..., "`metadata.sources` is missing"),
    ("metadata.sources", ["https://x/y"], "`metadata.sources[0]` is not a path relative to the lock file"),
    ("metadata.custom_metadata.other", [], "`metadata.custom_metadata.other` is not a string"),
    (_CUSTOM, "{", f"`{_CUSTOM}` is not JSON"),
    (_CUSTOM, "[]", f"`{_CUSTOM}` is not a mapping"),
    (f"{_CUSTOM}:format", 2, f"`{_CUSTOM}.format` is 2, and only 1 is known"),
    (f"{_CUSTOM}:extra", 2, f"`{_CUSTOM}.extra` is a key that"),
    (f"{_CUSTOM}:name", ..., f"`{_CUSTOM}.name` is missing"),
    (f"{_CUSTOM}:spec_sha256", "x", f"`{_CUSTOM}.spec_sha256` is no SHA-256"),
    (f"{_CUSTOM}:requested", "x", f"`{_CUSTOM}.requested` is not a list"),
    (f"{_CUSTOM}:requested", [1], f"`{_CUSTOM}.requested[0]` is 1 where a string"),
    (f"{_CUSTOM}:variables", {"A": 1}, f"`{_CUSTOM}.variables.A` is 1 where a string"),
    (f"{_CUSTOM}:records", {"emscripten-wasm32/numpy-1.10-py311_2.conda": {"size": -1}}, "size` is -1 where a number"),
    (f"{_CUSTOM}:records", {"emscripten-wasm32/numpy-1.10-py311_2.conda": {"noarch": "x"}}, "noarch` is 'x', neither"),
    (f"{_CUSTOM}:records", {"emscripten-wasm32/numpy-1.10-py311_2.conda": {"x": 1}}, "x` is a key that"),
    ("package", ..., "`package` is missing"),
    ("package", {}, "`package` is not a list"),
    (f"{_P}", "x", "`package[0]` is not a mapping"),
    (f"{_P}.extra", 1, "`package[0].extra` is a key that"),
    (f"{_P}.name", ..., "`package[0].name` is missing"),
    (f"{_P}.name", "a b", "`package[0].name` is 'a b', which is no package name"),
    (f"{_P}.version", 1.1, "`package[0].version` is 1.1 where a string is expected: quote it"),
    (f"{_P}.manager", "npm", "`package[0].manager` is neither conda nor pip"),
    (f"{_P}.manager", "pip", "`package[0].url` is not the address of a wheel: only wheels can be installed"),
    (f"{_P}.platform", "linux-64", "`package[0].platform` is linux-64, which `metadata.platforms` does not list"),
    (f"{_P}.dependencies", ["x"], "`package[0].dependencies` is not a mapping"),
    (f"{_P}.dependencies", {"x": 1}, "`package[0].dependencies.x` is 1 where a string"),
    (f"{_P}.url", "numpy", "`package[0].url` is no package's address"),
    (f"{_P}.url", "https://h/c/noarch/a.zip", "`package[0].url` is no package's address"),
    (f"{_P}.url", "https://h/c/linux-64/a-1-0.conda", "`package[0].url` is for linux-64, not for emscripten-wasm32"),
    (f"{_P}.url", "https://[::1/c/noarch/a-1-0.conda", "`package[0].url` is no address: its host or its port"),
    (f"{_P}.url", "https://h:99999/c/noarch/a-1-0.conda", "`package[0].url` is no address: its host or its port"),
    (f"{_P}.url", "../c%00/noarch/a-1-0.conda", "`package[0].url` has the character NUL in it"),
    (f"{_P}.url", "file:c/noarch/a-1-0.conda", "`package[0].url` is a `file:` URL of a path that does not start at"),
    ("metadata.channels", [{"url": "http://[", "used_env_vars": []}], "`metadata.channels[0].url` is no address"),
    ("metadata.sources", ["http://[::1"], "`metadata.sources[0]` is no address"),
    (f"{_P}.dependencies", {"x": " " + "(" * 5000}, "`package[0].dependencies` has the match spec `x ((((((("),
    (f"{_CUSTOM}:requested", ["x " + "(" * 5000], f"`{_CUSTOM}.requested[0]` has the match spec `x (((((("),
    (f"{_CUSTOM}:requested", ["x" * 5000], "which has 5,000 characters, where 4,096 are the most"),
    (
        f"{_CUSTOM}:records",
        {"emscripten-wasm32/numpy-1.10-py311_2.conda": {"depends": ["x " + "(" * 5000]}},
        "depends[0]` has the match spec `x ((((((",
    ),
    (
        f"{_CUSTOM}:records",
        {"emscripten-wasm32/numpy-1.10-py311_2.conda": {"size": 2**63}},
        "size` is 9223372036854775808",
    ),
    (f"{_CUSTOM}:variables", [[]] * 3, f"`{_CUSTOM}.variables` is not a mapping"),
    (
        f"{_P}.url",
        "ftp://h/c/noarch/a-1-0.conda",
        "`package[0].url` is no package's address: an address starts with http",
    ),
    (f"{_P}.hash", ..., "`package[0].hash` is missing"),
    (f"{_P}.hash", {"md5": "cd" * 16}, "`package[0].hash.sha256` is missing: an MD5 alone does not vouch"),
    (f"{_P}.hash.sha256", SHA.upper(), "`package[0].hash.sha256` is no SHA-256"),
    (f"{_P}.hash.md5", "x", "`package[0].hash.md5` is no MD5"),
    (f"{_P}.hash.sha1", "x", "`package[0].hash.sha1` is a key that"),
    (f"{_P}.optional", ..., "`package[0].optional` is not true or false"),
    (f"{_P}.category", "", "`package[0].category` is empty"),
    ("package.1", "copy", "`package[1].name` is numpy, which is locked twice"),
]


def changed(path: str, value) -> str:
    document = yaml.safe_load(text_of(lock()))
    path, _, custom_key = path.partition(":")
    *parents, last = path.split(".")
    at = document
    for key in parents:
        at = at[int(key) if isinstance(at, list) else key]
    if custom_key:
        inner = json.loads(at[last])
        if value is ...:
            inner.pop(custom_key)
        else:
            inner[custom_key] = value
        at[last] = json.dumps(inner)
    elif value == "copy":
        at.append(dict(at[0]))
    elif value is ...:
        at.pop(last)
    else:
        at[int(last) if isinstance(at, list) else last] = value
    return yaml.safe_dump(document)


@pytest.mark.parametrize(("path", "value", "message"), INVALID)
def test_every_field_is_checked(path, value, message):
    with pytest.raises(LockError) as caught:
        parse_lock(changed(path, value), Path("conda-lock.yml"))
    assert message in caught.value.message
    assert dict(caught.value.context)["file"] == "conda-lock.yml"
    assert "lite-env lock" in caught.value.hint


@pytest.mark.parametrize(
    "text", ["", "- 1\n", "x", "version: 1\nversion: 1\n", "a: [", "1: 2", "a: !!python/object:os.x {}"]
)
def test_what_is_no_lock_at_all(text):
    with pytest.raises(LockError):
        parse_lock(text, Path("conda-lock.yml"))


_names = st.from_regex(r"[a-z][a-z0-9_.-]{0,8}", fullmatch=True)
_specs = st.builds(
    lambda name, rest: f"{name} {rest}".strip(), _names, st.sampled_from(["", ">=1,<2", "3.11.* *_cp311", "1.0"])
)
_packages = st.builds(
    lambda name, version, depends, constrains, size, md5, noarch: package(
        name,
        version=version,
        file_name=f"{name}-{version}-py311_2.conda",
        url=f"https://prefix.dev/c/{'noarch' if noarch else 'emscripten-wasm32'}/{name}-{version}-py311_2.conda",
        subdir="noarch" if noarch else "emscripten-wasm32",
        depends=tuple(sorted(depends)),
        constrains=tuple(sorted(constrains)),
        size=size,
        md5=md5,
        noarch=noarch,
    ),
    _names,
    st.sampled_from(["1.0", "3.10", "1e3", "2024.01.01", "0x10"]),
    st.lists(_specs, max_size=4),
    st.lists(_specs, max_size=2),
    st.none() | st.integers(0, 10**12),
    st.none() | st.from_regex(r"[0-9a-f]{32}", fullmatch=True),
    st.sampled_from([None, "python", "generic"]),
)


@given(
    st.lists(_packages, max_size=5, unique_by=lambda p: p.name),
    st.dictionaries(st.from_regex(r"[A-Z_]{1,5}", fullmatch=True), st.text(max_size=10), max_size=3),
    st.lists(_specs, max_size=3, unique=True),
)
def test_any_lock_is_read_as_it_was_written(packages, variables, requested):
    value = lock(
        variables=tuple(sorted(variables.items())),
        requested=tuple(sorted(requested)),
    )
    value = replace(value, packages=tuple(sorted(packages, key=lambda p: p.name)))
    text = text_of(value)
    assert parse_lock(text, value.file) == value
    assert text_of(parse_lock(text, value.file)) == text


@pytest.mark.parametrize(
    "fault",
    ["!!timestamp x", "!!timestamp 2024-01-01", "!mine x", "*nowhere", "[", "{a: 1, a: 2}", "\n<<<<<<< HEAD"],
)
def test_whatever_is_wrong_in_the_yaml_of_our_lock_it_is_to_be_made_anew(tmp_path, fault):
    path = tmp_path / "conda-lock.yml"
    write_lock(lock(), path)
    assert wrote_lock(path)
    text = path.read_text()
    assert "\nversion: 1\n" in text
    path.write_text(text.replace("\nversion: 1\n", f"\nversion: {fault}\n"))
    with pytest.raises(LockError) as caught:
        read_lock(path)
    assert "make it anew with `lite-env lock --upgrade`" in caught.value.hint
    assert {"line", "key"} & dict(caught.value.context).keys()


def test_what_a_wheel_needs_is_named_by_a_name(tmp_path):
    path = science(tmp_path / "conda-lock.yml")
    document = yaml.safe_load(path.read_text("utf-8"))
    wheel = next(package for package in document["package"] if package["manager"] == "pip")
    wheel["dependencies"] = {"C:\\x": ">=1"}
    with pytest.raises(LockError, match=r"dependencies` has `C:.+x`, which is no name of a package"):
        parse_lock(yaml.safe_dump(document), path)


def test_the_address_of_a_local_file_is_read_in_the_form_that_is_written(tmp_path):
    path = science(tmp_path / "conda-lock.yml")
    document = yaml.safe_load(path.read_text("utf-8"))
    wheel = next(package for package in document["package"] if package["url"].endswith(".whl"))
    name = wheel["url"].rpartition("/")[2]
    document["package"], document["metadata"]["custom_metadata"] = [wheel], {}
    wheel["url"] = f"file:///https://h/{name}"
    lock = parse_lock(yaml.safe_dump(document), path)
    assert f"file:///https%3A/h/{name}" in [package.url for package in lock.wheels]
    again = parse_lock(dump_lock(replace(lock, spec_digest="ab" * 32), folder=tmp_path), path)
    assert again.packages == lock.packages
