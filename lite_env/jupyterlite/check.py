"""What `jupyter lite check` looks at: the site as it was built, and locks that still answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.errors import LockError, SiteError
from lite_env.jupyterlite.lite_json import extension_names, read_lite_json
from lite_env.site.extension import PACKAGE
from lite_env.site.jupyterlite import RECORD_PATH, read_lite_site
from lite_env.site.record import read_record
from lite_env.store.digest import sha256_of_file
from lite_env.workflow.lock import check_lock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lite_env.site.record import Recorded

_AGAIN = "build the site again with `jupyter lite build --force`"
_SHOWN = 5


def check_site(output: Path) -> str:
    """Compare what is ours in the site with what was written; a line of figures.

    Raises:
        SiteError: something is missing or was changed.
    """
    record, site = read_record(output, RECORD_PATH), read_lite_site(output)
    if record is None or site is None:
        raise SiteError("the site has no kernels of lite-env", hint="build it with `jupyter lite build`")
    faults = list(_faults(output, {**record.old, **record.files}))
    if faults:
        more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise SiteError(
            f"files of the site are not as they were built: {', '.join(faults[:_SHOWN])}{more}",
            hint=_AGAIN,
            folder=str(output),
        )
    if PACKAGE not in extension_names(read_lite_json(output)):
        raise SiteError(f"the site does not load '{PACKAGE}', which offers the kernels", hint=_AGAIN)
    size = sum(file.size for file in record.files.values()) / 1_000_000
    names = ", ".join(kernel.name for kernel in site.kernels)
    return f"{len(record.files)} files ({size:.1f} MB) are as they were built; kernels: {names}"


def _faults(output: Path, recorded: Mapping[str, Recorded]) -> Iterator[str]:
    for path, expected in sorted(recorded.items()):
        target = output / path
        if not target.is_file():
            yield f"'{path}' is missing"
        elif target.stat().st_size != expected.size or sha256_of_file(target) != expected.sha256:
            yield f"'{path}' was changed"


def check_environment(environment: Path, lock: Path, channels: tuple[str, ...]) -> str:
    """Whether a lock still answers its environment file; a line that says so.

    Raises:
        LockError: it does not, or there is none.
    """
    answer = check_lock(environment, lock_file=lock, channels=channels)
    if answer.differences:
        raise LockError(
            f"the lock does not answer '{environment.name}': {'; '.join(answer.differences)}",
            hint="`jupyter lite build` without `--locked` brings it up to date",
            file=str(lock),
        )
    return f"'{lock.name}' answers '{environment.name}'"
