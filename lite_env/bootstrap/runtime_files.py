"""Where the built JavaScript lies."""

from __future__ import annotations

from pathlib import Path

from lite_env.errors import HostError

_DIST = Path(__file__).parent / "runtime" / "dist"
_FILES = ("worker.js", "node-host.mjs", "node-worker.mjs", "page-host.js")
BUILD_IT = "install lite-env again from a wheel; in a checkout run `pip install -e .`, which builds it"
"""What to do where a file of it is missing."""


def runtime_dir() -> Path:
    """The folder with ``worker.js``, ``node-host.mjs``, ``node-worker.mjs`` and ``page-host.js``.

    Raises:
        HostError: the package was installed without building them.
    """
    missing = [name for name in _FILES if not (_DIST / name).is_file()]
    if missing:
        raise HostError(
            f"the browser runtime is not built: {', '.join(missing)} missing",
            hint=BUILD_IT,
            folder=str(_DIST),
        )
    return _DIST
