"""Broken packs and broken servers in a real headless Chromium: the start ends in the right error, soon."""

from __future__ import annotations

import json
from shutil import copytree
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Self

import msgspec
import pytest

from lite_env.bootstrap import runtime_dir
from lite_env.host.chromium import ChromiumEngine
from lite_env.host.client import KernelClient
from lite_env.host.engine import Interrupt, Log, Start
from lite_env.host.files import resolve_path
from lite_env.host.loopback import _Handler
from lite_env.host.server import StaticServer
from tests.broken_packs import DAMAGES, FAST, BrokenPack, check, start_failure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.async_api import Page

    from lite_env.host.http_head import Head
    from lite_env.host.wire import Wire

pytestmark = [pytest.mark.browser]

RELOAD, OFFLINE = "reload", "offline"


class FaultyServer(StaticServer):
    """The host's own server, breaking some files: by what their path contains."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.faults: dict[str, Callable[[Wire, bytes], None]] = {}
        self.broken_at = 0.0

    def __enter__(self) -> Self:
        super().__enter__()
        faulty = self

        class Handler(_Handler):
            def answer(self, head: Head) -> bool:
                fault = next((fault for part, fault in faulty.faults.items() if part in head.path), None)
                file = resolve_path(head.path, faulty._mounts)
                if fault is None or file is None or head.path.startswith("/runtime/"):
                    return super().answer(head)
                faulty.broken_at = monotonic()
                fault(self.wire, file.read_bytes())
                return False

        self._server.RequestHandlerClass = Handler
        return self

    def serve(self, pack: Path) -> str:
        """Serve a pack below an address of its own, so that no cache has any of it; without faults."""
        self.faults.clear()
        prefix = f"/pack-{len(self._mounts)}/"
        self._mounts[prefix] = pack
        return f"{self.url[:-1]}{prefix}manifest.json"


def answer(status: int = 200, content_type: str = "application/octet-stream", body: bytes | None = None):
    """A fault: another status, type or body."""

    def fault(wire: Wire, content: bytes) -> None:
        content = content if body is None else body
        send_head(wire, status, len(content), f"Content-Type: {content_type}", "Cache-Control: no-store")
        wire.send(content)

    return fault


def send_head(wire: Wire, status: int, length: int, *fields: str) -> None:
    lines = (f"HTTP/1.1 {status} as the fault has it", f"Content-Length: {length}", "Connection: close", *fields)
    wire.send("".join(f"{line}\r\n" for line in (*lines, "")).encode())


def hang_up(wire: Wire, content: bytes) -> None:
    """A fault: the connection ends without an answer."""


def break_off(wire: Wire, content: bytes) -> None:
    """A fault: the connection ends in the middle of the body."""
    send_head(wire, 200, len(content))
    wire.send(content[: len(content) // 2])


class Browser(ChromiumEngine):
    """The host's own engine before a faulty server; one browser for many starts, each in a fresh page."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, runtime=runtime_dir())
        self.server = FaultyServer(mounts={"/pack/": folder, "/runtime/": runtime_dir()})
        self._server = self.server
        self._next: Start | None = None

    def next(self, pack: Path) -> Self:
        """Have the next `start` start this pack."""
        self._next = Start(manifest=self.server.serve(pack))
        self._put(RELOAD)
        while not (isinstance(envelope := self.receive(60), Log) and envelope.text == RELOAD):
            assert envelope is not None, "the page was not loaded again"
        return self

    def go_offline(self) -> None:
        self._put(OFFLINE)

    def start(self, *, kernel: str | None, env: dict[str, str]) -> None:
        if self._next is None:
            super().start(kernel=kernel, env=env)
        else:
            self.post(msgspec.structs.replace(self._next, kernel=kernel, env=env))

    async def _carry(self, page: Page) -> None:
        while (text := await self._outbox.get()) is not None:
            if text == RELOAD:
                await page.context.set_offline(False)
                await page.reload()
                self._log(RELOAD)
            elif text == OFFLINE:
                await page.context.set_offline(True)
            else:
                await page.evaluate("text => { globalThis.liteEnvHost.post(text) }", text)


@pytest.fixture(scope="module")
def one_browser(tmp_path_factory):
    engine = Browser(tmp_path_factory.mktemp("nothing"))
    try:
        envelope, _ = start_failure(engine)
        assert (envelope.error.name, envelope.error.file) == ("FileMissing", "manifest.json")
        yield engine
    finally:
        engine.close()


@pytest.fixture
def lua(lua_pack, tmp_path):
    return BrokenPack(lua_pack, tmp_path / "pack")


@pytest.fixture
def browser(one_browser, lua):
    """Before the pack `lua`."""
    return one_browser.next(lua.path)


@pytest.mark.parametrize("label", DAMAGES)
def test_a_damaged_pack_ends_in_its_error(lua, browser, label):
    damage = DAMAGES[label]
    damage.do(lua)
    began = monotonic()
    envelope, told = start_failure(browser, kernel=damage.kernel)
    check(envelope, damage, lua)
    assert told - began < FAST


HTML = b"<!doctype html><title>My application</title>"
BY_SERVER = {
    "404": (answer(404), "FileMissing", "is not on the server (404)", "copy the whole folder"),
    "404 that is a page": (
        answer(404, "text/html", HTML),
        "FileMissing",
        "is not on the server (404)",
        "copy the whole",
    ),
    "500": (answer(500), "HttpStatus", "with status 500", ""),
    "a page with status 200": (answer(200, "text/html", HTML), "HtmlInsteadOfFile", "answered an HTML page", "login"),
    "the file as text/html": (answer(200, "text/html; charset=utf-8"), "HtmlInsteadOfFile", "an HTML page", "login"),
    "no answer": (hang_up, "NetworkFailed", "could not be fetched", "see that the server runs"),
    "half an answer": (break_off, "Truncated", "broke off after ", "try again"),
}


@pytest.mark.parametrize(
    ("which", "label"), [("manifest", label) for label in BY_SERVER] + [("wasm", label) for label in BY_SERVER]
)
def test_a_server_that_fails_ends_the_start_in_its_error(lua, browser, which, label):
    fault, name, says, hints = BY_SERVER[label]
    browser.server.faults[lua.file(which)] = fault
    envelope, told = start_failure(browser)
    error = envelope.error
    assert (error.name, error.file) == (name, lua.file(which)), error
    assert says in error.message
    assert hints in (error.hint or "")
    assert told - browser.server.broken_at < FAST


def test_a_missing_index_is_told_while_the_module_is_still_coming(lua, browser):
    def stall(wire: Wire, content: bytes) -> None:
        send_head(wire, 200, len(content))
        wire.send(content[:1000])
        wire.read_head()  # Returns when the browser goes away.

    browser.server.faults |= {".wasm": stall, "index-": answer(404)}
    began = monotonic()
    envelope, told = start_failure(browser)
    assert (envelope.error.name, envelope.error.file) == ("FileMissing", lua.file("index"))
    assert told - began < FAST


def test_mime_types_that_say_nothing_harm_nothing(browser):
    browser.server.faults[""] = answer(200, "text/plain")
    browser.start(kernel=None, env={})
    assert KernelClient(browser).wait_until_ready(timeout=60).kernel == "xlua"


def test_without_a_network_the_start_says_so(browser):
    browser.go_offline()
    envelope, _ = start_failure(browser)
    assert (envelope.error.name, envelope.error.file) == ("Offline", "manifest.json")
    assert "no network" in envelope.error.message


LOSSES = {
    "404": (answer(404), "FileMissing"),
    "no answer": (hang_up, "NetworkFailed"),
    "a page": (answer(200, "text/html", HTML), "HtmlInsteadOfFile"),
    "other bytes": (answer(body=b"other bytes"), "Truncated"),
}


UNREAD = "/lib/python3.11/site-packages/numpy/fft/helper.py"
READ = f"try:\n  print(len(open('{UNREAD}').read()))\nexcept OSError as e:\n  print(e)"


def test_a_read_that_is_lost_after_the_start_is_eio_and_works_when_the_server_is_back(numpy_pack, one_browser):
    logged = []
    client = KernelClient(one_browser.next(numpy_pack), on_log=lambda log: logged.append(log.text))
    one_browser.start(kernel=None, env={})
    client.wait_until_ready(timeout=120)
    for fault, name in LOSSES.values():
        one_browser.server.faults["archives/"] = fault
        assert run(client, READ) == f"[Errno 29] I/O error: '{UNREAD}'"
        assert logged[-1].startswith(f"{name}: ")
    assert len(logged) == len(LOSSES)
    one_browser.server.faults.clear()
    assert int(run(client, READ)) > 100


@pytest.mark.slow
def test_a_blocking_read_that_is_never_answered_ends_in_eio(numpy_pack, one_browser):
    logged = []
    client = KernelClient(one_browser.next(numpy_pack), on_log=lambda log: logged.append(log.text))
    one_browser.start(kernel=None, env={})
    client.wait_until_ready(timeout=120)
    one_browser.server.faults["archives/"] = withhold
    assert run(client, READ, seconds=150) == f"[Errno 29] I/O error: '{UNREAD}'"
    assert logged[-1].startswith("NetworkFailed: ")
    assert " did not come within the " in logged[-1]
    one_browser.server.faults.clear()
    assert int(run(client, READ)) > 100


def withhold(wire: Wire, content: bytes) -> None:
    """A fault: nothing is ever answered."""
    wire.read_head()  # Returns when the browser goes away.


class Withheld:
    """A fault: what is asked for the first time is never answered; whoever asks again is."""

    def __init__(self, then: Callable[[], None]) -> None:
        self.seen: set[bytes] = set()
        self._then = then

    def __call__(self, wire: Wire, content: bytes) -> None:
        if content in self.seen:
            answer()(wire, content)
            return
        self.seen.add(content)
        self._then()
        withhold(wire, content)


def test_a_blocking_read_does_not_wait_for_a_request_of_the_same_file(numpy_pack, one_browser):
    client = KernelClient(one_browser.next(numpy_pack))
    one_browser.start(kernel=None, env={})
    client.wait_until_ready(timeout=120)
    withheld = Withheld(lambda: one_browser.post(Interrupt()))
    one_browser.server.faults["archives/"] = withheld
    assert client.execute("import numpy", timeout=60).ename == "KeyboardInterrupt"
    assert withheld.seen
    began = monotonic()
    # No import that is seen before the cell runs.
    assert run(client, "exec('import numpy'); print(numpy.arange(3))") == "[0 1 2]"
    assert monotonic() - began < 10  # and not the 20 seconds for which Chromium keeps a second request waiting


def test_a_blocking_read_finds_a_connection_beside_many_requests(numpy_pack, one_browser, tmp_path):
    pack = copytree(numpy_pack, tmp_path / "pack")
    manifest = json.loads((pack / "manifest.json").read_text())
    of_numpy = manifest["imports"]["numpy"]
    at_start = {position for phase in manifest["kernels"][0]["start"].values() for position in phase}
    others = [position for position in range(len(manifest["archives"])) if position not in {*of_numpy, *at_start}]
    manifest["imports"] = {"json": others[:9]}  # A browser has six connections to a server.
    for position in others[:9]:
        manifest["archives"][position]["load"] = "import"
    (pack / "manifest.json").write_text(json.dumps(manifest))
    client = KernelClient(one_browser.next(pack))
    one_browser.start(kernel=None, env={})
    client.wait_until_ready(timeout=120)
    withheld = Withheld(lambda: one_browser.post(Interrupt()))
    for position in others[:9]:
        one_browser.server.faults[f"archives/{manifest['archives'][position]['digest']}"] = withheld
    assert client.execute("import json", timeout=60).ename == "KeyboardInterrupt"
    sleep(1)  # What is asked for at once has then been asked for.
    assert len(withheld.seen) >= 3
    began = monotonic()
    assert run(client, "exec('import numpy'); print(numpy.arange(3))") == "[0 1 2]"
    assert monotonic() - began < 10  # and not until those end


def run(client, code, seconds=60):
    said = []
    result = client.execute(code, on_output=said.append, timeout=seconds)
    assert result.status == "ok", "\n".join(result.traceback)
    return "".join(message.content.get("text", "") for message in said).strip()
