"""A site as people get it: an environment file, `jupyter lite build`, a browser."""

from __future__ import annotations

import json

import pytest

from tests.conftest import EXAMPLES
from tests.lite_cores import BEFORE, NEWEST, jupyter_lite

pytestmark = [pytest.mark.browser, pytest.mark.network, pytest.mark.node, pytest.mark.xdist_group("jupyterlite")]

CHANNEL = EXAMPLES.parent / "channels" / "emscripten-forge-2023"


@pytest.mark.parametrize("version", [NEWEST, pytest.param(BEFORE, marks=pytest.mark.slow)])
def test_the_kernel_of_an_environment_file_runs_a_cell(version, tmp_path, serve, lab):
    text = f"name: lua-demo\nchannels:\n  - {CHANNEL}\ndependencies:\n  - xeus-lua\n"
    (tmp_path / "environment.yml").write_text(text)
    (tmp_path / "jupyter-lite.json").write_text(
        json.dumps({"jupyter-lite-schema-version": 0, "jupyter-config-data": {"exposeAppInBrowser": True}})
    )
    done = jupyter_lite(tmp_path, "build", version=version)
    assert done.code == 0, done.text
    found = lab(serve(tmp_path / "_output", isolated=False)).open()
    found.notebook("xlua")
    assert found.text("print(6 * 7)").split() == ["42"]
