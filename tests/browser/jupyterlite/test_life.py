"""The life of a kernel in JupyterLab: restarts, interrupts, questions, several at once, and how a start is shown."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.browser.jupyterlite.applications import make_lite
from tests.endless import endless

pytestmark = [pytest.mark.browser, pytest.mark.network]
LOOP = endless("print('begun')", "__import__('time').sleep(0.05)")

PYTHON_WAITS = """\
import os, time
print('waits')
while not os.path.exists('/drive/go.txt'):
    time.sleep(0.05)
print('saw it')
"""
OTHER_OUTPUTS = """([id, at]) => {
  const notebook = [...jupyterapp.shell.widgets('main')].find(widget => widget.id === id);
  return JSON.stringify(notebook.content.widgets[at].model.outputs.toJSON());
}"""
LUA_BUSY = "print('busy')\nlocal till = os.time() + 600\nwhile os.time() < till do end"


@pytest.fixture(scope="module")
def two_languages(tmp_path_factory, numpy_pack, lua_pack):
    return make_lite(tmp_path_factory.mktemp("languages") / "site", numpy_pack, lua_pack)


@pytest.mark.slow
def test_a_restart_forgets_variables_and_leaves_one_worker_and_a_shutdown_none(numpy_lite, serve, lab):
    found = lab(serve(numpy_lite)).open().notebook("xpython")
    found.text("x = 1")
    workers = len(found.page.workers)
    for _ in range(5):
        found.restart()
        assert found.run("x").error["ename"] == "NameError"
        found.text("x = 1")
    found.until(lambda: len(found.page.workers) == workers)
    found.shutdown()
    found.until(lambda: len(found.page.workers) == workers - 1)


@pytest.mark.slow
def test_restarts_in_quick_succession_leave_one_kernel(numpy_lite, serve, lab):
    found = lab(serve(numpy_lite)).open().notebook("xpython")
    found.text("print(1)")
    workers = len(found.page.workers)
    found.page.evaluate(
        """() => {
          const { kernel } = jupyterapp.shell.currentWidget.sessionContext.session;
          return Promise.allSettled([kernel.restart(), kernel.restart(), kernel.restart()]);
        }"""
    )
    assert found.text("print(2)") == "2\n"
    found.until(lambda: len(found.page.workers) == workers)


def test_an_interrupt_ends_a_loop_and_a_question(numpy_lite, serve, lab):
    found = lab(serve(numpy_lite)).open().notebook("xpython")
    at = found.begin(LOOP)
    found.wait_for(at, "begun")
    found.interrupt()
    assert found.wait_for(at, "KeyboardInterrupt").error["ename"] == "KeyboardInterrupt"
    assert found.text("print('lives')") == "lives\n"
    at = found.begin("input('name? ')")
    found.page.locator(".jp-Stdin-input:visible").wait_for()
    found.interrupt()
    found.wait_for(at, "KeyboardInterrupt")
    assert found.text("print('lives')") == "lives\n"
    assert found.dialogs == []


@pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "service worker"])
@pytest.mark.slow
def test_a_cell_may_await_and_an_interrupt_ends_it(numpy_lite, serve, lab, isolated):
    found = lab(serve(numpy_lite, isolated=isolated)).open().notebook("xpython")
    found.text("import asyncio")
    cell = found.run("print('a')\nawait asyncio.sleep(0.3)\nprint('b')\n6 * 7")
    assert (cell.error, cell.stream(), cell.result) == (None, "a\nb\n", "42")
    assert found.run("await asyncio.sleep(0)\n1 / 0").error["ename"] == "ZeroDivisionError"
    if isolated:
        at = found.begin("print('begun')\nawait asyncio.sleep(600)")
        found.wait_for(at, "begun")
        found.interrupt()
        assert found.wait_for(at, "KeyboardInterrupt").error["ename"] == "KeyboardInterrupt"
    assert found.text("print('lives')") == "lives\n"


@pytest.mark.slow
def test_an_interrupt_that_reaches_nobody_offers_a_restart(numpy_lite, serve, lab):
    found = lab(serve(numpy_lite, isolated=False)).open().notebook("xpython")
    found.wait_for(found.begin(LOOP), "begun")
    found.interrupt()
    (dialog,) = found.until(lambda: found.dialogs)
    assert "cannot be interrupted" in dialog
    assert "cross-origin isolated" in dialog
    found.page.locator(".jp-Dialog button", has_text="Restart").click()
    found.until(lambda: not found.dialogs)
    assert found.text("print('lives')") == "lives\n"


@pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "service worker"])
@pytest.mark.slow
def test_two_notebooks_ask_at_once_and_each_gets_its_own_answer(numpy_lite, serve, lab, isolated):
    found = lab(serve(numpy_lite, isolated=isolated)).open()
    asking = []
    for _ in range(2):
        found.notebook("xpython")
        asking.append((found.here, found.begin("print('got', input('? '))")))
        found.page.locator(".jp-Stdin-input:visible").wait_for()
    for number, (widget, at) in enumerate(reversed(asking)):
        found.show(widget)
        found.answer(f"answer {number}")
        assert f"got answer {number}\n" in found.wait_for(at, f"got answer {number}").stream()


@pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "service worker"])
@pytest.mark.slow
def test_cells_of_two_languages_run_at_once(two_languages, serve, lab, isolated):
    found = lab(serve(two_languages, isolated=isolated)).open().notebook("xpython")
    python = found.here
    begun = found.begin(PYTHON_WAITS)
    found.wait_for(begun, "waits")
    found.notebook("xlua")
    assert found.text("print(6 * 7)").strip() == "42"
    assert "saw it" not in found.page.evaluate(OTHER_OUTPUTS, [python, begun])
    found.save("go.txt", "")
    found.until(lambda: "saw it" in found.page.evaluate(OTHER_OUTPUTS, [python, begun]))
    busy = found.begin(LUA_BUSY)
    found.wait_for(busy, "busy")
    found.show(python)
    assert found.text("print(7 * 7)") == "49\n"


@pytest.mark.slow
def test_completion_inspection_and_rich_results(numpy_lite, serve, lab):
    found = lab(serve(numpy_lite)).open().notebook("xpython")
    cell = found.run(
        "import numpy\nfrom IPython.display import HTML, display\ndisplay(HTML('<b>x</b>'))\nnumpy.arange(3)"
    )
    assert cell.result == "array([0, 1, 2])"
    assert cell.outputs[0]["data"]["text/html"] == "<b>x</b>"
    ask = "jupyterapp.shell.currentWidget.sessionContext.session.kernel"
    done = found.page.evaluate(f"{ask}.requestComplete({{ code: 'numpy.aran', cursor_pos: 10 }})")
    assert any(match.endswith("arange") for match in done["content"]["matches"])
    seen = found.page.evaluate(f"{ask}.requestInspect({{ code: 'numpy.arange', cursor_pos: 12, detail_level: 0 }})")
    assert "arange" in str(seen["content"]["data"])


@pytest.mark.slow
def test_nothing_of_a_kernel_is_loaded_before_it_starts_and_its_start_is_shown_in_bytes(numpy_lite, serve, lab):
    server = serve(numpy_lite)
    found = lab(server).open()
    assert [path for path in server.requests if path.startswith("/lite-env/")] == []
    bar = "[...document.querySelectorAll('#jp-main-statusbar span')].map(span => span.textContent).join('|')"
    found.page.evaluate(f"() => {{ globalThis.shown = []; setInterval(() => globalThis.shown.push({bar}), 5); }}")
    found.notebook("xpython")
    assert found.text("print(1)") == "1\n"
    shown = found.page.evaluate("[...new Set(shown)].join('\\n')")
    assert " MB" in shown
    assert "Python 3.11 (XPython) is loaded" in shown
    found.until(lambda: "is loaded" not in found.page.evaluate(bar))


@pytest.mark.slow
def test_a_failure_is_in_the_log_console_of_its_notebook(numpy_lite, serve, lab):
    server = serve(numpy_lite)
    server.faults["manifest.json"] = lambda answer: replace(answer, status=404)
    found = lab(server).open().notebook("xpython")
    assert found.run("1").error["ename"] == "FileMissing"
    found.page.evaluate(
        "jupyterapp.commands.execute('logconsole:open', { source: jupyterapp.shell.currentWidget.context.path })"
    )
    assert "FileMissing" in found.page.locator(".jp-LogConsolePanel").inner_text()


@pytest.mark.slow
def test_a_start_is_in_the_log_console_with_its_bytes(numpy_lite, serve, lab):
    found = lab(serve(numpy_lite)).open().notebook("xpython")
    assert found.text("print(1)") == "1\n"
    found.page.evaluate(
        "jupyterapp.commands.execute('logconsole:open', { source: jupyterapp.shell.currentWidget.context.path })"
    )
    notebook = found.here
    # It shows warnings and worse, until somebody wants more.
    found.page.get_by_label("Log level").select_option(label="Info")
    found.show(notebook)
    found.restart()
    assert found.text("print(2)") == "2\n"
    logged = found.page.locator(".jp-LogConsolePanel")
    found.until(lambda: re.search(r"Python 3.11 \(XPython\) has started: [1-9][0-9.]* MB in", logged.inner_text()))
