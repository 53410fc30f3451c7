"""A kernel on a page asks servers: isolated or not, and of https."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Console, launch_options
from tests.origins import Origin, closed_port, fingerprint, own_certificate, tls_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Route


pytestmark = [pytest.mark.browser, pytest.mark.slow]

BEGIN = """
import json, time, urllib.error, urllib.request
def why(url, **how):
    try:
        return urllib.request.urlopen(url, **how).status
    except OSError as error:
        return f"{type(error).__name__}: {error}"
"""
DYNAMIC = mimetypes.MimeTypes()


@pytest.fixture
def origin() -> Iterator[Origin]:
    """One that nobody has asked before."""
    with Origin() as origin:
        yield origin


def told(console: Console, code: str) -> str:
    return console.text(BEGIN + code).strip()


def test_an_isolated_page_says_what_it_can_know(console, serve, numpy_site, origin, secret):
    site = serve(numpy_site)
    console.open(site.url)
    assert told(console, f"print(urllib.request.urlopen('{origin.url}/redirect').read())") == "b'hello\\n'"
    # The browser reports what isolation keeps from the page: there is an answer.
    assert "does not allow this page to read it (CORS)" in told(console, f"print(why('{secret.url}/hello'))")
    assert ": the server cannot be reached" in told(console, f"print(why({closed_port()!r}))")
    # Its own server is asked without anybody's leave, and is there or is not.
    assert told(console, f"print(why('{site.url}manifest.json'))").startswith("HTTPError: HTTP Error 404")
    assert told(console, f"print(why('{site.url}site.json'))") in {"200", "HTTPError: HTTP Error 404: Not Found"}
    posted = f"print(why(urllib.request.Request('{secret.url}/echo', b'x')))"
    before = len(secret.asked)
    assert "blocked by CORS, or the server cannot be reached" in told(console, posted)
    # What might change something is not asked a second time.
    assert [method for method, _, _ in secret.asked[before:]] == ["POST"]


def test_a_page_that_lets_others_in_tells_cors_from_a_server_that_is_not_there(console, serve, numpy_site, secret):
    console.open(serve(numpy_site, policy="credentialless").url)
    assert "does not allow this page to read it (CORS)" in told(console, f"print(why('{secret.url}/hello'))")


def test_without_shared_memory_a_request_blocks_and_limits_hold(console, serve, numpy_site, origin, secret):
    console.open(serve(numpy_site, isolated=False).url)
    assert console.page.evaluate("crossOriginIsolated") is False
    code = f"""
A = {origin.url!r}
ask = urllib.request.urlopen
with ask(A + "/redirect") as answer:
    print(answer.url == A + "/hello", answer.read(), answer.headers["X-Thing"])
print(len(ask(A + "/gzip").read()), why(A + "/missing"))
print(json.load(ask(urllib.request.Request(A + "/moved", b"abc")))["body"])
began = time.time()
print(why(A + "/slow", timeout=0.5), time.time() - began < 3)
print(why({closed_port()!r}))
print(why({secret.url + "/hello"!r}))
"""
    lines = told(console, code).splitlines()
    assert lines[0] == "True b'hello\\n' thing"
    assert lines[1] == "7000 HTTPError: HTTP Error 404: Not Found"
    assert lines[2] == "abc"
    assert "timed out" in lines[3]
    assert lines[3].endswith(" True")
    assert [("blocked by CORS, or the server cannot be reached" in line) for line in lines[4:]] == [True, True]


def test_mixed_content_is_named(console, context, numpy_site, origin):
    def answer(route: Route) -> None:
        name = route.request.url.removeprefix("https://lan.test/").split("?")[0] or "index.html"
        file = numpy_site / name
        if file.is_file():
            kind = DYNAMIC.guess_type(name)[0] or "application/octet-stream"
            isolation = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
            route.fulfill(body=file.read_bytes(), headers={"Content-Type": kind, **isolation})
        else:
            route.fulfill(status=404, body="none")

    context.route("https://lan.test/**", answer)
    console.open("https://lan.test/")
    assert console.page.evaluate("isSecureContext") is True
    port = origin.url.rsplit(":", 1)[1]
    assert "mixed content" in told(console, f"print(why('http://lan.test:{port}/hello'))")
    assert origin.asked == []


@pytest.fixture
def certificate(tmp_path) -> Path:
    return own_certificate(tmp_path)


@pytest.fixture
def safe(certificate) -> Iterator[Origin]:
    with Origin(tls=tls_of(certificate)) as origin:
        yield origin


@pytest.fixture
def trusting(playwright, certificate) -> Iterator[Console]:
    """A console in a browser that trusts the certificate."""
    options = launch_options()
    options["args"] = [*options["args"], f"--ignore-certificate-errors-spki-list={fingerprint(certificate)}"]
    browser = playwright.chromium.launch(**options)
    yield Console(browser.new_page())
    browser.close()


HTTPS = """
import http.client, ssl
with urllib.request.urlopen(A + "/redirect") as answer:
    print(answer.url == A + "/hello", answer.read(), answer.headers["X-Thing"])
print(len(urllib.request.urlopen(A + "/gzip", context=ssl.create_default_context()).read()))
came = [(line, time.time()) for line in urllib.request.urlopen(A + "/lines")]
print(len(came), came[-1][1] - came[0][1] > 1)
connection = http.client.HTTPSConnection(A.removeprefix("https://"))
connection.request("POST", "/moved", b"body")
answer = connection.getresponse()
print(answer.status, answer.getheader("Location") == A + "/echo")
print(why(A + "/missing"))
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_of_https_that_the_browser_trusts_is_asked(trusting, serve, numpy_site, safe, host):
    trusting.open(serve(numpy_site, host=host).url)
    assert trusting.page.evaluate("location.protocol") == "http:"
    lines = told(trusting, f"A = {safe.url!r}\n{HTTPS}").splitlines()
    assert lines == [
        "True b'hello\\n' thing",
        "7000",
        "5 True",
        "302 True",
        "HTTPError: HTTP Error 404: Not Found",
    ]


@pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "any host"])
def test_a_server_of_https_that_the_browser_does_not_trust_is_said_to_be_perhaps_one(
    console, serve, numpy_site, safe, isolated
):
    console.open(serve(numpy_site, isolated=isolated).url)
    said = told(console, f"print(why({safe.url + '/hello'!r}))")
    assert said.startswith("URLError: ")
    assert f"{safe.url}/hello: " in said
    assert "does not trust its certificate" in said
