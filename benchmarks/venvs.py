"""Python environments of their own, for programs that must not lie beside ours or beside each other."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from typing import TYPE_CHECKING

from benchmarks.common import WORK, step
from lite_env.store.atomic import write_text
from lite_env.store.digest import sha256_of_bytes

if TYPE_CHECKING:
    from pathlib import Path


def python_with(name: str, *requirements: str, settings: bytes = b"") -> Path:
    """The Python of an environment that has `requirements`, made when it is not there.

    Args:
        name: of its folder.
        requirements: as pip takes them.
        settings: what else it is made from; with others it is made anew.
    """
    folder = WORK / name
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = folder / ".done"
    state = sha256_of_bytes("\n".join(requirements).encode() + settings)
    if not done.exists() or done.read_text(encoding="utf-8").strip() != state:
        with step(f"installing {' '.join(requirements)}"):
            venv.create(folder, with_pip=True, clear=True)
            command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*command, *requirements], check=True, stdout=sys.stderr)
            write_text(done, state + "\n")
    return python
