"""Start-up code on the page, and in the headless engine."""

from __future__ import annotations

import sys

import pytest
from playwright.sync_api import expect

from lite_env.errors import KernelStartError
from lite_env.host.run import RunOptions, run_code, start_kernel
from tests.browser.conftest import make_site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]
HELLO = "hello from /share/jupyter/kernels/lab/startup.txt"
CODE = "share/jupyter/kernels/broken/startup.txt"


@pytest.fixture(scope="module")
def own_site(tmp_path_factory, own_packs):
    return make_site(tmp_path_factory.mktemp("own") / "site", own_packs.good, own_packs.bad)


def open_kernel(console, server, env, kernel, **options):
    return console.open(f"{server.url}#{env}/{kernel}", **options)


def test_it_has_run_before_the_first_cell_and_after_a_restart(console, serve, own_site):
    open_kernel(console, serve(own_site), "good", "lab")
    assert console.text("print(answer)") == f"{HELLO}\n42\n"
    assert console.text("answer += 1; print(answer)") == "43\n"
    console.page.get_by_role("button", name="Restart").click()
    console.ready()
    console.editor.fill("print(answer)")
    console.editor.press("Control+Enter")
    expect(console.last_cell).to_contain_text(HELLO)
    expect(console.last_cell).to_contain_text("42")
    expect(console.last_cell).to_contain_text("1")
    assert console.problems() == []
    assert console.faults == []


@pytest.mark.slow
def test_what_it_imports_comes_with_the_start(console, serve, own_site):
    server = serve(own_site)
    open_kernel(console, server, "good", "lab")
    before = list(server.requests)
    assert console.text("import wave\nwave.open\nprint(1)").endswith("1\n")
    assert [path for path in server.requests[len(before) :] if "archives" in path or "files/" in path] == []


@pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "service worker"])
def test_where_it_fails_the_page_shows_its_traceback_and_its_file(console, serve, own_site, isolated):
    open_kernel(console, serve(own_site, isolated=isolated), "bad", "broken", ready=False)
    problem = console.problem("StartupFailed", timeout=60_000)
    assert problem["title"] == "The start-up code failed"
    assert problem["file"] == CODE
    assert "NameError: name 'nowhere' is not defined" in problem["reason"]
    assert "mend the file" in problem["hint"]
    traceback = console.page.locator(".problem dd.traceback").inner_text()
    assert f"File /{CODE}:5, in begin()" in traceback
    assert "----> 5     return nowhere" in traceback
    expect(console.page.locator('.status[data-state="stopped"]')).to_be_visible()
    console.page.get_by_role("button", name="Retry").click()
    console.page.locator('.status[data-state="starting"]').wait_for()
    console.problem("StartupFailed", timeout=60_000)


@pytest.mark.slow
def test_the_engine_in_chromium_runs_it_and_tells_of_its_failure(own_packs):
    with start_kernel(own_packs.good, options=RunOptions(engine="chromium", kernel="lab")) as running:
        result = running.client.execute("print(answer)")
    texts = [message.content["text"] for message in result.outputs if message.type == "stream"]
    assert "".join(texts) == f"{HELLO}\n42\n"
    with pytest.raises(KernelStartError, match="NameError: name 'nowhere'") as caught:
        run_code(own_packs.bad, "1", options=RunOptions(engine="chromium", kernel="broken"))
    context = dict(caught.value.context)
    assert (context["file"], context["reported_as"]) == (CODE, "StartupFailed")
    assert "----> 5     return nowhere" in context["traceback"]
