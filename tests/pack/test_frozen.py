"""Packs of every released version of the format, as they were written then: each later reader must read them."""

from __future__ import annotations

import json

import pytest

from lite_env.pack.archive import compressor_version
from lite_env.pack.index import IndexedFile
from lite_env.pack.manifest import FORMAT
from lite_env.pack.owners import read_owners
from lite_env.pack.plan import plan_pack
from lite_env.pack.reader import read_content, read_index, read_manifest
from lite_env.pack.restore import unpack
from lite_env.pack.writer import write_pack
from lite_env.prefix.reader import read_prefix
from lite_env.site.build import write_site
from lite_env.site.plan import SiteOptions, plan_site
from lite_env.store.digest import sha256_of_bytes, sha256_of_file
from tests.frozen import ACCENTS, ENVIRONMENTS, LONG, PACKS
from tests.prefixes import SITE
from tests.sites import make_runtime

FROZEN = [pytest.param(pack, id=f"{pack.parent.name} {pack.name}") for pack in sorted(PACKS.glob("*/*/"))]


def files_of(pack):
    return json.loads(pack.with_name(f"{pack.name}.files.json").read_text("utf-8"))


def found_at(folder):
    return {
        path.relative_to(folder).as_posix(): {"link": path.readlink().as_posix()}
        if path.is_symlink()
        else sha256_of_file(path)
        for path in folder.rglob("*")
        if (path.is_symlink() or path.is_file()) and "conda-meta" not in path.parts
    }


def test_there_are_packs_of_each_environment_in_each_format():
    formats = {pack.parent.name for pack in PACKS.glob("*/*/")}
    assert formats >= {"1.0", FORMAT}
    # What format 1.0 could not say is not among its packs.
    expected = {(version, name) for version in formats for name in ENVIRONMENTS} - {("1.0", "kernels")}
    assert {(pack.parent.name, pack.name) for pack in PACKS.glob("*/*/")} == expected
    for pack in PACKS.glob("*/*/"):
        assert read_manifest(pack).format == pack.parent.name


def test_of_several_kernels_each_loads_its_own():
    pack = PACKS / "2.0" / "kernels"
    manifest = read_manifest(pack)
    lua, raw, python = manifest.kernels  # in the order of their paths
    assert manifest.requires == ("kernel-starts",)
    assert [kernel.start.all for kernel in (lua, python, raw)] == [(), (0, 1, 2), (0, 2)]
    assert manifest.imports["json"] == (1, 3)
    assert python.binaries == raw.binaries
    assert (lua.runtime.python, python.runtime.python) == (None, "3.11.3")


@pytest.mark.parametrize("pack", FROZEN)
def test_every_file_is_read(pack):
    manifest = read_manifest(pack)
    assert manifest.environment.name == pack.name
    expected = files_of(pack)
    for path, entry in read_index(pack, manifest).entries.items():
        if isinstance(entry, IndexedFile):
            raw = read_content(pack, manifest.archives[entry.archive])
            content = raw[entry.offset : entry.offset + entry.size]
            if not path.endswith(".pyc"):
                assert sha256_of_bytes(content) == expected[path]
            else:
                assert content.startswith(b"compiled ")
        else:
            assert entry.target == expected[path]["link"]
    for file in manifest.binaries:
        assert sha256_of_bytes(read_content(pack, file)) == expected[file.source]
    owners = read_owners(pack, manifest)
    if pack.name == "python":
        assert (owners[ACCENTS], owners[f"share/{LONG}"]) == ("numpy", "numpy")
        assert owners[f"{SITE}/pipped/__init__.py"] is None


@pytest.mark.parametrize("pack", FROZEN)
def test_it_is_unpacked(pack, tmp_path):
    unpack(pack, tmp_path / "out")
    assert found_at(tmp_path / "out") == files_of(pack)
    executable = [path.name for path in (tmp_path / "out").rglob("*") if path.is_file() and path.stat().st_mode & 0o111]
    assert executable == (["run.sh"] if pack.name == "python" else [])


@pytest.mark.parametrize("pack", FROZEN)
def test_the_writer_of_today_makes_the_same_archives_and_index(pack, tmp_path):
    frozen = ENVIRONMENTS[pack.name]
    prefix = read_prefix(frozen.make(tmp_path / pack.name))
    plan = plan_pack(prefix, name=pack.name, profile=frozen.profile, bytecode=frozen.bytecode)
    before, after = read_manifest(pack), write_pack(plan, tmp_path / "pack")
    assert [(item.path, item.raw_size) for item in after.archives] == [
        (item.path, item.raw_size) for item in before.archives
    ]
    assert [(item.load, item.packages) for item in after.archives] == [
        (item.load, item.packages) for item in before.archives
    ]
    assert (after.index.path, after.imports, after.profile) == (before.index.path, before.imports, before.profile)
    if f"zstd {compressor_version()}," in before.generator:
        assert (after.archives, after.index) == (before.archives, before.index)


@pytest.mark.parametrize("pack", FROZEN)
def test_a_site_serves_it(pack, tmp_path):
    runtime = make_runtime(tmp_path / "runtime")
    write_site(plan_site([pack], tmp_path / "site", SiteOptions(), runtime=runtime))
    served = tmp_path / "site" / "packs" / pack.name
    assert read_manifest(served) == read_manifest(pack)
    assert {path.relative_to(served) for path in served.rglob("*")} == {
        path.relative_to(pack) for path in pack.rglob("*")
    }
