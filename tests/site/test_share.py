from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lite_env.errors import ManifestError
from lite_env.pack.plan import plan_pack
from lite_env.pack.reader import parse_manifest, read_manifest
from lite_env.pack.writer import write_pack
from lite_env.prefix.reader import read_prefix
from lite_env.site.build import make_site
from lite_env.site.plan import SiteOptions
from lite_env.store.digest import sha256_of_file
from tests.prefixes import kernel_package, make_prefix
from tests.sites import make_pack

FROZEN = Path(__file__).parents[1] / "packs" / "1.0"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def site(tmp_path, runtime, *packs):
    make_site(packs, tmp_path / "public", SiteOptions(keep=0), runtime=runtime)
    return tmp_path / "public"


def manifest_on(public: Path, name: str) -> dict:
    return json.loads((public / "packs" / name / "manifest.json").read_bytes())


def check(public: Path, pack: Path) -> set[str]:
    """Each file that the site's copy of the pack's manifest names is there, and the right one; which are shared."""
    name = read_manifest(pack).environment.name
    document = manifest_on(public, name)
    shared = document.pop("shared", {})
    assert ("shared-files" in document["requires"]) is bool(shared)
    document["requires"] = [feature for feature in document["requires"] if feature != "shared-files"]
    manifest = parse_manifest(json.dumps(document).encode(), lambda path: (pack / path).read_bytes())
    for item in manifest.contents:
        place = (public / "packs" / name / shared.get(item.path, item.path)).resolve()
        assert (place.stat().st_size, sha256_of_file(place)) == (item.size, item.sha256)
        if item.path in shared:
            assert place.parent == (public / "files").resolve()
            assert place.name.startswith(item.sha256)
            assert not (public / "packs" / name / item.path).exists()
    assert {item.digest for item in manifest.contents} == {item.digest for item in read_manifest(pack).contents}
    return set(shared)


def test_what_two_packs_have_in_common_lies_once(tmp_path, runtime):
    one = make_pack(tmp_path / "one", name="one", order="packages")
    two = make_pack(tmp_path / "two", name="two", order="packages", content="other", glue="var createXeusModule = 2;")
    before = contents(one), contents(two)
    public = site(tmp_path, runtime, one, two)
    shared = check(public, one)
    assert shared == check(public, two)
    assert {path.partition("/")[0] for path in shared} == {"archives", "kernels"}
    # The package `xeus-toy` as a whole, the wasm and the logo; not the scripts, which differ, and not kernel.json.
    assert sorted(path.partition(".")[2] for path in shared) == ["png", "tar.zst", "wasm.zst"]
    assert len(list((public / "files").iterdir())) == 3
    assert (public / "packs" / "two" / "kernels" / "toy" / "kernel.json").is_file()
    assert (contents(one), contents(two)) == before


def test_equal_packs_of_two_names_lie_once_whatever_their_order(tmp_path, runtime):
    packs = [make_pack(tmp_path / name, name=name) for name in ("one", "two", "three")]
    public = site(tmp_path, runtime, *packs)
    for pack in packs:
        check(public, pack)
    assert len(contents(public / "packs")) == 2 * len(packs)
    (tmp_path / "again").mkdir()
    again = site(tmp_path / "again", runtime, *reversed(packs))
    assert contents(again / "files") == contents(public / "files")
    assert contents(again / "packs") == contents(public / "packs")


def test_how_hard_a_pack_was_compressed_does_not_keep_it_apart(tmp_path, runtime):
    text = "".join(f"line {number % 97} of a text that gets smaller\n" for number in range(9000))
    fast = make_pack(tmp_path / "fast", name="fast", content=text, level=1)
    hard = make_pack(tmp_path / "hard", name="hard", content=text, level=19)
    archive = next((hard / "archives").iterdir())
    assert archive.stat().st_size < (fast / "archives" / archive.name).stat().st_size
    public = site(tmp_path, runtime, fast, hard)
    assert f"archives/{archive.name}" in check(public, fast) & check(public, hard)
    assert (public / "files" / f"{sha256_of_file(archive)}.tar.zst").is_file()
    assert len(list((public / "files").glob("*.tar.zst"))) == len(list((hard / "archives").iterdir()))


def test_a_pack_that_shares_nothing_is_as_it_is(tmp_path, runtime):
    one = make_pack(tmp_path / "one", name="one")
    public = site(tmp_path, runtime, one)
    assert contents(public / "packs" / "one") == contents(one)
    assert not (public / "files").exists()


def test_a_pack_of_an_earlier_format_shares_too(tmp_path, runtime):
    old = FROZEN / "lua"
    other = shutil.copytree(old, tmp_path / "other")
    name = read_manifest(old).environment.name
    manifest = (other / "manifest.json").read_text("utf-8")
    (other / "manifest.json").write_text(manifest.replace(f'"name": "{name}"', '"name": "other"', 1), "utf-8")
    assert read_manifest(other).environment.name == "other"
    public = site(tmp_path, runtime, old, other)
    assert check(public, old) == check(public, other) != set()
    assert manifest_on(public, name)["format"].startswith("2.")


def test_rules_for_hosts_know_the_folder(tmp_path, runtime):
    packs = [make_pack(tmp_path / name, name=name) for name in ("one", "two")]
    rules = (site(tmp_path, runtime, *packs) / "_headers").read_text()
    assert "/files/*\n  Cache-Control: public, max-age=31536000, immutable\n" in rules
    assert "/packs/one/" not in rules


@pytest.mark.parametrize("again", [read_manifest, lambda pack: make_site([pack], pack / "x", SiteOptions())])
def test_a_sites_copy_is_no_pack(tmp_path, runtime, again):
    packs = [make_pack(tmp_path / name, name=name) for name in ("one", "two")]
    public = site(tmp_path, runtime, *packs)
    with pytest.raises(ManifestError, match="this is a site's copy of a pack") as caught:
        again(public / "packs" / "one")
    assert caught.value.hint == "use the pack that the site was made of"


def test_what_is_no_longer_shared_comes_back_to_its_pack(tmp_path, runtime):
    packs = [make_pack(tmp_path / name, name=name) for name in ("one", "two")]
    site(tmp_path, runtime, *packs)
    public = site(tmp_path, runtime, packs[0])
    assert contents(public / "packs" / "one") == contents(packs[0])
    assert not (public / "files").exists()


@pytest.mark.parametrize("name", ["logo-svg", "logo-x.a_b", "logo-x.\N{SNOWMAN}"])
def test_a_file_whose_name_a_reader_would_refuse_stays_in_its_pack(tmp_path, runtime, name):
    packs = []
    for pack in ("one", "two"):
        toy = kernel_package()
        logo = {f"share/jupyter/kernels/toy/{name}": b"picture"}
        prefix = make_prefix(tmp_path / f"{pack}-prefix", replace(toy, files={**toy.files, **logo}))
        write_pack(plan_pack(read_prefix(prefix), name=pack, level=1), tmp_path / pack)
        packs.append(tmp_path / pack)
    public = site(tmp_path, runtime, *packs)
    assert check(public, packs[0]) == check(public, packs[1]) != set()
    assert all(re.fullmatch(r"[0-9a-f]{64}(\.[A-Za-z0-9]+){1,2}", path.name) for path in (public / "files").iterdir())
