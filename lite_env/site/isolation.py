"""JupyterLite's ``service-worker.js`` with what makes its pages cross-origin isolated in front of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.site.runtime import read_script

if TYPE_CHECKING:
    from pathlib import Path

SERVICE_WORKER = "service-worker.js"
PRELUDE = "jupyterlite/isolate.js"
"""Where the runtime has it."""
_MARK = b"\n/* lite-env: what follows is JupyterLite's own */\n"


def isolated_service_worker(original: bytes, prelude: bytes) -> bytes:
    """JupyterLite's worker behind `prelude`; what was put in front of it before is replaced."""
    return prelude.rstrip(b"\n") + _MARK + plain_service_worker(original)


def plain_service_worker(worker: bytes) -> bytes:
    """JupyterLite's worker as it was."""
    _, mark, theirs = worker.partition(_MARK)
    return theirs if mark else worker


def is_isolating(worker: bytes) -> bool:
    """Whether something is in front of it."""
    return _MARK in worker


def read_prelude(runtime: Path) -> bytes:
    """The prelude of the built browser runtime.

    Raises:
        SiteError: it was built without it.
    """
    return read_script(runtime, PRELUDE, "nothing that isolates pages")
