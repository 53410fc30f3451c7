"""Kernels of all families in one site of JupyterLite."""

from __future__ import annotations

import pytest

from tests.browser.jupyterlite.applications import make_lite

pytestmark = [pytest.mark.browser, pytest.mark.network, pytest.mark.slow]

REGRESSION = """
import pandas, numpy
from sklearn.linear_model import LinearRegression
frame = pandas.read_csv('data.csv')
print(frame.shape, LinearRegression().fit(frame[['x']], frame['y']).coef_.round(3))
frame.describe().to_csv('made.csv')
"""
PLOT = """
import matplotlib.pyplot as plt
_ = plt.plot([1, 2, 4])
"""


@pytest.fixture(scope="module")
def families_lite(tmp_path_factory, xeus_packs, pyodide_packs, sqlite_pack):
    return make_lite(tmp_path_factory.mktemp("families") / "site", *xeus_packs, *pyodide_packs, sqlite_pack)


@pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "service worker"])
def test_each_kernel_runs_beside_all_others(families_lite, serve, lab, isolated):
    found = lab(serve(families_lite, isolated=isolated)).open()
    answers = {
        "xpython": ("print(6 * 7)", "42\n"),
        "xlua": ("print(6 * 7)", "42"),
        "xnelson": ("disp(6 * 7)", "42"),
        "xsqlite": ("%CREATE x.db", ""),
        "python (science)": ("import sys; print(sys.version_info[:2])", "(3, 12)\n"),
        "python (newest)": ("import sys, pydantic; print(sys.version_info[:2])", "(3, 14)\n"),
    }
    specs = found.page.evaluate("Object.keys(jupyterapp.serviceManager.kernelspecs.specs.kernelspecs)")
    assert set(specs) == set(answers)
    for kernel, (code, answer) in answers.items():
        cell = found.notebook(kernel).run(code)
        assert cell.error is None, (kernel, cell)
        assert answer in (cell.stream() or cell.result or ""), (kernel, cell)


@pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "service worker"])
def test_the_scientific_stack_reads_and_writes_the_files_of_jupyterlite(families_lite, serve, lab, isolated):
    found = lab(serve(families_lite, isolated=isolated)).open()
    found.save("data.csv", "x,y\n1,2\n2,4\n3,6\n")
    found.notebook("python (science)")
    assert found.text(REGRESSION) == "(3, 2) [2.]\n"
    assert found.read("made.csv").startswith(",x,y\ncount,3.0,3.0\n")
    shown = found.run(PLOT)
    assert shown.error is None
    assert any("image/png" in output.get("data", {}) for output in shown.outputs)
    at = found.begin("print('got', input('? '))")
    found.page.locator(".jp-Stdin-input:visible").wait_for()
    found.answer("me")
    found.wait_for(at, "got me")
    found.restart()
    assert found.text("print(1)") == "1\n"
