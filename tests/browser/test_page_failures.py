"""Every failure ends in a visible error: the file, the reason, what to do, within five seconds of being knowable.

What the worker says of broken packs is tested in `test_start_failures_in_chromium.py`; here it is what people see.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SOON_MS, Console, file_of, launch_options, picture
from tests.command_line import Command

if TYPE_CHECKING:
    from tests.site_server import Answer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]
HTML = b"<!doctype html><title>The site's start page</title>"


def missing(answer: Answer) -> Answer:
    return replace(answer, body=b"not found", status=404, type="text/plain")


def refused(answer: Answer) -> Answer:
    return replace(answer, body=b"no", status=403, type="text/plain")


def truncated(answer: Answer) -> Answer:
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def later(answer: Answer) -> Answer:
    body, count = re.subn(rb'("format": )"[0-9.]+"', rb'\1"9.0"', answer.body)
    assert count == 1
    return replace(answer, body=body)


def broken_off(answer: Answer) -> Answer:
    return replace(answer, body=answer.body[: len(answer.body) // 2], length=len(answer.body))


def flipped(answer: Answer) -> Answer:
    middle = len(answer.body) // 2
    body = bytes(byte ^ 1 if at == middle else byte for at, byte in enumerate(answer.body[middle:], middle))
    return replace(answer, body=answer.body[:middle] + body)


def html(answer: Answer) -> Answer:
    return replace(answer, body=HTML, type="text/html")


def html_without_type(answer: Answer) -> Answer:
    return replace(answer, body=HTML)


def wrong_type(answer: Answer) -> Answer:
    return replace(answer, type="text/plain", headers={**answer.headers, "X-Content-Type-Options": "nosniff"})


FILES = {
    "index": "packs/*/index-*",
    "script": "packs/*/kernels/*/*.js*",
    "wasm": "packs/*/kernels/*/*.wasm*",
    "archive": "packs/*/archives/*",
}
REASONS = {
    missing: ("FileMissing", "is not on the server (404)", "deployed incompletely"),
    refused: ("HttpStatus", "status 403", "may want a login"),
    truncated: ("Truncated", "bytes, the manifest says", "deploy the whole pack again"),
    broken_off: ("Truncated", "broke off after", "try again"),
    flipped: ("HashMismatch", "SHA-256", "deploy the whole pack again"),
    html: ("HtmlInsteadOfFile", "HTML page in place of", "deploy the whole pack"),
    html_without_type: ("HtmlInsteadOfFile", "HTML page in place of", "deploy the whole pack"),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", REASONS, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("kind", FILES)
def test_a_broken_file_is_named(console, serve, numpy_site, kind, fault):
    server = serve(numpy_site)
    path = boot_archive(numpy_site) if kind == "archive" else file_of(numpy_site, FILES[kind])
    server.faults[path] = fault
    console.open(server.url, ready=False)
    name, reason, hint = REASONS[fault]
    problem = console.problem(name)
    assert problem["file"] == path.split("/", 2)[2]
    assert reason in problem["reason"]
    assert hint in problem["hint"]
    expect(console.page.locator('.status[data-state="stopped"]')).to_be_visible()
    expect(console.page.get_by_role("button", name="Retry")).to_be_visible()


def boot_archive(site) -> str:
    (manifest,) = site.glob("packs/*/manifest.json")
    archives = json.loads(manifest.read_bytes())["archives"]
    digest = next(archive["digest"] for archive in archives if archive["load"] == "interpreter")
    return f"{manifest.parent.relative_to(site).as_posix()}/archives/{digest}.tar.zst"


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (missing, "FileMissing"),
        (html, "HtmlInsteadOfFile"),
        (truncated, "ManifestInvalid"),
        (later, "UnsupportedFormat"),
    ],
    ids=["missing", "html", "truncated", "a later format"],
)
def test_a_broken_manifest_is_named(console, serve, lua_site, fault, name):
    server = serve(lua_site)
    server.faults["manifest.json"] = fault
    console.open(server.url, ready=False)
    problem = console.problem(name)
    assert problem["file"] == "manifest.json"
    assert problem["hint"]


def test_retry_starts_when_the_file_is_there(console, serve, lua_site):
    server = serve(lua_site)
    path = file_of(lua_site, FILES["wasm"])
    server.faults[path] = flipped
    console.open(server.url, ready=False)
    console.problem("HashMismatch")
    picture(console.page, "failure")
    assert console.execute("print(1)")["status"] == "lost"
    server.faults.clear()
    # A cache in between may hold the broken file for as long as it was told to.
    console.page.context.new_cdp_session(console.page).send("Network.clearBrowserCache")
    console.page.get_by_role("button", name="Retry").click()
    console.ready()
    assert not console.page.locator(".problem").count()
    assert console.text("print(1)").strip() == "1"


@pytest.mark.parametrize("fault", [missing, html, wrong_type], ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("script", ["page.js", "worker.js"])
def test_a_script_of_the_page_that_cannot_be_loaded_is_named(console, serve, lua_site, script, fault):
    server = serve(lua_site)
    server.faults[script] = fault
    console.open(server.url, ready=False)
    if script == "page.js":
        alert = console.page.get_by_role("alert")
        alert.wait_for(timeout=SOON_MS)
        assert "page.js" in alert.inner_text()
        assert "Deploy the whole site folder again" in alert.inner_text()
    else:
        problem = console.problem("KernelFailed")
        assert problem["file"] == "worker.js"
        assert "could not be loaded" in problem["reason"]
        assert "whole folder of the runtime is deployed" in problem["hint"]


@pytest.mark.slow
def test_a_wrong_type_of_wasm_and_archives_does_no_harm(console, serve, numpy_site):
    server = serve(numpy_site)
    for pattern in (FILES["wasm"], FILES["archive"], FILES["index"]):
        server.faults[file_of(numpy_site, pattern)] = wrong_type
    console.open(server.url)
    assert console.problems() == []


def test_a_page_without_its_configuration_says_so(console, serve, lua_site):
    server = serve(lua_site)
    server.faults["index.html"] = lambda answer: replace(answer, body=answer.body.replace(b'id="lite-env-config"', b""))
    console.open(server.url, ready=False)
    alert = console.page.get_by_role("alert")
    alert.wait_for(timeout=SOON_MS)
    assert "lite-env site" in alert.inner_text()


def test_a_trap_ends_the_kernel_and_a_retry_begins_anew(console, serve, numpy_site):
    console.open(serve(numpy_site).url)
    code = (
        "import sys\nsys.setrecursionlimit(10**7)\nnested = []\n"
        "for _ in range(10**6):\n    nested = [nested]\nprint('deep', flush=True)\nrepr(nested)"
    )
    result = console.execute(code)
    assert (result["status"], result["text"]) == ("lost", "deep\n")
    problem = console.problem("KernelFailed")
    assert "Maximum call stack size exceeded" in problem["reason"]
    assert problem["file"].startswith("kernels/xpython/")
    assert "start the kernel again" in problem["hint"]
    console.last_cell.get_by_text("not finished: the kernel has stopped").wait_for()
    console.page.get_by_role("button", name="Retry").click()
    console.ready()
    assert console.text("print('alive')") == "alive\n"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import pyjs\npyjs.js.setTimeout(pyjs.js.Function('throw new Error(\"boom\")'), 0)", "boom"),
        ("import pyjs\npyjs.js.close()", "ended without a word"),
    ],
    ids=["an error that nobody catches", "closed"],
)
def test_a_worker_that_breaks_down_is_noticed(console, serve, numpy_site, code, reason):
    console.open(serve(numpy_site).url)
    console.execute(code)
    problem = console.problem("KernelFailed")
    assert reason in problem["reason"]
    assert problem["file"] == "worker.js"
    expect(console.page.locator('.status[data-state="stopped"]')).to_be_visible()
    console.page.get_by_role("button", name="Retry").click()
    console.ready()


@pytest.mark.slow
def test_a_program_that_wants_too_much_memory_is_told_and_the_kernel_lives(console, serve, numpy_site):
    console.open(serve(numpy_site).url)
    result = console.execute("bytearray(2**31 - 100)")
    assert "MemoryError" in result["error"]["ename"]
    expect(console.last_cell.locator(".traceback").get_by_text("MemoryError").first).to_be_visible()
    assert console.text("print('alive')") == "alive\n"


def test_a_browser_without_memory_for_the_kernel_says_so(playwright, serve, lua_site):
    options = launch_options()
    options["args"] = [*options["args"], "--js-flags=--wasm-max-mem-pages=100"]
    browser = playwright.chromium.launch(**options)
    try:
        console = Console(browser.new_page()).open(serve(lua_site).url, ready=False)
        problem = console.problem("OutOfMemory")
        assert "memory" in problem["reason"]
        assert "close other tabs" in problem["hint"]
    finally:
        browser.close()


def test_a_network_that_is_lost_is_an_input_output_error_and_comes_back(console, serve, numpy_site):
    server = serve(numpy_site)
    console.open(server.url)
    server.stop()
    result = console.execute(
        "try:\n    import numpy\nexcept OSError as error:\n    print(type(error), error.errno, error)"
    )
    problem = console.problem("NetworkFailed")
    assert problem["file"].startswith("archives/")
    assert "server" in problem["hint"]
    assert result["status"] == "ok", result
    assert "29" in result["text"]  # EIO, as WASI numbers it.
    expect(console.page.locator('.status[data-state="idle"]')).to_be_visible()
    server.start()
    assert console.text("import numpy; print(numpy.arange(3))") == "[0 1 2]\n"


@pytest.mark.slow
def test_a_drive_that_refuses_is_named_and_can_be_done_without(console, numpy_pack, tmp_path):
    command = Command("serve", numpy_pack, "--drive", tmp_path, "--port", "0", "--json")
    try:
        command.wait_for(lambda: command.out().rstrip().endswith("}"))
        url = json.loads(command.out())["url"]
        console.open(f"{url}?token=wrong", ready=False)
        console.page.locator(".start .failed, .problem").first.wait_for(timeout=60_000)
        problem = console.problem("DriveFailed")
        assert "/drive refused" in problem["reason"]
        assert problem["hint"]
        console.page.get_by_role("button", name="Start without /drive").click()
        console.ready()
        assert console.text("print('alive')") == "alive\n"
    finally:
        command.interrupt()
        command.end()


@pytest.mark.slow
def test_a_manifest_that_never_comes_is_asked_for_again(console, serve, lua_site):
    server = serve(lua_site)
    never = threading.Event()

    def hold(answer):
        server.faults.clear()
        never.wait()
        return answer

    server.faults["manifest.json"] = hold
    try:
        console.open(server.url)
        assert console.text("print(1)").strip() == "1"
        assert sum(path.endswith("manifest.json") for path in server.requests) == 2
    finally:
        never.set()
