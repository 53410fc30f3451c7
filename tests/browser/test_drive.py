"""`/drive` in the real kernel in Chromium: of a server, of the page by shared memory and by the service worker."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from lite_env.bootstrap.runtime_files import runtime_dir
from lite_env.host.drive import FolderDrive
from lite_env.host.files import ISOLATION
from lite_env.host.find import find_chromium
from lite_env.host.loopback import LoopbackServer, Request, Response
from lite_env.site.environments import read_environments
from lite_env.site.page import make_page
from lite_env.site.runtime import read_runtime
from lite_env.site.server import SiteApplication

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.browser]

TOKEN = "a token"  # noqa: S105
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>embedding</title>
<link rel="icon" href="data:,">
<script type="module">
import * as lite from './{runtime}lite-env.mjs';
globalThis.lite = lite;
</script>
</html>
"""
START = """async options => {
  const kernel = globalThis.kernel = await lite.createKernel(options);
  globalThis.failures = [];
  kernel.onError((failure, fatal) => failures.push({ ...failure, fatal }));
  return { name: kernel.name, canInterrupt: kernel.canInterrupt, canInput: kernel.canInput };
}"""
RUN = """async ({ code, answers }) => {
  let out = '';
  const onOutput = ({ header, content }) => {
    if (header.msg_type === 'stream') out += content.text;
    if (header.msg_type === 'execute_result') out += content.data['text/plain'];
  };
  const onInput = async () => answers.shift();
  const { content } = await kernel.execute(code, { onOutput, onInput });
  return { out, status: content.status, error: `${content.ename}: ${content.evalue}` };
}"""


@dataclass
class Held:
    """A request that does not get to the drive before it is let."""

    release: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    status: HTTPStatus | None = None


@dataclass
class Site:
    """The real site application with a bare page beside it, counting what the drive is asked."""

    application: SiteApplication
    runtime: str
    root: Path
    isolation: bool
    asked: Counter[str] = field(default_factory=Counter)
    url: str = ""
    is_plain: bool = False
    hold: str | None = None
    held: list[Held] = field(default_factory=list)
    late: threading.Event | None = None
    unanswerable: list[str] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        if request.path == "/embed.html":
            headers = ISOLATION if self.isolation else ()
            page = PAGE.replace("{runtime}", self.runtime).encode()
            return Response(headers=(("Content-Type", "text/html"), *headers), body=page)
        if request.path == "/api/drive":
            return self._answer_drive(request)
        if self.late and request.path == f"/{self.runtime}worker.js":
            self.late.wait(60)
        return self.application(request)

    def _answer_drive(self, request: Request) -> Response:
        body = request.read()
        asked = json.loads(body)["data"]
        self.asked[asked["method"]] += 1
        if self.is_plain:
            if asked["method"] == "readdir":
                asked.pop("data", None)
            body = json.dumps({"data": asked}).encode()
        hold = Held()
        if self.hold == f"{asked['method']} {asked['path']}":
            self.held.append(hold)
            hold.release.wait(60)
        response = self.application(dataclasses.replace(request, read=lambda: body, length=len(body)))
        hold.status = response.status
        hold.done.set()
        if not self.is_plain:
            return response
        if response.status != HTTPStatus.OK:
            # JupyterLite's page would not answer at all.
            self.unanswerable.append(f"{asked['method']} {asked['path']}")
        answer = json.loads(response.body)
        if asked["method"] == "lookup":
            answer.pop("stat", None)
        return dataclasses.replace(response, body=json.dumps(answer).encode())

    def count(self) -> dict[str, int]:
        """Requests since the last time, by method."""
        asked = dict(self.asked)
        self.asked.clear()
        return asked


@dataclass
class Tab:
    """A page with a kernel."""

    page: Any
    site: Site

    def start(self, drive: dict[str, Any] | None, **options: Any) -> dict[str, Any]:
        manifest = f"packs/{self.site.application.environments[0].name}/manifest.json"
        return self.page.evaluate(START, {"manifest": manifest, "drive": drive, **options})

    def run(self, code: str, *answers: str) -> str:
        """What the cell printed; fails with its error."""
        done = self.page.evaluate(RUN, {"code": code, "answers": list(answers)})
        assert done["status"] == "ok", f"{done['error']}\n{done['out']}"
        return done["out"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(find_chromium()), args=["--disable-gpu"], chromium_sandbox=os.geteuid() != 0
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def make_site(numpy_pack, tmp_path_factory):
    servers = []

    def make(*, drive: str, isolation: bool) -> Site:
        root = tmp_path_factory.mktemp("drive")
        environments = read_environments([numpy_pack])
        runtime = read_runtime(runtime_dir())
        application = SiteApplication(
            environments=environments,
            runtime=runtime,
            page=make_page(environments, runtime, drive=drive),
            token=TOKEN,
            drive=FolderDrive(root) if drive == "server" else None,
            isolation=isolation,
        )
        site = Site(application=application, runtime=runtime.folder, root=root, isolation=isolation)
        server = LoopbackServer(site)
        server.__enter__()
        servers.append(server)
        site.url = f"{server.url}embed.html"
        return site

    yield make
    for server in servers:
        server.__exit__(None, None, None)


def open_tab(browser, site: Site, *, context=None) -> Tab:
    page = (context or browser.new_context()).new_page()
    page.set_default_timeout(120_000)
    page.on("console", lambda message: print("console:", message.text))
    page.goto(site.url)
    page.wait_for_function("globalThis.lite !== undefined")
    return Tab(page=page, site=site)


SERVER = {"kind": "server", "url": "api/drive", "token": TOKEN}


@pytest.fixture(scope="module")
def server_tab(browser, make_site) -> Tab:
    tab = open_tab(browser, make_site(drive="server", isolation=True))
    tab.start(SERVER)
    return tab


@pytest.fixture(scope="module")
def shared_tab(browser, make_site) -> Tab:
    tab = open_tab(browser, make_site(drive="browser", isolation=True))
    started = tab.start({"kind": "browser"}, serviceWorker=None)
    assert started == {"name": "xpython", "canInterrupt": True, "canInput": True}
    return tab


@pytest.fixture(scope="module")
def service_tab(browser, make_site) -> Tab:
    tab = open_tab(browser, make_site(drive="browser", isolation=False))
    started = tab.start({"kind": "browser"}, serviceWorker="sw.js")
    assert started == {"name": "xpython", "canInterrupt": False, "canInput": True}
    return tab


@pytest.fixture(params=["server", "shared", "service"])
def tab(request) -> Tab:
    return request.getfixturevalue(f"{request.param}_tab")


CELLS = {
    "the kernel starts in the drive": "import os\nassert os.getcwd() == '/drive'\nassert os.path.isdir('/drive')",
    "write and read": """
with open('a.txt', 'w') as file:
    assert file.write('one\\ntwo\\n') == 8
assert open('a.txt').read() == 'one\\ntwo\\n'
assert os.stat('a.txt').st_size == 8
assert os.path.samefile('a.txt', '/drive/a.txt')
""",
    "write over": """
open('over', 'w').write('a long text')
open('over', 'w').write('short')
assert open('over').read() == 'short'
""",
    "append": """
open('appended', 'a').write('one')
open('appended', 'a').write('two')
with open('appended', 'ab+') as file:
    file.seek(0)
    file.write(b'3')
    file.seek(0)
    assert file.read() == b'onetwo3'
""",
    "seek, update in place, sparse": """
with open('s', 'wb+') as file:
    file.write(b'0123456789')
    file.seek(2); file.write(b'AB'); file.seek(0, 2); assert file.tell() == 10
    file.seek(-3, 1); assert file.read(1) == b'7'
    file.seek(12); file.write(b'Z')
assert open('s', 'rb').read() == b'01AB456789\\0\\0Z'
with open('s', 'r+b') as file:
    file.seek(1); file.write(b'!')
assert open('s', 'rb').read(3) == b'0!A'
""",
    "truncate by path, by descriptor, longer": """
open('t', 'wb').write(b'0123456789')
os.truncate('t', 4)
assert open('t', 'rb').read() == b'0123'
with open('t', 'r+b') as file:
    file.truncate(2)
    file.seek(0, 2); file.write(b'x')
assert open('t', 'rb').read() == b'01x'
os.truncate('t', 5)
assert open('t', 'rb').read() == b'01x\\0\\0'
with open('t', 'r+b') as file:
    file.truncate(0)
assert os.path.getsize('t') == 0
""",
    "two who have a file open see the same": """
writer = open('both', 'w'); writer.write('hello'); writer.flush()
assert open('both').read() == 'hello'
writer.close()
with open('both', 'r+b') as one, open('both', 'rb') as two:
    one.write(b'J'); one.flush()
    assert two.read() == b'Jello'
copy = os.dup((first := open('both', 'wb')).fileno()); first.close()
os.write(copy, b'by the copy'); os.close(copy)
assert open('both').read() == 'by the copy'
""",
    "fsync": """
with open('synced', 'wb') as file:
    file.write(b'abc'); file.flush(); os.fsync(file.fileno())
    assert os.stat('synced').st_size == 3
""",
    "exclusive creation": """
open('x', 'x').close()
try: open('x', 'x')
except FileExistsError: pass
else: raise AssertionError
""",
    "folders": """
import shutil
os.mkdir('d'); os.makedirs('d/e/f'); os.makedirs('d/e', exist_ok=True)
open('d/e/f/g.txt', 'w').write('deep')
assert sorted(os.listdir('d')) == ['e']
assert [(p, d, f) for p, d, f in os.walk('d')] == [('d', ['e'], []), ('d/e', ['f'], []), ('d/e/f', [], ['g.txt'])]
for call, error in ((lambda: os.mkdir('d'), FileExistsError), (lambda: os.rmdir('d'), OSError),
                    (lambda: os.listdir('none'), FileNotFoundError), (lambda: open('d'), IsADirectoryError),
                    (lambda: os.mkdir('none/x'), FileNotFoundError), (lambda: os.unlink('d'), OSError),
                    (lambda: os.listdir('d/e/f/g.txt'), NotADirectoryError)):
    try: call()
    except error as found: pass
    else: raise AssertionError(error)
assert open('d/e/f/g.txt').read() == 'deep'
shutil.rmtree('d')
assert not os.path.exists('d')
os.mkdir('d'); os.rmdir('d')
assert not os.path.exists('d')
""",
    "rename": """
open('r1', 'w').write('1'); open('r2', 'w').write('2')
os.rename('r1', 'r2')
assert open('r2').read() == '1' and not os.path.exists('r1')
os.makedirs('rd/sub'); open('rd/sub/f', 'w').write('f')
os.rename('rd', 're')
assert open('re/sub/f').read() == 'f' and not os.path.exists('rd')
os.rename('re/sub/f', 'moved'); os.replace('moved', 're/f')
assert sorted(os.listdir('re')) == ['f', 'sub']
os.mkdir('rd'); os.rmdir('re/sub'); os.rename('re', 'rd')
assert os.listdir('rd') == ['f']
os.mkdir('full'); open('full/x', 'w').close()
for source, target in (('rd', 'full'), ('rd', 'r2'), ('r2', 'full'), ('none', 'r3'), ('rd', 'rd/in')):
    try: os.rename(source, target)
    except OSError: pass
    else: raise AssertionError((source, target))
assert open('rd/f').read() == 'f' and os.path.exists('full/x')
""",
    "unlink while open": """
file = open('gone', 'w'); file.write('x'); os.unlink('gone'); file.close()
assert not os.path.exists('gone')
""",
    "names": """
names = ['ä ö ü.txt', 'sp ace', '100%.txt', '%41', 'a+b&c=d#e?f', '雪', '😀.bin', "it's", 'x' * 200, '-', '...']
os.mkdir('names % dir')
for name in names:
    open(f'names % dir/{name}', 'w').write(name)
assert sorted(os.listdir('names % dir')) == sorted(names)
assert all(open(f'names % dir/{name}').read() == name for name in names)
for name in names:
    os.rename(f'names % dir/{name}', f'names % dir/{name[:100]}2')
assert sorted(os.listdir('names % dir')) == sorted(name[:100] + '2' for name in names)
""",
    "empty files": """
open('empty', 'w').close()
assert open('empty', 'rb').read() == b'' and os.path.getsize('empty') == 0
""",
    "numpy": """
import numpy
data = numpy.arange(256 * 300, dtype='u1').reshape(300, 256); numbers = numpy.random.default_rng(1).normal(size=4000)
numpy.save('data.npy', data); numpy.savez('both.npz', data=data, numbers=numbers)
assert (numpy.load('data.npy') == data).all() and (numpy.load('both.npz')['numbers'] == numbers).all()
assert (numpy.load('data.npy', mmap_mode='r') == data).all()
data.tofile('raw'); assert open('raw', 'rb').read() == data.tobytes()
""",
    "mmap": """
import mmap
open('m', 'wb').write(bytes(range(256)) * 10)
with open('m', 'rb') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
    assert mapped[:] == bytes(range(256)) * 10 and mapped.find(b'\\xff\\0') == 255
with open('m', 'r+b') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_WRITE) as mapped:
    mapped[1] = 7; mapped.flush()
    assert open('m', 'rb').read(3) == b'\\0\\7\\2'
with open('m', 'r+b') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as mapped:
    mapped[2] = 7; mapped.flush()
assert open('m', 'rb').read(3) == b'\\0\\7\\2'
""",
    "times": """
import time
open('now', 'w').close()
assert abs(os.stat('now').st_mtime - time.time()) < 60
""",
    "many small files": """
os.mkdir('many')
for number in range(500):
    open(f'many/{number}', 'w').write(str(number))
assert len(os.listdir('many')) == 500
assert sum(int(open(f'many/{number}').read()) for number in range(500)) == 124750
shutil.rmtree('many')
assert not os.path.exists('many')
""",
    "fifty megabytes": """
big = numpy.random.default_rng(0).bytes(50_000_000)
with open('big', 'wb') as file:
    for at in range(0, len(big), 65_536):
        file.write(big[at:at + 65_536])
assert os.path.getsize('big') == 50_000_000
assert open('big', 'rb').read() == big
os.unlink('big')
""",
    "modules are imported from the drive": """
import sys
open('own_module.py', 'w').write('VALUE = 41')
os.mkdir('own_package'); open('own_package/part.py', 'w').close()
open('own_package/__init__.py', 'w').write('from . import part')
import own_module, own_package
assert own_module.VALUE == 41
""",
}


LONG = ("fifty megabytes", "many small files")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in CELLS]
)
def test_files(tab, name):
    tab.run(f"import os, shutil, numpy\n{CELLS[name]}")


# What a call costs; docs/drive.md tells the same. A warm call: the folders on the way have been looked up before.
COSTS = {
    "os.stat('f')": {"lookup": 1},
    "os.path.exists('none')": {"lookup": 1},
    "os.stat('d')": {"lookup": 1},
    "os.stat('d/g')": {"lookup": 1},
    "open('f').read()": {"lookup": 1, "get": 1},
    "open('f', 'w').write('x')": {"lookup": 1, "put": 2},
    "open('f', 'a').write('x')": {"lookup": 1, "get": 1, "put": 1},
    "open('new', 'w').write('x')": {"lookup": 1, "mknod": 1, "put": 1},
    "open('f', 'r+').close()": {"lookup": 1, "get": 1},
    "os.truncate('f', 0)": {"lookup": 1, "put": 1},
    "os.listdir('d500')": {"readdir": 1},
    "[entry.is_dir() for entry in os.scandir('d500')]": {"readdir": 1},
    "list(os.walk('d500'))": {"readdir": 1},
    "os.mkdir('made')": {"mknod": 1},
    "os.rmdir('made')": {"rmdir": 1},
    "os.rename('new', 'newer')": {"lookup": 1, "rename": 1},
    "os.unlink('newer')": {"rmdir": 1},
    "shutil.rmtree('d100')": {"lookup": 3, "readdir": 1, "rmdir": 101},
}


@pytest.mark.slow
def test_what_calls_cost(server_tab):
    site = server_tab.site
    (site.root / "f").write_text("f")
    for folder in ("d", "d500", "d100"):
        (site.root / folder).mkdir()
    (site.root / "d" / "g").write_text("g")
    for folder, count in (("d500", 500), ("d100", 100)):
        for number in range(count):
            (site.root / folder / str(number)).touch()
    server_tab.run("import os, shutil\nos.stat('d'), os.stat('d500'), os.stat('d100')")
    costs = {}
    for call in COSTS:
        site.count()
        server_tab.run(f"_ = {call}")
        costs[call] = site.count()
    assert costs == COSTS


@pytest.mark.slow
def test_a_plain_jupyterlite_drive(browser, make_site):
    # It gives no stat and no types, and no answer to what it cannot do.
    site = make_site(drive="server", isolation=True)
    site.is_plain = True
    tab = open_tab(browser, site)
    tab.start(SERVER)
    for name in ("write and read", "append", "truncate by path, by descriptor, longer", "folders", "names", "numpy"):
        tab.run(f"import os, shutil, numpy\n{CELLS[name]}")
    (site.root / "d").mkdir()
    assert tab.run("print(os.path.isdir('d'), os.listdir('d'), os.path.exists('a.txt'))") == "True [] True\n"
    (site.root / "d").rmdir()
    (site.root / "a.txt").unlink()
    assert tab.run("print(os.path.isdir('d'), os.path.exists('a.txt'))") == "False False\n"
    for call in ("os.listdir('d')", "open('a.txt')", "os.stat('d')"):
        assert tab.run(f"try: {call}\nexcept FileNotFoundError: print('gone')") == "gone\n"
    assert site.unanswerable == []


@pytest.mark.slow
def test_the_start_asks_the_drive_little(browser, make_site):
    site = make_site(drive="server", isolation=True)
    tab = open_tab(browser, site)
    tab.start(SERVER)
    assert site.count() == {"lookup": 1}
    # Python asks for the time of the working folder before it imports anything by its name.
    tab.run("import json, wave, numpy.random")
    assert site.count().keys() <= {"lookup", "readdir"}


def test_host_and_kernel_see_each_other(server_tab):
    root = server_tab.site.root
    run = server_tab.run
    run("import os\nopen('seen', 'w').write('by the kernel')\nos.makedirs('from/kernel')")
    assert (root / "seen").read_text() == "by the kernel"
    assert (root / "from" / "kernel").is_dir()
    (root / "seen").write_text("by the host, longer")
    assert run("print(open('seen').read(), os.path.getsize('seen'))") == "by the host, longer 19\n"
    (root / "from" / "host.bin").write_bytes(bytes(range(256)))
    assert run("print(sorted(os.listdir('from')), open('from/host.bin', 'rb').read() == bytes(range(256)))") == (
        "['host.bin', 'kernel'] True\n"
    )
    # What the host removes is gone, at once and for every way of asking.
    (root / "seen").unlink()
    (root / "from" / "kernel").rmdir()
    assert run("print(os.path.exists('seen'), os.path.exists('from/kernel'), os.listdir('from'))") == (
        "False False ['host.bin']\n"
    )
    run("open('seen', 'x').write('again')\nos.mkdir('from/kernel')")
    assert (root / "seen").read_text() == "again"
    # And what becomes something else is something else.
    (root / "seen").unlink()
    (root / "seen").mkdir()
    (root / "from" / "kernel").rmdir()
    (root / "from" / "kernel").write_text("a file")
    assert run("print(os.path.isdir('seen'), os.path.isfile('from/kernel'), open('from/kernel').read())") == (
        "True True a file\n"
    )
    # A file that is only read is never written back.
    (root / "read").write_text("one")
    run("file = open('read', 'r+')\n_ = file.read()")
    (root / "read").write_text("two")
    run("file.close()")
    assert (root / "read").read_text() == "two"


def test_what_is_not_allowed(server_tab, tmp_path):
    root = server_tab.site.root
    (root / "fixed").write_text("fixed")
    (root / "out").symlink_to(tmp_path)
    code = """
import os
for call in (lambda: os.symlink('a', 'b'), lambda: os.listdir('out'), lambda: open('../../etc/passwd')):
    try: call()
    except OSError: pass
    else: raise AssertionError
assert 'out' not in os.listdir('.')
"""
    server_tab.run(code)


@pytest.mark.slow
def test_a_lost_network_is_eio_and_the_kernel_goes_on(browser, make_site):
    site = make_site(drive="server", isolation=True)
    (site.root / "f").write_text("f")
    tab = open_tab(browser, site)
    tab.start(SERVER)
    assert tab.run("print(open('f').read())\nlate = open('late', 'w')") == "f\n"
    tab.page.context.set_offline(True)
    code = """
import errno, os
late.write('x')
found = []
for call in (lambda: open('f'), lambda: os.listdir('.'), lambda: os.stat('f'), lambda: open('g', 'w'), late.close):
    try: call()
    except OSError as error: found.append(errno.errorcode[error.errno])
print(found, 1 + 1)
"""
    assert tab.run(code) == "['EIO', 'EIO', 'EIO', 'EIO', 'EIO'] 2\n"
    (failure,) = tab.page.evaluate("failures")
    assert (failure["name"], failure["fatal"]) == ("DriveFailed", False)
    assert failure["message"].startswith("/drive is out of reach: ")
    assert failure["hint"]
    tab.page.context.set_offline(False)
    assert tab.run("print(open('f').read(), os.listdir('.'))") == "f ['f', 'late']\n"


@pytest.mark.slow
def test_two_tabs_never_answer_each_other(browser, make_site):
    site = make_site(drive="browser", isolation=False)
    context = browser.new_context()
    one, two = open_tab(browser, site, context=context), open_tab(browser, site, context=context)
    one.start({"kind": "browser", "name": "one"}, serviceWorker="sw.js")
    two.start({"kind": "browser", "name": "two"}, serviceWorker="sw.js")
    one.run("import os\nopen('of one', 'w').write('1')")
    two.run("import os\nopen('of two', 'w').write('2')")
    assert one.run("print(os.listdir('.'))") == "['of one']\n"
    assert two.run("print(os.listdir('.'))") == "['of two']\n"
    # Both at once.
    many = "for number in range(50):\n    open('f', 'w').write('{0}'); assert open('f').read() == '{0}'"
    for tab, text in ((one, "one"), (two, "two")):
        tab.page.evaluate("code => { globalThis.under = kernel.execute(code); return null }", many.replace("{0}", text))
    assert [tab.page.evaluate("under.then(({ content }) => content.status)") for tab in (one, two)] == ["ok", "ok"]


@pytest.mark.slow
def test_pages_of_an_origin_share_the_browsers_storage(browser, make_site):
    site = make_site(drive="browser", isolation=True)
    context = browser.new_context()
    tab = open_tab(browser, site, context=context)
    tab.start({"kind": "browser"}, serviceWorker=None)
    tab.run("import os\nos.mkdir('d')\nopen('d/kept', 'wb').write(bytes(range(256)))")
    # The page itself reads and writes the same files.
    page = """async () => {
      const contents = await lite.BrowserContents.open();
      await contents.write('d/uploaded', new Uint8Array([1, 2, 3]));
      return [...await contents.read('d/kept')];
    }"""
    assert tab.page.evaluate(page) == list(range(256))
    assert tab.run("print(list(open('d/uploaded', 'rb').read()), os.listdir('d'))") == (
        "[1, 2, 3] ['kept', 'uploaded']\n"
    )
    tab.page.close()
    later = open_tab(browser, site, context=context)
    later.start({"kind": "browser"}, serviceWorker=None, cwd="d")
    assert later.run("print(len(open('kept', 'rb').read()))") == "256\n"


NAMED = """() => {
  const asked = globalThis.asked = [];
  const of = path => path.startsWith('s3:') ? { path: path.slice(3), ...files } : null;
  const files = { name: 'f.txt', type: 'file', format: 'text', size: 5 };
  return {
    async get(path, { content } = {}) {
      asked.push(path);
      if (path === 's3:' || path === 's3:/') {
        return { name: '', path, type: 'directory', content: content ? [{ ...files, path }] : null };
      }
      if (path !== 's3:/f.txt') throw new Error(`Could not find ${path}`);
      return { ...files, path, content: content ? 'größe' : null };
    },
  };
}"""


@pytest.mark.slow
def test_another_drive_of_a_contents_manager(browser, make_site):
    site = make_site(drive="browser", isolation=True)
    tab = open_tab(browser, site)
    start = f"""async manifest => {{
      const contentsManager = ({NAMED})();
      globalThis.kernel = await lite.createKernel({{
        manifest, drive: {{ kind: 'contents', contentsManager, name: 's3', mountpoint: '/data' }}
      }});
    }}"""
    tab.page.evaluate(start, f"packs/{site.application.environments[0].name}/manifest.json")
    assert tab.run("import os\nprint(os.getcwd(), os.listdir('.'), open('/data/f.txt').read())") == (
        "/data ['f.txt'] größe\n"
    )
    assert tab.page.evaluate("asked.every(path => path.startsWith('s3:'))")
    assert tab.run("try: open('f.txt', 'w')\nexcept OSError as error: print(error.strerror)") == "I/O error\n"


@pytest.mark.parametrize(
    ("drive", "reason"),
    [
        ({"kind": "server", "url": "api/drive", "token": "wrong"}, "the token is missing or wrong"),
        ({"kind": "server", "url": "nowhere/drive"}, "status 405"),
        ({"kind": "server", "url": "http://127.0.0.1:9/api/drive"}, "does not answer"),
        ({"kind": "browser", "mountpoint": "/drive"}, "the page has no service worker"),
    ],
)
def test_a_drive_that_refuses_ends_the_start(browser, make_site, drive, reason):
    tab = open_tab(browser, make_site(drive="server", isolation=False))
    start = """async options => lite.createKernel(options).then(() => null, error => error.failure)"""
    manifest = f"packs/{tab.site.application.environments[0].name}/manifest.json"
    failure = tab.page.evaluate(start, {"manifest": manifest, "drive": drive, "serviceWorker": None})
    assert failure["name"] == "DriveFailed"
    assert failure["message"].startswith("/drive refused: ")
    assert reason in failure["message"]
    assert failure["hint"]


def test_input_and_interrupt(shared_tab, service_tab):
    for tab in (shared_tab, service_tab):
        assert tab.run("name = input('name? ')\nprint(name, input())", "Ada ü", "again") == "Ada ü again\n"
    refused = "(() => { try { kernel.interrupt() } catch (error) { return error.failure } })()"
    assert service_tab.page.evaluate(refused)["name"] == "InterruptUnavailable"
    loop = "try:\n    print('looping', flush=True)\n    while True: pass\nexcept KeyboardInterrupt: print('caught')"
    interrupted = """async code => {
      let out = '';
      const onOutput = ({ header, content }) => {
        if (header.msg_type !== 'stream') return;
        if (out === '') kernel.interrupt();
        out += content.text;
      };
      await kernel.execute(code, { onOutput });
      return out;
    }"""
    # The line end of `print` may be what is interrupted.
    assert "caught" in shared_tab.page.evaluate(interrupted, loop)


@pytest.mark.slow
def test_input_without_any_way_says_so(browser, make_site):
    tab = open_tab(browser, make_site(drive="none", isolation=False))
    assert tab.start(None, serviceWorker=None)["canInput"] is False
    done = tab.page.evaluate(RUN, {"code": "input('name? ')", "answers": ["never"]})
    assert done["status"] == "error"
    assert "This frontend does not support input requests" in done["error"]


def test_a_restart_keeps_the_drive(service_tab):
    service_tab.run("open('before', 'w').write('x')\nvalue = 1")
    service_tab.page.evaluate("kernel.restart()")
    assert service_tab.run("print('value' in globals(), open('before').read())") == "False x\n"
    assert service_tab.run("print(input())", "after") == "after\n"


RACE = """
import os
rounds = 0
for number in range(120):
    with open('raced', 'w') as file:
        file.write('x')
    with open('raced', 'a') as file:
        file.write('y')
    rounds += 1
    try: os.unlink('raced')
    except FileNotFoundError: pass
won = 0
for number in range(40):
    try: os.close(os.open(f'lock-{number}', os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError: pass
    else: won += 1
print(rounds, won)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["server", "shared", "service"])
def test_two_tabs_make_and_remove_one_file_all_the_time(browser, make_site, kind):
    site = make_site(drive="server" if kind == "server" else "browser", isolation=kind != "service")
    drive = SERVER if kind == "server" else {"kind": "browser"}
    context = browser.new_context()
    tabs = [open_tab(browser, site, context=context) for _ in range(2)]
    for tab in tabs:
        tab.start(drive, serviceWorker="sw.js" if kind == "service" else None)
    for tab in tabs:
        tab.page.evaluate(f"run => {{ globalThis.under = ({RUN})(run); return null }}", {"code": RACE, "answers": []})
    done = [tab.page.evaluate("under") for tab in tabs]
    assert [end["status"] for end in done] == ["ok", "ok"], done
    rounds, won = zip(*(map(int, end["out"].split()) for end in done), strict=True)
    assert rounds == (120, 120)
    # Each name was made by exactly one of them.
    assert sum(won) == 40


@pytest.mark.slow
def test_a_worker_that_was_being_made_when_the_service_worker_took_over_has_the_drive(browser, make_site):
    site = make_site(drive="browser", isolation=False)
    tab = open_tab(browser, site)
    manifest = f"packs/{site.application.environments[0].name}/manifest.json"
    site.late = threading.Event()
    options = {"manifest": manifest, "drive": {"kind": "browser"}, "serviceWorker": "sw.js"}
    tab.page.evaluate(f"options => {{ globalThis.starting = ({START})(options); return null }}", options)
    tab.page.wait_for_function("navigator.serviceWorker.controller !== null")
    site.late.set()
    tab.page.evaluate("starting")
    assert tab.run("open('new', 'w').write('here'); print(open('new').read())") == "here\n"
    assert site.count() == {}


# A contents manager whose answers the test gives: each `get` of contents waits in `held`.
HELD = """async options => {
  const files = await lite.BrowserContents.open('held');
  await files.write('slow', new TextEncoder().encode('of a file'));
  globalThis.held = [];
  const model = { name: 'slow', type: 'file', format: 'text' };
  const contentsManager = {
    get: (path, options) => path.endsWith('slow') && options.content
      ? new Promise(resolve => held.push(content => resolve({ ...model, path, content })))
      : files.get(path, options),
    save: (...given) => files.save(...given), delete: (...given) => files.delete(...given),
    rename: (...given) => files.rename(...given), newUntitled: (...given) => files.newUntitled(...given),
  };
  globalThis.kernel = await lite.createKernel({ ...options, drive: { kind: 'contents', contentsManager } });
}"""


def start_held(browser, make_site, kind: str) -> Tab:
    tab = open_tab(browser, make_site(drive="browser", isolation=kind == "shared"))
    manifest = f"packs/{tab.site.application.environments[0].name}/manifest.json"
    tab.page.evaluate(HELD, {"manifest": manifest, "serviceWorker": None if kind == "shared" else "sw.js"})
    return tab


def begin(tab: Tab, code: str) -> None:
    run = f"run => {{ globalThis.under = ({RUN})(run); under.catch(() => null); return null }}"
    tab.page.evaluate(run, {"code": code, "answers": []})


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["shared", "service"])
def test_an_answer_does_not_cross_a_restart(browser, make_site, kind):
    tab = start_held(browser, make_site, kind)
    read = "print(open('slow').read())"
    begin(tab, read)
    tab.page.wait_for_function("held.length === 1")
    tab.page.evaluate("kernel.restart()")
    begin(tab, read)
    tab.page.wait_for_function("held.length === 2")
    # The old worker's answer comes while the new one waits for its own.
    tab.page.evaluate("held[0]('of the kernel before')")
    tab.page.wait_for_timeout(200)
    tab.page.evaluate("held[1]('of this kernel')")
    assert tab.page.evaluate("under")["out"] == "of this kernel\n"


def wait_for_held(tab: Tab, count: int) -> None:
    for _ in range(600):
        if len(tab.site.held) >= count:
            return
        tab.page.wait_for_timeout(50)
    raise AssertionError(f"{len(tab.site.held)} requests in place of {count}")


@pytest.mark.slow
def test_an_answer_of_a_server_does_not_cross_a_restart(browser, make_site):
    tab = open_tab(browser, make_site(drive="server", isolation=True))
    tab.start(SERVER)
    (tab.site.root / "slow").write_text("of the kernel before")
    tab.site.hold = "get /slow"
    read = "print(open('slow').read())"
    begin(tab, read)
    wait_for_held(tab, 1)
    tab.page.evaluate("kernel.restart()")
    begin(tab, read)
    wait_for_held(tab, 2)
    old, new = tab.site.held
    old.release.set()
    assert old.done.wait(30)
    (tab.site.root / "slow").write_text("of this kernel")
    new.release.set()
    assert tab.page.evaluate("under")["out"] == "of this kernel\n"
    assert (old.status, new.status) == (500, 200)


@pytest.mark.slow
def test_a_server_does_not_do_what_comes_late_of_a_kernel_that_was_restarted(browser, make_site):
    tab = open_tab(browser, make_site(drive="server", isolation=True))
    tab.start(SERVER)
    tab.site.hold = "put /f"
    begin(tab, "with open('f', 'w') as file: file.write('of the kernel before')")
    wait_for_held(tab, 1)
    tab.page.evaluate("kernel.restart()")
    tab.site.hold = None
    tab.run("with open('f', 'w') as file: file.write('of this kernel')")
    (late,) = tab.site.held
    late.release.set()
    assert late.done.wait(30)
    assert late.status == 500
    assert tab.run("print(open('f').read())") == "of this kernel\n"
    assert (tab.site.root / "f").read_text() == "of this kernel"


LARGE = """
import errno, os
def write(name, megabytes):
    data = os.urandom(1 << 20) * megabytes
    try:
        with open(name, 'wb') as file: file.write(data)
    except OSError as error:
        return errno.errorcode[error.errno]
"""
# How many uploads and bodies a storage holds.
STORED = """async name => {
  const opened = await new Promise((resolve, reject) => {
    const request = indexedDB.open(name);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const counts = await Promise.all(['uploads', 'bodies'].map(store => new Promise(resolve => {
    const request = opened.transaction(store).objectStore(store).count();
    request.onsuccess = () => resolve(request.result);
  })));
  opened.close();
  return counts;
}"""


@pytest.mark.slow
def test_of_a_large_file_that_does_not_fit_nothing_stays(browser, make_site):
    tab = open_tab(browser, make_site(drive="browser", isolation=True))
    tab.start({"kind": "browser", "name": "small"}, serviceWorker=None)
    session = tab.page.context.new_cdp_session(tab.page)
    used = tab.page.evaluate("navigator.storage.estimate().then(({ usage }) => usage)")
    origin = tab.page.evaluate("location.origin")
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": used + (45 << 20)})
    assert tab.run(LARGE + "\nprint(write('large', 90))") == "ENOSPC\n"
    assert tab.page.evaluate(STORED, "lite-env drive small")[0] == 0
    assert tab.run("print(write('fits', 20), os.path.getsize('fits') >> 20)") == "None 20\n"
    # Of one whose kernel ends in the middle nothing stays either.
    before = tab.page.evaluate(STORED, "lite-env drive small")
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin})
    begin(tab, "write('ended', 300)")
    while tab.page.evaluate(STORED, "lite-env drive small")[0] == 0:
        assert tab.page.evaluate("Promise.race([under, 0])") == 0, "it was written before anybody saw it"
    tab.page.evaluate("kernel.restart()")
    assert tab.run("import os\nprint(os.path.getsize('ended'))") == "0\n"
    assert tab.page.evaluate(STORED, "lite-env drive small") == before


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["shared", "service"])
def test_an_answer_that_is_no_json_is_an_error(browser, make_site, kind):
    tab = start_held(browser, make_site, kind)
    begin(tab, "import errno\ntry: open('slow')\nexcept OSError as error: print(errno.errorcode[error.errno])")
    tab.page.wait_for_function("held.length === 1")
    tab.page.evaluate("held[0](1n)")
    assert tab.page.evaluate("under")["out"] == "EIO\n"
    assert tab.run("import os\nprint(os.listdir('.'))") == "['slow']\n"


@pytest.mark.slow
def test_large_files_go_in_pieces(tab):
    code = """
import hashlib, os
data = os.urandom(1 << 20) * 20 + b'end'
with open('large', 'wb') as file: file.write(data)
with open('large', 'rb') as file: assert file.read() == data
with open('large', 'r+b') as file: file.seek(9 << 20); file.write(b'!')
assert open('large', 'rb').read() == data[:9 << 20] + b'!' + data[(9 << 20) + 1:]
assert os.path.getsize('large') == len(data)
os.unlink('large')
"""
    tab.run(code)


@pytest.mark.slow
def test_a_file_beyond_what_a_string_holds(server_tab):
    site = server_tab.site
    size = 420 << 20
    site.count()
    server_tab.run(f"with open('huge', 'wb') as file:\n    file.seek({size} - 1); file.write(b'!')")
    assert (site.root / "huge").stat().st_size == size
    assert site.count()["put"] == 53
    with (site.root / "huge").open("rb") as file:
        file.seek(-2, os.SEEK_END)
        assert file.read() == b"\0!"
    (site.root / "huge").unlink()
