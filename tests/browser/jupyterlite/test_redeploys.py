"""A site that is deployed anew under an open tab: old and new are never mixed."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.browser.jupyterlite.applications import make_lite

pytestmark = [pytest.mark.browser, pytest.mark.network, pytest.mark.slow]


@pytest.fixture
def versions(numpy_pack, tmp_path):
    """The numpy environment, and another version of it: a variable is another one."""
    pack = shutil.copytree(numpy_pack, tmp_path / "changed")
    path = pack / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["environment"]["variables"] = {**manifest["environment"]["variables"], "VERSION": "new"}
    path.write_text(json.dumps(manifest), "utf-8")
    return numpy_pack, pack


SHOW = "import os; print(os.environ.get('VERSION', 'old'))"


@pytest.mark.parametrize(
    "config", [{}, {"enableServiceWorkerCache": "true"}], ids=["plain", "enableServiceWorkerCache"]
)
def test_an_open_tab_starts_kernels_of_what_is_deployed_now(versions, tmp_path, config, serve, lab):
    site = make_lite(tmp_path / "site", versions[0], config=config)
    found = lab(serve(site, isolated=False)).open().notebook("xpython")
    assert found.text(SHOW) == "old\n"
    make_lite(site, versions[1], config=config)
    assert found.text(SHOW) == "old\n"
    # A new kernel, of a page that was loaded before.
    found.notebook("xpython")
    assert found.text(SHOW) == "new\n"
    # A page that the cache may answer with what it was.
    found.open().notebook("xpython")
    assert found.text(SHOW) == "new\n"


def test_a_kernel_that_was_deployed_away_is_told_by_name(numpy_pack, lua_pack, tmp_path, serve, lab):
    site = make_lite(tmp_path / "site", numpy_pack)
    found = lab(serve(site)).open()
    make_lite(site, lua_pack)
    error = found.notebook("xpython").run("1").error
    assert error["ename"] == "Redeployed"
    assert "xpython" in error["evalue"]
    assert "reload the page" in "".join(error["traceback"])
