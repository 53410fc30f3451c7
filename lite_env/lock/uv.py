"""Runs uv: the only module that does. Neither a user's configuration of uv nor this machine decides what it answers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from lite_env.errors import MissingToolError
from lite_env.lock.urls import origin_of
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
_INDEXES = _KEPT[:5]
_NAMED_INDEX = re.compile(r"(?P<name>[\w.-]+)=(?P<address>[a-z]+://.*)")


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


def login_for(url: str, variables: Mapping[str, str]) -> tuple[str, str] | None:
    """User and password for a file on the server of an index that uv's variables name; not to be shown or written.

    Args:
        url: of the file.
        variables: of a process's environment.
    """
    for variable in _INDEXES:
        for text in re.split(r"[\s,]+", variables.get(variable, "")):
            named = _NAMED_INDEX.fullmatch(text)
            name, address = (named["name"], named["address"]) if named else ("", text)
            if "://" not in address or _origin(address) != origin_of(url):
                continue
            parts = urlsplit(address)
            key = f"{_KEPT_PREFIX}{re.sub(r'[^A-Z0-9]', '_', name.upper())}"
            user = unquote(parts.username or "") or variables.get(f"{key}_USERNAME", "")
            password = unquote(parts.password or "") or variables.get(f"{key}_PASSWORD", "")
            if user or password:
                return user, password
    return None


def _origin(address: str) -> str | None:
    # What cannot be read is for uv to tell, when it is asked for a lock.
    try:
        return origin_of(address)
    except ValueError:
        return None


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
