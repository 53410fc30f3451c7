"""Packages with trouble of their own, in the real kernel: Pyodide 0.27 in Node."""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING

import pytest

from lite_env.host.run import RunOptions, start_kernel
from lite_env.pack.reader import read_manifest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.node, pytest.mark.slow, pytest.mark.network]


@pytest.fixture(scope="module")
def drive(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("drive")


@pytest.fixture(scope="module")
def science(science_pack, drive):
    with start_kernel(science_pack, options=RunOptions(drive=drive)) as running:
        yield running.client


def said(result) -> str:
    assert result.status == "ok", result
    return "".join(output.content.get("text", "") for output in result.outputs)


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG, in pixels."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", png[16:24])


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("from scipy import linalg; print(linalg.det([[3, 1], [1, 2]]).round(6))", "5.0"),
        ("from scipy import linalg; print(linalg.eigvals([[2, 0], [0, 3]]).real)", "[2. 3.]"),
        ("from scipy import optimize; print(round(optimize.brentq(lambda x: x * x - 2, 0, 2), 6))", "1.414214"),
        ("from scipy import optimize; print(optimize.minimize(lambda x: (x - 1) ** 2, 0).x.round(4))", "[1.]"),
        ("from scipy import stats; print(round(stats.norm.ppf(0.975), 4))", "1.96"),
        ("from scipy import integrate; print(round(integrate.quad(lambda x: x, 0, 2)[0], 6))", "2.0"),
        ("from scipy import sparse; print(sparse.linalg.spsolve(sparse.eye(2).tocsc() * 2, [2, 4]))", "[1. 2.]"),
        (
            "from sklearn.tree import DecisionTreeClassifier as T; print(T().fit([[0], [1]], [0, 1]).predict([[0.9]]))",
            "[1]",
        ),
        ("from sklearn.cluster import KMeans; print(KMeans(2, n_init=1).fit([[0], [9]]).inertia_)", "0.0"),
        (
            "from importlib import resources as r; print((r.files('matplotlib') / 'mpl-data/matplotlibrc').is_file())",
            "True",
        ),
        ("from importlib import metadata; print(metadata.version('numpy').split('.')[0])", "2"),
        ("from importlib import metadata; print({e.name for e in metadata.entry_points(name='f2py')})", "{'f2py'}"),
    ],
)
def test_a_program_gives_its_answer(science, code, answer):
    assert said(science.execute(code, timeout=120)).strip() == answer


def test_a_data_frame_is_read_and_written_on_the_drive(science, drive):
    (drive / "data.csv").write_text("a,b\n1,x\n2,y\n", "utf-8")
    code = "import pandas; frame = pandas.read_csv('data.csv'); frame['a'] *= 2; frame.to_csv('out.csv', index=False)"
    said(science.execute(code, timeout=120))
    assert (drive / "out.csv").read_text("utf-8") == "a,b\n2,x\n4,y\n"


def test_a_figure_is_shown_as_a_picture(science):
    result = science.execute("import matplotlib.pyplot as plt; _ = plt.plot([1, 2, 4])", timeout=120)
    (png,) = [output.content["data"]["image/png"] for output in result.outputs if "data" in output.content]
    width, height = size_of(base64.b64decode(png))
    assert width > height > 300


def test_an_image_is_made_and_read(science, drive):
    said(science.execute("from PIL import Image; Image.new('RGB', (3, 2), 'red').save('red.png')", timeout=60))
    assert size_of((drive / "red.png").read_bytes()) == (3, 2)
    assert said(science.execute("print(Image.open('red.png').resize((1, 1)).getpixel((0, 0)))")) == "(255, 0, 0)\n"


def test_parquet_goes_through_pyarrow(parquet_pack, drive):
    code = """
import pandas
pandas.DataFrame({"a": [1, 2], "b": ["x", None]}).to_parquet("t.parquet")
print(pandas.read_parquet("t.parquet").to_dict("list"))
"""
    with start_kernel(parquet_pack, options=RunOptions(drive=drive)) as running:
        assert said(running.client.execute(code, timeout=120)) == "{'a': [1, 2], 'b': ['x', None]}\n"
    assert (drive / "t.parquet").read_bytes().startswith(b"PAR1")


@pytest.mark.parametrize(
    ("code", "module", "sources"),
    [
        ("import pandas", "pandas", 0),
        ("from scipy import stats", "scipy.stats", 0),
        ("from sklearn.linear_model import LinearRegression", "sklearn.linear_model", 0),
        # pyparsing looks at its own source, which a profile does not tell from its bytecode.
        ("import matplotlib.pyplot as plt", "matplotlib.pyplot", 1),
    ],
)
def test_all_that_an_import_opens_is_fetched_before_it_begins(science_pack, code, module, sources):
    needed = read_manifest(science_pack).imports[module]
    assert len(needed) <= 12
    with start_kernel(science_pack, options=RunOptions()) as running:
        before = running.client.figures().requests
        said(running.client.execute(code, timeout=120))
        # One more would be a read that blocks the kernel.
        assert running.client.figures().requests - before == len(needed) + sources


def test_what_a_browser_lacks_is_said(science):
    result = science.execute("import threading; threading.Thread(target=print).start()")
    assert result.ename == "RuntimeError"
    assert "a browser has no threads" in str(result)
    result = science.execute("import subprocess; subprocess.run(['ls'])")
    assert "emscripten does not support processes" in str(result)
    code = "from sklearn import ensemble\nprint(ensemble.IsolationForest(n_jobs=2).fit([[0], [1]]).n_features_in_)"
    assert said(science.execute(code, timeout=120)) == "1\n"
