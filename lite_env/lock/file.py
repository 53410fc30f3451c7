"""Lock files on disk; what stands in them is the business of a module for each format and version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.errors import LockError
from lite_env.lock.conda_lock import MARK, dump_lock
from lite_env.lock.conda_lock_reader import parse_lock
from lite_env.spec.document import MAX_BYTES
from lite_env.store.atomic import write_text
from lite_env.store.text import Origin, decode_text, read_bounded

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.lock.model import Lockfile

FILE_NAME = "conda-lock.yml"
"""The lock of an ``environment.yml``, beside it."""

_OWN = "make it anew with `lite-env lock --upgrade`"
# `lite-env lock` does not write over a lock of another tool.
_FOREIGN = (
    "make it again with the tool that wrote it, for emscripten-wasm32 too; or make one for the browser alone with "
    "`lite-env lock ENVIRONMENT_YML -o OTHER.conda-lock.yml`, and use that"
)


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


def read_lock(path: Path) -> Lockfile:
    """Read a lock file, made by lite_env or by another tool that writes CEP 37.

    Raises:
        LockError: the file is missing or is not a lock for emscripten-wasm32 whose every field is right.
    """
    hint = _OWN if wrote_lock(path) else _FOREIGN
    origin = Origin(what="the lock file", error=LockError, file=str(path), hint=hint, max_bytes=MAX_BYTES)
    try:
        text = decode_text(read_bounded(path, origin), origin)
    except FileNotFoundError as error:
        raise LockError("there is no lock file", hint="make one with `lite-env lock`", file=str(path)) from error
    except OSError as error:
        raise LockError(
            f"the lock file cannot be read: {error.strerror}", hint="check the path", file=str(path)
        ) from error
    try:
        return parse_lock(text, path)
    except LockError as error:
        if text.startswith(MARK):
            raise
        raise LockError(error.message, hint=_FOREIGN, **dict(error.context)) from error
