"""Clients of HTTP in a kernel on the page, in Firefox and WebKit; Chromium has all rows in tests/host."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.browser.test_three_engines import Console, start_browser
from tests.network_clients import ALONG, XEUS, begin, place, rows
from tests.origins import closed_port
from tests.package_index import published_wheels, serve_index
from tests.site_server import SiteServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.engines.engine import Browser
    from tests.package_index import PackageIndex

pytestmark = [
    pytest.mark.browser,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
    # One engine at a time: see test_three_engines.py.
]
ROWS = rows(XEUS, "Firefox", "WebKit")
WHY = """
import urllib.request
def why(url):
    try:
        return urllib.request.urlopen(url).status
    except OSError as error:
        return f"{type(error).__name__}: {error}"
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> Iterator[PackageIndex]:
    wanted = sorted({*ALONG, *(wheel for row in ROWS for wheel in row.wheels)})
    with serve_index(*published_wheels(tmp_path_factory.mktemp("wheels"), *wanted)) as served:
        yield served


@pytest.fixture(scope="module", params=["Firefox", "WebKit"])
def browser(request, tmp_path_factory, numpy_pack) -> Iterator[tuple[str, Browser]]:
    browser = start_browser(request.param.lower(), tmp_path_factory.mktemp(request.param) / "profile")
    print(f"{browser.name} {browser.version}")
    yield request.param, browser
    browser.close()


@pytest.fixture(scope="module")
def asking(browser, numpy_site, index, origin) -> Iterator[Console]:
    """A console on an isolated page, with every client of the rows."""
    engine, running = browser
    site = SiteServer(numpy_site)
    site.start()
    console = Console(running.new_page()).open(site.url).ready()
    names = " ".join(sorted({wheel for row in ROWS for wheel in row.wheels}))
    console.text(f"%pip install -q -i {index.url} {names}")
    console.text(begin(place(XEUS, engine), origin.url, closed_port()) + "print()")
    yield console
    console.page.close()
    site.stop()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_client_works(asking, row):
    assert asking.text(f"{row.code}\nprint('done')").splitlines()[-1] == "done"


EITHER = "blocked by CORS, or the server cannot be reached"


@pytest.mark.parametrize("policy", ["credentialless", "require-corp", None])
def test_errors_say_what_the_engine_tells(browser, numpy_site, origin, secret, policy):
    engine, running = browser
    site = SiteServer(numpy_site, isolated=policy is not None, policy=policy or "")
    site.start()
    console = Console(running.new_page()).open(site.url).ready()
    asked = (f"{origin.url}/hello", f"{secret.url}/hello", f"{closed_port()}/x")
    told = console.text(WHY + "\n".join(f"print(why({url!r}))" for url in asked)).splitlines()
    console.page.close()
    site.stop()
    assert told[0] == "200"
    # A probe takes shared memory, which MiniBrowser has not, and Firefox does not tell what `require-corp` keeps.
    exact = engine == "Firefox" and policy == "credentialless"
    assert ("does not allow this page to read it (CORS)" if exact else EITHER) in told[1]
    assert (": the server cannot be reached" if exact else EITHER) in told[2]
