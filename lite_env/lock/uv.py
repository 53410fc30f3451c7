"""Runs uv: the only module that does. Neither a user's configuration of uv nor this machine decides what it answers."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.errors import MissingToolError
from lite_env.store.location import cache_directory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# What says how to reach an index, and as whom; all else of uv's is decided here.
_KEPT = (
    *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INDEX_STRATEGY"),
    *("UV_KEYRING_PROVIDER", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS", "UV_INSECURE_HOST"),
    *("UV_HTTP_TIMEOUT", "UV_HTTP_RETRIES", "UV_CONCURRENT_DOWNLOADS"),
)
_KEPT_PREFIX = "UV_INDEX_"  # user and password of an index by its name


@dataclass(frozen=True, kw_only=True, slots=True)
class UvAnswer:
    """What uv said: its exit code, what it printed, and what it told."""

    code: int
    out: str
    told: str


def run_uv(arguments: Sequence[str], *, folder: Path, offline: bool, more: Mapping[str, str] | None = None) -> UvAnswer:
    """Run uv in `folder`, which must be empty of projects; its caches are below ours.

    Args:
        arguments: the command and what follows it.
        folder: where it runs.
        offline: open no connection.
        more: environment variables to set.

    Raises:
        MissingToolError: there is no uv.
    """
    command = [
        *(find_uv(), *arguments),
        *("--no-config", "--no-progress", "--no-python-downloads", "--color", "never"),
        *("--python", sys.executable, "--cache-dir", str(cache_directory("uv"))),
        *(("--offline",) if offline else ()),
    ]
    done = subprocess.run(
        command, cwd=folder, env=uv_environment(os.environ) | dict(more or {}), capture_output=True, check=False
    )
    return UvAnswer(
        code=done.returncode,
        out=done.stdout.decode("utf-8", "replace"),
        told=done.stderr.decode("utf-8", "replace"),
    )


def uv_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Of a process's environment what uv is to see."""
    kept = {
        name: value
        for name, value in variables.items()
        if not name.startswith(("UV_", "PIP_", "VIRTUAL_ENV", "CONDA_"))
        or name in _KEPT
        or name.startswith(_KEPT_PREFIX)
    }
    # Nobody is there to answer git or ssh.
    return {**kept, "GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": kept.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")}


def find_uv() -> str:
    """The path of the uv that this package depends on.

    Raises:
        MissingToolError: its program is not there.
    """
    # Its package is nothing but the way to the program.
    from uv import find_uv_bin  # noqa: PLC0415

    try:
        return str(find_uv_bin())
    except FileNotFoundError as error:
        raise MissingToolError(
            "uv, by which the pip section is resolved, is not on this machine",
            hint="install it beside lite_env: `pip install uv`",
        ) from error
