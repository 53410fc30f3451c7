"""A site is deployed anew under open pages: they go on, with files of the old deployment or with the new manifest."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import replace

import pytest

from lite_env.bootstrap import runtime_dir
from lite_env.site.build import make_site
from lite_env.site.plan import FOLDERS, SiteOptions
from lite_env.site.previous import read_previous
from lite_env.site.record import RECORD

pytestmark = [pytest.mark.browser]

UNTRACED = "import tomllib; print('there')"
NUMPY = "import numpy; print(numpy.arange(3) * 2)"


@pytest.fixture(scope="module")
def changed(numpy_pack, tmp_path_factory):
    """The numpy environment with a variable more."""
    pack = shutil.copytree(numpy_pack, tmp_path_factory.mktemp("changed") / "pack")
    path = pack / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["environment"]["variables"] = {**manifest["environment"]["variables"], "VERSION": "new"}
    path.write_text(json.dumps(manifest), "utf-8")
    return pack


@pytest.fixture
def deploy(numpy_pack, lua_pack, changed, tmp_path_factory):
    """Make a site of packs by their names; `new` is another version of the browser runtime, under a name of its own."""
    packs = {"numpy": numpy_pack, "lua": lua_pack, "changed": changed}
    other = shutil.copytree(runtime_dir(), tmp_path_factory.mktemp("other") / "dist")
    with (other / "page.css").open("a") as style:
        style.write("\n/* another version */\n")

    def make(site, *names, new=False, previous=None, **options):
        chosen = [packs[name] for name in names]
        runtime = other if new else runtime_dir()
        return make_site(chosen, site, SiteOptions(**options), runtime=runtime, previous=previous)

    return make


@pytest.mark.slow
@pytest.mark.parametrize("way", ["in place", "fresh folder"])
def test_a_page_of_before_starts_and_imports_when_its_environment_is_gone(way, deploy, tmp_path, serve, console):
    old, new = tmp_path / "old", tmp_path / "new"
    deploy(old, "numpy")
    server = serve(old)
    # The page is there, and waits for its manifest until the other one is deployed.
    deployed = threading.Event()

    def late(answer):
        assert deployed.wait(60)
        return replace(answer, body=(server.folder / "packs" / "numpy-demo" / "manifest.json").read_bytes())

    server.faults["packs/numpy-demo/manifest.json"] = late
    console.open(server.url, ready=False)
    console.until(lambda: any(path.endswith("/worker.js") for path in server.requests))
    if way == "in place":
        plan = deploy(old, "lua", new=True)
    else:
        previous = read_previous(serve(old).url, RECORD, FOLDERS)
        plan = deploy(new, "lua", new=True, previous=previous)
        server.folder = new
    server.requests.clear()
    deployed.set()
    console.ready()
    assert console.text(NUMPY).strip() == "[0 2 4]"
    assert console.text(UNTRACED).strip() == "there"
    assert console.problems() == []
    asked = {path.lstrip("/") for path in server.requests}
    assert len([path for path in asked if path in plan.record.old and path.endswith(".tar.zst")]) > 2
    # Who comes now gets the new one.
    console.page.goto("about:blank")
    console.open(server.url)
    assert console.text("print(6 * 7)").strip() == "42"


def test_without_keeping_such_a_page_says_that_a_newer_version_was_deployed(deploy, tmp_path, serve, console):
    site = tmp_path / "site"
    deploy(site, "numpy")
    console.open(serve(site).url)
    deploy(site, "lua", new=True, keep=0)
    assert console.execute(UNTRACED)["status"] == "error"
    assert "not deployed here any more" in console.problem("Redeployed")["reason"]


def test_a_page_of_before_starts_what_the_new_manifest_says(deploy, tmp_path, serve, console):
    site = tmp_path / "site"
    deploy(site, "numpy")
    server = serve(site)
    page = (site / "index.html").read_bytes()
    deploy(site, "lua", "changed", new=True)
    # As a host's cache has it for some minutes.
    server.faults["index.html"] = lambda answer: replace(answer, body=page)
    console.open(server.url)
    assert console.text("import os; print(os.environ['VERSION'])").strip() == "new"
    assert console.text(NUMPY).strip() == "[0 2 4]"
    assert console.problems() == []
