"""Nothing hangs in silence: what goes wrong besides the files of a start (test_broken_sites.py) is said, soon."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lite_env.site.jupyterlite import EXTENSION
from tests.browser.conftest import SOON_MS, picture

if TYPE_CHECKING:
    from tests.site_server import Answer

pytestmark = [pytest.mark.browser, pytest.mark.network]
# What a page waits for a service worker that does not come.
CONTROL_MS = 10_000
# More than a stack holds.
DEEP = """
import sys
sys.setrecursionlimit(10**7)
nested = []
for _ in range(10**6):
    nested = [nested]
repr(nested)
"""


def missing(answer: Answer) -> Answer:
    return replace(answer, body=b"not found", status=404, type="text/plain")


@pytest.mark.slow
def test_a_start_that_fails_before_a_cell_is_run_opens_a_dialog_whose_restart_works(numpy_lite, serve, lab):
    server = serve(numpy_lite)
    server.faults["manifest.json"] = missing
    found = lab(server).open().notebook("xpython")
    (dialog,) = found.until(lambda: found.dialogs, SOON_MS)
    assert "does not run" in dialog
    assert "manifest.json" in dialog
    assert "What to do" in dialog
    picture(found.page, "jupyterlite-failure")
    server.faults.clear()
    found.page.locator(".jp-Dialog button", has_text="Restart").click()
    found.until(lambda: not found.dialogs)
    assert found.text("print(1)") == "1\n"


@pytest.mark.slow
def test_a_site_without_its_service_worker_says_so_and_runs(numpy_lite, serve, lab):
    server = serve(numpy_lite, isolated=False)
    server.faults["service-worker.js"] = missing
    found = lab(server).open().notebook("xpython")
    at = found.begin("print(1)")
    cell = found.wait_for(at, "1\\n", CONTROL_MS + SOON_MS)
    assert cell.stream() == "1\n"
    assert "no /drive and no input(): its service worker could not be registered" in cell.stream("stderr")
    assert found.run("print(2)").stream("stderr") == ""


@pytest.mark.slow
def test_a_page_of_plain_http_says_what_it_lacks_and_runs(numpy_lite, serve, lab):
    server = serve(numpy_lite, isolated=False)
    found = lab(server)
    found.url = server.url.replace("127.0.0.1", "lan.test")
    found.open().notebook("xpython")
    cell = found.run("print(1)")
    assert cell.stream() == "1\n"
    assert "the page is not served over https" in cell.stream("stderr")


@pytest.mark.slow
def test_a_file_that_is_missing_when_a_program_needs_it_is_named_in_its_cell(numpy_lite, serve, lab):
    server = serve(numpy_lite)
    found = lab(server).open().notebook("xpython")
    assert found.text("print(1)") == "1\n"
    server.faults[".tar.zst"] = missing
    cell = found.run("import numpy.polynomial.chebyshev, unittest.mock, xmlrpc.client, turtle")
    assert cell.error is not None
    assert "FileMissing" in cell.stream("stderr")
    assert "what to do" in cell.stream("stderr")
    server.faults.clear()
    assert found.text("print(2)") == "2\n"


@pytest.mark.slow
def test_a_kernel_that_ends_by_itself_is_told_and_can_be_restarted(numpy_lite, serve, lab):
    found = lab(serve(numpy_lite)).open().notebook("xpython")
    # It ends once the cell is over.
    found.run("import pyjs\npyjs.js.close()")
    (dialog,) = found.until(lambda: found.dialogs, SOON_MS)
    assert "ended without a word" in dialog
    found.page.locator(".jp-Dialog button", has_text="Close").click()
    assert found.run("print(1)").error["ename"] == "KernelFailed"
    found.restart()
    assert found.text("print(2)") == "2\n"


@pytest.mark.slow
def test_a_kernel_that_traps_is_an_error_in_its_cell_and_in_the_next(numpy_lite, serve, lab):
    found = lab(serve(numpy_lite)).open().notebook("xpython")
    error = found.wait_for(found.begin(DEEP), "what to do").error
    assert error["ename"] == "KernelFailed"
    assert "Maximum call stack size exceeded" in "".join(error["traceback"])
    assert found.run("print(1)").error["ename"] == "KernelFailed"
    found.restart()
    assert found.text("print(2)") == "2\n"


@pytest.mark.slow
def test_memory_that_a_program_cannot_have_is_its_error_and_the_kernel_lives(numpy_lite, serve, lab):
    found = lab(serve(numpy_lite)).open().notebook("xpython")
    assert found.run("bytearray(2**31 - 100)").error["ename"] == "MemoryError"
    assert found.text("print(1)") == "1\n"


@pytest.mark.slow
def test_a_worker_that_breaks_down_between_two_cells_is_told(numpy_lite, serve, lab):
    found = lab(serve(numpy_lite)).open().notebook("xpython")
    found.run("import pyjs\npyjs.js.setTimeout(pyjs.js.Function('throw new Error(\"boom\")'), 0)")
    (dialog,) = found.until(lambda: found.dialogs, SOON_MS)
    assert "boom" in dialog
    assert "What to do" in dialog


@pytest.mark.slow
def test_a_network_that_is_lost_is_an_error_of_its_cell_and_comes_back(numpy_lite, serve, lab):
    server = serve(numpy_lite)
    found = lab(server).open().notebook("xpython")
    assert found.text("print(1)") == "1\n"
    server.stop()
    cell = found.run("import numpy")
    assert cell.error is not None
    assert "NetworkFailed" in cell.stream("stderr")
    assert "see that the server runs" in cell.stream("stderr")
    server.start()
    assert found.text("import numpy; print(numpy.arange(3))") == "[0 1 2]\n"


@pytest.mark.slow
def test_a_disk_that_is_full_is_said_in_the_log_console_and_the_kernel_runs(numpy_lite, serve, lab):
    server = serve(numpy_lite)
    found = lab(server)
    session = found.page.context.new_cdp_session(found.page)
    session.send("Storage.overrideQuotaForOrigin", {"origin": server.url.rstrip("/"), "quotaSize": 2_000_000})
    found.open().notebook("xpython")
    assert found.text("import numpy; print(numpy.arange(3))") == "[0 1 2]\n"
    found.page.evaluate(
        "jupyterapp.commands.execute('logconsole:open', { source: jupyterapp.shell.currentWidget.context.path })"
    )
    logged = found.page.locator(".jp-LogConsolePanel")
    found.until(lambda: "StorageRefused" in logged.inner_text())
    assert "free space" in logged.inner_text()


@pytest.mark.slow
def test_a_service_worker_that_never_comes_is_not_waited_for_long(numpy_lite, serve, lab):
    never = threading.Event()
    server = serve(numpy_lite, isolated=False)
    server.faults["service-worker.js"] = lambda answer: (never.wait(60) and answer) or answer
    try:
        found = lab(server).open().notebook("xpython")
        at = found.begin("print(1)")
        cell = found.wait_for(at, "1\\n", CONTROL_MS + SOON_MS)
    finally:
        never.set()
    assert "its service worker does not start. What to do" in cell.stream("stderr")


@pytest.mark.slow
def test_a_page_that_was_loaded_past_its_service_worker_says_so_and_runs(numpy_lite, serve, lab):
    found = lab(serve(numpy_lite, isolated=False)).open()
    found.page.evaluate("navigator.serviceWorker.ready")
    found.page.context.new_cdp_session(found.page).send("Page.reload", {"ignoreCache": True})
    found.page.wait_for_function("globalThis.jupyterapp?.started")
    found.page.evaluate("jupyterapp.restored")
    found.notebook("xpython")
    cell = found.wait_for(found.begin("print(1)"), "1\\n", CONTROL_MS + SOON_MS)
    assert "its service worker does not take over. What to do" in cell.stream("stderr")


@pytest.mark.slow
def test_a_question_that_nothing_can_carry_is_an_error_in_its_cell(numpy_lite, serve, lab):
    server = serve(numpy_lite, isolated=False)
    server.faults["service-worker.js"] = missing
    found = lab(server).open().notebook("xpython")
    found.wait_for(found.begin("print(1)"), "1\\n", CONTROL_MS + SOON_MS)
    error = found.run("input('name? ')").error
    assert "does not support input requests" in error["evalue"]
    assert found.page.locator(".jp-Stdin-input").count() == 0
    assert found.text("print(2)") == "2\n"


@pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "service worker"])
@pytest.mark.slow
def test_a_drive_that_refuses_is_an_input_output_error_and_the_kernel_lives(numpy_lite, serve, lab, isolated):
    found = lab(serve(numpy_lite, isolated=isolated)).open().notebook("xpython")
    assert found.text("print(1)") == "1\n"
    found.page.evaluate(
        """() => {
          const { contents } = jupyterapp.serviceManager;
          globalThis.given = contents.get;
          contents.get = () => Promise.reject(new Error('the storage is gone'));
        }"""
    )
    cell = found.run("open('/drive/x.txt').read()")
    assert cell.error["ename"] == "OSError"
    assert "the storage is gone" in cell.stream("stderr")
    found.page.evaluate("() => { jupyterapp.serviceManager.contents.get = given; }")
    assert found.text("open('/drive/x.txt', 'w').write('x'); print(open('/drive/x.txt').read())") == "x\n"


@pytest.mark.slow
def test_a_kernel_whose_drive_refuses_starts_without_and_says_so(numpy_lite, serve, lab):
    found = lab(serve(numpy_lite)).open()
    found.page.evaluate(
        """() => {
          const { contents } = jupyterapp.serviceManager;
          const { get } = contents;
          contents.get = (path, ...more) =>
            path === '' ? Promise.reject(new Error('the storage is gone')) : get.call(contents, path, ...more);
        }"""
    )
    found.notebook("xpython")
    cell = found.run("print(1)")
    assert cell.stream() == "1\n"
    assert "this kernel has no /drive\nDriveFailed: /drive refused: the storage is gone" in cell.stream("stderr")


@pytest.mark.slow
def test_a_site_without_the_extension_has_no_kernel_and_the_browsers_console_says_why(numpy_lite, serve, lab):
    server = serve(numpy_lite)
    entry = next((numpy_lite / EXTENSION).rglob("remoteEntry.*.js")).name
    server.faults[entry] = missing
    found = lab(server)
    said = []
    found.page.on("console", lambda message: said.append(f"{message.text} {message.location}"))
    found.open()
    kernels = found.page.evaluate("Object.keys(jupyterapp.serviceManager.kernelspecs.specs?.kernelspecs ?? {})")
    assert kernels == []
    assert any(entry in text for text in said)
    found.page.evaluate("jupyterapp.commands.execute('notebook:create-new', { kernelName: 'xpython' })")
    (dialog,) = found.until(lambda: found.dialogs)
    assert "Select Kernel" in dialog
