from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from lite_env.cli.site import command
from lite_env.errors import SiteError
from lite_env.site import plan as plan_module
from tests.sites import make_pack, make_runtime


@pytest.fixture(autouse=True)
def runtime(tmp_path, monkeypatch):
    folder = make_runtime(tmp_path / "dist")
    monkeypatch.setattr(plan_module, "runtime_dir", lambda: folder)
    return folder


@pytest.fixture
def pack(tmp_path):
    return make_pack(tmp_path / "pack")


def run(*arguments):
    return CliRunner().invoke(command, list(map(str, arguments)), catch_exceptions=False)


def test_a_site_is_made_and_the_figures_are_on_stderr(pack, tmp_path):
    first = run(pack, "-o", tmp_path / "out")
    assert first.stdout == ""
    assert first.stderr.startswith("demo: ")
    assert ", 0 kept, 0 removed" in first.stderr
    assert (tmp_path / "out" / "index.html").is_file()
    assert "; 0 new (0.0 MB)," in run(pack, "-o", tmp_path / "out").stderr


def test_json_has_every_file(pack, tmp_path):
    answer = json.loads(run(pack, "-o", tmp_path / "out", "--json").stdout)
    assert answer["environments"] == ["demo"]
    assert answer["output"] == str(tmp_path / "out")
    assert answer["size"] == sum(file["size"] for file in answer["files"])
    for file in answer["files"]:
        assert (tmp_path / "out" / file["path"]).stat().st_size == file["size"]
        assert file["kept"] is False


def test_a_dry_run_says_what_it_would_do_and_does_nothing(pack, tmp_path):
    planned = run(pack, "-o", tmp_path / "out", "--dry-run")
    assert not (tmp_path / "out").exists()
    assert "write     0.00 MB  index.html" in planned.stdout.splitlines()
    run(pack, "-o", tmp_path / "out")
    other = make_pack(tmp_path / "other", name="other")
    lines = run(other, "-o", tmp_path / "out", "--dry-run", "--keep", "0").stdout.splitlines()
    assert "remove            packs/demo/manifest.json" in lines
    assert "keep      0.00 MB  .nojekyll" in lines
    assert json.loads(run(other, "-o", tmp_path / "out", "--dry-run", "--json", "--keep", "0").stdout)["removed"]
    assert (tmp_path / "out" / "packs" / "demo" / "manifest.json").is_file()


def test_the_options_reach_the_site(pack, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "CNAME").write_text("")
    arguments = (pack, "-o", tmp_path / "out", "--drive", "none", "--base", "/x/", "--no-isolation", "--no-snapshots")
    with pytest.raises(SiteError, match="is not empty"):
        run(*arguments)
    run(*arguments, "--force")
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert '"drive": {"kind": "none"}' in page
    assert '"snapshots": false' in page
    rules = (tmp_path / "out" / "_headers").read_text()
    assert rules.startswith("/x/*\n  X-Content-Type-Options")


def test_a_pack_and_a_folder_are_needed(pack):
    assert run("-o", "x").exit_code == 2
    assert run(pack).exit_code == 2


def test_what_is_not_needed_any_more_stays_as_long_as_is_said(pack, tmp_path, monkeypatch):
    other = make_pack(tmp_path / "other", name="other", content="y")
    manifest = tmp_path / "out" / "packs" / "demo" / "manifest.json"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(86400 * 20000))
    run(pack, "-o", tmp_path / "out")
    lines = run(other, "-o", tmp_path / "out", "--dry-run").stdout.splitlines()
    (line,) = [line for line in lines if "packs/demo/manifest.json" in line]
    assert line.startswith("stay      0.00 MB  packs/demo/manifest.json")
    assert line.endswith("until 2024-10-11T00:00:00Z")
    told = run(other, "-o", tmp_path / "out", "--keep", "1d", "--json")
    assert "of earlier builds (0.0 MB) stay until 2024-10-05T00:00:00Z at the latest" in told.stderr
    (old,) = [file for file in json.loads(told.stdout)["old"] if file["path"] == "packs/demo/manifest.json"]
    assert (old["since"], old["until"]) == ("2024-10-04T00:00:00Z", "2024-10-05T00:00:00Z")
    assert manifest.is_file()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(86400 * 20001 - 1))
    run(other, "-o", tmp_path / "out", "--keep", "1d")
    assert manifest.is_file()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(86400 * 20001))
    run(other, "-o", tmp_path / "out", "--keep", "1d")
    assert not manifest.exists()


def test_a_fresh_folder_and_the_list_of_uploads(pack, tmp_path):
    other = make_pack(tmp_path / "other", name="other", content="y")
    run(pack, "-o", tmp_path / "old")
    arguments = (other, "-o", tmp_path / "new", "--previous", tmp_path / "old")
    lines = run(*arguments, "--dry-run").stdout.splitlines()
    assert any(line.startswith("carry     0.00 MB  packs/demo/manifest.json  until ") for line in lines)
    assert not (tmp_path / "new").exists()
    answer = json.loads(run(*arguments, "--json", "--upload-list", tmp_path / "uploads.json").stdout)
    assert "packs/demo/manifest.json" in answer["carried"]
    assert (tmp_path / "new/packs/demo/manifest.json").is_file()
    assert len(json.loads((tmp_path / "uploads.json").read_text())["upload"]) == len(
        [path for path in (tmp_path / "new").rglob("*") if path.is_file()]
    )
    with pytest.raises(SiteError, match="would lie in the site"):
        run(*arguments, "--upload-list", tmp_path / "new" / "uploads.json")


@pytest.mark.parametrize(("keep", "code"), [("0", 0), ("7d", 0), ("90 min", 0), ("7", 2), ("-1d", 2), ("a week", 2)])
def test_how_long_is_written_as_times_are(pack, tmp_path, keep, code):
    assert run(pack, "-o", tmp_path / "out", "--keep", keep).exit_code == code


def test_what_is_to_stay_for_ever_is_refused(pack, tmp_path, monkeypatch):
    with pytest.raises(SiteError, match="cannot be kept for") as caught:
        run(pack, "-o", tmp_path / "out", "--keep", "9999w")
    assert "--keep" in caught.value.hint
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(SiteError, match="SOURCE_DATE_EPOCH is 'yesterday', which is no time"):
        run(pack, "-o", tmp_path / "out")
