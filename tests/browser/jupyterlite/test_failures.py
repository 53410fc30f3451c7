"""Nothing hangs in silence: what goes wrong besides the files of a start (test_broken_sites.py) is said, soon."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import SOON_MS

if TYPE_CHECKING:
    from tests.site_server import Answer

pytestmark = [pytest.mark.browser, pytest.mark.network, pytest.mark.xdist_group("jupyterlite")]
# What a page waits for a service worker that does not come.
CONTROL_MS = 10_000


def missing(answer: Answer) -> Answer:
    return replace(answer, body=b"not found", status=404, type="text/plain")


def test_a_start_that_fails_before_a_cell_is_run_opens_a_dialog_whose_restart_works(numpy_lite, serve, lab):
    server = serve(numpy_lite)
    server.faults["manifest.json"] = missing
    found = lab(server).open().notebook("xpython")
    (dialog,) = found.until(lambda: found.dialogs, SOON_MS)
    assert "does not run" in dialog
    assert "manifest.json" in dialog
    assert "what to do" in dialog
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
