"""Snapshots in JupyterLab: a kernel at rest leaves one, and a restart and the next visit are restored from it."""

from __future__ import annotations

import pytest

from tests.browser.test_snapshots_in_chromium import NAMES

pytestmark = [pytest.mark.browser, pytest.mark.network, pytest.mark.slow]
NUMPY = "import numpy; print(numpy.arange(3))"
NOTED = "Object.keys(localStorage).some(key => key.startsWith('lite-env-snapshot '))"
FORGET = f"""async () => {{
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('lite-env-snapshots');
  for (const name of await ({NAMES})()) {{
    if (name.endsWith('.used')) await folder.removeEntry(name);
  }}
}}"""


def kinds(found) -> list[str]:
    return sorted(name.rpartition(".")[2] for name in found.page.evaluate(NAMES))


def test_a_restart_and_another_visit_restore(numpy_lite, serve, lab):
    server = serve(numpy_lite)
    found = lab(server).open().notebook("xpython")
    found.until(lambda: kinds(found) == ["snapshot"])
    found.until(
        lambda: found.page.evaluate("Object.keys(localStorage).some(key => key.startsWith('lite-env-snapshot '))")
    )
    assert found.text("x = 1; print(x)") == "1\n"
    found.restart()
    # What a restore leaves behind, and nothing else.
    found.until(lambda: kinds(found) == ["snapshot", "used"])
    assert found.run("x").error["ename"] == "NameError"
    assert found.text(NUMPY) == "[0 1 2]\n"
    found.page.evaluate(FORGET)
    again = found.open().notebook("xpython")
    again.until(lambda: kinds(again) == ["snapshot", "used"])
    assert again.text(NUMPY) == "[0 1 2]\n"
