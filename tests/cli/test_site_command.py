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
    arguments = (pack, "-o", tmp_path / "out", "--drive", "none", "--base", "/x/", "--no-isolation")
    with pytest.raises(SiteError, match="is not empty"):
        run(*arguments)
    run(*arguments, "--force")
    assert '"drive": {"kind": "none"}' in (tmp_path / "out" / "index.html").read_text("utf-8")
    rules = (tmp_path / "out" / "_headers").read_text()
    assert rules.startswith("/x/*\n  X-Content-Type-Options")


def test_a_pack_and_a_folder_are_needed(pack):
    assert run("-o", "x").exit_code == 2
    assert run(pack).exit_code == 2
