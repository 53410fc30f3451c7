"""`%pip` and `%conda` on our own page in a real headless Chromium, with and without cross-origin isolation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.channel_server import serve_channel
from tests.package_index import build_wheel, serve_index

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("page in Chromium")]
CHANNEL = Path(__file__).parents[2] / "channels" / "emscripten-forge-2023"


@pytest.mark.parametrize("isolated", [True, False])
def test_a_package_is_installed_on_the_page_and_forgotten_by_a_restart(numpy_site, serve, console, isolated):
    server = serve(numpy_site, isolated=isolated)
    console.open(server.url)
    with serve_index(build_wheel("tree-like", requires=["leaf>=2"]), build_wheel("leaf", "2.1")) as index:
        asked = [path for path in server.requests if "installer" in path]
        code = f"%pip install --index-url {index.url} tree-like\nimport tree_like, leaf\nprint(leaf.version)"
        said = console.text(code)
        assert "Successfully installed leaf-2.1 tree-like-1.0\n" in said
        assert said.rstrip().endswith("\n2.1")
        # Nothing of the installer is loaded before it is used.
        assert (len(asked), len([path for path in server.requests if "installer" in path])) == (0, 1)
        console.reload()
        assert console.execute("import tree_like")["status"] == "error"


@pytest.mark.parametrize("isolated", [True, False])
def test_conda_solves_in_a_worker_of_its_own_that_is_loaded_when_it_is_used(numpy_site, serve, console, isolated):
    server = serve(numpy_site, isolated=isolated)
    console.open(server.url)
    with serve_channel(CHANNEL) as channel:
        console.text("%pip list")
        solvers = [path for path in server.requests if "conda-solver" in path]
        url = f"http://127.0.0.1:{channel.port}"
        said = console.text(f"%conda install -c {url} pip\nimport pip\nprint(pip.__version__)")
        assert "Successfully installed pip-23.3.1-pyhd8ed1ab_0" in said
        assert said.rstrip().endswith("\n23.3.1")
        assert (len(solvers), len([path for path in server.requests if "conda-solver" in path])) == (0, 1)
        assert len(console.page.workers) == 1
