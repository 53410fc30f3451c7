from __future__ import annotations

import copy
import json
import shutil

import msgspec
import pytest

from lite_env.errors import ManifestError
from lite_env.pack import reader
from lite_env.pack.limits import MAX_INDEX_SIZE, MAX_RAW_SIZE, MAX_STORED_SIZE
from lite_env.pack.manifest import File
from lite_env.pack.plan import plan_pack
from lite_env.pack.reader import parse_manifest, read_content, read_manifest
from lite_env.pack.writer import write_pack
from lite_env.prefix.reader import read_prefix
from tests.frozen import PACKS

SPEC, SCRIPT, WASM, DATA, SHARED, LOGO = (["kernels", 0, "files", number] for number in range(6))


@pytest.fixture
def document(prefix, tmp_path):
    write_pack(plan_pack(read_prefix(prefix), level=1), tmp_path / "pack")
    return json.loads((tmp_path / "pack/manifest.json").read_bytes())


def nothing_beside(path):
    raise AssertionError(f"a manifest of this format has a hash of '{path}'")


def parse(document):
    return parse_manifest(json.dumps(document).encode(), nothing_beside)


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
    manifest = parse(document)
    assert manifest.environment.name == "prefix"
    assert manifest.mounts.drive == "/drive"


def test_a_later_minor_version_is_read_and_its_keys_ignored(document):
    document |= {"format": "2.7", "news": [1, 2]}
    document["archives"][0]["codec"] = "brotli"
    assert parse(document).format == "2.7"


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (["format"], "3.0", r"the pack has format 3\.0; this lite-env reads 1\.x and 2\.x"),
        (["format"], "0.9", r"the pack has format 0\.9"),
        (["format"], KeyError, "does not tell its format"),
        (["format"], 1.0, "does not tell its format"),
        (["format"], "1", "does not tell its format"),
        (["requires"], ["time-travel"], "requires 'time-travel', which this lite-env does not know"),
        (["requires"], [["time-travel"]], r"requires '\['time-travel'\]', which this lite-env does not know"),
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
        (["index", "raw_size"], MAX_INDEX_SIZE + 1, r"index has 16777217 bytes, more than the 16777216"),
        (["index", "digest"], "x", r"index\.digest is not a SHA-256"),
        (["kernels"], [], "kernels is empty"),
        (["kernels", 0, "name"], "../evil", r"kernels\[0\]\.name is '\.\./evil'"),
        ([*SPEC, "path"], "manifest.json", r"kernels\[0\]\.spec has the path 'manifest\.json'"),
        ([*SPEC, "path"], "kernels/other/kernel.json", r"kernels\[0\]\.spec has the path 'kernels/other/kernel\.json'"),
        ([*SPEC, "size"], 3, r"kernels\[0\]\.spec is stored as it is, but has impossible sizes"),
        ([*SPEC, "sha256"], "0" * 64, r"kernels\[0\]\.spec is stored as it is, .* another hash than its content"),
        ([*SPEC, "role"], "logo", r"kernels\[0\]\.files has no 'spec'"),
        ([*LOGO, "path"], "kernels/toy/../../x", r"kernels\[0\]\.logo has the path 'kernels/toy/\.\./\.\./x'"),
        ([*LOGO, "role"], "spec", r"kernels\[0\]\.files has several of 'spec'"),
        ([*WASM, "path"], "/etc/passwd", r"kernels\[0\]\.wasm has the path '/etc/passwd'"),
        ([*WASM, "path"], "kernels/toy\\x", r"kernels\[0\]\.wasm has the path"),
        ([*WASM, "role"], "script", r"kernels\[0\]\.files has no 'wasm'"),
        ([*WASM, "role"], "", r"kernels\[0\]\. has no role"),
        ([*SCRIPT, "source"], "../../x", r"kernels\[0\]\.script has the source '\.\./\.\./x'"),
        ([*SHARED, "source"], "a\0b", r"kernels\[0\]\.shared has the source"),
        ([*DATA, "sha256"], "x", r"kernels\[0\]\.data\.sha256 is not a SHA-256"),
        ([*DATA, "raw_size"], -1, r"kernels\[0\]\.data has impossible sizes"),
        ([*DATA, "size"], 0, r"kernels\[0\]\.data has impossible sizes"),
        (["kernels", 0, "runtime", "worker"], "thread", r"kernels\[0\]\.runtime\.worker is 'thread'"),
        (["kernels", 0, "runtime", "python"], "three", r"kernels\[0\]\.runtime\.python is 'three'"),
        (["kernels", 0, "startup"], "../x.py", r"kernels\[0\]\.startup is '\.\./x\.py', which leaves the environment"),
        (["kernels", 0, "startup"], "x.py", r"kernels\[0\]\.startup is there, and 'startup-code' is not in requires"),
        (["kernels", 0, "startup"], 1, r"malformed: .*startup"),
        (["kernels", 0, "preload"], ["a b"], r"kernels\[0\]\.preload names 'a b', which is no module"),
        (["kernels", 0, "start"], KeyError, r"malformed: .*start"),
        (["kernels", 0, "start", "kernel"], [99], r"kernels\[0\]\.start\.kernel names an archive that is not there"),
        (["kernels", 0, "start", "kernel"], [0], r"kernels\[0\]\.start\.kernel names an archive that is loaded later"),
        (
            ["archives", 0, "load"],
            "kernel",
            r"kernels\[0\]\.start\.kernel is not what archives say, and 'kernel-starts'",
        ),
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
        parse_manifest(changed(document, path, value), nothing_beside, file="pack/manifest.json")
    assert caught.value.hint
    assert ("file", "pack/manifest.json") in caught.value.context


def test_two_kernels_of_one_name_are_refused(document):
    document["kernels"] *= 2
    with pytest.raises(ManifestError, match="two of kernels have the name 'toy'"):
        parse(document)


def test_two_archives_of_one_digest_are_refused(document):
    document["archives"].append(document["archives"][0])
    with pytest.raises(ManifestError, match="two of archives have the digest"):
        parse(document)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"<!doctype html>", b"[" * 100_000])
def test_what_is_no_json_is_refused(data):
    with pytest.raises(ManifestError, match=r"the manifest is (not JSON|not UTF-8 text|nested more than 100 deep)"):
        parse_manifest(data, nothing_beside)


@pytest.mark.parametrize("data", [b"null", b"[]", b'"x"', b"{}"])
def test_json_that_is_no_manifest_is_refused(data):
    with pytest.raises(ManifestError, match="does not tell its format"):
        parse_manifest(data, nothing_beside)


@pytest.fixture
def packed(prefix, tmp_path):
    return tmp_path / "packed", write_pack(plan_pack(read_prefix(prefix), level=1), tmp_path / "packed")


def each(manifest):
    """An archive, the index and a binary: what is compressed."""
    return manifest.archives[0], manifest.index, manifest.kernels[0].wasm


@pytest.mark.parametrize("number", range(3))
class TestWhatIsCompressed:
    """One number is wrong at a time: each check is needed."""

    def test_another_size_than_the_manifests(self, packed, number):
        pack, manifest = packed
        item = msgspec.structs.replace(each(manifest)[number], size=each(manifest)[number].size + 1)
        with pytest.raises(ManifestError, match="is not the file that the manifest names") as caught:
            read_content(pack, item)
        assert dict(caught.value.context)["expected"] == f"{item.size} bytes"

    def test_another_hash_than_the_manifests(self, packed, number):
        pack, manifest = packed
        item = msgspec.structs.replace(each(manifest)[number], sha256="0" * 64)
        with pytest.raises(ManifestError, match="is not the file that the manifest names") as caught:
            read_content(pack, item)
        assert dict(caught.value.context)["expected"] == "0" * 64

    def test_a_frame_of_another_size_than_the_manifests(self, packed, number):
        pack, manifest = packed
        item = msgspec.structs.replace(each(manifest)[number], raw_size=each(manifest)[number].raw_size + 1)
        with pytest.raises(ManifestError, match="is not the file that the manifest names") as caught:
            read_content(pack, item)
        assert dict(caught.value.context)["expected"] == f"{item.raw_size} bytes uncompressed"

    def test_another_content_than_the_manifests(self, packed, number):
        pack, manifest = packed
        item = each(manifest)[number]
        wrong = msgspec.structs.replace(item, digest="0" * 64)
        if not isinstance(item, File):  # The name follows from the digest.
            (pack / item.path).rename(pack / wrong.path)
        with pytest.raises(ManifestError, match="is not the file that the manifest names") as caught:
            read_content(pack, wrong)
        assert dict(caught.value.context)["expected"] == "0" * 64

    def test_what_no_memory_can_hold_is_told(self, packed, number, monkeypatch):
        pack, manifest = packed

        def starve(*_):
            raise MemoryError

        monkeypatch.setattr(reader.zstandard, "ZstdDecompressor", starve)
        with pytest.raises(ManifestError, match=r"becomes \d+ bytes, for which there is no memory"):
            read_content(pack, each(manifest)[number])


class TestFormat1:
    """What a manifest of format 1.0 says less of is looked at when it is read."""

    @pytest.fixture
    def old(self, tmp_path):
        shutil.copytree(PACKS / "1.0" / "python", tmp_path / "old")
        return tmp_path / "old"

    def change(self, pack, **changes):
        document = json.loads((pack / "manifest.json").read_bytes())
        document["kernels"][0] |= changes
        (pack / "manifest.json").write_text(json.dumps(document))

    def test_its_kernels_have_what_the_environment_had(self, old):
        manifest = read_manifest(old)
        (kernel,) = manifest.kernels
        assert manifest.format == "1.0"
        runtime = kernel.runtime
        assert (runtime.family, runtime.emscripten, runtime.python, runtime.worker) == (
            *("xeus", "3.1.45", "3.11.3"),
            "classic",
        )
        assert (kernel.start.interpreter, kernel.start.kernel) == ((0,), (1,))
        assert [(file.role, file.name) for file in kernel.files] == [
            ("spec", "kernel.json"),
            ("script", "xpython.js"),
            ("wasm", "xpython.wasm"),
            ("data", "xpython.data"),
            ("shared", "libxeus.so"),
            ("logo", "logo-64x64.png"),
        ]
        for file in (kernel.spec, *kernel.logos):
            assert file.source == f"share/jupyter/kernels/xpython/{file.name}"
            assert read_content(old, file)

    @pytest.mark.parametrize(
        ("changes", "fault"),
        [
            ({"name": "../evil"}, r"kernels\[0\]\.name is '\.\./evil'"),
            ({"spec": "manifest.json"}, r"kernels\[0\] has the path 'manifest\.json', which is not below"),
            ({"logos": ["kernels/xpython/../../x"]}, r"kernels\[0\] has the path 'kernels/xpython/\.\./\.\./x'"),
            ({"spec": "kernels/xpython/no.json"}, r"the pack lacks 'kernels/xpython/no\.json'"),
            ({"script": None}, r"the manifest is malformed: .*script"),
        ],
    )
    def test_what_cannot_be_is_refused(self, old, changes, fault):
        self.change(old, **changes)
        with pytest.raises(ManifestError, match=fault):
            read_manifest(old)

    def test_a_logo_is_what_its_name_says(self, old):
        (logo,) = old.glob("kernels/xpython/logo*")
        logo.write_bytes(b"another")
        with pytest.raises(ManifestError, match="has another hash than its name says"):
            read_manifest(old)

    def test_a_kernel_json_of_any_size_is_not_read(self, old):
        with (old / "kernels/xpython/kernel.json").open("ab") as stream:
            stream.truncate(MAX_STORED_SIZE + 1)
        with pytest.raises(ManifestError, match=r"'kernels/xpython/kernel\.json' has \d+ bytes, more than the"):
            read_manifest(old)


def test_a_folder_without_manifest_is_no_pack(tmp_path):
    with pytest.raises(ManifestError, match=r"is not a pack: its manifest\.json cannot be read") as caught:
        read_manifest(tmp_path)
    assert "lite-env pack" in caught.value.hint
