"""A kernel of ours in the real JupyterLab of the real JupyterLite."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.network]


@pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "service worker"])
def test_a_notebook_runs_numpy_and_sees_the_files_of_the_file_browser(numpy_lite, serve, lab, isolated):
    found = lab(serve(numpy_lite, isolated=isolated)).open()
    found.save("data.csv", "a,b\n1,2\n")
    found.notebook("xpython")
    assert found.text("import numpy; print(numpy.arange(4).sum())") == "6\n"
    assert found.text("print(open('/drive/data.csv').read())") == "a,b\n1,2\n\n"
    assert found.text("print(open('made.txt', 'w').write('by the kernel'))") == "13\n"
    assert found.read("made.txt") == "by the kernel"
    assert "made.txt" in found.names()
    assert found.page.evaluate("crossOriginIsolated") is isolated
