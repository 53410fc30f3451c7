"""`%pip` and `%conda` on our own page in a real headless Chromium, with and without cross-origin isolation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.channel_server import serve_channel
from tests.package_index import build_wheel, serve_index

pytestmark = [pytest.mark.browser]
CHANNEL = Path(__file__).parents[2] / "channels" / "emscripten-forge-2023"


@pytest.mark.parametrize("isolated", [pytest.param(True, marks=pytest.mark.slow), False])
def test_packages_are_installed_on_the_page_by_scripts_that_are_loaded_when_they_are_used(
    numpy_site, serve, console, isolated
):
    server = serve(numpy_site, isolated=isolated)

    def asked():
        return [len([path for path in server.requests if name in path]) for name in ("installer.js", "conda-solver.js")]

    console.open(server.url)
    console.text("print(1)")
    assert asked() == [0, 0]
    with serve_index(build_wheel("tree-like", requires=["leaf>=2"]), build_wheel("leaf", "2.1")) as index:
        code = f"%pip install --index-url {index.url} tree-like\nimport tree_like, leaf\nprint(leaf.version)"
        said = console.text(code)
    assert "Successfully installed leaf-2.1 tree-like-1.0\n" in said
    assert said.rstrip().endswith("\n2.1")
    assert asked() == [1, 0]
    with serve_channel(CHANNEL) as channel:
        url = f"http://127.0.0.1:{channel.port}"
        said = console.text(f"%conda install -c {url} pip\nimport pip\nprint(pip.__version__)")
    assert "Successfully installed pip-23.3.1-pyhd8ed1ab_0" in said
    assert said.rstrip().endswith("\n23.3.1")
    lost = str(console.execute("%conda install -c http://127.0.0.1:9009 x"))
    assert "127.0.0.1:9009 cannot be reached" in lost
    assert "Failed to fetch" in lost
    assert asked() == [1, 1]
    console.until(lambda: len(console.page.workers) == 1)
    console.reload()
    assert console.execute("import tree_like")["status"] == "error"


def test_an_installer_that_is_not_deployed_is_named(numpy_site, serve, console):
    server = serve(numpy_site)
    for name in ("installer.js", "conda-solver.js"):
        server.faults[name] = lambda answer: type(answer)(body=b"not found", status=404, type="text/plain")
    console.open(server.url)
    result = console.execute("%pip list")
    assert result["status"] == "error"
    assert 'installer.js" cannot be loaded: ' in str(result)
    del server.faults["installer.js"]
    assert console.execute("%pip list")["status"] == "ok"
    result = console.execute("%conda install -c http://127.0.0.1:9009 x")
    assert "conda-solver.js" in str(result)
    assert "broke down" in str(result)
