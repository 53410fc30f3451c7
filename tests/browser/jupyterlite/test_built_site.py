"""A site as people get it: an environment file, `jupyter lite build`, a browser."""

from __future__ import annotations

import pytest

from tests.browser.jupyterlite.applications import built_site
from tests.conftest import EXAMPLES
from tests.lite_cores import BEFORE, NEWEST

pytestmark = [pytest.mark.browser, pytest.mark.network, pytest.mark.node]

CHANNEL = EXAMPLES.parent / "channels" / "emscripten-forge-2023"


@pytest.mark.parametrize("version", [NEWEST, pytest.param(BEFORE, marks=pytest.mark.slow)])
def test_the_kernel_of_an_environment_file_runs_a_cell(version, tmp_path, serve, lab):
    text = f"name: lua-demo\nchannels:\n  - {CHANNEL}\ndependencies:\n  - xeus-lua\n"
    (tmp_path / "environment.yml").write_text(text)
    found = lab(serve(built_site(tmp_path, version=version), isolated=False)).open()
    found.notebook("xlua")
    assert found.text("print(6 * 7)").split() == ["42"]
