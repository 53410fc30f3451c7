"""The console page with real kernels in Blink, Gecko and WebKit; what was seen stands in docs/browsers.md."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest

from lite_env.pack.reader import read_manifest
from tests.browser.conftest import file_of
from tests.browser.engines.engine import SECONDS, Browser, Page, call, evaluate, wait_for
from tests.channel_server import serve_channel
from tests.command_line import Command
from tests.package_index import build_wheel, serve_index

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.site_server import Answer, SiteServer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
    # One engine at a time: each wants a gigabyte and both cores.
]

SOON = 5.0
"""Seconds from the moment that a failure can be known until it is told."""
SETTLED = 10.0
"""Seconds after which a browser has written to its disk what it keeps."""
NUMPY = "import numpy; print(numpy.arange(5).sum())"
ALL_BYTES = bytes(range(256))
TOTAL = str(sum(ALL_BYTES))
CHANNEL = Path(__file__).parents[2] / "channels" / "emscripten-forge-2023"
PAGE_FILES = {"page.css", "page.js", "worker.js"}


class Console:
    """The console page, by `globalThis.liteEnv`."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, url: str) -> Console:
        self.page.open(url)
        return self

    def ready(self) -> Console:
        """Wait until the first start is over; it must have gone well."""
        wait_for(self.page, "globalThis.liteEnv && liteEnv.ready.then(() => true)")
        assert self.fatal() == []
        return self

    def text(self, code: str) -> str:
        """What a cell prints; it must succeed."""
        result = call(self.page, "code => liteEnv.execute(code)", code)
        assert result["status"] == "ok", result
        return result["text"].strip()

    def problems(self) -> list[dict[str, Any]]:
        return evaluate(self.page, "liteEnv.errors")

    def fatal(self) -> list[dict[str, Any]]:
        return [problem for problem in self.problems() if problem["fatal"]]

    def wait_until_kept(self, manifest: str) -> None:
        """Wait until the kernel has rested and its files are written, the manifest last, and the page's own too."""
        wait_for(self.page, "navigator.serviceWorker.ready.then(() => navigator.serviceWorker.controller !== null)")
        wait_for(self.page, f"caches.match({json.dumps(manifest)}).then(found => found !== undefined)")
        wait_for(self.page, "caches.match('./').then(found => found !== undefined)")


@pytest.fixture(scope="module", params=["chromium", "firefox", "webkit"])
def browser(request, tmp_path_factory, numpy_pack, lua_pack):
    """One engine after the other; packs come first: playwright leaves no room for another event loop."""
    profile = tmp_path_factory.mktemp(request.param) / "profile"
    browser = start_browser(request.param, profile)
    print(f"{browser.name} {browser.version}")
    yield browser
    browser.close()


def start_browser(name: str, profile: Path) -> Browser:
    # Imported here: where the other engines' tools are not installed, pytest still collects this file.
    if name == "chromium":
        from tests.browser.engines.chromium import Chromium  # noqa: PLC0415

        return Chromium(profile)
    if name == "firefox":
        from tests.browser.engines.firefox import Firefox  # noqa: PLC0415

        return Firefox(profile)
    from tests.browser.engines.webkit import WebKit  # noqa: PLC0415

    return WebKit(profile)


@pytest.fixture
def new_console(browser):
    """Opens consoles, each in a page of its own, until the test ends."""
    pages: list[Page] = []

    def new() -> Console:
        pages.append(browser.new_page())
        return Console(pages[-1])

    yield new
    for page in pages:
        page.close()


def manifest_of(site: Path) -> str:
    return file_of(site, "packs/*/manifest.json")


def asked_twice(server: SiteServer, site: Path) -> dict[str, int]:
    """What has its content's digest in its URL, and was nevertheless asked for more than once."""
    changing = {"/", "/index.html", "/sw.js", f"/{manifest_of(site)}"}
    return {path: times for path, times in Counter(server.requests).items() if times > 1 and path not in changing}


@pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "any host"])
def test_a_static_site_from_the_first_visit_to_a_dead_server(new_console, browser, serve, numpy_site, isolated):
    server = serve(numpy_site, isolated=isolated)
    first = new_console().open(server.url).ready()
    # MiniBrowser offers no shared memory, isolated or not: there the service worker carries what the kernel waits for.
    has_memory = evaluate(first.page, "globalThis.crossOriginIsolated && typeof SharedArrayBuffer !== 'undefined'")
    assert has_memory is (isolated and browser.name != "webkit")
    assert first.text(NUMPY) == "10"
    first.text("open('/drive/daten ü.bin', 'wb').write(bytes(range(256)))")
    assert first.text("print(sum(open('/drive/daten ü.bin', 'rb').read()))") == TOTAL
    assert first.text("import os; os.makedirs('/drive/a/b'); print(os.listdir('/drive/a'))") == "['b']"
    first.wait_until_kept(manifest_of(numpy_site))
    assert first.problems() == []
    # Under automation WebKit keeps nothing on disk: its service worker cannot have what the page has loaded before.
    excused = PAGE_FILES if browser.name == "webkit" else set()
    assert {PurePosixPath(path).name for path in asked_twice(server, numpy_site)} <= excused
    print(f"first visit: {len(server.requests)} requests")

    server.requests.clear()
    second = new_console().open(server.url).ready()
    assert second.text(NUMPY) == "10"
    assert set(server.requests) <= {f"/{manifest_of(numpy_site)}", "/sw.js"}
    print(f"second visit: {server.requests}")

    server.stop()
    third = new_console().open(server.url).ready()
    assert third.text(NUMPY) == "10"
    assert third.text("print(sum(open('/drive/daten ü.bin', 'rb').read()))") == TOTAL
    third.text("open('/drive/offline.txt', 'w').write('written with the server dead')")
    assert second.text("print(open('/drive/offline.txt').read())") == "written with the server dead"
    assert third.problems() == []


def test_webkit_with_a_profile_on_disk_asks_for_nothing_twice(serve, numpy_site, tmp_path):
    """Nobody drives this browser, so it is seen by what it asks the server for."""
    from tests.browser.engines.webkit import plain_minibrowser  # noqa: PLC0415

    server = serve(numpy_site, isolated=False)
    with plain_minibrowser(server.url, home=tmp_path):
        # The service worker has all that belongs to the page when it has asked for the page itself.
        wait_until(lambda: server.requests.count("/") == 2 and any(".tar.zst" in path for path in server.requests))
        time.sleep(SETTLED)
    assert asked_twice(server, numpy_site) == {}
    server.requests.clear()
    server.faults["index.html"] = dead
    with plain_minibrowser(server.url, home=tmp_path):
        # A page that comes from the service worker, whatever the server says of it, goes on to its kernel.
        wait_until(lambda: f"/{manifest_of(numpy_site)}" in server.requests)
    assert not any("/runtime/" in path for path in server.requests)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def dead(answer: Answer) -> Answer:
    answer.status, answer.body = 503, b"out of order"
    return answer


def test_a_host_that_cannot_choose_by_browser_isolates_the_page(new_console, browser, serve, numpy_site):
    server = serve(numpy_site, policy="credentialless")
    first = new_console().open(server.url).ready()
    # WebKit does not know the word: its service worker says another one, from the second visit on.
    assert evaluate(first.page, "crossOriginIsolated") is (browser.name != "webkit")
    first.wait_until_kept(manifest_of(numpy_site))
    second = new_console().open(server.url).ready()
    assert evaluate(second.page, "crossOriginIsolated") is True
    assert second.text(NUMPY) == "10"
    assert second.text("print(open('/drive/x', 'w').write('alive'))") == "5"
    assert second.problems() == []


def test_serve_shows_a_folder_of_the_host_as_the_drive(new_console, numpy_pack, tmp_path):
    folder = tmp_path / "host"
    (folder / "a folder").mkdir(parents=True)
    (folder / "a folder" / "ein ü.bin").write_bytes(ALL_BYTES)
    command = Command("serve", numpy_pack, "--drive", folder, "--port", "0", "--json")
    try:
        command.wait_for(lambda: command.out().rstrip().endswith("}"))
        console = new_console().open(json.loads(command.out())["page"]).ready()
        assert "token" not in evaluate(console.page, "location.href")
        assert console.text("import numpy; print(numpy.fromfile('/drive/a folder/ein ü.bin', 'u1').sum())") == TOTAL
        console.text("import os; open('/drive/aus.bin', 'wb').write(bytes(range(256))[::-1]); os.mkdir('/drive/neu')")
        console.text("os.rename('/drive/aus.bin', '/drive/neu/aus.bin'); os.remove('/drive/a folder/ein ü.bin')")
        assert (folder / "neu" / "aus.bin").read_bytes() == ALL_BYTES[::-1]
        assert list((folder / "a folder").iterdir()) == []
        (folder / "später.txt").write_text("from the host")
        assert console.text("print(open('/drive/später.txt').read())") == "from the host"
        assert console.problems() == []
    finally:
        command.interrupt()
        ended = command.end()
    assert ended.code == 0, ended.err


def not_found(answer: Answer) -> None:
    answer.status, answer.type, answer.body = 404, "text/plain", b"not found"


def flip(answer: Answer) -> None:
    middle = len(answer.body) // 2
    answer.body = answer.body[:middle] + bytes([answer.body[middle] ^ 1]) + answer.body[middle + 1 :]


def truncate(answer: Answer) -> None:
    answer.body = answer.body[:-1000]


def a_page(answer: Answer) -> None:
    answer.type, answer.body = "text/html; charset=utf-8", b"<!doctype html><title>My application</title>"


FAILURES = {
    "an archive is missing": ("archive", not_found, "FileMissing", "is not on the server (404)"),
    "one byte of an archive is another": ("archive", flip, "HashMismatch", "wrong content: "),
    "the kernel is truncated": ("wasm", truncate, "Truncated", "truncated file: "),
    "a page comes in place of an archive": ("archive", a_page, "HtmlInsteadOfFile", "an HTML page"),
}


@pytest.mark.parametrize("label", FAILURES)
def test_a_failed_start_ends_in_its_error(new_console, serve, numpy_site, numpy_pack, label):
    which, fault, name, says = FAILURES[label]
    manifest = read_manifest(numpy_pack)
    boot = next(archive for archive in manifest.archives if archive.load == "interpreter")
    file = {"archive": f"archives/{boot.digest}.tar.zst", "wasm": manifest.kernels[0].wasm.path}[which]
    server = serve(numpy_site)
    fails = Faulty(fault)
    server.faults[file] = fails
    console = new_console().open(server.url)
    fails.wait()
    wait_for(console.page, "globalThis.liteEnv?.errors.some(problem => problem.fatal)", SOON)
    (problem,) = console.fatal()
    assert (problem["name"], problem["file"]) == (name, file)
    assert says in problem["message"]
    assert problem["hint"]
    shown = evaluate(console.page, "document.querySelector('.problem').innerText")
    assert file in shown
    assert problem["hint"] in shown

    server.faults.clear()
    evaluate(
        console.page,
        "void [...document.querySelectorAll('.problem button')].find(b => b.innerText === 'Retry').click()",
    )
    wait_for(console.page, "document.querySelector('.status').dataset.state === 'idle'")
    assert console.text(NUMPY) == "10"


class Faulty:
    """A fault that tells when it was met."""

    def __init__(self, fault) -> None:
        self._fault = fault
        self._met = threading.Event()

    def __call__(self, answer: Answer) -> Answer:
        answer.headers["Cache-Control"] = "no-store"
        self._fault(answer)
        self._met.set()
        return answer

    def wait(self) -> None:
        assert self._met.wait(300)


UNREAD = "/lib/python3.11/site-packages/numpy/fft/helper.py"
READ = f"try:\n  print(len(open('{UNREAD}').read()))\nexcept OSError as error:\n  print(error)"


def test_reads_that_the_network_lost_are_eio_and_go_on_when_it_is_back(new_console, serve, numpy_site):
    server = serve(numpy_site)
    console = new_console().open(server.url).ready()
    assert console.text(NUMPY) == "10"
    server.stop()
    assert console.text(READ) == f"[Errno 29] I/O error: '{UNREAD}'"
    assert console.text("print(open('/drive/x', 'w').write('alive'))") == "5"
    server.start()
    assert int(console.text(READ)) > 100
    assert console.fatal() == []


def test_the_drive_of_a_server_that_has_ended_is_eio(new_console, numpy_pack, tmp_path):
    folder = tmp_path / "host"
    folder.mkdir()
    (folder / "a.txt").write_text("there")
    command = Command("serve", numpy_pack, "--drive", folder, "--port", "0", "--json")
    ended = None
    try:
        command.wait_for(lambda: command.out().rstrip().endswith("}"))
        console = new_console().open(json.loads(command.out())["page"]).ready()
        assert console.text("print(open('/drive/a.txt').read())") == "there"
        command.interrupt()
        ended = command.end()
        code = "try:\n  print(open('/drive/a.txt').read())\nexcept OSError as error:\n  print(error.errno)"
        assert console.text(code) == "29"
        assert [(problem["name"], problem["fatal"]) for problem in console.problems()] == [("DriveFailed", False)]
        assert console.text("print(6 * 7)") == "42"
    finally:
        if ended is None:
            command.interrupt()
            command.end()


def test_pictures_can_be_taken(new_console, serve, lua_site, tmp_path):
    console = new_console().open(serve(lua_site).url).ready()
    assert console.text("print(6 * 7)") == "42"
    console.page.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "any host"])
def test_a_cell_installs_by_pip_and_conda(new_console, browser, serve, numpy_site, isolated):
    console = new_console().open(serve(numpy_site, isolated=isolated).url).ready()
    with serve_index(build_wheel("leaf", "2.1")) as index, serve_channel(CHANNEL) as channel:
        said = console.text(f"%pip install -i {index.url} leaf\nimport leaf\nprint(leaf.version)")
        assert said.endswith("\n2.1")
        url = f"http://127.0.0.1:{channel.port}"
        said = console.text(f"%conda install -c {url} pip\nimport pip\nprint(pip.__version__)")
        assert said.endswith("\n23.3.1")
    assert console.problems() == []
