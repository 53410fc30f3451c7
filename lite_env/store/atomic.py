"""Writing that leaves either the old file or the whole new one, never a half."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX_LENGTH = 40  # letters, at most 160 bytes


def _umask() -> int:
    # There is no way to read the mask without setting it.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def write_bytes(path: Path, data: bytes, *, durable: bool = False, mode: int | None = None) -> None:
    """Replace `path` by `data` in one step; its folder is made if needed.

    Args:
        path: where to write.
        data: the whole new content.
        durable: also wait until the bytes are on disk (lock files, manifests).
        mode: permission bits of the new file; by default those that the umask gives.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name is cut: with its additions a long one would be longer than file systems allow.
    prefix = f".{path.name[:_PREFIX_LENGTH]}."
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        Path(temporary).chmod(0o666 & ~_umask() if mode is None else mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str, *, durable: bool = False) -> None:
    """Replace `path` by `text` in one step: UTF-8, line ends as they are in `text`."""
    write_bytes(path, text.encode(), durable=durable)


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """Fill a folder beside `path` that takes its place when the block ends without an error.

    What stood at `path` before is kept until the new folder is complete, and comes back if the swap fails.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part"))
    try:
        yield staging
        staging.chmod(0o777 & ~_umask())
        replace_directory(staging, path)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def replace_directory(staging: Path, path: Path) -> None:
    """Rename the folder `staging` to `path`, on the same file system.

    What stood at `path` is removed afterwards, and comes back if the swap fails.
    """
    if not path.exists():
        staging.replace(path)
        return
    old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".old"))
    path.replace(old / "content")
    try:
        staging.replace(path)
    except BaseException:
        (old / "content").replace(path)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
