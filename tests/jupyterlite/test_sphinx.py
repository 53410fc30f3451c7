"""jupyterlite-sphinx as it comes, which keeps from sight what `jupyter lite build` says."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import EXAMPLES
from tests.sphinx_docs import sphinx

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.network,
    pytest.mark.node,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="it is Linux that tells where Sphinx writes"),
]

CHANNEL = EXAMPLES.parent / "channels" / "emscripten-forge-2023"


@pytest.fixture
def docs(tmp_path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "conf.py").write_text('extensions = ["jupyterlite_sphinx"]\njupyterlite_dir = "."\n')
    (folder / "index.rst").write_text("Kernels\n=======\n\n.. replite::\n   :kernel: xlua\n\n   print(1)\n")
    text = f"name: lua-demo\nchannels:\n  - {CHANNEL}\ndependencies:\n  - xeus-lua\n"
    (folder / "environment.yml").write_text(text)
    return folder


def test_a_silent_build_has_the_kernels_and_its_warnings_are_seen(docs):
    config = {"XeusAddon": {"empack_config": "filters.yaml"}}
    (docs / "jupyter_lite_config.json").write_text(json.dumps(config))
    done = sphinx(docs)
    assert done.returncode == 0, done.stderr
    site = json.loads((docs.parent / "html/lite/lite-env/api/site.json").read_text())
    assert [kernel["name"] for kernel in site["kernels"]] == ["xlua"]
    assert "lite-env: `XeusAddon.empack_config` is not used" in done.stderr
    assert "`XeusAddon.empack_config` is not used" in site["notes"][0]["text"]


def test_what_ends_a_silent_build_is_seen(docs):
    with (docs / "environment.yml").open("a") as file:
        file.write("  - no-such-package\n")
    done = sphinx(docs)
    assert done.returncode != 0
    assert "lite-env: error: " in done.stderr
    assert "no-such-package" in done.stderr
