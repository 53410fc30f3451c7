"""Versions of jupyterlite-core, each in an environment of its own below ``.build``, and `jupyter lite` in them.

An environment is made once for a checkout. lite_env is not installed in it: where a command is to have it, the
environment that runs the tests is looked through after its own, so that its JupyterLite wins.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from lite_env.store.digest import sha256_of_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

NEWEST = "0.8.6"
BEFORE = "0.7.6"
BUILT = Path(__file__).parents[1] / ".build" / "jupyterlite"
_APP = "from jupyterlite_core.app import main; main()"
_OURS = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r}); "
# What doit says of a task: that it ran, or that there was nothing to do.
_RAN = re.compile(r"^\.  (\w+):lite-env:(\S.*)$", re.MULTILINE)
_PASSED_OVER = re.compile(r"^-- (\w+):lite-env:(\S.*)$", re.MULTILINE)


def core_python(version: str, *packages: str) -> Path:
    """The Python of an environment with this version of jupyterlite-core, and `packages`."""
    name = f"{version}-{sha256_of_bytes(' '.join(packages).encode())[:8]}" if packages else version
    folder = BUILT / name
    python = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        if not (folder / "installed").is_file():
            run(sys.executable, "-m", "venv", "--clear", folder / "venv")
            run(python, "-m", "pip", "install", "--quiet", f"jupyterlite-core[contents]=={version}", *packages)
            (folder / "installed").touch()
    return python


def run(*command: str | Path, folder: Path | None = None) -> str:
    """Run it, which has to succeed."""
    done = subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What a run of `jupyter lite` said."""

    code: int
    text: str

    @property
    def ran(self) -> list[str]:
        """Our tasks that did something, but those that only tell what is."""
        return [name for hook, name in _RAN.findall(self.text) if not hook.endswith("status")]

    @property
    def passed_over(self) -> list[str]:
        """Our tasks that had nothing to do."""
        return [name for hook, name in _PASSED_OVER.findall(self.text) if not hook.endswith("status")]


def jupyter_command(python: Path, *, ours: bool = True) -> list[str]:
    """What `jupyter lite` is in the environment of `python`, with lite_env or without."""
    return [str(python), "-c", (_OURS if ours else "") + _APP]


def jupyter_lite(
    folder: Path, *words: str | Path, version: str = NEWEST, packages: Sequence[str] = (), ours: bool = True, **env: str
) -> Done:
    """Run `jupyter lite` in the lite directory `folder`, with lite_env or without."""
    command = [*jupyter_command(core_python(version, *packages), ours=ours), *map(str, words)]
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("JUPYTER", "SOURCE_DATE"))}
    done = subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**clean, "NO_COLOR": "1", **env},
    )
    return Done(code=done.returncode, text=done.stdout)
