"""The table of docs/failures.md in JupyterLite, row by row.

One notebook is enough for most: its kernel is started anew on a site that is broken in another way each time.
"""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from tests.broken_packs import DAMAGES, BrokenPack, Damage
from tests.browser.conftest import SOON_MS, launch_options
from tests.browser.jupyterlite.applications import make_lite
from tests.browser.jupyterlite.lab import Lab
from tests.browser.test_page_failures import broken_off, html, later, missing, refused, truncated, wrong_type
from tests.browser.test_page_refused import with_policy
from tests.site_server import SiteServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.site_server import Answer

pytestmark = [pytest.mark.browser, pytest.mark.network]
# As long as any file of a start is waited for.
LIMIT_MS = 30_000


def never_kept(answer: Answer) -> Answer:
    """So that what is mended is seen."""
    return replace(answer, headers={**answer.headers, "Cache-Control": "no-store"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """A notebook of the Lua kernel in a site that a test may break."""

    lab: Lab
    server: SiteServer
    pack: Path
    whole: Path

    def start(self) -> dict[str, str]:
        """Start the kernel anew, which fails: the error that a cell shows."""
        self.close_dialogs()
        self.lab.page.evaluate("caches.delete('lite-env')")
        self.lab.restart()
        at = self.lab.begin("print(1)")
        error = self.lab.wait_for(at, "what to do", SOON_MS).error
        assert error is not None
        # It fails again, and nobody waits.
        again = self.lab.run("print(2)").error
        assert again is not None
        assert again["ename"] == error["ename"]
        assert self.lab.until(lambda: self.lab.status) == "idle"
        return {"name": error["ename"], "text": "".join(error["traceback"])}

    def damage(self, do) -> BrokenPack:
        shutil.rmtree(self.pack)
        broken = BrokenPack(self.whole, self.pack)
        do(broken)
        return broken

    def close_dialogs(self) -> None:
        while self.lab.dialogs:
            self.lab.page.locator(".jp-Dialog button", has_text="Close").first.click()

    def mend(self) -> None:
        self.server.faults = {"": never_kept}
        self.damage(lambda _: None)


@pytest.fixture(scope="module")
def lua_lite(lua_pack, tmp_path_factory) -> Path:
    return make_lite(tmp_path_factory.mktemp("lua-lite") / "site", lua_pack)


@pytest.fixture(scope="module")
def one_notebook(lua_lite, chromium: Browser, tmp_path_factory) -> Iterator[Broken]:
    (pack,) = (lua_lite / "lite-env" / "api" / "packs").iterdir()
    whole = tmp_path_factory.mktemp("whole") / "pack"
    shutil.copytree(pack, whole)
    server = SiteServer(lua_lite)
    server.start()
    context = chromium.new_context()
    try:
        server.faults = {"": never_kept}
        lab = Lab(context.new_page(), server.url).open().notebook("xlua")
        yield Broken(lab=lab, server=server, pack=pack, whole=whole)
    finally:
        context.close()
        server.stop()


@pytest.fixture
def broken(one_notebook) -> Iterator[Broken]:
    yield one_notebook
    one_notebook.mend()


ROWS = {label: damage for label, damage in DAMAGES.items() if damage.kernel is None}
# One for each kind of file; the others are of `make prove`.
SOME = ("one bit of wasm changed", "index missing", "archive truncated", "an index that is no JSON")


@pytest.mark.parametrize(
    "label", [pytest.param(label, marks=[] if label in SOME else pytest.mark.slow) for label in ROWS]
)
def test_a_damaged_pack_is_an_error_in_the_cell(broken, label):
    damage: Damage = ROWS[label]
    pack = broken.damage(damage.do)
    error = broken.start()
    assert error["name"] == damage.name
    assert damage.says in error["text"]
    assert damage.hints in error["text"]
    assert damage.which is None or pack.file(damage.which) in error["text"]


def out_of_order(answer: Answer) -> Answer:
    return replace(answer, body=b"", status=500, type="text/plain")


BY_SERVER = {
    "manifest.json refused": ("manifest.json", refused, "HttpStatus", "status 403"),
    "manifest.json out of order": ("manifest.json", out_of_order, "HttpStatus", "status 500"),
    "manifest.json a page": ("manifest.json", html, "HtmlInsteadOfFile", "HTML page"),
    "manifest.json truncated": ("manifest.json", truncated, "ManifestInvalid", "is not JSON"),
    "manifest.json later": ("manifest.json", later, "UnsupportedFormat", "format 9.0"),
    "wasm refused": (".wasm.zst", refused, "HttpStatus", "status 403"),
    "wasm broken off": (".wasm.zst", broken_off, "Truncated", "broke off after"),
    "wasm a page by its type": (".wasm.zst", html, "HtmlInsteadOfFile", "HTML page"),
    "worker.js missing": ("worker.js", missing, "FileMissing", "is not on the server (404)"),
    "worker.js a page": ("worker.js", html, "HtmlInsteadOfFile", "a page in its place"),
    "worker.js of a wrong type": ("worker.js", wrong_type, "Undecodable", "with the type"),
}


@pytest.mark.parametrize("label", BY_SERVER)
@pytest.mark.slow
def test_a_file_that_the_server_breaks_is_an_error_in_the_cell_and_a_restart_mends_it(broken, label):
    file, fault, name, says = BY_SERVER[label]
    broken.server.faults[file] = fault
    error = broken.start()
    assert error["name"] == name
    assert says in error["text"]
    assert file.removesuffix(".zst") in error["text"]
    broken.mend()
    broken.lab.restart()
    assert broken.lab.text("print(3)").strip() == "3"


@pytest.mark.slow
def test_a_server_that_is_dead_is_an_error_in_the_cell_and_a_restart_mends_it(broken):
    broken.server.stop()
    try:
        error = broken.start()
    finally:
        broken.server.start()
    assert error["name"] == "NetworkFailed"
    assert "see that the server runs" in error["text"]
    broken.lab.restart()
    assert broken.lab.text("print(3)").strip() == "3"


@pytest.mark.slow
def test_a_device_without_network_is_an_error_in_the_cell(broken):
    context = broken.lab.page.context
    context.set_offline(True)
    try:
        error = broken.start()
    finally:
        context.set_offline(False)
    assert error["name"] == "Offline"
    assert "no network" in error["text"]


@pytest.mark.parametrize("fault", [missing, html, truncated], ids=lambda fault: fault.__name__)
@pytest.mark.slow
def test_a_site_that_does_not_tell_its_kernels_runs_those_that_the_page_knows(broken, fault):
    broken.server.faults["site.json"] = fault
    broken.close_dialogs()
    broken.lab.restart()
    assert broken.lab.text("print(3)").strip() == "3"


@pytest.mark.parametrize("fault", [missing, html, wrong_type, truncated], ids=lambda fault: fault.__name__)
@pytest.mark.slow
def test_a_runtime_that_is_not_there_is_named(lua_lite, serve, lab, fault):
    server = serve(lua_lite)
    server.faults = {"": never_kept, "lite-env.mjs": fault}
    found = lab(server).open().notebook("xlua")
    error = found.wait_for(found.begin("print(1)"), "what to do", SOON_MS).error
    names = {missing: "FileMissing", html: "HtmlInsteadOfFile"}
    assert error["ename"] == names.get(fault, "Undecodable")
    assert "lite-env.mjs" in "".join(error["traceback"])
    assert found.run("print(2)").error["ename"] == error["ename"]
    server.faults = {"": never_kept}
    found.restart()
    assert found.text("print(3)").strip() == "3"


@pytest.mark.slow
def test_what_the_policy_of_the_page_refuses_is_named_with_its_directive(lua_lite, serve, lab):
    server = serve(lua_lite)
    server.faults = {"lab/index.html": with_policy({"worker-src": "'none'"})}
    found = lab(server).open().notebook("xlua")
    error = found.wait_for(found.begin("print(1)"), "what to do", SOON_MS).error
    text = "".join(error["traceback"])
    assert "by worker-src" in text
    assert "let the server send worker-src 'self'" in text


@pytest.mark.slow
def test_a_policy_that_forbids_webassembly_is_named(lua_lite, serve, lab):
    server = serve(lua_lite)
    server.faults = {"worker.js": with_policy({"script-src": "'self'"})}
    found = lab(server).open().notebook("xlua")
    error = found.wait_for(found.begin("print(1)"), "what to do", SOON_MS).error
    assert "'wasm-unsafe-eval'" in "".join(error["traceback"])


@pytest.mark.slow
def test_a_script_that_never_comes_is_an_error_within_its_limit(lua_lite, serve, lab):
    stalled = threading.Event()

    def stalls(answer: Answer) -> Answer:
        stalled.wait(120)
        return answer

    waiting = []
    try:
        for file in ("lite-env.mjs", "worker.js"):
            server = serve(lua_lite)
            server.faults = {"": never_kept, file: stalls}
            found = lab(server).open().notebook("xlua")
            waiting.append((file, found, found.begin("print(1)")))
        for file, found, at in waiting:
            error = found.wait_for(at, "what to do", LIMIT_MS + SOON_MS).error
            assert error["ename"] == "NetworkFailed"
            assert file in "".join(error["traceback"])
    finally:
        stalled.set()


@pytest.mark.slow
def test_a_browser_without_memory_for_the_kernel_is_told_in_the_cell(playwright, serve, lua_lite):
    options = launch_options()
    options["args"] = [*options["args"], "--js-flags=--wasm-max-mem-pages=100"]
    browser = playwright.chromium.launch(**options)
    try:
        found = Lab(browser.new_page(), serve(lua_lite).url).open().notebook("xlua")
        error = found.wait_for(found.begin("print(1)"), "what to do", SOON_MS).error
        assert error["ename"] == "OutOfMemory"
        assert "close other tabs" in "".join(error["traceback"])
    finally:
        browser.close()
