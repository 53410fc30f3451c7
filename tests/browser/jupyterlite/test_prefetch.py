"""What a site asks its kernels to load before a program needs it."""

from __future__ import annotations

import pytest

from tests.browser.jupyterlite.applications import make_lite

pytestmark = [pytest.mark.browser, pytest.mark.network, pytest.mark.slow]


@pytest.mark.parametrize("prefetch", ["none", "imports", "all"])
def test_an_import_waits_for_the_network_only_where_nothing_was_asked_for(prefetch, numpy_pack, tmp_path, serve, lab):
    server = serve(make_lite(tmp_path / "site", numpy_pack, prefetch=prefetch))
    found = lab(server).open().notebook("xpython")
    assert found.text("print(1)") == "1\n"

    def archives() -> set[str]:
        return {path for path in server.requests if "/archives/" in path}

    # It comes while no cell runs, sooner or later: until nothing has come for a while.
    before: set[str] | None = None
    while before != archives():
        before = archives()
        found.page.wait_for_timeout(4_000)
    assert found.text("import numpy; print(numpy.arange(4).sum())") == "6\n"
    assert bool(archives() - before) is (prefetch == "none")
