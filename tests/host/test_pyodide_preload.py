"""Preloaded modules of Pyodide in restored kernels: dozens of libraries put back where they were."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from lite_env.host.run import RunOptions, start_kernel

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.node, pytest.mark.slow]
PANDAS = """
import pandas, numpy
frame = pandas.DataFrame({"a": numpy.arange(5), "b": list("xyzzy")})
print(frame.groupby("b").a.sum().to_dict(), pandas.Timestamp("2024-01-01").day_name())
print(numpy.linalg.inv(numpy.eye(2) * 2).tolist(), frame.describe().shape)
"""
SCIPY = """
import scipy.stats, scipy.optimize
print(scipy.stats.norm.cdf(1.0).round(5), scipy.stats.ttest_ind([1, 2, 3], [2, 3, 5]).pvalue.round(4))
print(scipy.optimize.minimize(lambda x: (x - 2) ** 2, [0.0]).x.round(3))
"""
SKLEARN = """
from sklearn.linear_model import LinearRegression
from sklearn.cluster import KMeans
print(LinearRegression().fit([[1], [2]], [2, 4]).coef_.round(3))
print(sorted(KMeans(2, n_init=1, random_state=0).fit([[0], [0.1], [9]]).cluster_centers_.round(2).ravel().tolist()))
"""
PLOT = """
import matplotlib.pyplot as plt
print(plt.get_backend(), [line.get_ydata().tolist() for line in plt.plot([1, 2, 4])])
"""
PYDANTIC = """
import pydantic
class Model(pydantic.BaseModel):
    number: int
print(Model(number="3"))
try:
    Model(number="x")
except pydantic.ValidationError as error:
    print(error.error_count(), error.errors()[0]["type"])
"""


def with_preload(pack: Path, copy: Path, *modules: str) -> Path:
    """A copy of the pack whose kernels preload these modules."""
    shutil.copytree(pack, copy)
    file = copy / "manifest.json"
    manifest = json.loads(file.read_text("utf-8"))
    for kernel in manifest["kernels"]:
        kernel["preload"] = list(modules)
    file.write_text(json.dumps(manifest), "utf-8")
    return copy


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Imports of many libraries take their time on a busy machine."""
    monkeypatch.setattr("lite_env.host.run.SNAPSHOT_SECONDS", 120)


@pytest.mark.parametrize(
    ("pack", "module", "code"),
    [
        ("science_pack", "pandas", PANDAS),
        ("science_pack", "scipy.stats", SCIPY),
        ("science_pack", "sklearn.linear_model", SKLEARN),
        ("science_pack", "matplotlib.pyplot", PLOT),
        ("newest_pack", "pydantic", PYDANTIC),
    ],
)
def test_a_module_that_was_preloaded_computes_as_one_that_is_imported(request, tmp_path, pack, module, code):
    pack = with_preload(request.getfixturevalue(pack), tmp_path / "pack", module)
    folder = tmp_path / "snapshots"
    with start_kernel(pack, options=RunOptions(snapshots=folder)) as running:
        expected = running.client.execute(code, timeout=120)
        assert expected.status == "ok", expected.traceback
    for _ in range(2):
        with start_kernel(pack, options=RunOptions(snapshots=folder)) as running:
            figures = running.ready.figures.snapshot
            assert figures.seconds is not None, figures.why
            assert figures.preload.done, figures.preload.why
            is_there = f"import sys; assert {module!r} in sys.modules and {module.partition('.')[0]!r} not in globals()"
            assert running.client.execute(is_there).status == "ok"
            given = running.client.execute(code, timeout=120)
            assert texts(given) == texts(expected)


def texts(result) -> list[object]:
    """What a cell shows, without what an import prints."""
    shown = [message.content for message in result.outputs if message.type in ("stream", "display_data")]
    told = [content.get("text") or sorted(content["data"]) for content in shown]
    return [text for text in told if "font cache" not in text]
