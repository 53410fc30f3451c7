"""Notebooks of the real JupyterLab of JupyterLite ask servers of another origin, with clients as PyPI has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.jupyterlite.applications import make_lite
from tests.network_clients import ALONG
from tests.origins import closed_port
from tests.package_index import published_wheels, serve_index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.browser.jupyterlite.lab import Lab
    from tests.package_index import PackageIndex

pytestmark = [pytest.mark.browser, pytest.mark.network, pytest.mark.slow]

WHEELS = ("requests==2.34.2", "urllib3==2.8.0", "httpx==0.28.1", "httpcore==1.0.9", "h11==0.16.0", "anyio==4.16.0")
BEGIN = """
import asyncio, json, urllib.request
import httpx, requests
ask = urllib.request.urlopen
def why(call, url):
    try:
        return call(url)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
"""
ASK = """
with ask(A + "/redirect") as answer:
    print(answer.url == A + "/hello", answer.read(), answer.headers["X-Thing"])
answer = requests.get(A + "/redirect")
print(answer.text.strip(), [each.status_code for each in answer.history], len(requests.get(A + "/gzip").text))
async def several():
    async with httpx.AsyncClient() as client:
        answers = await asyncio.gather(*(client.post(A + "/echo", content=b"%d" % n) for n in range(3)))
        return [answer.json()["body"] for answer in answers]
print(await several(), asyncio.run(several()))
"""
ASKED = "True b'hello\\n' thing\nhello [302] 7000\n['0', '1', '2'] ['0', '1', '2']\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory, numpy_pack, science_pack) -> Path:
    return make_lite(tmp_path_factory.mktemp("network") / "site", numpy_pack, science_pack)


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> Iterator[PackageIndex]:
    wheels = published_wheels(tmp_path_factory.mktemp("wheels"), *WHEELS, *ALONG)
    with serve_index(*wheels) as served:
        yield served


@pytest.fixture(params=["xpython", "python"])
def kernel(request) -> str:
    return request.param


@pytest.fixture(params=[True, False], ids=["isolated", "service worker"])
def found(request, site, serve, lab) -> Lab:
    found = lab(serve(site, isolated=request.param)).open()
    assert found.page.evaluate("crossOriginIsolated") is request.param
    return found


@pytest.fixture
def notebook(found, kernel, index) -> Lab:
    """A notebook with the clients."""
    found.notebook(kernel)
    assert "Successfully installed" in found.text(f"%pip install -i {index.url} requests httpx\n{BEGIN}")
    return found


def test_clients_ask(notebook, kernel, origin):
    assert notebook.text(f"A = {origin.url!r}\n{ASK}") == ASKED
    if kernel == "python":
        code = "import pandas\nprint(pandas.read_csv(A + '/table').sum().to_dict())"
        assert notebook.text(code) == "{'a': 4, 'b': 6}\n"


def test_clients_say_why_they_get_no_answer(notebook, secret):
    either = "blocked by CORS, or the server cannot be reached"
    isolated = notebook.page.evaluate("crossOriginIsolated")
    cors = "does not allow this page to read it (CORS)" if isolated else either
    unreachable = ": the server cannot be reached" if isolated else either
    for call, error in (("ask", "URLError"), ("requests.get", "ConnectionError"), ("httpx.get", "ReadError")):
        for server, reason in ((secret.url, cors), (closed_port(), unreachable)):
            told = notebook.text(f"print(why({call}, '{server}/hello'))")
            assert told.startswith(error), (call, told)
            assert f"{server}/hello" in told
            assert reason in told
