"""Kernels of several families on one page: each is started, ended under load, interrupted and asked for input."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from lite_env.pack.reader import read_manifest
from tests.browser.conftest import make_site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]
# The code of each cell that a kernel has begun, which it sends back before it runs it.
NOTE_BEGUN = """
globalThis.begun = [];
globalThis.kinds = [];
const Real = Worker;
globalThis.Worker = class extends Real {
  constructor(...from) {
    super(...from);
    kinds.push(from[1]?.type ?? 'classic');
    this.addEventListener('message', ({ data }) => {
      if (data.type === 'message' && data.message.header.msg_type === 'execute_input') {
        begun.push(data.message.content.code);
      }
    });
  }
};
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Language:
    """The same four programs in a language."""

    print_42: str
    # Never ends.
    loop: str
    # Reads a line and prints it after `got `; or what a kernel answers that cannot ask.
    ask: str
    refused: str | None = None
    # What an interrupted cell ends with; None for a kernel that does not listen.
    interrupted: str | None = None


LANGUAGES = {
    "python": Language(
        print_42="print(6 * 7)",
        loop="while True:\n    pass",
        ask="print('got', input('name? '))",
        interrupted="KeyboardInterrupt",
    ),
    "lua": Language(
        print_42="print(6 * 7)",
        loop="while true do end",
        ask="print('got ' .. io.read())",
    ),
    "nelson": Language(
        print_42="disp(6 * 7)",
        loop="while true, x = 1; end",
        ask="y = input('name? ')",
        refused="input function not allowed from evalc.",
    ),
}


@pytest.mark.slow
def test_each_kernel_starts_is_ended_under_load_is_interrupted_and_asks(console, serve, tmp_path, xeus_packs):
    check(console, serve, tmp_path, xeus_packs)


@pytest.mark.slow
def test_pyodides_of_two_generations_do_so_too(console, serve, tmp_path, pyodide_packs):
    check(console, serve, tmp_path, pyodide_packs)
    assert console.page.evaluate("kinds") == ["module", "module"]


def check(console, serve, tmp_path, packs) -> None:
    page = console.page
    page.add_init_script(NOTE_BEGUN)
    console.open(serve(make_site(tmp_path / "site", *packs)).url)
    for number, manifest in enumerate(map(read_manifest, packs)):
        (kernel,) = manifest.kernels
        language = LANGUAGES[kernel.language]
        if number:
            with page.expect_navigation():
                page.get_by_role("combobox", name="Environment and kernel").select_option(index=number)
            console.ready()
        assert console.text(language.print_42).strip() == "42"

        run(console, language.loop)
        page.get_by_role("button", name="Restart").click()
        page.locator(".cell.lost").get_by_text("the kernel has stopped").wait_for()
        console.ready()
        assert console.text(language.print_42).strip() == "42"

        interrupt = page.get_by_role("button", name="Interrupt")
        run(console, language.loop)
        if language.interrupted is None:
            expect(interrupt).to_be_disabled()
            assert "This kernel cannot be interrupted" in interrupt.get_attribute("title")
            page.get_by_role("button", name="Restart").click()
        else:
            interrupt.click()
            console.last_cell.locator(".traceback").get_by_text(language.interrupted).first.wait_for()
        console.ready()

        console.editor.fill(language.ask)
        console.editor.press("Control+Enter")
        if language.refused is None:
            field = console.last_cell.get_by_role("textbox")
            field.fill("für mich")
            field.press("Enter")
            console.last_cell.get_by_text("got für mich").wait_for()
        else:
            console.last_cell.get_by_text(language.refused).first.wait_for()
        console.ready()
    assert console.problems() == []
    assert console.faults == []


def run(console, code: str) -> None:
    """Begin a cell that loops; it has begun when its kernel says so, which some do not show and one cannot print."""
    before = console.page.evaluate("begun.length")
    console.editor.fill(code)
    console.editor.press("Control+Enter")
    console.page.wait_for_function("count => begun.length > count", arg=before)
    assert console.page.evaluate("begun.at(-1)") == code
    console.page.locator('.status[data-state="busy"]').wait_for()
