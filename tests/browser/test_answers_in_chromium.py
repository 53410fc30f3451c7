"""Answers, requests and causes in a real Chromium: what no stand-in for a browser can vouch for."""

from __future__ import annotations

import shutil
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from lite_env.bootstrap import runtime_dir
from lite_env.host.files import ISOLATION, content_type, resolve_path
from lite_env.host.loopback import LoopbackServer, Request, Response, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.browser]

PAGE = """<!doctype html><meta charset="utf-8"><title>embedding</title><link rel="icon" href="data:,">
<script type="module">
import * as lite from './lite-env/lite-env.mjs';
globalThis.lite = lite;
</script>
"""
SILENT_AFTER_START = """
importScripts('worker-itself.js');
addEventListener('message', ({ data }) => data.type === 'start' && setTimeout(() => close(), 300));
"""
START = """async options => {
  try {
    globalThis.kernel = await lite.createKernel({ manifest: 'pack/manifest.json', ...options });
    return null;
  } catch ({ name, message, failure }) {
    return { name, message, hint: failure.hint };
  }
}"""
RUN = """async code => {
  const { content } = await kernel.execute(code, {
    onOutput: ({ header, content }) => header.msg_type === 'stream' && (globalThis.out += content.text),
    onInput: prompt => {
      globalThis.asked = prompt;
      return new Promise(resolve => (globalThis.type = resolve));
    },
  });
  return { status: content.status, ename: content.ename };
}"""


class Host:
    """A static host, of whose files some are changed, missing or never sent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.headers: tuple[tuple[str, str], ...] = ISOLATION
        self.url = ""
        self.held: str | None = None

    def __call__(self, asked: Request) -> Response:
        path = "/index.html" if asked.path == "/" else asked.path
        file = resolve_path(path, {"/": self._folder})
        while self.held is not None and self.held in path:
            time.sleep(0.05)
        if file is None or asked.method == "POST":
            return refusal(HTTPStatus.NOT_FOUND, "there is no such file")
        return Response(headers=(("Content-Type", content_type(file.name)), *self.headers), body=file)


def deploy(pack: Path, folder: Path) -> Path:
    (folder / "index.html").write_text(PAGE, "utf-8")
    shutil.copytree(pack, folder / "pack")
    shutil.copytree(runtime_dir() / "embed", folder / "lite-env")
    shutil.copy(folder / "lite-env" / "sw.js", folder)
    return folder


@pytest.fixture
def folder(lua_pack, tmp_path) -> Path:
    return deploy(lua_pack, tmp_path)


@pytest.fixture
def host(folder) -> Iterator[Host]:
    host = Host(folder)
    with LoopbackServer(host) as server:
        host.url = server.url
        yield host
        host.held = None


@pytest.fixture
def page(context, host):
    def opened() -> Any:
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(host.url)
        page.wait_for_function("globalThis.lite !== undefined")
        page.evaluate("globalThis.out = ''")
        return page

    return opened


def test_a_worker_that_dies_while_it_starts_ends_the_start(page, host, folder):
    runtime = folder / "lite-env"
    (runtime / "worker.js").rename(runtime / "worker-itself.js")
    (runtime / "worker.js").write_text(SILENT_AFTER_START, "utf-8")
    host.held = ".wasm"
    failed = page().evaluate(START, {})
    assert failed["name"] == "KernelFailed"
    assert failed["message"].startswith("the worker has ended without a word")


@pytest.mark.parametrize("isolated", [True, False], ids=["shared memory", "service worker"])
def test_what_is_asked_and_typed_around_a_restart(page, host, isolated):
    host.headers = ISOLATION if isolated else ()
    tab = page()
    assert tab.evaluate(START, {"serviceWorker": None if isolated else "sw.js"}) is None
    tab.evaluate("code => { globalThis.first = (" + RUN + ")(code).catch(error => error.message) }", "x = io.read()")
    tab.wait_for_function("globalThis.asked !== undefined")
    tab.evaluate("""() => {
      globalThis.restarted = kernel.restart();
      globalThis.typeFirst = type;
      globalThis.asked = undefined;
    }""")
    assert tab.evaluate("first") == "the kernel was restarted"
    # Sent while it restarts; what is typed for the old question comes while the new one is open.
    tab.evaluate("code => { globalThis.second = (" + RUN + ")(code) }", "print('got ' .. io.read())")
    tab.wait_for_function("globalThis.asked !== undefined")
    tab.evaluate("() => typeFirst('old')")
    tab.wait_for_timeout(200)
    tab.evaluate("() => type('new')")
    assert tab.evaluate("second")["status"] == "ok"
    assert tab.evaluate("out.trim()") == "got new"


INTERRUPTED_AT_ONCE = """async () => {
  const late = new Promise(resolve => setTimeout(resolve, 30000, 'it still runs'));
  const said = [];
  for (let round = 0; round < 10; round += 1) {
    const done = kernel.execute('while True: pass');
    kernel.interrupt();
    said.push(await Promise.race([done.then(({ content }) => content.ename), late]));
    const { content } = await Promise.race([kernel.execute('1'), late.then(content => ({ content }))]);
    said.push(content.status ?? content);
  }
  return said;
}"""


def test_an_interrupt_right_behind_a_cell_ends_it_and_not_the_next(context, numpy_pack, tmp_path):
    host = Host(deploy(numpy_pack, tmp_path))
    with LoopbackServer(host) as server:
        page = context.new_page()
        page.goto(server.url)
        page.wait_for_function("globalThis.lite !== undefined")
        assert page.evaluate(START, {}) is None
        assert page.evaluate(INTERRUPTED_AT_ONCE) == ["KeyboardInterrupt", "ok"] * 10


def test_a_policy_that_forbids_webassembly_is_named(page, host):
    host.headers = (*ISOLATION, ("Content-Security-Policy", "script-src 'self' blob: 'unsafe-inline'"))
    failed = page().evaluate(START, {})
    assert failed["name"] == "CompileFailed"
    assert "'wasm-unsafe-eval' in script-src" in failed["hint"]


def test_no_policy_needs_data_addresses(page, host):
    scripts = "script-src 'self' blob: 'unsafe-eval' 'unsafe-inline'"
    policy = f"default-src 'none'; {scripts}; connect-src 'self'; worker-src 'self'"
    host.headers = (*ISOLATION, ("Content-Security-Policy", policy))
    assert page().evaluate(START, {}) is None


def test_an_older_tab_says_that_a_newer_version_was_deployed(page, host, folder):
    host.held = ".wasm"
    tab = page()
    tab.evaluate("start => { globalThis.started = (" + START + ")(start) }", {})
    tab.wait_for_timeout(500)
    for file in (folder / "pack" / "kernels").rglob("*.wasm*"):
        file.unlink()
    manifest = folder / "pack" / "manifest.json"
    manifest.write_text(manifest.read_text("utf-8") + "\n", "utf-8")
    host.held = None
    failed = tab.evaluate("started")
    assert failed["name"] == "Redeployed"
    assert "a newer version was deployed while this page was open" in failed["message"]
    assert failed["hint"].startswith("reload the page")
