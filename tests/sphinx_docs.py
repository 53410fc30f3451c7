"""Builds pages with jupyterlite-sphinx, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from typing import TYPE_CHECKING

from tests.lite_cores import NEWEST, core_python

if TYPE_CHECKING:
    from pathlib import Path


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
