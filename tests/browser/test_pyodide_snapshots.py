"""Snapshots of Pyodide's kernels on the page, in two generations, and with a module that brings many libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lite_env.pack.reader import read_manifest
from tests.browser.conftest import make_site
from tests.browser.test_snapshots_in_chromium import KEPT, RESTORED, SHIPPED, Watched
from tests.host.test_pyodide_preload import with_preload

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CELLS = {
    "import sqlite3; print(sqlite3.connect(':memory:').execute('select 1 + 1').fetchall())": "[(2,)]\n",
    "import js; print(await js.Promise.resolve(js.eval('6 * 7')))": "42\n",
    "open('x.txt', 'w').write('there'); print(open('x.txt').read())": "there\n",
}


@pytest.fixture(scope="module")
def sites(tmp_path_factory, pyodide_packs) -> list[Path]:
    return [make_site(tmp_path_factory.mktemp("pyodide") / "site", pack) for pack in pyodide_packs]


@pytest.fixture(scope="module")
def pandas_site(tmp_path_factory, science_pack) -> Path:
    pack = with_preload(science_pack, tmp_path_factory.mktemp("pandas") / "pack", "pandas")
    return make_site(tmp_path_factory.mktemp("pandas") / "site", pack)


@pytest.fixture
def watched(context: BrowserContext) -> Watched:
    return Watched(context)


@pytest.mark.parametrize("generation", [0, 1], ids=["0.27", "314"])
def test_the_second_visit_and_a_restart_are_restored_and_compute(watched, serve, sites, generation):
    watched.open(serve(sites[generation]).url)
    watched.wait_for(KEPT)
    watched.again()
    assert watched.said(RESTORED), watched.log
    for code, printed in CELLS.items():
        assert watched.text(code).endswith(printed)
    assert watched.problems() == []
    watched.log.clear()
    watched.page.get_by_role("button", name="Restart").click()
    watched.wait_for(RESTORED)
    assert watched.text("print('js' in globals(), 1 + 1)") == "False 2\n"


def test_pandas_is_imported_in_the_second_visit(watched, serve, pandas_site):
    watched.open(serve(pandas_site).url)
    watched.wait_for(f"{KEPT} with pandas")
    watched.again()
    assert watched.said(RESTORED), watched.log
    assert watched.text("import sys; print('pandas' in sys.modules, 'pandas' in globals())") == "True False\n"
    assert watched.text("import pandas; print(pandas.DataFrame({'a': [1, 2]}).a.sum())") == "3\n"


def test_pandas_is_imported_in_the_first_visit_where_the_pack_brings_it(watched, serve, loaded_pandas_pack, tmp_path):
    server = serve(make_site(tmp_path / "site", loaded_pandas_pack))
    watched.open(server.url)
    assert watched.said(SHIPPED), watched.log
    asked = {path.rpartition("/")[2] for path in server.requests if "/archives/" in path}
    manifest = read_manifest(loaded_pandas_pack)
    (snapshot,) = manifest.snapshots
    assert asked == {manifest.archives[position].path.rpartition("/")[2] for position in snapshot.archives}
    watched.wait_for(f"{KEPT} with pandas")
    for visit in (SHIPPED, RESTORED):
        assert watched.said(visit), watched.log
        assert watched.text("import sys; print('pandas' in sys.modules, 'pandas' in globals())") == "True False\n"
        assert watched.text("import pandas; print(pandas.DataFrame({'a': [1, 2]}).a.sum())") == "3\n"
        assert watched.problems() == []
        if visit == SHIPPED:
            watched.page.wait_for_timeout(6000)
            assert not watched.said("imported for the snapshot"), watched.log
            watched.again()
