from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lite_env.errors import ManifestError, PackError
from lite_env.pack.archive import Entry, build_tar, compress, tar_offsets
from lite_env.pack.index import Index, IndexedFile, IndexedLink, encode_index
from lite_env.pack.manifest import Archive, IndexFile
from lite_env.pack.plan import plan_pack
from lite_env.pack.reader import read_index, read_manifest
from lite_env.pack.restore import unpack
from lite_env.pack.writer import encode_manifest, write_pack
from lite_env.prefix.reader import read_prefix
from lite_env.store.digest import sha256_of_bytes
from tests.prefixes import SITE, Heard, Toy, kernel_package, make_prefix, put


def pack_of(prefix, output, **options):
    return write_pack(plan_pack(read_prefix(prefix), level=1, **options), output)


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def pack(prefix, tmp_path):
    put(prefix, "conda-meta/state", json.dumps({"env_vars": {"B": "2", "A": "1"}, "version": 1}))
    put(prefix, "conda-meta/history", '# update specs: ["xeus-toy", "numpy"]\n')
    pack_of(prefix, tmp_path / "pack")
    return tmp_path / "pack"


def test_packing_what_was_unpacked_gives_the_same_bytes(pack, tmp_path):
    unpack(pack, tmp_path / "unpacked")
    pack_of(tmp_path / "unpacked", tmp_path / "again")
    assert tree(tmp_path / "again") == tree(pack)


def test_the_unpacked_environment_is_the_packed_one(prefix, pack, tmp_path):
    unpack(pack, tmp_path / "unpacked")
    before, after = read_prefix(prefix), read_prefix(tmp_path / "unpacked")
    dropped = {file.path for file in plan_pack(before).dropped}
    assert [file.path for file in after.files] == [file.path for file in before.files if file.path not in dropped]
    assert {(file.path, file.package, file.link) for file in after.files} <= {
        (file.path, file.package, file.link) for file in before.files
    }
    assert (after.name, after.requested, after.variables) == (before.name, ("numpy", "xeus-toy"), before.variables)
    assert after.kernels == before.kernels
    assert [package.depends for package in after.packages] == [package.depends for package in before.packages]


def test_progress_is_in_bytes_and_ends_at_the_total(pack, tmp_path):
    heard = Heard()
    unpack(pack, tmp_path / "unpacked", reporter=heard)
    assert heard.done["unpacking"] == heard.totals["unpacking"] > 0


def test_a_strict_umask_changes_nothing(pack, tmp_path):
    mask = os.umask(0o077)
    try:
        unpack(pack, tmp_path / "unpacked")
    finally:
        os.umask(mask)
    pack_of(tmp_path / "unpacked", tmp_path / "again")
    assert tree(tmp_path / "again") == tree(pack)


names = st.text(
    st.characters(codec="utf-8", exclude_characters="/\\\0", exclude_categories=["Cs"]), min_size=1, max_size=12
).filter(lambda name: name not in (".", "..", "__proto__") and len(name.encode()) < 200)
trees = st.recursive(
    st.binary(max_size=300) | st.just("link"),
    lambda children: st.dictionaries(names, children, min_size=1, max_size=4),
    max_leaves=12,
).filter(lambda tree: isinstance(tree, dict))


def flat(tree, prefix=""):
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}/")
        else:
            # Links go up as far as they may, to what need not exist.
            yield prefix + name, value if isinstance(value, bytes) else ("->", "../" * prefix.count("/") + "other")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees, trees, trees)
def test_random_environments_survive_the_round_trip(first, second, local):
    one, two, loose = (
        dict(flat(first, "share/one/")),
        dict(flat(second, "share/two/")),
        dict(flat(local, "share/loose/")),
    )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        packages = [kernel_package(), Toy(name="one", files=one), Toy(name="two", files=two)]
        prefix = make_prefix(root / "prefix", *packages, local=loose)
        plan = plan_pack(read_prefix(prefix), level=1)
        manifest = write_pack(plan, root / "pack")
        dropped = {file.path for file in plan.dropped}
        expected = {path: content for path, content in (one | two | loose).items() if path not in dropped}
        assert set(read_index(root / "pack", manifest).entries) >= set(expected)
        unpack(root / "pack", root / "unpacked")
        for path, content in expected.items():
            target = root / "unpacked" / path
            assert (("->", target.readlink().as_posix()) if target.is_symlink() else target.read_bytes()) == content
        pack_of(root / "unpacked", root / "again")
        assert tree(root / "again") == tree(root / "pack")


class TestDamage:
    def test_every_flipped_file_is_found(self, pack, tmp_path):
        # The manifest vouches for all others, and nothing for the manifest: a licence in it may read otherwise.
        for number, path in enumerate(sorted(tree(pack).keys() - {"manifest.json"})):
            copy = shutil.copytree(pack, tmp_path / f"copy{number}")
            data = bytearray((copy / path).read_bytes())
            data[len(data) // 2] ^= 1
            (copy / path).write_bytes(data)
            with pytest.raises(ManifestError):
                unpack(copy, tmp_path / "out")
            assert not (tmp_path / "out").exists()

    def test_every_missing_or_truncated_file_is_named(self, pack, tmp_path):
        for number, path in enumerate(sorted(tree(pack))):
            copy = shutil.copytree(pack, tmp_path / f"copy{number}")
            # Two bytes: a manifest without its last newline is still whole.
            (copy / path).write_bytes((copy / path).read_bytes()[:-2])
            with pytest.raises(ManifestError) as caught:
                unpack(copy, tmp_path / "out")
            assert path in f"{caught.value.message} {dict(caught.value.context).get('file')}"
            (copy / path).unlink()
            with pytest.raises(ManifestError) as caught:
                unpack(copy, tmp_path / "out")
            assert path in caught.value.message


def forge(pack, *, entries=None, index=None, **changes):
    """Make the pack hold one archive of `entries` and that `index`, with hashes that are right."""
    manifest = read_manifest(pack)
    bodies = {entry.path: b"x" * entry.size for entry in entries}
    raw = build_tar(entries, lambda entry: bodies[entry.path])
    data = compress(raw, 1)
    archive = Archive(
        digest=sha256_of_bytes(raw),
        raw_size=len(raw),
        size=len(data),
        sha256=sha256_of_bytes(data),
        load="demand",
        packages={"numpy": len(entries)} if entries else {},
    )
    (pack / archive.path).write_bytes(data)
    if index is None:
        offsets, _ = tar_offsets(entries)
        index = {
            entry.path: IndexedLink(target=entry.link)
            if entry.link is not None
            else IndexedFile(size=entry.size, archive=0, offset=offset, executable=entry.executable)
            for entry, offset in zip(entries, offsets, strict=True)
        }
    text = encode_index(Index(entries=index, needed={})) if isinstance(index, dict) else index
    packed = compress(text, 1)
    file = IndexFile(digest=sha256_of_bytes(text), raw_size=len(text), size=len(packed), sha256=sha256_of_bytes(packed))
    (pack / file.path).write_bytes(packed)
    archives = changes.pop("archives", (archive,))
    forged = msgspec.structs.replace(manifest, archives=archives, index=file, **changes)
    (pack / "manifest.json").write_bytes(encode_manifest(forged))


class TestForgery:
    def test_a_file_that_is_in_the_index_only(self, pack, tmp_path):
        forge(pack, entries=[Entry(path="a", size=3)], index={"b": IndexedFile(size=0, archive=0, offset=0)})
        with pytest.raises(ManifestError, match="contradict each other about 'a'"):
            unpack(pack, tmp_path / "out")
        index = {
            "a": IndexedFile(size=3, archive=0, offset=512),
            "b": IndexedFile(size=0, archive=0, offset=0),
        }
        forge(pack, entries=[Entry(path="a", size=3)], index=index)
        with pytest.raises(ManifestError, match="'b' is in the index but in no archive"):
            unpack(pack, tmp_path / "out")

    @pytest.mark.parametrize(
        "entry",
        [
            IndexedFile(size=2, archive=0, offset=512),
            IndexedFile(size=3, archive=0, offset=513),
            IndexedFile(size=3, archive=0, offset=512, executable=True),
            IndexedLink(target="b"),
        ],
    )
    def test_an_index_that_tells_another_story_than_the_archive(self, pack, tmp_path, entry):
        forge(pack, entries=[Entry(path="a", size=3)], index={"a": entry})
        with pytest.raises(ManifestError, match="contradict each other about 'a'"):
            unpack(pack, tmp_path / "out")

    @pytest.mark.parametrize("path", ["../evil", "/evil", "a/../../evil"])
    def test_an_archive_that_leaves_the_output(self, pack, tmp_path, path):
        forge(pack, entries=[Entry(path=path, size=3)], index={})
        with pytest.raises(ManifestError, match="contradict each other"):
            unpack(pack, tmp_path / "out")
        assert not (tmp_path / "evil").exists()

    def test_an_index_that_leaves_the_output(self, pack, tmp_path):
        text = json.dumps({"format": "1.0", "needed": {}, "tree": {"..": {"evil": [3, 0, 512]}}}).encode()
        forge(pack, entries=[Entry(path="../evil", size=3)], index=text)
        with pytest.raises(ManifestError, match=r"the name '\.\.'"):
            unpack(pack, tmp_path / "out")
        assert not (tmp_path / "evil").exists()

    def test_a_kernel_file_that_would_overwrite_another(self, pack, tmp_path):
        forge(pack, entries=[Entry(path="bin/xtoy.js", size=3)])
        with pytest.raises(ManifestError, match=r"'bin/xtoy\.js' would lie on or below the file 'bin/xtoy\.js'"):
            unpack(pack, tmp_path / "out")

    def test_a_kernel_file_below_a_link(self, pack, tmp_path):
        forge(pack, entries=[Entry(path="bin", size=0, link="share")])
        with pytest.raises(ManifestError, match=r"'bin/xtoy\.js' would lie on or below the file 'bin'"):
            unpack(pack, tmp_path / "out")

    @pytest.mark.parametrize("path", ["conda-meta/python.json", "Conda-Meta/history", "CONDA-META", "conda-meta. /x"])
    @pytest.mark.parametrize("link", [None, "share"])
    def test_a_file_where_the_records_of_the_environment_are_to_lie(self, pack, tmp_path, path, link):
        forge(pack, entries=[Entry(path=path, size=0 if link else 3, link=link)])
        with pytest.raises(ManifestError, match=f"the pack has the file '{path}', where the records"):
            unpack(pack, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_a_kernels_file_where_the_records_of_the_environment_are_to_lie(self, pack, tmp_path):
        document = json.loads((pack / "manifest.json").read_bytes())
        document["kernels"][0]["files"][1]["source"] = "conda-meta/python-3.11.3-0.json"
        (pack / "manifest.json").write_text(json.dumps(document))
        with pytest.raises(ManifestError, match="the pack has the file 'conda-meta/python-3"):
            unpack(pack, tmp_path / "out")

    def test_an_archive_that_is_no_tar(self, pack, tmp_path):
        manifest = read_manifest(pack)
        raw = b"not a tar" * 100
        data = compress(raw, 1)
        archive = Archive(
            digest=sha256_of_bytes(raw),
            raw_size=len(raw),
            size=len(data),
            sha256=sha256_of_bytes(data),
            load="demand",
            packages={},
        )
        (pack / archive.path).write_bytes(data)
        forge(pack, entries=[], index={}, archives=(archive,))
        assert manifest.archives != (archive,)
        with pytest.raises(ManifestError, match="is not a tar"):
            unpack(pack, tmp_path / "out")

    def test_an_archive_with_fewer_entries_than_its_packages_have(self, pack, tmp_path):
        manifest = read_manifest(pack)
        counted = {"numpy": 1, "python": 99}
        mixed = msgspec.structs.replace(manifest.archives[0], packages=counted)
        changed = msgspec.structs.replace(manifest, archives=(mixed, *manifest.archives[1:]))
        (pack / "manifest.json").write_bytes(encode_manifest(changed))
        with pytest.raises(
            ManifestError, match=r"an archive has \d+ entries, fewer than the 100 that the manifest counts"
        ):
            unpack(pack, tmp_path / "out")

    def test_a_frame_that_promises_another_size(self, pack, tmp_path):
        manifest = read_manifest(pack)
        first = manifest.archives[0]
        raw = zstandard.ZstdDecompressor().decompress((pack / first.path).read_bytes())
        data = compress(raw + b"more", 1)
        (pack / first.path).write_bytes(data)
        changed = msgspec.structs.replace(first, size=len(data), sha256=sha256_of_bytes(data))
        forged = msgspec.structs.replace(manifest, archives=(changed, *manifest.archives[1:]))
        (pack / "manifest.json").write_bytes(encode_manifest(forged))
        with pytest.raises(ManifestError, match="is not the file that the manifest names"):
            unpack(pack, tmp_path / "out")

    def test_a_file_that_is_no_zstd(self, pack, tmp_path):
        manifest = read_manifest(pack)
        first = manifest.archives[0]
        (pack / first.path).write_bytes(b"plain")
        changed = msgspec.structs.replace(first, size=5, sha256=sha256_of_bytes(b"plain"))
        forged = msgspec.structs.replace(manifest, archives=(changed, *manifest.archives[1:]))
        (pack / "manifest.json").write_bytes(encode_manifest(forged))
        with pytest.raises(ManifestError, match="is not zstd"):
            unpack(pack, tmp_path / "out")

    def test_another_kernel_json_than_the_environments(self, pack, tmp_path):
        put(pack, "kernels/toy/kernel.json", "{}")
        with pytest.raises(ManifestError, match=r"'kernels/toy/kernel\.json' is not the file that the manifest names"):
            unpack(pack, tmp_path / "out")
        document = json.loads((pack / "manifest.json").read_bytes())
        digest = sha256_of_bytes(b"{}")
        document["kernels"][0]["files"][0] |= {"digest": digest, "sha256": digest, "size": 2, "raw_size": 2}
        (pack / "manifest.json").write_text(json.dumps(document))
        with pytest.raises(ManifestError, match=r"'kernels/toy/kernel\.json' is not the environment's"):
            unpack(pack, tmp_path / "out")


def test_an_output_that_is_not_empty_is_refused(pack, tmp_path):
    put(tmp_path, "out/x", "")
    with pytest.raises(PackError, match="exists and is not empty"):
        unpack(pack, tmp_path / "out")
    (tmp_path / "empty").mkdir()
    unpack(pack, tmp_path / "empty")
    assert (tmp_path / "empty/lib/python3.11/abc.py").exists()


def test_names_that_differ_in_case_only_are_an_error_where_they_are_one(prefix, tmp_path, monkeypatch):
    put(prefix, "share/Terminfo", "1")
    put(prefix, "share/terminfo", "2")
    pack_of(prefix, tmp_path / "pack")
    unpack(tmp_path / "pack", tmp_path / "out")
    assert (tmp_path / "out/share/Terminfo").read_text() == "1"

    # A file system that does not tell upper from lower case opens the existing file.
    original = Path.open

    def folding_open(self, mode="r", *arguments, **options):
        target = self.with_name(self.name.lower()) if "x" in mode and self.parent.name == "share" else self
        return original(target, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", folding_open)
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    with pytest.raises(PackError, match="two files of the environment have one name here") as caught:
        unpack(tmp_path / "pack", tmp_path / "out2")
    assert "upper from lower case" in caught.value.hint


_audited = []
_audit_below = []


def _audit(event, arguments):
    if not _audit_below:
        return
    if event == "os.symlink":
        _audited.append("link")
    elif event == "open" and str(arguments[0]).startswith(_audit_below[0]) and set(arguments[1] or "") & set("wxa"):
        _audited.append("write")


sys.addaudithook(_audit)  # It cannot be taken off again.


def test_links_come_last_so_that_nothing_is_written_through_one(pack, tmp_path):
    _audit_below.append(str(tmp_path))
    try:
        unpack(pack, tmp_path / "out")
    finally:
        _audit_below.clear()
    assert {"link", "write"} == set(_audited)
    assert _audited == sorted(_audited, key=["write", "link"].index)


def test_symbolic_links_to_folders_come_back(pack, tmp_path):
    unpack(pack, tmp_path / "out")
    assert (tmp_path / "out/lib64").readlink() == Path("lib")
    assert (tmp_path / "out/lib64/libblas.so.3").read_bytes().startswith(b"\0asm")
    assert (tmp_path / f"out/{SITE}/numpy/__init__.py").exists()
