"""jupyterlite-sphinx as it comes, which keeps from sight what `jupyter lite build` says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from typing import TYPE_CHECKING

import pytest

from tests.conftest import EXAMPLES
from tests.lite_cores import NEWEST, core_python

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


def sphinx(docs: Path) -> subprocess.CompletedProcess[str]:
    """Build the pages, with what runs the tests in reach of the Python that does it."""
    customized = docs.parent / "customized"
    customized.mkdir(exist_ok=True)
    (customized / "sitecustomize.py").write_text(f"import site\nsite.addsitedir({sysconfig.get_path('purelib')!r})\n")
    python = core_python(NEWEST, "jupyterlite-sphinx==0.23.0", "sphinx")
    path = os.pathsep.join([str(python.parent), os.environ["PATH"]])
    return subprocess.run(
        [str(python), "-m", "sphinx", "-b", "html", "-q", str(docs), str(docs.parent / "html")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(customized)},
    )


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
