"""Which remote stores there are: what the project names, and what the user does.

A project may name stores for packages, whose hashes its locks have. That a store is believed what came of which work,
and that anything is written to one, is for the user to say, or for whoever sets up a CI: in ``LITE_ENV_REMOTE``, or in
the user's own ``config.toml``. Otherwise a cloned project could answer for work of all others on this machine.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import platformdirs

from lite_env.errors import SpecError, without_secrets
from lite_env.spec.settings import PROJECT_FILE, read_project_table
from lite_env.store.text import Origin, parse_toml, read_bounded

if TYPE_CHECKING:
    from collections.abc import Mapping

REMOTE_VARIABLE = "LITE_ENV_REMOTE"
"""Names one remote store, in place of all others; empty: none."""
TRUST_VARIABLE = "LITE_ENV_REMOTE_TRUSTED"
"""Whether the one of `REMOTE_VARIABLE` is trusted."""
WRITE_VARIABLE = "LITE_ENV_REMOTE_WRITE"
"""Whether the one of `REMOTE_VARIABLE` is written to."""

USER_FILE = "config.toml"
_KEY = "remote"
_PROJECT_KEYS = ("url",)
_EXAMPLE = "for example: [[remote]] with url = 's3://bucket/folder'"
_READ_ONLY = ("http", "https")
_OF_PROJECTS = ("s3", "http", "https", "file")
"""What a project may name: others of fsspec's run what their own files say."""
_SWITCHES = {"": False, "0": False, "false": False, "no": False, "1": True, "true": True, "yes": True}


@dataclass(frozen=True, kw_only=True, slots=True)
class Remote:
    """A remote store.

    Attributes:
        url: as fsspec has it; may hold credentials.
        trusted: whether it is believed what came of which work.
        write: whether it is given what is done here.
    """

    url: str
    trusted: bool = False
    write: bool = False

    @property
    def label(self) -> str:
        """Its name, for people."""
        return without_secrets(self.url)


def user_config() -> Path:
    """The user's own settings."""
    return Path(platformdirs.user_config_dir("lite-env", appauthor=False)) / USER_FILE


def read_remotes(folder: Path, environ: Mapping[str, str] = os.environ, user: Path | None = None) -> tuple[Remote, ...]:
    """The remote stores of who works in `folder`, in the order in which they are asked.

    Args:
        folder: with a ``pyproject.toml``, or without.
        environ: environment variables.
        user: the user's settings; by default those of `user_config`.

    Raises:
        SpecError: a setting is wrong; names its file and key, or its variable.
    """
    if REMOTE_VARIABLE in environ:
        url = environ[REMOTE_VARIABLE].strip()
        trusted, write = (_switch(environ, name) for name in (TRUST_VARIABLE, WRITE_VARIABLE))
        if not url:
            return ()
        return (_with_sense(Remote(url=_checked(url, REMOTE_VARIABLE, None), trusted=trusted, write=write), None),)
    file = user or user_config()
    own = _listed(_table(file).get(_KEY, []), file, ("url", "trusted", "write"), "")
    project = folder / PROJECT_FILE
    named = _listed(read_project_table(folder).get(_KEY, []), project, _PROJECT_KEYS, "tool.lite-env.")
    return tuple({remote.url: remote for remote in (*named, *own)}.values())


def _switch(environ: Mapping[str, str], name: str) -> bool:
    text = environ.get(name, "").strip().lower()
    if text not in _SWITCHES:
        raise SpecError(f"{name} is '{text}'", hint="write 1 or 0", variable=name)
    return _SWITCHES[text]


def _table(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    origin = Origin(what=f"'{file}'", error=SpecError, file=str(file), hint="correct it, or move it away")
    return parse_toml(read_bounded(file, origin), origin)


def _listed(value: object, file: Path, keys: tuple[str, ...], where: str) -> list[Remote]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise SpecError(f"'{where}{_KEY}' is not a list of tables", hint=_EXAMPLE, file=str(file))
    return [_remote(each, file, keys, f"{where}{_KEY}[{number}]") for number, each in enumerate(value)]


def _remote(table: dict[str, Any], file: Path, keys: tuple[str, ...], where: str) -> Remote:
    for key, value in table.items():
        if key not in keys:
            users = f"only {user_config()} and {REMOTE_VARIABLE} may say so" if key in ("trusted", "write") else None
            raise SpecError(
                f"'{where}' has the key '{key}', which is none of {', '.join(keys)}",
                hint=users or _EXAMPLE,
                file=str(file),
            )
        if key != "url" and not isinstance(value, bool):
            raise SpecError(f"'{where}.{key}' is neither true nor false", hint=_EXAMPLE, file=str(file))
    url = table.get("url")
    if not isinstance(url, str):
        raise SpecError(f"'{where}' has no 'url'", hint=_EXAMPLE, file=str(file))
    if keys == _PROJECT_KEYS and url.partition("://")[0].lower() not in _OF_PROJECTS:
        raise SpecError(
            f"'{where}.url' is of a kind that a project must not name",
            hint=f"a project names {', '.join(f'{scheme}://' for scheme in _OF_PROJECTS)}; others {user_config()} may",
            file=str(file),
        )
    remote = Remote(
        url=_checked(url, f"{where}.url", file),
        trusted=table.get("trusted", False),
        write=table.get("write", False),
    )
    return _with_sense(remote, file)


def _with_sense(remote: Remote, file: Path | None) -> Remote:
    scheme = urlsplit(remote.url).scheme
    if remote.write and scheme in _READ_ONLY:
        raise SpecError(
            f"the remote store '{remote.label}' is to be written to, and {scheme}:// can only be read",
            hint="leave out `write`, or write to it by s3:// or file://",
            file=str(file) if file else None,
        )
    return remote


def _checked(url: str, where: str, file: Path | None) -> str:
    """`url`, if it is one; it may hold a secret wherever it is wrong, and is not repeated.

    A chain of fsspec's (``reference::https://…``) makes addresses out of what a server says: none is taken.
    """
    scheme, separator, _ = url.partition("://")
    if not separator or not scheme.replace("+", "").replace("-", "").isalnum() or "::" in url:
        raise SpecError(
            f"'{where}' is no URL of a folder",
            hint="write s3://BUCKET/FOLDER, https://… or file:///…",
            file=str(file) if file else None,
        )
    return url
