"""Snapshots on the page in Blink, Gecko and WebKit: what is kept, what comes of it, what becomes of a broken one."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.browser.conftest import make_site
from tests.browser.engines.engine import EngineError, call, evaluate, wait_for
from tests.browser.test_snapshots_in_chromium import KEPT, NOT_USED, RESTORED
from tests.browser.test_three_engines import SETTLED, Console, browser, start_browser, wait_until  # noqa: F401 - a fixture
from tests.host.test_preload import pack_that_preloads

if TYPE_CHECKING:
    from pathlib import Path

    from tests.site_server import Answer, SiteServer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
    # One engine at a time: see test_three_engines.py.
]

# Engines tell their console in ways of their own, so the page's script remembers what is logged.
LISTEN = b"""globalThis.logged = [];
for (const level of ['log', 'info', 'warn', 'error']) {
  const write = console[level].bind(console);
  console[level] = (...said) => { logged.push(said.map(String).join(' ')); write(...said); };
}
"""
NUMPY = "import numpy; print(int(numpy.arange(5).sum()), numpy.linalg.inv(numpy.eye(2) * 2).tolist())"
COMPUTED = "10 [[0.5, 0.0], [0.0, 0.5]]"
DRAWN = "import os, random, uuid; print(os.urandom(8).hex(), random.random(), uuid.uuid4())"
# Which of the two has snapshots: the origin's private file system, or the Cache API. MiniBrowser's workers have no
# `navigator.storage`.
KEPT_IN = {"chromium": "files", "firefox": "files", "webkit": "cache"}
FILES = """
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle('lite-env-snapshots', { create: true });
  const names = async () => Array.fromAsync(folder.keys());
  const read = async name => new Uint8Array(await (await (await folder.getFileHandle(name)).getFile()).arrayBuffer());
  const write = async (name, bytes) => {
    const access = await (await folder.getFileHandle(name, { create: true })).createSyncAccessHandle();
    access.truncate(0);
    access.write(bytes, { at: 0 });
    access.close();
  };
  const remove = name => folder.removeEntry(name);
"""
CACHE = """
  const cache = await caches.open('lite-env-snapshots');
  const names = async () => (await cache.keys()).map(({ url }) => url.replace(/.*[/]/, ''));
  const at = name => `${origin}/lite-env-snapshots/${name}`;
  const read = async name => new Uint8Array(await (await cache.match(at(name))).arrayBuffer());
  const headers = bytes => ({ 'content-length': bytes.length });
  const write = (name, bytes) => cache.put(at(name), new Response(bytes, { headers: headers(bytes) }));
  const remove = name => cache.delete(at(name));
"""
SHELVES = {"files": FILES, "cache": CACHE}
# A file of the private file system is written in place by workers alone.
IN_WORKER = """code => new Promise((resolve, reject) => {
  const tell = 'result => postMessage({ result }), error => postMessage({ error: String(error) })';
  const script = `(async () => {${code}})().then(${tell})`;
  const worker = new Worker(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })));
  worker.onmessage = ({ data }) => {
    worker.terminate();
    'error' in data ? reject(new Error(data.error)) : resolve(data.result);
  };
  worker.onerror = event => reject(new Error(event.message));
})"""
HOLD = "caches.open('lite-env-snapshots').then(cache => { globalThis.held = cache; })"
SNAPSHOT = "const [name] = (await names()).filter(name => name.endsWith('.snapshot'));"
DAMAGE = f"{SNAPSHOT} const bytes = await read(name); bytes[2_000_000] ^= 1; await write(name, bytes);"
CUT = f"{SNAPSHOT} await write(name, (await read(name)).slice(0, 3_000_000));"
TRIED = f"{SNAPSHOT} await write(name.replace('.snapshot', '~gone.tried'), new Uint8Array(0));"
HARM = {
    "a byte is another": (DAMAGE, "it is damaged"),
    "it is cut off": (CUT, "it is damaged: it has"),
    "a start died": (TRIED, "never came to its end"),
}
REMOVED = f"{SNAPSHOT} await remove(name);"


class Visit(Console):
    """A page that is opened, and whose kernel says how it came."""

    is_closed = False

    def close(self) -> None:
        self.page.close()
        self.is_closed = True

    def how(self) -> dict[str, Any]:
        return evaluate(self.page, "liteEnv.figures().then(({ snapshot }) => snapshot)")

    @property
    def is_restored(self) -> bool:
        return self.how()["seconds"] is not None

    def log(self) -> list[str]:
        return evaluate(self.page, "logged")

    def said(self, text: str) -> bool:
        return any(text in line for line in self.log())

    def wait_until_said(self, text: str, times: int = 1) -> None:
        found = f"logged.filter(line => line.includes({text!r})).length >= {times}"
        wait_for(self.page, f"globalThis.logged && {found}")

    def wait_until_kept_one(self, how: str = "") -> None:
        """It is written, and the page has noted that there is one."""
        self.wait_until_said(f"{KEPT} {how}".strip())
        wait_for(self.page, "Object.keys(localStorage).some(key => key.startsWith('lite-env-snapshot '))")

    def kept(self, place: str, does: str = "return names();") -> Any:
        """What a script gives that sees what is kept in the private file system, or in the Cache API."""
        return call(self.page, IN_WORKER, SHELVES[place] + does)

    def kinds(self, place: str) -> list[str]:
        """What is kept there, by the ends of its names."""
        return sorted(name.rpartition(".")[2] for name in self.kept(place))

    def computes(self) -> None:
        assert self.text(NUMPY) == COMPUTED
        assert self.problems() == []

    def restart(self) -> None:
        evaluate(
            self.page, "void [...document.querySelectorAll('button')].find(b => b.innerText === 'Restart').click()"
        )


@pytest.fixture
def place(browser) -> str:  # noqa: F811
    return KEPT_IN[browser.name]


@pytest.fixture
def visit(browser):  # noqa: F811
    """Opens consoles, each in a page of its own, until the test ends."""
    visits: list[Visit] = []

    def new(url: str, *, wait: bool = True) -> Visit:
        found = Visit(browser.new_page())
        visits.append(found)
        found.open(url)
        if wait:
            found.ready()
        return found

    yield new
    for found in visits:
        if not found.is_closed:
            found.close()


@pytest.fixture
def listened(serve):
    """Serves a site whose page remembers what it logs."""

    def start(site: Path, **faults: Any) -> SiteServer:
        server = serve(site)
        server.faults |= {"page.js": listens, **faults}
        return server

    return start


def listens(answer: Answer) -> Answer:
    answer.body = LISTEN + answer.body
    return answer


def first_visit(visit, url: str) -> None:
    """A plain one that leaves a snapshot; its page stays open."""
    first = visit(url)
    assert not first.is_restored
    first.wait_until_kept_one()


def test_the_second_visit_and_a_restart_are_restored_and_compute(visit, listened, numpy_site, place):
    url = listened(numpy_site).url
    first = visit(url)
    assert not first.is_restored
    first.wait_until_said(KEPT)
    assert first.kinds(place) == ["snapshot", "used"]
    assert first.kinds("cache") == (["snapshot", "used"] if place == "cache" else [])
    first.text("open('/drive/kept.txt', 'w').write('from the first')")
    drawn = [first.text(DRAWN)]
    for _ in range(2):
        again = visit(url)
        assert again.is_restored, again.log()
        assert again.said(RESTORED)
        drawn.append(again.text(DRAWN))
        assert again.text("print(open('/drive/kept.txt').read())") == "from the first"
        assert again.text("print(open('/drive/made.bin', 'wb').write(bytes(range(256))))") == "256"
        assert again.text("print(sum(open('/drive/made.bin', 'rb').read()))") == "32640"
        again.computes()
    again.restart()
    again.wait_until_said(RESTORED, times=2)
    drawn.append(again.text(DRAWN))
    again.computes()
    draws = [one for line in drawn for one in line.split()]
    assert len(set(draws)) == len(draws) == 12
    assert again.kinds(place) == ["snapshot", "used"]
    print(again.how()["seconds"])


def test_snapshot_off_starts_plainly_and_keeps_nothing(visit, listened, numpy_site, place):
    url = listened(numpy_site).url
    off = visit(f"{url}?snapshot=off")
    off.computes()
    first_visit(visit, url)
    off = visit(f"{url}?snapshot=off")
    assert off.how() is None
    assert not off.said(RESTORED)
    off.computes()
    assert off.kinds(place) == ["snapshot", "used"]


@pytest.mark.parametrize("which", HARM)
def test_a_broken_one_ends_in_a_plain_start(visit, listened, numpy_site, place, which):
    harm, why = HARM[which]
    url = listened(numpy_site).url
    first_visit(visit, url)
    other = visit(url)
    assert other.is_restored, other.log()
    other.kept(place, harm)
    again = visit(url)
    assert not again.is_restored
    assert any(NOT_USED in line and why in line for line in again.log()), again.log()
    again.wait_until_said(KEPT)
    again.computes()
    last = visit(url)
    assert last.is_restored, last.log()
    last.computes()


def test_one_that_is_gone_ends_in_a_plain_start(visit, listened, numpy_site, place):
    """The browser needed the room."""
    url = listened(numpy_site).url
    first_visit(visit, url)
    visit(url).kept(place, REMOVED)
    again = visit(url)
    assert again.how()["why"] == "there is none yet"
    again.wait_until_said(KEPT)
    again.computes()


def test_without_a_private_file_system_the_cache_has_it(visit, listened, numpy_site, place):
    def without(answer: Answer) -> Answer:
        answer.body = b"globalThis.StorageManager && delete StorageManager.prototype.getDirectory;\n" + answer.body
        return answer

    url = listened(numpy_site, **{"worker.js": without}).url
    first_visit(visit, url)
    second = visit(url)
    assert second.is_restored, second.log()
    second.computes()
    assert place == "cache" or second.kinds("files") == []
    assert second.kinds("cache") == ["snapshot", "used"]
    second.kept("cache", DAMAGE)
    again = visit(url)
    assert any(NOT_USED in line and "it is damaged" in line for line in again.log()), again.log()
    again.computes()


def test_several_pages_use_one_at_once(visit, listened, numpy_site):
    url = listened(numpy_site).url
    first_visit(visit, url)
    tabs = [visit(url, wait=False) for _ in range(2)]
    for tab in tabs:
        tab.ready()
        assert tab.is_restored, tab.log()
        tab.computes()
    assert visit(url).is_restored


def test_pages_that_leave_in_the_middle_lose_no_start(visit, listened, numpy_site):
    url = listened(numpy_site).url
    first_visit(visit, url)
    for number in range(5):
        leaving = visit(url, wait=False)
        try:
            evaluate(leaving.page, f"new Promise(resolve => setTimeout(resolve, {number * 150}))")
        except EngineError as error:
            print(error)
        leaving.open(url)
        leaving.ready().computes()
        # The page that left may have thrown it away itself, for the mark of the one before.
        fallbacks = {"the start that used it before never came to its end", "there is none yet"}
        assert leaving.is_restored or leaving.how()["why"] in fallbacks, leaving.how()
        if not leaving.is_restored:
            visit(url).wait_until_kept_one()


def test_a_restart_and_a_visit_where_no_other_page_is_open(visit, listened, numpy_site, browser):  # noqa: F811
    """In memory, as under automation, WebKit forgets a cache that nobody has open: then these starts are plain ones.

    What is written afterwards it says to have written, and has not.
    """
    forgets = browser.name == "webkit"
    url = listened(numpy_site).url
    first = visit(url)
    first.wait_until_kept_one()
    first.restart()
    assert first.is_restored is not forgets, first.log()
    if forgets:
        first.wait_until_said("the browser has lost it at once")
    first.close()
    again = visit(url)
    assert again.is_restored is not forgets, again.log()
    assert again.how()["why"] == ("there is none yet" if forgets else "")
    again.computes()


def test_a_private_window_of_firefox_has_it_in_the_cache(listened, numpy_site, tmp_path):
    """Its private file system refuses itself there."""
    profile = tmp_path / "profile"
    profile.mkdir()
    (profile / "prefs.js").write_text('user_pref("browser.privatebrowsing.autostart", true);\n', "utf-8")
    url = listened(numpy_site).url
    private = start_browser("firefox", profile)
    try:
        visits = [Visit(private.new_page()) for _ in range(2)]
        visits[0].open(url).ready()
        visits[0].wait_until_kept_one()
        visits[0].close()
        visits[1].open(url).ready()
        assert visits[1].is_restored, visits[1].log()
        assert visits[1].kinds("cache") == ["snapshot", "used"]
        with pytest.raises(EngineError, match="Security error"):
            visits[1].kinds("files")
        visits[1].computes()
    finally:
        private.close()


def test_webkit_with_a_profile_on_disk_is_restored_when_it_was_started_anew(serve, numpy_site, tmp_path):
    """Nobody drives this browser: its page tells the server what it logs."""
    from tests.browser.engines.webkit import plain_minibrowser  # noqa: PLC0415

    server = serve(numpy_site, isolated=False)
    server.faults["page.js"] = reports
    said = lambda text: any(quote(text) in path for path in server.requests)  # noqa: E731
    with plain_minibrowser(server.url, home=tmp_path):
        wait_until(lambda: said(KEPT))
        time.sleep(SETTLED)
    assert not said(RESTORED)
    server.requests.clear()
    with plain_minibrowser(server.url, home=tmp_path):
        wait_until(lambda: said("snapshot"))
    assert said(RESTORED), server.requests


def reports(answer: Answer) -> Answer:
    answer.body = (
        b"""for (const level of ['info', 'warn', 'error']) {
  console[level] = text => void fetch(`said/${encodeURIComponent(text)}`);
}
"""
        + answer.body
    )
    return answer


def test_numpy_is_imported_in_the_second_visit(visit, listened, numpy_pack, tmp_path):
    pack = pack_that_preloads(numpy_pack, tmp_path / "pack", "numpy")
    url = listened(make_site(tmp_path / "site", pack)).url
    first = visit(url)
    there = "import sys; print('numpy' in sys.modules, 'numpy' in globals())"
    assert first.text(there) == "False False"
    # The second worker ends when it is done, and a profile of WebKit's in memory forgets what nobody has open.
    evaluate(first.page, HOLD)
    first.wait_until_kept_one("with numpy")
    draws = set()
    for _ in range(2):
        again = visit(url)
        assert again.is_restored, again.log()
        assert again.how()["preload"]["done"] is True
        assert again.text(there) == "True False"
        draws.add(again.text("import numpy; print(numpy.random.rand())"))
        again.computes()
    assert len(draws) == 2


def test_pyodide_is_restored_and_computes(visit, listened, science_pack, tmp_path):
    url = listened(make_site(tmp_path / "site", science_pack)).url
    first_visit(visit, url)
    drawn = []
    for _ in range(2):
        again = visit(url)
        assert again.is_restored, again.log()
        drawn += again.text(DRAWN).split()
        assert again.text("import js; print(await js.Promise.resolve(js.eval('6 * 7')))") == "42"
        assert again.text("open('/drive/x.txt', 'w').write('there'); print(open('/drive/x.txt').read())") == "there"
        again.computes()
    again.restart()
    again.wait_until_said(RESTORED, times=2)
    drawn += again.text(DRAWN).split()
    again.computes()
    assert len(set(drawn)) == len(drawn) == 9
