"""Preloaded modules in JupyterLab: an idle second worker makes the snapshot, and the next visit has numpy imported."""

from __future__ import annotations

import pytest

from tests.browser.jupyterlite.applications import make_lite
from tests.browser.test_snapshots_in_chromium import NAMES
from tests.host.test_preload import pack_that_preloads

pytestmark = [pytest.mark.browser, pytest.mark.network, pytest.mark.slow]
THERE = "import sys; print('numpy' in sys.modules)"
# The second worker says in the page's storage that it has begun, and takes it back when it is done.
MAKING = "() => Object.keys(localStorage).some(key => key.startsWith('lite-env-preload '))"


@pytest.fixture(scope="module")
def lite(tmp_path_factory, numpy_pack):
    folder = tmp_path_factory.mktemp("preload-lite")
    return make_lite(folder / "site", pack_that_preloads(numpy_pack, folder / "pack", "numpy"))


def test_the_next_visit_has_numpy(lite, serve, lab):
    server = serve(lite)
    found = lab(server).open().notebook("xpython")
    found.until(lambda: found.page.evaluate(MAKING))
    found.until(lambda: not found.page.evaluate(MAKING))
    assert [name for name in found.page.evaluate(NAMES) if name.endswith(".snapshot")]
    assert found.text(THERE) == "False\n"
    again = found.open().notebook("xpython")
    assert again.text(THERE) == "True\n"
    assert again.text("import numpy; print(numpy.arange(3) @ numpy.ones(3))") == "3.0\n"
