"""Lock files on disk; what stands in them is the business of a module for each format and version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.errors import LockError
from lite_env.lock.conda_lock import dump_lock
from lite_env.lock.conda_lock_reader import parse_lock
from lite_env.spec.document import MAX_BYTES
from lite_env.store.atomic import write_text
from lite_env.store.text import Origin, decode_text, read_bounded

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.lock.model import Lockfile

FILE_NAME = "conda-lock.yml"
"""The lock of an ``environment.yml``, beside it."""


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


def read_lock(path: Path) -> Lockfile:
    """Read a lock file, made by lite_env or by another tool that writes CEP 37.

    Raises:
        LockError: the file is missing or is not a lock for emscripten-wasm32 whose every field is right.
    """
    origin = Origin(what="the lock file", error=LockError, file=str(path), max_bytes=MAX_BYTES)
    try:
        text = decode_text(read_bounded(path, origin), origin)
    except FileNotFoundError as error:
        raise LockError("there is no lock file", hint="make one with `lite-env lock`", file=str(path)) from error
    except OSError as error:
        raise LockError(f"the lock file cannot be read: {error}", hint="lock again", file=str(path)) from error
    return parse_lock(text, path)
