from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime

import pytest

from lite_env.errors import SiteError
from lite_env.site.build import write_site
from lite_env.site.jupyterlite import (
    FOLDERS,
    RECORD_PATH,
    LiteSiteOptions,
    clear_lite_site,
    plan_lite_site,
    read_lite_site,
)
from lite_env.site.lite_kernels import LiteNote
from lite_env.site.plan import made_file
from lite_env.site.previous import read_previous

START = datetime(2026, 11, 27, tzinfo=UTC)


@pytest.fixture
def output(tmp_path):
    """A site of JupyterLite, as far as it concerns us."""
    folder = tmp_path / "_output"
    (folder / "extensions" / "theme").mkdir(parents=True)
    (folder / "extensions" / "theme" / "package.json").write_text("{}")
    (folder / "index.html").write_text("JupyterLite")
    return folder


def write(packs, output, runtime, *, locks=None, keep=0, **options):
    plan = plan_lite_site(packs, output, LiteSiteOptions(keep=keep, **options), locks=locks, runtime=runtime)
    write_site(plan)
    return plan


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_site_gets_an_extension_and_one_folder(made_packs, output, runtime):
    before = tree(output)
    write([made_packs["demo"]], output, runtime, locks={"demo": b"{}\n"})
    added = set(tree(output)) - set(before)
    assert {path.split("/")[0] for path in added} == {"extensions", "lite-env"}
    assert {path for path in added if path.startswith("extensions/")} >= {"extensions/@lite-env/kernels/package.json"}
    assert {"lite-env/api/packs/demo/manifest.json", "lite-env/api/packs/demo/lock.json"} <= added
    assert not [path for path in added if path.endswith(("page.js", "page.css", "remoteEntry.js", "index.html"))]
    site = read_lite_site(output)
    assert [kernel.manifest for kernel in site.kernels] == ["api/packs/demo/manifest.json"]
    assert (output / "lite-env" / site.runtime / "worker.js").is_file()
    assert before.items() <= tree(output).items()


def test_what_packs_have_in_common_lies_once_on_the_site(made_packs, output, runtime):
    write(list(made_packs.values()), output, runtime)
    manifests = [output / "lite-env/api/packs" / name / "manifest.json" for name in made_packs]
    shared = [json.loads(path.read_text())["shared"] for path in manifests]
    assert shared[0] == shared[1]
    for path in shared[0].values():
        assert (manifests[0].parent / path).resolve().parent == (output / "lite-env/api/files").resolve()
        assert (manifests[0].parent / path).is_file()


def test_equal_packs_make_equal_trees(made_packs, output, runtime, tmp_path):
    other = shutil.copytree(output, tmp_path / "other" / "site")
    for folder in (output, other):
        write([made_packs["demo"]], folder, runtime, notes=(LiteNote(text="something"),))
    assert tree(output) == tree(other)


def test_the_next_build_removes_what_it_has_not_and_nothing_else(made_packs, output, runtime):
    write(list(made_packs.values()), output, runtime)
    (output / "lite-env" / "mine.txt").write_text("not ours")
    plan = write([made_packs["demo"]], output, runtime)
    assert "lite-env/api/packs/my env/manifest.json" in plan.stale
    assert not (output / "lite-env/api/packs/my env").exists()
    assert (output / "lite-env" / "mine.txt").read_text() == "not ours"


def test_clearing_gives_back_the_site_that_was_there(made_packs, output, runtime):
    before = tree(output)
    assert not clear_lite_site(output)
    write([made_packs["demo"]], output, runtime)
    assert clear_lite_site(output)
    assert tree(output) == before
    assert not (output / "lite-env").exists()
    assert not (output / "extensions" / "@lite-env").exists()


def test_notes_are_told_by_the_site(made_packs, output, runtime):
    write([made_packs["demo"]], output, runtime, notes=(LiteNote(text="<b>seen</b>"),))
    assert json.loads((output / "lite-env/notes.json").read_text()) == [{"level": "warning", "text": "<b>seen</b>"}]
    assert read_lite_site(output).notes[0].text == "<b>seen</b>"


def test_a_pack_inside_the_site_is_refused(made_packs, output, runtime):
    pack = shutil.copytree(made_packs["demo"], output / "pack")
    with pytest.raises(SiteError, match="lie in each other"):
        plan_lite_site([pack], output, LiteSiteOptions(), runtime=runtime)


def test_who_came_before_finds_all_in_place_and_in_a_fresh_folder(made_packs, output, runtime, tmp_path):
    """But for what builds look for: by that an extension that is gone would be taken for one that is there."""

    def lab(version):
        return [
            made_file(f"extensions/{name}/{path}", version.encode())
            for name in ("lab", "own")
            for path in ("package.json", f"static/{version}.js")
        ]

    def site(folder, packs, version, **options):
        plan = plan_lite_site(
            [made_packs[name] for name in packs],
            folder,
            LiteSiteOptions(),
            beside=lab(version) if version else [],
            runtime=runtime,
            at_once=lambda path: path.endswith("/package.json") or path.startswith("extensions/own/"),
            now=START,
            **options,
        )
        return write_site(plan)

    site(output, ["demo", "my env"], "one")
    shutil.copytree(output, tmp_path / "deployed")
    before = tree(output)
    here = site(output, ["demo"], None)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    there = site(fresh, ["demo"], None, previous=read_previous(str(tmp_path / "deployed"), RECORD_PATH, FOLDERS))
    assert here.record == there.record
    old = set(here.record.old)
    assert {"lite-env/api/packs/my env/manifest.json", "extensions/lab/static/one.js"} < old
    assert [path for path in old if path.endswith("package.json") or "/own/" in path] == []
    assert any("static/remoteEntry." in path for path in old)
    for path in old:
        assert tree(output)[path] == tree(fresh)[path] == before[path]
    assert not (output / "extensions" / "own").exists()
    assert not (output / "extensions" / "lab" / "package.json").exists()
