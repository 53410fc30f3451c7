"""Lock files on disk; what stands in them is the business of a module for each format and version."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NoReturn

from lite_env.errors import LockError
from lite_env.lock.conda_lock import MARK, dump_lock
from lite_env.lock.conda_lock_reader import parse_lock
from lite_env.lock.explicit import is_explicit, parse_explicit
from lite_env.lock.explicit_fetch import lock_of
from lite_env.lock.field import LOCK_AGAIN
from lite_env.lock.pixi_reader import parse_pixi
from lite_env.progress import SILENT
from lite_env.spec.document import MAX_BYTES
from lite_env.store.atomic import write_text
from lite_env.store.refusals import refusal
from lite_env.store.text import Origin, decode_text, read_bounded, shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lite_env.lock.model import Lockfile
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store

FILE_NAME = "conda-lock.yml"
"""The lock of an ``environment.yml``, beside it."""

Kind = Literal["conda-lock", "pixi", "explicit"]
"""The formats of locks that are read."""

_TOP_KEY = re.compile(r"^(\w+):", re.MULTILINE)
_OWN = "make it anew with `lite-env lock --upgrade`"
_FOR_OURS = (None, _OWN, LOCK_AGAIN)
_NO_CHOICE = "leave out `--environment`"
# `lite-env lock` does not write over a lock of another tool.
_ANEW = "make one for the browser alone with `lite-env lock ENVIRONMENT_YML -o OTHER.conda-lock.yml`, and use that"
_FOREIGN = f"make it again with the tool that wrote it, for emscripten-wasm32 too; or {_ANEW}"

# Top-level keys that a lock has and an environment file cannot have.
_KEYS: Mapping[Kind, tuple[str, ...]] = {
    "conda-lock": ("metadata", "package"),
    "pixi": ("version", "environments", "packages"),
}


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
    """Whether a file is a lock and not an environment file, by what is in it."""
    return _kind_at(path) is not None


def has_environments(path: Path) -> bool:
    """Whether a file is a lock of which an environment can be chosen."""
    return path.is_file() and _kind_at(path) == "pixi"


def needs_packages(path: Path) -> bool:
    """Whether a file is a lock of which only the packages, which have to be had, tell what it comes to."""
    return path.is_file() and _kind_at(path) == "explicit"


def read_lock(
    path: Path,
    *,
    environment: str | None = None,
    pinned: bool = False,
    offline: bool = False,
    store: Store | None = None,
    reporter: Reporter = SILENT,
) -> Lockfile:
    """Read a lock file: one of lite_env, of another tool that writes CEP 37, of pixi, or an ``@EXPLICIT`` list.

    Args:
        path: of it.
        environment: which one of a lock of pixi; by default ``default``, or the only one.
        pinned: whether each package of an ``@EXPLICIT`` list needs a SHA-256 in it; all others need one anyway.
        offline: open no connection; what such a list names is fetched else.
        store: keeps what was fetched; without one such a list is refused, and nothing is fetched.
        reporter: told of bytes, and warned of packages without a SHA-256.

    Raises:
        LockError: the file is missing or is not a lock for emscripten-wasm32 whose every field is right, has no such
            environment, or is a list where none can be had.
        FetchError, PrefixError: a package of an ``@EXPLICIT`` list cannot be had, or is not what it should be.
    """
    own = wrote_lock(path)
    origin = Origin(what="the lock file", error=LockError, file=str(path), hint=_OWN, max_bytes=MAX_BYTES)
    kind: Kind | None = None
    try:
        text = decode_text(read_bounded(path, origin), origin)
        kind = _kind_of(text)
        if kind == "pixi":
            return parse_pixi(text, path, environment)
        if environment is not None:
            _refuse_choice(environment, path)
        if kind != "explicit":
            return parse_lock(text, path)
        if store is None:
            _refuse_list(path)
        listed = parse_explicit(text, path)
    except FileNotFoundError as error:
        raise LockError("there is no lock file", hint="make one with `lite-env lock`", file=str(path)) from error
    except OSError as error:
        raise refusal(LockError, "the lock file cannot be read", error, file=path) from error
    except LockError as error:
        # What they say of these formats leads on.
        if own or error.hint == _NO_CHOICE or (kind in ("pixi", "explicit") and error.hint not in _FOR_OURS):
            raise
        hint = _FOREIGN if kind else _ANEW
        raise LockError(error.message, hint=hint, **dict(error.context)) from error
    return lock_of(listed, path, pinned=pinned, offline=offline, store=store, reporter=reporter)


def _refuse_choice(environment: str, path: Path) -> NoReturn:
    raise LockError(
        f"no environment '{shown(environment)}' can be chosen: this is no lock of pixi, and has one alone",
        hint=_NO_CHOICE,
        file=str(path),
    )


def _refuse_list(path: Path) -> NoReturn:
    raise LockError(
        "the lock is an @EXPLICIT list, which answers no environment file",
        hint=f"take it as it is with `lite-env pack {path}`, or move it away",
        file=str(path),
    )


def _kind_at(path: Path) -> Kind | None:
    # Only as much as a lock may have.
    with path.open("rb") as file:
        return _kind_of(file.read(MAX_BYTES).decode("utf-8-sig", errors="replace"))


def _kind_of(text: str) -> Kind | None:
    if is_explicit(text):
        return "explicit"
    found = set(_TOP_KEY.findall(text))
    return next((kind for kind, keys in _KEYS.items() if found.issuperset(keys)), None)
