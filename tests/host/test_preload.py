"""Snapshots of kernels that have imported modules: in Node, with the real numpy."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from lite_env.pack.reader import read_manifest
from lite_env.workflow.options import PackOptions
from tests.command_line import lite_env
from tests.conftest import EXAMPLES
from tests.host.test_snapshots import how, started, with_header
from tests.packing import pack_environment

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.host.client import KernelClient
    from lite_env.host.figures import PreloadFigures
    from lite_env.host.run import RunningKernel

pytestmark = [pytest.mark.node]
# What they give has to be the same, to the character.
CELLS = """
import numpy; numpy.__version__, numpy.__file__
numpy.arange(6).reshape(2, 3) @ numpy.ones(3)
numpy.linalg.inv(numpy.eye(2) * 2).tolist(), numpy.linalg.svd(numpy.arange(4.0).reshape(2, 2))[1].round(6).tolist()
numpy.fft.fft([1, 2, 3]).round(3).tolist(), numpy.polyfit([0, 1, 2], [1, 3, 5], 1).round(6).tolist()
numpy.random.default_rng(1).random(3), numpy.random.RandomState(1).rand(3), numpy.random.seed(7), numpy.random.rand(2)
numpy.array([1, 2]).dtype, numpy.float64(0.1), numpy.iinfo("int64").max, numpy.finfo("float32").eps
numpy.zeros((2, 2)), numpy.array(["a", "bc"]), numpy.array([1, None]), numpy.datetime64("2024-07-01") + 1
numpy.array([1]) / 0
numpy.zeros(3)[5]
numpy.sort(numpy.array([3, 1, 2])), numpy.unique([2, 1, 2]), numpy.einsum("ij,ij", numpy.eye(2), numpy.eye(2))
import numpy.ma, numpy.testing; numpy.ma.array([1, 2], mask=[0, 1]), numpy.testing.assert_equal(1, 1)
import io; f = io.BytesIO(); numpy.save(f, numpy.arange(3)); f.seek(0); numpy.load(f)
import pickle; pickle.loads(pickle.dumps(numpy.arange(3)))
from numpy.ctypeslib import as_array; import ctypes; as_array((ctypes.c_int * 2)(1, 2))
sorted(name for name in globals() if not name.startswith("_"))
get_ipython().execution_count, 1 / 3
""".strip().splitlines()
DRAWN = {
    "random": "import random; print(random.random())",
    "numpy.random": "import numpy; print(numpy.random.rand())",
    "default_rng": "import numpy; print(numpy.random.default_rng().random())",
    "RandomState": "import numpy; print(numpy.random.RandomState().rand())",
    "secrets": "import secrets; print(secrets.token_hex())",
}


def preload_of(running: RunningKernel) -> PreloadFigures:
    figures = running.ready.figures.snapshot
    assert figures is not None
    return figures.preload


def answer(client: KernelClient, cell: str) -> str:
    result = client.execute(cell, timeout=60)
    told = [(message.type, message.content) for message in result.outputs if message.type != "execute_input"]
    return json.dumps([result.status, *(shown(kind, content) for kind, content in told)], indent=1)


def shown(kind: str, content: dict) -> object:
    if kind == "error":
        return kind, content["ename"], content["evalue"]
    return kind, content.get("text"), content.get("data")


def printed(client: KernelClient, cell: str) -> str:
    result = client.execute(cell, timeout=60)
    return "".join(message.content["text"] for message in result.outputs if message.type == "stream").strip()


def pack_that_preloads(pack: Path, target: Path, *modules: str) -> Path:
    """The same pack, whose manifest names these modules."""
    shutil.copytree(pack, target)
    manifest = json.loads((target / "manifest.json").read_bytes())
    manifest["kernels"][0]["preload"] = list(modules)
    (target / "manifest.json").write_text(json.dumps(manifest))
    return target


@pytest.fixture(scope="module")
def pack(numpy_pack, tmp_path_factory) -> Path:
    return pack_that_preloads(numpy_pack, tmp_path_factory.mktemp("preload") / "pack", "numpy")


@pytest.fixture(scope="module")
def made(pack, tmp_path_factory) -> Path:
    """A folder with the snapshot of a kernel that has imported numpy."""
    folder = tmp_path_factory.mktemp("made") / "snapshots"
    with started(pack, folder) as running:
        assert how(running) == "there is none yet"
        assert preload_of(running).modules == ("numpy",)
        assert not preload_of(running).done
    assert sorted(path.suffix for path in folder.iterdir()) == [".snapshot", ".used"]
    return folder


def test_numpy_is_there_and_computes_and_no_file_of_it_was_read(pack, made):
    with started(pack, made) as running:
        assert how(running) == ""
        assert preload_of(running).done
        assert running.ready.figures.files == 0
        assert (
            printed(running.client, "import sys; print('numpy' in sys.modules, 'numpy' in globals())") == "True False"
        )
        assert printed(running.client, "import numpy; print(numpy.arange(3) @ numpy.ones(3))") == "3.0"
        assert running.client.figures().files == 0
    # It is not made again.
    assert sorted(path.suffix for path in made.iterdir()) == [".snapshot", ".used"]


@pytest.mark.slow
def test_a_kernel_with_numpy_preloaded_answers_as_a_started_one(pack, made):
    with started(pack, None) as plain, started(pack, made) as restored:
        assert preload_of(restored).done
        for cell in CELLS:
            expected = answer(plain.client, cell)
            assert answer(restored.client, cell) == expected, cell


@pytest.mark.slow
def test_two_kernels_of_one_snapshot_draw_different_numbers(pack, made):
    drawn = []
    for _ in range(2):
        with started(pack, made) as running:
            assert preload_of(running).done
            drawn.append({name: printed(running.client, code) for name, code in DRAWN.items()})
    one, other = drawn
    assert [name for name in DRAWN if not one[name] or one[name] == other[name]] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("modules", "why"),
    [
        (("numpy", "no_such_module"), "'no_such_module' cannot be imported: ModuleNotFoundError: No module named"),
        (("antigravity_of_nobody.x",), "cannot be imported: ModuleNotFoundError"),
    ],
)
def test_what_cannot_be_imported_leaves_the_bare_one_and_is_told_and_not_tried_again(
    numpy_pack, tmp_path, modules, why
):
    pack = pack_that_preloads(numpy_pack, tmp_path / "pack", *modules)
    folder = tmp_path / "snapshots"
    log: list[str] = []
    with started(pack, folder, log):
        pass
    assert any("the snapshot is one without" in text and why in text for text in log), log
    (kept,) = folder.glob("*.snapshot")
    before = kept.stat().st_mtime_ns
    with started(pack, folder, log) as running:
        assert how(running) == ""
        assert not preload_of(running).done
        assert why in preload_of(running).why
        assert printed(running.client, "import sys; print('numpy' in sys.modules)") == "False"
        assert printed(running.client, "import numpy; print(numpy.ones(3).sum())") == "3.0"
    assert kept.stat().st_mtime_ns == before
    assert not any("restored" in text and "with" in text for text in log)


@pytest.mark.slow
def test_a_bare_one_that_is_kept_gives_way_to_one_with_modules(pack, tmp_path):
    log: list[str] = []
    with started(pack, tmp_path, log) as running:
        running.client.kernel_info()
        for _ in range(100):
            running.client.figures()
            if any("the next start takes" in text for text in log):
                break
            running.client._receive(0.2)
        (bare,) = tmp_path.glob("*.snapshot")
        size = bare.stat().st_size
    (full,) = tmp_path.glob("*.snapshot")
    assert full == bare
    assert full.stat().st_size > size + 5_000_000
    with started(pack, tmp_path) as running:
        assert preload_of(running).done


@pytest.mark.slow
def test_a_library_that_is_not_there_any_more_ends_in_a_plain_start_and_in_a_bare_one(pack, made, tmp_path):
    folder = shutil.copytree(made, tmp_path / "snapshots")
    (path,) = folder.glob("*.snapshot")
    listed = re.compile(rb'("libraries":\["[^]]*?_multiarray_umath\.)c')
    path.write_bytes(with_header(path.read_bytes(), lambda text: listed.sub(rb"\1d", text)))
    log: list[str] = []
    with started(pack, folder, log) as running:
        assert "is no file of the environment" in how(running)
        assert "could not be restored" in preload_of(running).why
        assert printed(running.client, "import numpy; print(numpy.ones(3).sum())") == "3.0"
    with started(pack, folder, log) as running:
        assert how(running) == ""
        assert "could not be restored" in preload_of(running).why
        assert printed(running.client, "import numpy; print(numpy.ones(3).sum())") == "3.0"


@pytest.mark.slow
def test_the_command_tells_what_the_kernel_came_with(pack, tmp_path, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path))
    lite_env("run", pack, "-c", "print(1)")
    second = lite_env("run", pack, "--figures", "-c", "import numpy; print(numpy.arange(3))")
    assert second.out == "[0 1 2]\n"
    assert re.search(r"restored in [\d.]+ s with numpy\n", second.err), second.err


@pytest.mark.slow
def test_packing_names_what_the_settings_say_or_what_traced_notebooks_import_first(tmp_path):
    channel = EXAMPLES.parent / "channels" / "emscripten-forge-2023"
    (tmp_path / "environment.yml").write_text(
        f"name: demo\nchannels: ['{channel}']\ndependencies: [xeus-python, numpy]\n"
    )
    settings = tmp_path / "pyproject.toml"
    cells = [{"cell_type": "code", "source": ["import json\n", "from numpy import linalg"]}]
    notebook = {"cells": cells, "metadata": {"kernelspec": {"name": "xpython"}}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "demo.ipynb").write_text(json.dumps(notebook))
    trace = "[tool.lite-env]\ntrace = ['demo.ipynb']\n"
    named = {}
    for key, text in {"traced": trace, "asked": trace + "preload = ['six']\n", "off": trace + "preload = []\n"}.items():
        settings.write_text(text)
        pack_environment(tmp_path / "environment.yml", tmp_path / "pack", PackOptions(level=3))
        named[key] = {kernel.name: kernel.preload for kernel in read_manifest(tmp_path / "pack").kernels}
    assert named == {
        "traced": {"xpython": ("numpy", "numpy.linalg")},
        "asked": {"xpython": ("six",)},
        "off": {"xpython": ()},
    }
