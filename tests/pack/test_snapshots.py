"""Snapshots in a pack, from who makes them to who reads the pack; what real ones do is in tests/host."""

from __future__ import annotations

import json

import pytest

from lite_env.errors import ManifestError
from lite_env.host.files import content_type
from lite_env.pack.plan import plan_pack
from lite_env.pack.reader import MANIFEST, read_content, read_manifest
from lite_env.pack.restore import unpack
from lite_env.pack.snapshots import MadeSnapshot
from lite_env.pack.writer import encode_manifest, write_pack
from lite_env.prefix.reader import read_prefix
from lite_env.site.build import make_site
from lite_env.site.headers import IMMUTABLE, cache_control
from lite_env.site.plan import SiteOptions
from lite_env.store.digest import sha256_of_file
from tests.prefixes import kernel_package, make_prefix
from tests.sites import make_runtime

BYTES = b"lite-env snp" * 1000


class Maker:
    """Makes the same of every kernel, and sees what it is made of."""

    def __init__(self) -> None:
        self.seen = b""

    def make(self, pack, manifest):
        self.seen = (pack / MANIFEST).read_bytes()
        return {kernel.name: MadeSnapshot(raw=BYTES, archives=(0,)) for kernel in manifest.kernels}


def make_pack(folder, *, maker=None, name=None):
    make_prefix(folder / "prefix", kernel_package())
    plan = plan_pack(read_prefix(folder / "prefix"), name=name, level=1)
    write_pack(plan, folder / "pack", snapshots=maker)
    return folder / "pack"


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def pack(tmp_path):
    return make_pack(tmp_path, maker=Maker())


def test_it_is_a_file_of_the_pack_and_all_else_is_as_it_was(pack, tmp_path):
    maker = Maker()
    again = make_pack(tmp_path / "again", maker=maker, name="prefix")
    plain = make_pack(tmp_path / "plain", name="prefix")
    assert files_of(again) == files_of(pack)
    assert maker.seen == (plain / MANIFEST).read_bytes()
    manifest = read_manifest(pack)
    (snapshot,) = manifest.snapshots
    assert read_content(pack, snapshot) == BYTES
    assert snapshot in manifest.contents
    assert files_of(pack).keys() - files_of(plain).keys() == {snapshot.path}
    assert {name for name, data in files_of(plain).items() if files_of(pack)[name] != data} == {MANIFEST}
    assert manifest.total_size == read_manifest(plain).total_size + snapshot.size
    # A restore of it reads one archive, of which its start counts the bytes.
    (kernel,) = manifest.kernels
    assert kernel.loaded == snapshot.archives == (0,)
    own = manifest.index.size + sum(file.size for file in kernel.binaries)
    assert manifest.start_size(kernel) == own + snapshot.size + manifest.archives[0].size
    assert (manifest.format, read_manifest(plain).format) == ("2.1", "2.0")


def test_what_is_read_is_written_again(pack):
    assert encode_manifest(read_manifest(pack)) == (pack / MANIFEST).read_bytes()


def test_unpacking_passes_over_it(pack, tmp_path):
    unpack(pack, tmp_path / "out")
    write_pack(plan_pack(read_prefix(tmp_path / "out"), name="prefix", level=1), tmp_path / "other")
    plain = make_pack(tmp_path / "plain", name="prefix")
    assert files_of(tmp_path / "other") == files_of(plain)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("path", "kernels/toy/snapshot.zst", "which is not that of its digest"),
        ("path", "../snapshot-0.zst", "which is not that of its digest"),
        ("digest", "x", "digest is not a SHA-256"),
        ("sha256", "x", "sha256 is not a SHA-256"),
        ("raw_size", 1 << 40, "has impossible sizes"),
        ("size", 0, "has impossible sizes"),
        ("size", "1", "malformed"),
        ("archives", [0, 9], "names an archive that is not there"),
        ("archives", [0, 0], "is not in order"),
    ],
)
def test_what_cannot_be_is_refused(pack, key, value, reason):
    document = json.loads((pack / MANIFEST).read_bytes())
    document["kernels"][0]["snapshot"][key] = value
    (pack / MANIFEST).write_text(json.dumps(document))
    with pytest.raises(ManifestError, match=reason):
        read_manifest(pack)


def test_a_site_has_it_and_packs_share_it(tmp_path):
    runtime = make_runtime(tmp_path / "dist")
    packs = [make_pack(tmp_path / name, maker=Maker(), name=name) for name in ("one", "two")]
    public = tmp_path / "public"
    make_site(packs, public, SiteOptions(), runtime=runtime)
    document = json.loads((public / "packs/one" / MANIFEST).read_bytes())
    snapshot = document["kernels"][0]["snapshot"]
    assert document["format"] == "2.1"
    place = public / "packs/one" / document["shared"][snapshot["path"]]
    assert sha256_of_file(place) == snapshot["sha256"]
    assert len(list(public.rglob("*snapshot-*"))) == 0
    make_site(packs[:1], tmp_path / "single", SiteOptions(), runtime=runtime)
    path = f"packs/one/{snapshot['path']}"
    assert (tmp_path / "single" / path).is_file()
    assert cache_control(path) == IMMUTABLE
    assert content_type(path) == "application/zstd"
