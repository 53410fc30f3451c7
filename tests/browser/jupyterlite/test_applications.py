"""The other applications of JupyterLite, and its version before."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.network, pytest.mark.slow]
CONSOLE = "() => void jupyterapp.commands.execute('console:create', { kernelPreference: { name: 'xpython' } })"
ISOLATED = pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "service worker"])


def notebook_of(source: str) -> dict[str, Any]:
    """A notebook of one cell, saved for the kernel that every server has."""
    cell = {"cell_type": "code", "id": "a", "source": source, "metadata": {}, "outputs": [], "execution_count": None}
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}, "cells": [cell]}


@pytest.fixture(params=["numpy_lite", "older_lite"])
def site(request):
    return request.getfixturevalue(request.param)


@ISOLATED
def test_lab_runs_numpy_and_sees_files(site, serve, lab, isolated):
    found = lab(serve(site, isolated=isolated)).open()
    found.save("data.csv", "a,b\n")
    found.notebook("xpython")
    assert found.text("import numpy; print(numpy.arange(4).sum(), open('data.csv').read())") == "6 a,b\n\n"
    found.text("open('made.txt', 'w').write('made')")
    assert found.read("made.txt") == "made"
    found.restart()
    assert found.text("print(2)") == "2\n"


def test_a_restart_keeps_the_session_and_a_question_is_answered(site, serve, lab):
    found = lab(serve(site, isolated=False)).open().notebook("xpython")
    assert found.text("print(0)") == "0\n"
    for _ in range(2):
        found.restart()
        found.page.wait_for_timeout(500)  # A session that is not back after 100 ms would be shut down by now.
        assert found.text("print(1)") == "1\n"
    at = found.begin("print('got', input('? '))")
    found.page.locator(".jp-Stdin-input:visible").wait_for()
    found.answer("me")
    found.wait_for(at, "got me")


@ISOLATED
def test_the_repl_runs_the_code_of_its_address(site, serve, lab, isolated):
    found = lab(serve(site, isolated=isolated))
    found.page.goto(
        f"{found.url}repl/index.html?kernel=python&code=import numpy; print(numpy.arange(5).sum())&execute=1"
    )
    output = found.page.locator(".jp-CodeConsole .jp-OutputArea-output").filter(has_text="10")
    output.wait_for(timeout=60_000)
    assert found.dialogs == []


@ISOLATED
def test_the_notebook_application_opens_and_runs_a_notebook_of_python3(site, serve, lab, isolated):
    found = lab(serve(site, isolated=isolated)).open()
    found.save("old.ipynb", json.dumps(notebook_of("import numpy; print(numpy.arange(5).sum())")))
    found.open("old.ipynb", app="notebooks")
    found.page.locator(".jp-CodeCell .cm-content").first.click()
    found.page.keyboard.press("Shift+Enter")
    found.page.locator(".jp-OutputArea-output", has_text="10").wait_for(timeout=60_000)
    assert found.dialogs == []


def test_a_console_of_the_file_tree_runs_code(site, serve, lab):
    """From `tree/`, whose notebooks and consoles open in pages of their own."""
    found = lab(serve(site)).open(app="tree")
    notebook = json.dumps(notebook_of("import numpy; print(numpy.arange(5).sum())"))
    found.save("mine.ipynb", notebook)
    with found.page.expect_popup() as opened:
        found.page.locator(".jp-DirListing-item", has_text="mine.ipynb").dblclick()
    page = opened.value
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    page.locator(".jp-OutputArea-output", has_text="10").wait_for(timeout=60_000)
    with found.page.expect_popup() as opened:
        found.page.evaluate(CONSOLE)
    page = opened.value
    page.locator(".jp-Dialog .jp-mod-accept").click(timeout=60_000)  # Which kernel: the page's first.
    page.locator(".jp-CodeConsole-input .cm-content").click(timeout=60_000)
    page.keyboard.type("print(20 + 1)")
    page.keyboard.press("Shift+Enter")
    page.locator(".jp-CodeConsole .jp-OutputArea-output", has_text="21").wait_for(timeout=60_000)
