"""The example of docs/embedding.md, as it stands there, on a plain static host."""

from __future__ import annotations

import re
import shutil
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lite_env.bootstrap import runtime_dir
from lite_env.host.files import ISOLATION, content_type, resolve_path
from lite_env.host.find import find_chromium
from lite_env.host.loopback import LoopbackServer, Request, Response, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.browser]

DOCUMENT = Path(__file__).parents[2] / "docs" / "embedding.md"


@pytest.fixture(scope="module")
def site(numpy_pack, tmp_path_factory) -> Path:
    """What the document says to copy."""
    folder = tmp_path_factory.mktemp("site")
    (example,) = re.findall(r"```html\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    (folder / "index.html").write_text(example, "utf-8")
    shutil.copytree(numpy_pack, folder / "pack")
    shutil.copytree(runtime_dir() / "embed", folder / "lite-env")
    shutil.copy(folder / "lite-env" / "sw.js", folder)
    return folder


@pytest.fixture(params=["isolated", "with its service worker"])
def page(request, site) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    headers = ISOLATION if request.param == "isolated" else ()

    def application(asked: Request) -> Response:
        path = "/index.html" if asked.path == "/" else asked.path
        file = resolve_path(path, {"/": site})
        if file is None or asked.method == "POST":
            return refusal(HTTPStatus.NOT_FOUND, "there is no such file")
        return Response(headers=(("Content-Type", content_type(file.name)), *headers), body=file)

    with LoopbackServer(application) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(find_chromium()), args=["--disable-gpu"])
        page = browser.new_page()
        page.set_default_timeout(120_000)
        said: list[str] = []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda message: said.append(message.text))
        page.goto(server.url)
        yield page
        print(page.inner_text("#state"), *said, sep="\n")  # Shown where the test fails.
        browser.close()


def test_the_example_of_the_document(page):
    page.wait_for_function("document.getElementById('state').textContent === 'xpython is ready'")
    page.click("#run")
    page.wait_for_selector("#run:enabled")
    assert page.inner_text("#output") == "[ 0  1  4  9 16 25 36 49 64 81]\n"
    # Files that the cell opened came after the start, which they say nothing of.
    assert page.inner_text("#state") == "xpython is ready"
    page.on("dialog", lambda dialog: dialog.accept("Ada"))
    page.fill("#code", "print(input('name? '))\n1 / 0")
    page.click("#run")
    page.wait_for_selector("#run:enabled")
    shown = page.inner_text("#output")
    assert shown.startswith("Ada\n")
    assert "ZeroDivisionError: division by zero" in shown
    assert "\x1b" not in shown
    isolated = page.evaluate("crossOriginIsolated")
    assert page.is_enabled("#stop") == isolated
    # The file that the first cell saved is in the browser.
    names = "async () => (await indexedDB.databases()).map(({ name }) => name)"
    assert "lite-env drive" in page.evaluate(names)
