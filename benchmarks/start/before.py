"""The site of an earlier commit, made by its own lite_env."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from benchmarks.common import step
from benchmarks.earlier import earlier
from benchmarks.start.figures import BEFORE
from benchmarks.start.model import OF_PIP, Variant
from benchmarks.start.peers import TREES

if TYPE_CHECKING:
    from benchmarks.environments import Environment


def ours_before(environment: Environment, revision: str) -> Variant:
    """Pack `environment` and make its site with the lite_env of `revision`.

    Raises:
        SystemExit: there is no such commit, or its lite_env cannot be built or run.
    """
    version = earlier(revision)
    tree, pack = TREES / BEFORE, TREES / f"{BEFORE}-pack"
    with step(f"tree ({BEFORE}): lite-env pack and site of {version.commit}"):
        for folder in (tree, pack):
            shutil.rmtree(folder, ignore_errors=True)
        cache = version.folder / ".cache"
        version.run("pack", str(environment.file), "-o", str(pack), cache=cache)
        version.run("site", str(pack), "-o", str(tree), "--drive", "none", cache=cache)
    has_pip = any(environment.prefix.glob("conda-meta/pip-*.json"))
    lacks: frozenset[str] = frozenset() if has_pip else OF_PIP
    return Variant(key=BEFORE, label=f"lite_env at {version.commit}", tree=tree, page="", lacks=lacks)
