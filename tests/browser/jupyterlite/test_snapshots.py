"""Snapshots in JupyterLab: a kernel at rest leaves one, and a restart and the next visit are restored from it."""

from __future__ import annotations

import json

import pytest

from tests.browser.jupyterlite.applications import built_site, example_environment, make_lite
from tests.browser.test_snapshots_in_chromium import NAMES

pytestmark = [pytest.mark.browser, pytest.mark.network, pytest.mark.slow]
NUMPY = "import numpy; print(numpy.arange(3))"
NOTES = "Object.keys(localStorage).filter(key => key.startsWith('lite-env-snapshot ')).length"
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
    found.until(lambda: kinds(found) == ["snapshot", "used"])
    found.until(lambda: found.page.evaluate(NOTES) == 1)
    assert found.text("x = 1; print(x)") == "1\n"
    found.page.evaluate(FORGET)
    found.restart()
    # What a restore leaves behind, and nothing else.
    found.until(lambda: kinds(found) == ["snapshot", "used"])
    assert found.run("x").error["ename"] == "NameError"
    assert found.text(NUMPY) == "[0 1 2]\n"
    found.page.evaluate(FORGET)
    again = found.open().notebook("xpython")
    again.until(lambda: kinds(again) == ["snapshot", "used"])
    assert again.text(NUMPY) == "[0 1 2]\n"


@pytest.mark.parametrize("preload", [[], ["numpy"]])
def test_one_of_the_pack_is_used_at_the_first_visit_and_becomes_the_visitors(preload, tmp_path, serve, lab):
    (tmp_path / "environment.yml").write_text(example_environment("numpy"))
    (tmp_path / "pyproject.toml").write_text(f"[tool.lite-env]\npreload = {preload}\n")
    (tmp_path / "jupyter_lite_config.json").write_text(json.dumps({"LiteEnvAddon": {"snapshot": True}}))
    server = serve(built_site(tmp_path))
    found = lab(server).open()
    log: list[str] = []
    found.page.on("console", lambda message: log.append(message.text))

    def said(text: str) -> bool:
        return any(text in line for line in log)

    found.notebook("xpython")
    found.until(lambda: said("the kernel was restored from the pack's snapshot in"))
    assert sum("/snapshot-" in path for path in server.requests) == 1
    # Libraries of numpy lie in one archive; nothing else of a start is read.
    assert sum("/archives/" in path for path in server.requests) == len(preload)
    # Before a cell, so that it is kept.
    found.until(lambda: found.page.evaluate(NOTES) == 1)
    assert kinds(found) == ["snapshot", "used"]
    there = f"{bool(preload)} False\n"
    assert found.text("import sys; print('numpy' in sys.modules, 'numpy' in globals())") == there
    assert found.text(NUMPY) == "[0 1 2]\n"
    for start in (found.restart, lambda: found.open().notebook("xpython")):
        log.clear()
        start()
        found.until(lambda: said("the kernel was restored from a snapshot in"))
        assert found.text("import sys; print('numpy' in sys.modules, 'numpy' in globals())") == there
        assert found.text(NUMPY) == "[0 1 2]\n"
    # Nobody makes another one.
    found.page.wait_for_timeout(6000)
    assert not said("imported for the snapshot"), log
    assert sum("/snapshot-" in path for path in server.requests) == 1


@pytest.fixture(scope="module")
def pyodides_lite(tmp_path_factory, pyodide_packs):
    return make_lite(tmp_path_factory.mktemp("pyodides-lite") / "site", *pyodide_packs)


def test_pyodides_of_two_generations_are_restored_after_a_restart(pyodides_lite, serve, lab):
    found = lab(serve(pyodides_lite)).open()
    found.save("data.csv", "x,y\n1,2\n")
    for number, kernel in enumerate(["python (science)", "python (newest)"], 1):
        found.notebook(kernel)
        # A file is there before all is written; the note says that it is.
        found.until(lambda number=number: found.page.evaluate(NOTES) == number)
        assert found.text("x = 1; print(x)") == "1\n"
        found.page.evaluate(FORGET)
        found.restart()
        found.until(lambda: kinds(found).count("used") == 1)
        assert found.run("x").error["ename"] == "NameError"
        assert found.text("print(open('data.csv').read(), await __import__('asyncio').sleep(0, 7))") == "x,y\n1,2\n 7\n"
