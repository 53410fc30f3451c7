from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from lite_env.errors import ManifestError, SiteError
from lite_env.pack.reader import read_manifest
from lite_env.site import build as build_module
from lite_env.site.build import write_site
from lite_env.site.plan import SiteOptions, plan_site
from lite_env.site.record import RECORD
from lite_env.site.runtime import read_runtime
from tests.prefixes import Heard
from tests.sites import make_pack, make_runtime

if TYPE_CHECKING:
    from pathlib import Path


def build(packs, output, runtime, *, reporter=None, keep=0, **options):
    plan = plan_site(packs, output, SiteOptions(keep=keep, **options), runtime=runtime)
    write_site(plan, **({"reporter": reporter} if reporter else {}))
    return plan


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.fixture
def output(tmp_path):
    return tmp_path / "public"


def test_a_site_has_the_page_the_runtime_and_the_packs_as_they_are(pack, output, runtime):
    plan = build([pack], output, runtime)
    found = contents(output)
    digest = read_runtime(runtime).digest
    assert {path for path in found if "/" not in path} == {
        ".nojekyll",
        "_headers",
        "index.html",
        "lite-env-site.json",
        "sw.js",
    }
    assert {path.removeprefix("packs/demo/"): data for path, data in found.items() if path.startswith("packs/")} == (
        contents(pack)
    )
    assert found[f"runtime/{digest}/worker.js"] == b"// worker"
    assert len([path for path in found if path.startswith("runtime/")]) == 6
    assert set(found) - {RECORD} == {file.path for file in plan.files}
    assert plan.size == sum(len(data) for path, data in found.items() if path != RECORD)
    assert read_manifest(output / "packs" / "demo") == read_manifest(pack)


def test_several_packs_share_a_page(pack, tmp_path, output, runtime):
    other = make_pack(tmp_path / "other", name="my env", kernel="other", content="y", glue="var createXeusModule = 2;")
    plan = build([pack, other], output, runtime)
    assert plan.environments == ("demo", "my env")
    found = contents(output / "packs" / "my env")
    assert set(found) < set(contents(other))
    assert all(contents(other)[path] == data for path, data in found.items() if path != "manifest.json")
    assert b'"packs/my%20env/manifest.json"' in (output / "index.html").read_bytes()


def test_equal_input_gives_equal_bytes(pack, tmp_path, output, runtime):
    build([pack], output, runtime)
    os.utime(pack / "manifest.json", (0, 0))
    copied = shutil.copytree(pack, tmp_path / "elsewhere" / "copy")
    build([copied], tmp_path / "again", make_runtime(tmp_path / "elsewhere" / "dist"))
    assert contents(tmp_path / "again") == contents(output)


def test_options_are_followed(pack, output, runtime):
    build([pack], output, runtime, drive="none", base="/demo/", isolation=False)
    assert b'"drive": {"kind": "none"}' in (output / "index.html").read_bytes()
    rules = (output / "_headers").read_text()
    assert rules.startswith("/demo/*\n")
    assert "Cross-Origin" not in rules


def test_a_second_build_touches_nothing(pack, output, runtime):
    build([pack], output, runtime)
    before = {path: path.stat() for path in output.rglob("*")}
    plan = build([pack], output, runtime)
    assert plan.to_write == ()
    after = {path: path.stat() for path in output.rglob("*")}
    assert {path: (stat.st_ino, stat.st_mtime_ns) for path, stat in after.items()} == {
        path: (stat.st_ino, stat.st_mtime_ns) for path, stat in before.items()
    }


def test_a_new_build_takes_what_changed_and_removes_what_is_gone(pack, tmp_path, output, runtime):
    build([pack, make_pack(tmp_path / "gone", name="gone")], output, runtime)
    (output / "CNAME").write_text("example.org")
    (output / "packs" / "gone" / "mine.txt").write_text("not of a build")
    old = contents(output)
    changed = make_pack(tmp_path / "changed", name="demo", content="y")
    heard = Heard()
    plan = build([changed], output, make_runtime(tmp_path / "dist2", worker="// fixed"), reporter=heard)
    new = contents(output)
    assert contents(output / "packs" / "demo") == contents(changed)
    assert new.pop("CNAME") == b"example.org"
    assert new.pop("packs/gone/mine.txt") == b"not of a build"
    assert set(new) - {RECORD} == {file.path for file in plan.files}
    assert set(plan.stale) == set(old) - set(new) - {"CNAME", "packs/gone/mine.txt"}
    assert {"packs/gone/manifest.json"} < set(plan.stale)
    assert not (output / "packs" / "gone" / "archives").exists()
    assert len(list((output / "runtime").iterdir())) == 1
    assert not (output / "files").exists()
    assert "packs/demo/kernels/toy/kernel.json" in plan.kept
    assert heard.totals == {"writing the site": sum(file.size for file in plan.to_write)} == heard.done


def test_a_file_that_was_changed_by_hand_is_put_right(pack, output, runtime):
    build([pack], output, runtime)
    size = (output / "sw.js").stat().st_size
    (output / "sw.js").write_bytes(b"x" * size)
    plan = build([pack], output, runtime)
    assert [file.path for file in plan.to_write] == ["sw.js"]
    assert (output / "sw.js").read_bytes().startswith(b"self.liteEnvSite")


def test_what_names_others_comes_after_them(pack, output, runtime):
    plan = plan_site([pack], output, SiteOptions(), runtime=runtime)
    order = [file.path for file in plan.files]
    assert order[-2:] == ["index.html", "sw.js"]
    manifest = order.index("packs/demo/manifest.json")
    assert all(order.index(path) < manifest for path in order if path.startswith("packs/") and "manifest" not in path)
    assert max(order.index(path) for path in order if path.startswith("runtime/")) < order.index("index.html")


def test_an_interrupted_build_is_a_working_site_and_is_cleaned_up(pack, tmp_path, output, runtime, monkeypatch):
    build([pack], output, runtime)
    old = contents(output)
    changed = make_pack(tmp_path / "changed", content="y")
    real = build_module._write

    def interrupt(target, file, staging):
        if file.path.endswith("manifest.json"):
            raise KeyboardInterrupt
        real(target, file, staging)

    monkeypatch.setattr(build_module, "_write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        build([changed], output, make_runtime(tmp_path / "dist2", worker="// fixed"))
    assert {path: data for path, data in contents(output).items() if path in old and path != RECORD} == {
        path: data for path, data in old.items() if path != RECORD
    }
    monkeypatch.undo()
    build([pack], output, runtime)
    assert contents(output) == old


def test_a_dry_plan_writes_nothing(pack, output, runtime):
    plan_site([pack], output, SiteOptions(), runtime=runtime)
    assert not output.exists()


def test_a_folder_of_others_is_refused_and_with_force_left_alone(pack, output, runtime):
    output.mkdir()
    (output / "README.md").write_text("mine")
    with pytest.raises(
        SiteError, match=r"is not empty and was not made by `lite-env site`: it holds 'README\.md'"
    ) as e:
        build([pack], output, runtime)
    assert "--force" in e.value.hint
    assert [path.name for path in output.iterdir()] == ["README.md"]
    build([pack], output, runtime, force=True)
    assert (output / "README.md").read_text() == "mine"
    assert build([pack], output, runtime).to_write == ()


def test_an_empty_folder_is_taken(pack, output, runtime):
    output.mkdir()
    build([pack], output, runtime)
    assert (output / "index.html").is_file()


def test_a_file_is_no_folder(pack, output, runtime):
    output.write_text("")
    with pytest.raises(SiteError, match="is a file"):
        build([pack], output, runtime)


@pytest.mark.parametrize("place", ["pack", "pack/site", "."])
def test_site_and_pack_are_apart(pack, tmp_path, runtime, place):
    with pytest.raises(SiteError, match="lie in each other"):
        build([pack], tmp_path / place, runtime, force=True)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "is not UTF-8 text"),
        (b"{}", "generator"),
        (b'{"format": 2, "generator": "x", "build": "x", "files": {}}', "it has format 2, this lite-env knows 1"),
        *(
            (
                b'{"format": 1, "generator": "x", "build": "x", "files": {"%b": {"size": 1, "sha256": "x"}}}' % name,
                "names",
            )
            for name in (b"../x", b"/etc/passwd", b"a/../../x", b"")
        ),
    ],
)
def test_a_record_that_cannot_be_used_is_refused(pack, output, runtime, content, reason):
    build([pack], output, runtime)
    (output / RECORD).write_bytes(content)
    with pytest.raises(SiteError, match="the record of the last build cannot be used") as caught:
        build([pack], output, runtime)
    assert reason in f"{caught.value.message} {dict(caught.value.context)}"
    assert dict(caught.value.context)["file"] == str(output / RECORD)


@pytest.mark.skipif(os.name == "nt", reason="needs the right to make symbolic links")
def test_nothing_outside_is_removed(pack, tmp_path, output, runtime):
    build([pack, make_pack(tmp_path / "gone", name="gone")], output, runtime)
    outside = tmp_path / "outside"
    shutil.move(output / "packs" / "gone", outside)
    (output / "packs" / "gone").symlink_to(outside)
    before = contents(outside)
    build([pack], output, runtime)
    assert contents(outside) == before


@pytest.mark.parametrize("pattern", ["archives/*", "index-*", "kernels/toy/*.wasm.zst", "kernels/toy/kernel.json"])
def test_an_incomplete_pack_is_refused(pack, output, runtime, pattern):
    lost = next(pack.glob(pattern))
    lost.unlink()
    with pytest.raises(ManifestError, match=f"lacks '{lost.relative_to(pack).as_posix()}'"):
        build([pack], output, runtime)
    assert not output.exists()


def test_a_damaged_pack_is_refused_before_the_page_names_it(pack, output, runtime):
    archive = next(pack.glob("archives/*"))
    archive.write_bytes(archive.read_bytes()[:-1])
    with pytest.raises(SiteError, match="is not the file that was expected") as caught:
        build([pack], output, runtime)
    assert f"{archive.stat().st_size} bytes" in dict(caught.value.context)["found"]
    assert not (output / "index.html").exists()
    assert not (output / "packs" / "demo" / "archives" / archive.name).exists()


def test_a_folder_in_the_place_of_a_file_is_named(pack, output, runtime):
    (output / "sw.js").mkdir(parents=True)
    with pytest.raises(SiteError, match=r"sw\.js' cannot be written: Is a directory"):
        build([pack], output, runtime, force=True)


def test_the_record_tells_every_file(pack, output, runtime):
    plan = build([pack], output, runtime)
    record = json.loads((output / RECORD).read_bytes())
    assert record["build"] in (output / "sw.js").read_text()
    assert record["files"] == {file.path: {"sha256": file.sha256, "size": file.size} for file in plan.files}
