"""The main way through JupyterLite in Firefox and WebKit too: a start, numpy, files both ways, a restored restart."""

from __future__ import annotations

import base64
import sys
from typing import Any

import pytest

from tests.browser.engines.engine import call, evaluate, wait_for
from tests.browser.jupyterlite.lab import RUN
from tests.browser.jupyterlite.test_snapshots import NOTES
from tests.browser.test_snapshots_in_three_engines import HOLD, IN_WORKER, KEPT_IN, SHELVES
from tests.browser.test_three_engines import browser  # noqa: F401 - a fixture

pytestmark = [
    pytest.mark.browser,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
    # One engine at a time: see tests/browser/test_three_engines.py.
]

NEW = """async () => {
  await jupyterapp.restored;
  await jupyterapp.commands.execute('notebook:create-new', { kernelName: 'xpython', cwd: '' });
  await jupyterapp.shell.currentWidget.sessionContext.ready;
}"""
OUTPUTS = f"""async code => {{
  const at = await ({RUN})(code);
  return jupyterapp.shell.currentWidget.content.widgets[at].model.outputs.toJSON();
}}"""
SAVE = """(path, content) => jupyterapp.serviceManager.contents.save(path, { type: 'file', format: 'text', content })"""
READ = "path => jupyterapp.serviceManager.contents.get(path, { content: true })"


def text(outputs: list[dict[str, Any]]) -> str:
    assert [output["output_type"] for output in outputs] == ["stream"], outputs
    return "".join(outputs[0]["text"])


@pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "any host"])
def test_a_notebook_runs_numpy_and_reads_and_writes_files(browser, numpy_lite, serve, isolated):  # noqa: F811
    page = browser.new_page()
    page.open(f"{serve(numpy_lite, isolated=isolated).url}lab/index.html?reset")
    wait_for(page, "globalThis.jupyterapp?.started?.then(() => true)", 120)
    call(page, SAVE, "data.csv", "a,b\n")
    call(page, NEW)
    read = "import numpy; print(int(numpy.arange(4).sum()), open('data.csv').read())"
    assert text(call(page, OUTPUTS, read)) == "6 a,b\n\n"
    assert text(call(page, OUTPUTS, "print(open('made.txt', 'w').write('made'))")) == "4\n"
    model = call(page, READ, "made.txt")
    content = model["content"]
    assert (base64.b64decode(content).decode() if model["format"] == "base64" else content) == "made"
    page.close()


RESTART = "jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
KINDS = "return (await names()).map(name => name.split('.').at(-1)).sort();"


def test_a_restart_restores(browser, numpy_lite, serve):  # noqa: F811
    page = browser.new_page()
    page.open(f"{serve(numpy_lite).url}lab/index.html?reset")
    wait_for(page, "globalThis.jupyterapp?.started?.then(() => true)", 120)
    call(page, NEW)
    wait_for(page, f"{NOTES} === 1")
    assert text(call(page, OUTPUTS, "x = 1; print(x)")) == "1\n"
    if browser.name == "webkit":
        # Its profile, which is in memory, forgets a cache that nobody has open; the worker that had it ends.
        evaluate(page, HOLD)
    evaluate(page, f"{RESTART}.then(() => true)")
    numpy = "import numpy; print('x' in globals(), int(numpy.arange(4).sum()), open('made.txt', 'w').write('made'))"
    assert text(call(page, OUTPUTS, numpy)) == "False 6 4\n"
    # What a restore leaves behind.
    look = SHELVES[KEPT_IN[browser.name]] + KINDS
    assert call(page, IN_WORKER, look) == ["snapshot", "used"]
    page.close()
