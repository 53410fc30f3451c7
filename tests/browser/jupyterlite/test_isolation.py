"""Pages that the service worker makes cross-origin isolated, on a server that sets no headers."""

from __future__ import annotations

import json
import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from lite_env.bootstrap import runtime_dir
from lite_env.site.isolation import SERVICE_WORKER, isolated_service_worker, read_prelude
from tests.browser.jupyterlite.applications import make_lite
from tests.browser.jupyterlite.lab import RUN
from tests.endless import endless

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page, Request

pytestmark = [pytest.mark.browser, pytest.mark.network]
LAB = "/lab/index.html"
# Longer than within which a page is loaded again whatever has been done in it.
LATE_MS = 6_000

# A notebook of the frame: a cell that never ends, interrupted once it runs.
INTERRUPTED = f"""async () => {{
  await jupyterapp.restored;
  await jupyterapp.commands.execute('notebook:create-new', {{ kernelName: 'xpython', cwd: '' }});
  const {{ sessionContext, content }} = jupyterapp.shell.currentWidget;
  await sessionContext.ready;
  const ended = ({RUN})({json.dumps(endless("print('begun')"))});
  const outputs = () => content.widgets.flatMap(cell => cell.model.outputs?.toJSON() ?? []);
  while (!outputs().length) await new Promise(resolve => setTimeout(resolve, 50));
  await jupyterapp.commands.execute('notebook:interrupt-kernel');
  await ended;
  return outputs().filter(output => output.output_type === 'error').map(output => output.ename);
}}"""


@pytest.fixture(scope="module")
def isolating(tmp_path_factory, numpy_pack) -> Path:
    site = make_lite(tmp_path_factory.mktemp("isolating") / "site", numpy_pack, isolate=True)
    worker = site / SERVICE_WORKER
    worker.write_bytes(isolated_service_worker(worker.read_bytes(), read_prelude(runtime_dir())))
    return site


class Loads:
    """How often a page or what is in its frames was loaded, and what its console said."""

    def __init__(self, page: Page) -> None:
        self.count = 0
        self.said: list[str] = []
        page.on("request", self._count)
        page.on("console", lambda message: self.said.append(message.text))

    def _count(self, request: Request) -> None:
        self.count += request.is_navigation_request() and LAB in request.url

    def told(self, text: str) -> bool:
        return any(text in line for line in self.said)


def test_the_first_visit_loads_the_page_twice_and_is_isolated_and_a_cell_can_be_interrupted(isolating, serve, lab):
    server = serve(isolating, isolated=False)
    found = lab(server)
    loads = Loads(found.page)
    found.page.goto(f"{server.url}lab/index.html")
    found.page.wait_for_function("crossOriginIsolated && globalThis.jupyterapp?.started")
    assert loads.count == 2
    found.notebook("xpython")
    found.save("data.csv", "a,b\n1,2\n")
    assert found.text("import numpy; print(numpy.arange(4).sum(), open('/drive/data.csv').read())") == "6 a,b\n1,2\n\n"
    # Closed by the program: what Python closes by itself, it closes without minding an interrupt (docs/drive.md).
    at = found.begin(endless("__import__('pathlib').Path('/drive/running.txt').write_text('.')"))
    found.until(lambda: "running.txt" in found.names())
    found.interrupt()
    error = found.until(lambda: found.cell(at).error)
    assert error["ename"] == "KeyboardInterrupt"
    assert found.text("print('alive')") == "alive\n"
    # No file of /drive went through the service worker.
    assert not [path for path in server.requests if "/api/drive" in path]

    found.page.goto(f"{server.url}lab/index.html")
    found.page.wait_for_function("globalThis.jupyterapp?.started")
    assert found.page.evaluate("crossOriginIsolated")
    assert loads.count == 3
    assert not loads.told("not cross-origin isolated")
    assert not loads.told("unregistering existing service workers")


def test_in_a_frame_of_a_page_that_is_not_isolated_nothing_is_loaded_again_and_kernels_start(
    isolating, serve, context, tmp_path
):
    around = tmp_path / "around"
    around.mkdir()
    server = serve(isolating, isolated=False)
    (around / "index.html").write_text(f"<!doctype html><iframe src='{server.url}lab/index.html'></iframe>")
    page = context.new_page()
    loads = Loads(page)
    page.goto(serve(around, isolated=False).url)
    frame = page.frames[1]
    frame.wait_for_function("globalThis.jupyterapp?.started")
    assert frame.evaluate("crossOriginIsolated") is False
    assert loads.count == 1
    assert loads.told("in a frame of a page that is not isolated")


@pytest.mark.slow
def test_a_frame_of_a_page_that_is_isolated_is_isolated_and_its_kernels_can_be_interrupted(
    isolating, serve, lab, tmp_path
):
    site = shutil.copytree(isolating, tmp_path / "site")
    (site / "around.html").write_text("<!doctype html><iframe src='lab/index.html'></iframe>")
    server = serve(site, isolated=False)
    found = lab(server).open()
    found.page.wait_for_function("crossOriginIsolated && globalThis.jupyterapp?.started")
    loads = Loads(found.page)
    # The site's service worker isolates this page as any.
    found.page.goto(f"{server.url}around.html")
    assert found.page.evaluate("crossOriginIsolated")
    frame = found.page.frames[1]
    frame.wait_for_function("globalThis.jupyterapp?.started")
    assert frame.evaluate("crossOriginIsolated")
    assert loads.count == 1
    assert not loads.told("not cross-origin isolated")
    ended = frame.evaluate(INTERRUPTED)
    assert ended == ["KeyboardInterrupt"]


def test_without_the_service_worker_the_page_is_as_it_would_be_without_isolation(isolating, serve, lab):
    server = serve(isolating, isolated=False)

    def missing(answer):
        answer.status, answer.body = 404, b"not found"
        return answer

    server.faults[SERVICE_WORKER] = missing
    found = lab(server)
    loads = Loads(found.page)
    found.open()
    found.until(lambda: loads.told("could not be registered"))
    assert loads.count == 1
    assert found.page.evaluate("crossOriginIsolated") is False


@pytest.mark.slow
def test_a_service_worker_that_comes_late_isolates_a_page_that_nobody_has_touched(isolating, serve, lab):
    server = serve(isolating, isolated=False)
    released = threading.Event()
    server.faults[SERVICE_WORKER] = lambda answer: released.wait(60) and answer
    found = lab(server)
    loads = Loads(found.page)
    found.page.goto(f"{server.url}lab/index.html")
    found.page.wait_for_function("globalThis.jupyterapp?.started")
    found.page.wait_for_timeout(LATE_MS)
    assert loads.count == 1
    released.set()
    found.page.wait_for_function("crossOriginIsolated && globalThis.jupyterapp?.started")
    assert loads.count == 2


@pytest.mark.slow
def test_a_site_that_was_not_isolated_before_is_when_it_is_built_anew(isolating, numpy_pack, serve, lab, tmp_path):
    site = make_lite(tmp_path / "site", numpy_pack)
    server = serve(site, isolated=False)
    found = lab(server).open()
    found.page.wait_for_function("navigator.serviceWorker.controller")
    make_lite(site, numpy_pack, isolate=True)
    worker = site / SERVICE_WORKER
    worker.write_bytes(isolated_service_worker(worker.read_bytes(), read_prelude(runtime_dir())))
    loads = Loads(found.page)
    found.page.goto(f"{server.url}lab/index.html")
    found.page.wait_for_function("crossOriginIsolated && globalThis.jupyterapp?.started")
    assert loads.count == 2
