"""The lite_env of an earlier commit, from a work tree of its own: in one run it shows what a change brings."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.common import ROOT, WORK, step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """A built checkout of lite_env.

    Attributes:
        commit: its short name.
        folder: the work tree.
    """

    commit: str
    folder: Path

    def environ(self) -> dict[str, str]:
        """In it ``python -m lite_env`` is this one, wherever it is started but in another checkout."""
        return {**os.environ, "PYTHONPATH": str(self.folder)}

    def run(self, *arguments: str, cache: Path) -> None:
        """Run the command line; what one version caches another may not read, so it has a `cache` of its own.

        Raises:
            SystemExit: it failed.
        """
        environ = self.environ() | {"LITE_ENV_CACHE_DIR": str(cache)}
        _run([sys.executable, "-m", "lite_env", *arguments], self.folder, environ)


def earlier(revision: str) -> Earlier:
    """Check out and build the lite_env of `revision`.

    Raises:
        SystemExit: there is no such commit, or it cannot be built.
    """
    commit = _run(["git", "rev-parse", "--short", "--verify", f"{revision}^{{commit}}"], ROOT).strip()
    found = Earlier(commit=commit, folder=WORK / "before" / commit)
    with step(f"lite_env of {commit}"):
        if not found.folder.is_dir():
            _run(["git", "worktree", "prune"], ROOT)
            _run(["git", "worktree", "add", "--detach", "--force", str(found.folder), commit], ROOT)
        _run([sys.executable, "hatch_build.py"], found.folder, found.environ())
    return found


def _run(command: Sequence[str], folder: Path, environ: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environ)
    if done.returncode:
        raise SystemExit(f"error: {' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout
