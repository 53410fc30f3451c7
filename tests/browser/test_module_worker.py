"""A kernel that wants a worker of modules, on the page with one that wants a classic worker, in a real Chromium."""

from __future__ import annotations

import sys

import pytest

from lite_env.pack.reader import read_manifest
from tests.browser.conftest import make_site
from tests.packing import pack_as_module

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]
OTHER = {"classic": "module", "module": "classic"}
NOTE_WORKERS = """
globalThis.made = [];
const Real = Worker;
globalThis.Worker = class extends Real {
  constructor(url, options) {
    super(url, options);
    made.push(options?.type ?? 'classic');
  }
};
"""


@pytest.fixture(scope="module")
def module_pack(lua_pack, tmp_path_factory):
    return pack_as_module(lua_pack, "bin/xlua.js", tmp_path_factory.mktemp("module"))


def test_each_kernel_gets_the_worker_that_its_manifest_says(console, serve, lua_pack, module_pack, tmp_path):
    server = serve(make_site(tmp_path / "site", lua_pack, module_pack, drive="none"))
    console.page.add_init_script(NOTE_WORKERS)
    for pack, kind in ((module_pack, "module"), (lua_pack, "classic")):
        name = read_manifest(pack).environment.name
        console.page.goto("about:blank")
        console.open(f"{server.url}#{name}/xlua")
        assert console.page.evaluate("made") == [kind]
        assert console.text("print(6 * 7)").strip() == "42"
        console.page.get_by_role("button", name="Restart").click()
        console.page.wait_for_function("() => made.length === 2")
        console.ready()
        assert console.page.evaluate("made") == [kind, kind]
        assert console.problems() == []


@pytest.fixture(params=["classic", "module"])
def meant(request):
    """What the manifest says."""
    return request.param


@pytest.fixture
def told(meant, lua_pack, module_pack, tmp_path):
    """A site whose page says the other kind."""
    site = make_site(tmp_path / "site", {"classic": lua_pack, "module": module_pack}[meant], drive="none")
    page = site / "index.html"
    said = page.read_text().replace(f'"worker": "{meant}"', f'"worker": "{OTHER[meant]}"')
    assert said != page.read_text()
    page.write_text(said)
    return site


def test_a_page_that_says_another_kind_than_the_manifest_is_named(console, serve, told, meant):
    console.open(serve(told).url, ready=False)
    problem = console.problem("WorkerMismatch")
    assert problem["reason"] == f'the kernel "xlua" needs a {meant} worker, this one is {OTHER[meant]}'
    assert problem["file"] == "manifest.json"
    assert "make the site again" in problem["hint"]
