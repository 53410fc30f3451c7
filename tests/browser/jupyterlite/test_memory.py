"""What restarts leave in the browser's memory."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.network, pytest.mark.slow]


def resident(chromium, page) -> int:
    """Bytes of the page's process, its workers' among them, once it has collected its garbage."""
    session = page.context.new_cdp_session(page)
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
        page.wait_for_timeout(500)
    session.detach()
    processes = chromium.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return max(rss(process["id"]) for process in processes if process["type"] == "renderer")


def rss(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def test_five_restarts_need_no_more_memory_than_one(numpy_lite, serve, lab, chromium):
    found = lab(serve(numpy_lite)).open().notebook("xpython")
    assert found.text("print(0)") == "0\n"

    def restart() -> int:
        found.restart()
        assert found.text("import numpy; print(numpy.arange(4).sum())") == "6\n"
        return resident(chromium, found.page)

    first = restart()
    for _ in range(4):
        last = restart()
    assert last <= 1.15 * first, (first, last)
    found.until(lambda: [worker.url.rpartition("/")[2] for worker in found.page.workers].count("worker.js") == 1)
