"""The console page in a real headless Chromium, on sites that a test can break, kill and deploy anew."""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, sync_playwright

from lite_env.bootstrap import runtime_dir
from lite_env.host.find import find_chromium
from lite_env.site.build import write_site
from lite_env.site.plan import SiteOptions, plan_site
from tests.origins import Origin
from tests.site_server import SiteServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

READY_MS = 90_000
CELL_MS = 60_000
# "Within 5 seconds of being knowable."
SOON_MS = 5_000
FLAGS = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")


class Console:
    """The console page as a person and a script use it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        page.set_default_timeout(CELL_MS)
        page.on("pageerror", lambda error: self.faults.append(str(error)))

    def open(self, url: str, *, ready: bool = True) -> Console:
        self.page.goto(url)
        if ready:
            self.ready()
        return self

    def reload(self) -> None:
        self.page.reload()
        self.ready()

    def ready(self) -> None:
        self.page.locator('.status[data-state="idle"]').wait_for(timeout=READY_MS)

    def execute(self, code: str) -> dict[str, Any]:
        return self.page.evaluate("code => liteEnv.execute(code)", code)

    def text(self, code: str) -> str:
        """What a cell prints; it must succeed."""
        result = self.execute(code)
        assert result["status"] == "ok", result
        return result["text"]

    def problem(self, name: str, timeout: float = SOON_MS) -> dict[str, str]:
        """What the panel says under that name: title, file, reason, hint, as far as they are there."""
        card = self.page.locator(f'.problem[data-name="{name}"]').first
        card.wait_for(timeout=timeout)
        facts = {"title": card.locator("h2").inner_text().strip()}
        for kind in ("file", "reason", "hint"):
            if (fact := card.locator(f"dd.{kind}")).count():
                facts[kind] = fact.inner_text()
        return facts

    def problems(self) -> list[str]:
        return self.page.evaluate("liteEnv.errors.map(error => error.name)")

    @property
    def editor(self) -> Locator:
        return self.page.get_by_role("textbox", name="Code")

    @property
    def last_cell(self) -> Locator:
        return self.page.locator(".cell").last

    def kept(self) -> list[str]:
        """Paths of what the browser keeps of this site's packs."""
        urls = self.page.evaluate(
            "async () => (await (await caches.open('lite-env')).keys()).map(request => new URL(request.url).pathname)"
        )
        return sorted(urls)

    def wait_until_kept(self, *paths: str) -> None:
        """Wait until the kernel has rested and these are written, and the page's own files.

        Of a start's files the manifest is the last.
        """
        self.until(lambda: set(paths) <= set(self.kept()))
        self.until(lambda: self.page.evaluate(KEPT_PAGES) == PAGE_FILES)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + CELL_MS / 1000
        while not condition():
            assert time.monotonic() < deadline
            self.page.wait_for_timeout(50)


PAGE_FILES = 5  # the page, its style, its script, the kernel's module and its worker
KEPT_PAGES = """async () => {
  const names = (await caches.keys()).filter(name => name.startsWith('lite-env-page'));
  const kept = await Promise.all(names.map(async name => (await (await caches.open(name)).keys()).length));
  return kept.reduce((sum, count) => sum + count, 0);
}"""


@pytest.fixture(scope="module")
def playwright(numpy_pack, lua_pack):
    """The packs come first, since playwright's loop leaves no room for another one in this thread."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def chromium(playwright: Playwright):
    browser = playwright.chromium.launch(**launch_options())
    yield browser
    browser.close()


def launch_options() -> dict[str, Any]:
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    resolver = "--host-resolver-rules=MAP lan.test 127.0.0.1"
    return {
        "executable_path": str(find_chromium()),
        "args": [*FLAGS, resolver],
        "chromium_sandbox": not is_root,
    }


@pytest.fixture
def context(chromium: Browser):
    """A profile of its own, with nothing kept."""
    context = chromium.new_context(viewport={"width": 960, "height": 720}, accept_downloads=True)
    yield context
    context.close()


@pytest.fixture
def console(context: BrowserContext) -> Console:
    return Console(context.new_page())


def make_site(folder: Path, *packs: Path, drive: str = "browser") -> Path:
    write_site(plan_site(packs, folder, SiteOptions(drive=drive), runtime=runtime_dir()))  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="module")
def numpy_site(tmp_path_factory, numpy_pack) -> Path:
    return make_site(tmp_path_factory.mktemp("numpy") / "site", numpy_pack)


@pytest.fixture(scope="module")
def lua_site(tmp_path_factory, lua_pack) -> Path:
    return make_site(tmp_path_factory.mktemp("lua") / "site", lua_pack, drive="none")


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    """Another server, which lets every page read."""
    with Origin() as origin:
        yield origin


@pytest.fixture(scope="module")
def secret() -> Iterator[Origin]:
    """Another server, which lets no page of others read."""
    with Origin(cors=False) as origin:
        yield origin


@pytest.fixture
def serve():
    """Serve a site until the test ends; options as of `SiteServer`."""
    servers: list[SiteServer] = []

    def start(folder: Path, **options: Any) -> SiteServer:
        server = SiteServer(folder, **options)
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


def file_of(site: Path, pattern: str) -> str:
    """The path below `site` of the one file that matches, largest first."""
    found = sorted(site.glob(pattern), key=lambda path: path.stat().st_size, reverse=True)
    return found[0].relative_to(site).as_posix()


IMAGES = Path(__file__).parent.parent.parent / "docs" / "images"


def picture(page: Page | Locator, name: str) -> None:
    """Renew a picture of the documentation, when that is asked for."""
    if os.environ.get("LITE_ENV_PICTURES"):
        assert re.fullmatch(r"[a-z-]+", name)
        IMAGES.mkdir(parents=True, exist_ok=True)
        temporary = IMAGES / f".{name}.png"
        page.screenshot(path=temporary, animations="disabled")
        shutil.move(temporary, IMAGES / f"{name}.png")
