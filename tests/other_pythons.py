"""Runs the unit tests in the other versions of Python that lite_env supports, where they are installed.

`make prove` calls it: `python tests/other_pythons.py 3.12 3.13`. Each version gets an environment of its own
(`.venv-3.13`), made anew when pyproject.toml changes.
A version that is not on PATH, nor where pyenv keeps it, is named and passed over.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[1]
# Real kernels and browsers run what does not depend on the Python that started them: once is enough.
UNIT = "not slow and not node and not browser and not network"


def main(versions: Sequence[str]) -> int:
    """Run them all; the exit code is that of the first that failed."""
    for version in versions:
        python = find_python(version)
        if python is None:
            print(f"Python {version} is not installed here: its unit tests were not run", flush=True)
            continue
        print(f"unit tests in Python {version}", flush=True)
        command = [environment_of(version, python), "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "-m", UNIT]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        if code:
            return code
    return 0


def find_python(version: str) -> str | None:
    """A program that really is this version: pyenv puts names on PATH that only say that it is not chosen."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    places = [shutil.which(f"python{version}"), *sorted(map(str, pyenv.glob(f"versions/{version}.*/bin/python")))]
    return next((place for place in places if place and is_version(place, version)), None)


def is_version(program: str, version: str) -> bool:
    code = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([program, "-c", code], capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout.strip() == version


def environment_of(version: str, python: str) -> str:
    """The Python of an environment with this checkout and what its tests need."""
    folder = ROOT / f".venv-{version}"
    program = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / ".installed"
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if not stamp.is_file() or stamp.read_text() != wanted:
        run(python, "-m", "venv", "--clear", str(folder))
        run(str(program), "-m", "pip", "install", "--quiet", "--upgrade", "pip>=25.1")
        run(str(program), "-m", "pip", "install", "--quiet", "--editable", ".[channels,chromium]", "--group", "test")
        stamp.write_text(wanted)
    return str(program)


def run(*words: str) -> None:
    subprocess.run(words, cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
