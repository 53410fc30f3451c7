"""Lock files on disk; what stands in them is the business of a module for each format and version."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lite_env.errors import LockError
from lite_env.lock.conda_lock import MARK, dump_lock
from lite_env.lock.conda_lock_reader import parse_lock
from lite_env.spec.document import MAX_BYTES
from lite_env.store.atomic import write_text
from lite_env.store.refusals import refusal
from lite_env.store.text import Origin, decode_text, read_bounded

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.lock.model import Lockfile

FILE_NAME = "conda-lock.yml"
"""The lock of an ``environment.yml``, beside it."""

_OWN = "make it anew with `lite-env lock --upgrade`"
# `lite-env lock` does not write over a lock of another tool.
_ANEW = "make one for the browser alone with `lite-env lock ENVIRONMENT_YML -o OTHER.conda-lock.yml`, and use that"
_FOREIGN = f"make it again with the tool that wrote it, for emscripten-wasm32 too; or {_ANEW}"

# Top-level keys that a CEP 37 lock has and an environment file cannot have.
_LOCK_KEYS = (re.compile(r"^metadata:", re.MULTILINE), re.compile(r"^package:", re.MULTILINE))


def lock_path(environment: Path) -> Path:
    """Where the lock of an environment file lies if nothing else is said.

    ``conda-lock.yml`` beside ``environment.yml`` or ``environment.yaml``; ``NAME.conda-lock.yml`` beside ``NAME.yml``,
    so that several environments may share a folder.
    """
    stem = environment.stem
    return environment.with_name(FILE_NAME if stem == "environment" else f"{stem}.{FILE_NAME}")


def write_lock(lock: Lockfile, path: Path) -> None:
    """Write `lock` in one step; the bytes depend on the lock alone, neither on the folder nor on the clock."""
    write_text(path, dump_lock(lock, folder=path.absolute().parent), durable=True)


def wrote_lock(path: Path) -> bool:
    """Whether lite_env wrote the file at `path`, be it damaged or not."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(MARK)) == MARK.encode()
    except OSError:
        return False


def is_lock(path: Path) -> bool:
    """Whether a YAML file is a lock and not an environment file, by what is in it."""
    # Only as much as either of the two may have.
    with path.open("rb") as file:
        text = file.read(MAX_BYTES).decode("utf-8", errors="replace")
    return _has_keys(text)


def read_lock(path: Path) -> Lockfile:
    """Read a lock file, made by lite_env or by another tool that writes CEP 37.

    Raises:
        LockError: the file is missing or is not a lock for emscripten-wasm32 whose every field is right.
    """
    own = wrote_lock(path)
    origin = Origin(what="the lock file", error=LockError, file=str(path), hint=_OWN, max_bytes=MAX_BYTES)
    text = ""
    try:
        text = decode_text(read_bounded(path, origin), origin)
        return parse_lock(text, path)
    except FileNotFoundError as error:
        raise LockError("there is no lock file", hint="make one with `lite-env lock`", file=str(path)) from error
    except OSError as error:
        raise refusal(LockError, "the lock file cannot be read", error, file=path) from error
    except LockError as error:
        if own:
            raise
        hint = _FOREIGN if _has_keys(text) else _ANEW
        raise LockError(error.message, hint=hint, **dict(error.context)) from error


def _has_keys(text: str) -> bool:
    return all(key.search(text) for key in _LOCK_KEYS)
