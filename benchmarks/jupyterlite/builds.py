"""One `jupyter lite build` in a process of its own: what it costs, and how large the site is."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from benchmarks.common import load_average
from benchmarks.jupyterlite.model import Built
from benchmarks.jupyterlite.sites import HOME
from benchmarks.processes import ProcessFailedError, run_counted

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.jupyterlite.model import Build, Site

_DATABASE = ".jupyterlite.doit.db"
_MADE = ("_output", ".cache", "conda-lock.yml", _DATABASE)
"""What a build leaves in its lite directory."""


def run_build(site: Site, build: Build, number: int) -> Built:
    """Build a site, from nothing or once more.

    Raises:
        SystemExit: it failed; there is nothing to measure then.
    """
    if build == "first":
        _forget(site)
    HOME.mkdir(parents=True, exist_ok=True)
    log = site.folder.parent / f"{build}.log"
    command = [str(site.python), "-m", "jupyterlite_core.app", "build"]
    try:
        usage = run_counted(command, log=log, environ=_environ(site), folder=site.folder, last=4000)
    except ProcessFailedError as error:
        raise SystemExit(f"error: {site.key}, {build}:\n{error}") from error
    sizes = [path.stat().st_size for path in site.output.rglob("*") if path.is_file()]
    return Built(
        site=site.key,
        build=build,
        round=number,
        wall=round(usage.wall, 3),
        cpu=round(usage.cpu, 3),
        size=sum(sizes),
        files=len(sizes),
        load=load_average(),
    )


def _environ(site: Site) -> dict[str, str]:
    """This process's environment without what would bring the user's own settings and extensions into the site."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("JUPYTER", "SOURCE_DATE"))}
    own = {f"JUPYTER_{name}_DIR": str(HOME) for name in ("CONFIG", "DATA", "RUNTIME")}
    return {**kept, **own, "NO_COLOR": "1", **{variable: str(path) for variable, path in site.caches.items()}}


def _forget(site: Site) -> None:
    for path in (*(site.folder / name for name in _MADE), *site.caches.values()):
        _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
