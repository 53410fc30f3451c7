"""Lines that are seen where a build's output is not: jupyterlite-sphinx keeps it from sight, also when a build fails.

It runs `jupyter lite build` with pipes that nobody reads. The process that runs it is then Sphinx, and what Sphinx
calls its standard error is where people look.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lite_env.store.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

_PROGRAM = b"sphinx"
_STDERR = 2


def tell_past_silence(lines: Iterable[str], *, parent: int | None = None, processes: Path = Path("/proc")) -> bool:
    """Write `lines` to the standard error of the Sphinx that runs this build, unless it is our own; Linux only.

    Args:
        lines: what is to be seen.
        parent: the process that runs this one; by default as it is.
        processes: where the system tells of processes.

    Returns:
        Whether they were written: there may be no Sphinx, or one that shows what we say.
    """
    process = processes / str(os.getppid() if parent is None else parent)
    # Whatever the system refuses here, a build goes on without it.
    with suppress(OSError):
        if _PROGRAM not in (process / "cmdline").read_bytes().lower():
            return False
        place = process / "fd" / str(_STDERR)
        if os.path.samestat(place.stat(), os.fstat(sys.__stderr__.fileno() if sys.__stderr__ else _STDERR)):
            return False
        text = "".join(f"lite-env: {plain(line)}\n" for line in lines)
        if not text:
            return False
        # Appended: where it is a file, Sphinx writes at its end as well.
        descriptor = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_NOCTTY)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)
        return True
    return False
