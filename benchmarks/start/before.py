"""The site of an earlier commit, made by its own lite_env: what a change brings is measured in one run with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.common import ROOT, WORK, step
from benchmarks.start.figures import BEFORE
from benchmarks.start.model import OF_PIP, Variant
from benchmarks.start.peers import TREES

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.environments import Environment


def ours_before(environment: Environment, revision: str) -> Variant:
    """Pack `environment` and make its site with the lite_env of `revision`, from a work tree of its own.

    Raises:
        SystemExit: there is no such commit, or its lite_env cannot be built or run.
    """
    commit = _run(["git", "rev-parse", "--short", "--verify", f"{revision}^{{commit}}"], ROOT).strip()
    checkout = WORK / "before" / commit
    with step(f"lite_env of {commit}"):
        if not checkout.is_dir():
            _run(["git", "worktree", "prune"], ROOT)
            _run(["git", "worktree", "add", "--detach", "--force", str(checkout), commit], ROOT)
        _run([sys.executable, "hatch_build.py"], checkout)
    tree, pack = TREES / BEFORE, TREES / f"{BEFORE}-pack"
    with step(f"tree ({BEFORE}): lite-env pack and site of {commit}"):
        for folder in (tree, pack):
            shutil.rmtree(folder, ignore_errors=True)
        own = checkout / ".cache"  # What one version caches another may not read.
        _run([sys.executable, "-m", "lite_env", "pack", str(environment.file), "-o", str(pack)], checkout, cache=own)
        site = ["site", str(pack), "-o", str(tree), "--drive", "none"]
        _run([sys.executable, "-m", "lite_env", *site], checkout, cache=own)
    has_pip = any(environment.prefix.glob("conda-meta/pip-*.json"))
    lacks: frozenset[str] = frozenset() if has_pip else OF_PIP
    return Variant(key=BEFORE, label=f"lite_env at {commit}", tree=tree, page="", lacks=lacks)


def _run(command: list[str], folder: Path, *, cache: Path | None = None) -> str:
    environ = os.environ | {"PYTHONPATH": str(folder)} | ({"LITE_ENV_CACHE_DIR": str(cache)} if cache else {})
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environ)
    if done.returncode:
        raise SystemExit(f"error: {' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout
