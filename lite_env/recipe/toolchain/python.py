"""The Python that runs builds: one of the machine's own, of the same minor version as the one that is built for."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lite_env.errors import MissingToolError

_ASK = (
    "import json, sys, sysconfig; print(json.dumps([sys.version_info[:3], sys.implementation.name,"
    " getattr(sys, '_base_executable', sys.executable)]))"
)
_MACHINES = {"x86_64": "linux-64", "aarch64": "linux-aarch64", "ppc64le": "linux-ppc64le"}


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildPython:
    """A Python of this machine.

    Attributes:
        program: of no virtual environment.
        version: all three numbers.
        subdir: conda's name for this machine.
    """

    program: Path
    version: str
    subdir: str

    @property
    def minor(self) -> str:
        """Major and minor version."""
        return self.version.rpartition(".")[0]


def build_subdir() -> str:
    """Conda's name for this machine.

    Raises:
        MissingToolError: packages cannot be built on it.
    """
    found = _MACHINES.get(platform.machine()) if sys.platform == "linux" else None
    if found is None:
        raise MissingToolError(
            "packages are built on Linux only",
            hint="run lite_env in a container of Debian 13",
            found=f"{platform.system()} {platform.machine()}",
        )
    return found


def find_python(minor: str) -> BuildPython:
    """A Python `minor` of this machine: the one that runs lite_env, one on PATH, one of pyenv or uv.

    Raises:
        MissingToolError: there is none.
    """
    subdir = build_subdir()
    for program in _candidates(minor):
        asked = subprocess.run([program, "-I", "-c", _ASK], capture_output=True, text=True, check=False)
        try:
            version, implementation, base = json.loads(asked.stdout)
        except ValueError:
            continue
        if implementation == "cpython" and ".".join(map(str, version[:2])) == minor and os.access(base, os.X_OK):
            return BuildPython(program=Path(base).resolve(), version=".".join(map(str, version)), subdir=subdir)
    raise MissingToolError(
        f"extensions for Python {minor} are built by a Python {minor} of this machine, and there is none",
        hint=f"`uv python install {minor}`, or any other way to have python{minor} on PATH",
    )


def _candidates(minor: str) -> list[str]:
    found = [sys.executable] if "{}.{}".format(*sys.version_info) == minor else []
    on_path = shutil.which(f"python{minor}")
    if on_path:
        found.append(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found += [str(path) for path in sorted(pyenv.glob(f"{minor}.*/bin/python{minor}"))]
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if uv:
        asked = subprocess.run(
            [uv, "python", "find", "--no-project", "--no-python-downloads", minor],
            capture_output=True,
            text=True,
            check=False,
        )
        if asked.returncode == 0:
            found.append(asked.stdout.strip())
    return found
