from __future__ import annotations

import copy
import json

import pytest

from lite_env.errors import ManifestError
from lite_env.pack.plan import plan_pack
from lite_env.pack.reader import MAX_RAW_SIZE, parse_manifest, read_manifest
from lite_env.pack.writer import write_pack
from lite_env.prefix.reader import read_prefix


@pytest.fixture
def document(prefix, tmp_path):
    write_pack(plan_pack(read_prefix(prefix), level=1), tmp_path / "pack")
    return json.loads((tmp_path / "pack/manifest.json").read_bytes())


def changed(document, path, value):
    """`document` with another value at a path of keys and numbers; None takes the key away."""
    copied = copy.deepcopy(document)
    *parents, last = path
    node = copied
    for step in parents:
        node = node[step]
    if value is KeyError:
        del node[last]
    else:
        node[last] = value
    return json.dumps(copied).encode()


def test_a_written_manifest_is_read(document):
    manifest = parse_manifest(json.dumps(document).encode())
    assert manifest.environment.name == "prefix"
    assert manifest.mounts.drive == "/drive"


def test_a_later_minor_version_is_read_and_its_keys_ignored(document):
    document |= {"format": "1.7", "news": [1, 2]}
    document["archives"][0]["codec"] = "brotli"
    assert parse_manifest(json.dumps(document).encode()).format == "1.7"


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (["format"], "2.0", r"the pack has format 2\.0; this lite-env reads 1\.x"),
        (["format"], "0.9", r"the pack has format 0\.9"),
        (["format"], KeyError, "does not tell its format"),
        (["format"], 1.0, "does not tell its format"),
        (["format"], "1", "does not tell its format"),
        (["requires"], ["time-travel"], "requires 'time-travel', which this lite-env does not know"),
        (["requires"], "x", r"malformed: .*\$\.requires"),
        (["index"], KeyError, "malformed: .*index"),
        (["archives", 0, "size"], "12", r"malformed: .*\$\.archives\[0\]\.size"),
        (["archives", 0, "digest"], "../../etc/passwd", r"archives\[0\]\.digest is not a SHA-256"),
        (["archives", 1, "sha256"], "A" * 64, r"archives\[1\]\.sha256 is not a SHA-256"),
        (["archives", 0, "size"], 0, r"archives\[0\] has impossible sizes"),
        (["archives", 0, "raw_size"], -1, r"archives\[0\] has impossible sizes"),
        (["archives", 0, "raw_size"], MAX_RAW_SIZE + 1, r"archives\[0\] has impossible sizes"),
        (["archives", 0, "load"], "later", r"archives\[0\]\.load is 'later'"),
        (["archives", 0, "load"], "import:", r"archives\[0\]\.load is 'import:'"),
        (["archives", 0, "packages"], {"scipy": 1}, r"archives\[0\]\.packages names 'scipy'"),
        (["index", "digest"], "x", r"index\.digest is not a SHA-256"),
        (["kernels"], [], "kernels is empty"),
        (["kernels", 0, "name"], "../evil", r"kernels\[0\]\.name is '\.\./evil'"),
        (["kernels", 0, "spec"], "manifest.json", r"kernels\[0\] has the path 'manifest\.json'"),
        (["kernels", 0, "logos"], ["kernels/toy/../../x"], r"kernels\[0\] has the path 'kernels/toy/\.\./\.\./x'"),
        (["kernels", 0, "wasm", "path"], "/etc/passwd", r"kernels\[0\]\.wasm\.path is '/etc/passwd'"),
        (["kernels", 0, "wasm", "path"], "kernels/toy\\x", r"kernels\[0\]\.wasm\.path"),
        (["kernels", 0, "script", "source"], "../../x", r"kernels\[0\]\.script\.source is '\.\./\.\./x'"),
        (["kernels", 0, "shared", "libxeus.so", "source"], "a\0b", r"kernels\[0\]\.shared\['libxeus.so'\]\.source"),
        (["kernels", 0, "data", "sha256"], "x", r"kernels\[0\]\.data\.sha256 is not a SHA-256"),
        (["kernels", 0, "data", "raw_size"], 0, r"kernels\[0\]\.data has impossible sizes"),
        (["environment", "lock_digest"], "0" * 64, r"environment\.lock_digest is not that of environment\.packages"),
        (["environment", "packages", 0, "name"], "../x", r"environment\.packages\[0\]\.name is '\.\./x'"),
        (["environment", "packages", 0, "version"], "1/2", r"environment\.packages\[0\]\.version is '1/2'"),
        (["environment", "packages", 0, "file_name"], "..", r"environment\.packages\[0\]\.file_name is '\.\.'"),
        (["environment", "packages", 0, "name"], "numpy", r"two of environment\.packages have the name 'numpy'"),
        (["mounts", "drive"], "drive", r"mounts\.drive is 'drive', not an absolute path"),
        (["mounts", "prefix"], "/a/../b", r"mounts\.prefix is '/a/\.\./b'"),
    ],
)
def test_what_cannot_be_is_refused_with_the_path_to_it(document, path, value, reason):
    with pytest.raises(ManifestError, match=reason) as caught:
        parse_manifest(changed(document, path, value), file="pack/manifest.json")
    assert caught.value.hint
    assert ("file", "pack/manifest.json") in caught.value.context


def test_two_kernels_of_one_name_are_refused(document):
    document["kernels"] *= 2
    with pytest.raises(ManifestError, match="two of kernels have the name 'toy'"):
        parse_manifest(json.dumps(document).encode())


def test_two_archives_of_one_digest_are_refused(document):
    document["archives"].append(document["archives"][0])
    with pytest.raises(ManifestError, match="two of archives have the digest"):
        parse_manifest(json.dumps(document).encode())


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"<!doctype html>", b"[" * 100_000])
def test_what_is_no_json_is_refused(data):
    with pytest.raises(ManifestError, match=r"the manifest is (not JSON|not UTF-8 text|nested more than 100 deep)"):
        parse_manifest(data)


@pytest.mark.parametrize("data", [b"null", b"[]", b'"x"', b"{}"])
def test_json_that_is_no_manifest_is_refused(data):
    with pytest.raises(ManifestError, match="does not tell its format"):
        parse_manifest(data)


def test_a_folder_without_manifest_is_no_pack(tmp_path):
    with pytest.raises(ManifestError, match=r"is not a pack: its manifest\.json cannot be read") as caught:
        read_manifest(tmp_path)
    assert "lite-env pack" in caught.value.hint
