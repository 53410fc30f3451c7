"""The browser runtime as a site needs it: files under one digest, the page's template, the service worker."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lite_env.bootstrap.runtime_files import BUILD_IT
from lite_env.errors import SiteError
from lite_env.store.digest import sha256_of_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TEMPLATE = "index.html"
SERVICE_WORKER = "sw.js"
ON_DEMAND = frozenset({"conda-solver.js", "installer.js"})
"""Files that a kernel's worker loads when a notebook first installs something."""
_NEEDED = (TEMPLATE, SERVICE_WORKER, "page.css", "page.js", "worker.js")
# For Node, for the headless engine and for people who build with it; these two above stand at the site's root.
_LEFT_OUT = frozenset({TEMPLATE, SERVICE_WORKER, "package.json", "page-host.js", "sources.sha256"})
# Folders of those who embed kernels in pages of their own, and of JupyterLite's extension.
_OTHERS = frozenset({"embed", "jupyterlite"})
_OF_THE_PAGE = frozenset({"page.css", "page.js"})
_DIGITS = 16  # of a SHA-256


@dataclass(frozen=True, kw_only=True, slots=True)
class RuntimeFile:
    """One file of the runtime: `path` below its folder, bytes, SHA-256."""

    path: str
    source: Path
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteRuntime:
    """What runs in the page.

    Attributes:
        digest: over paths and contents of `files`; names their folder.
        files: sorted by path.
        template: of index.html, with ``{{title}}``, ``{{runtime}}`` and ``{{config}}``.
        service_worker: its script, without the line that tells the site.
    """

    digest: str
    files: tuple[RuntimeFile, ...]
    template: str
    service_worker: bytes

    @property
    def folder(self) -> str:
        """Its folder on the site, with a final slash."""
        return f"runtime/{self.digest}/"


def read_runtime(directory: Path, use: Literal["page", "notebooks"] = "page") -> SiteRuntime:
    """Read the built runtime.

    Args:
        directory: where it was built.
        use: whether our own page runs it, or the page of somebody else's notebooks.

    Raises:
        SiteError: it was built without the page.
    """
    missing = [name for name in _NEEDED if not (directory / name).is_file()]
    if missing:
        raise SiteError(
            f"the browser runtime has no page: {', '.join(missing)} missing",
            hint=BUILD_IT,
            folder=str(directory),
        )
    files = tuple(
        RuntimeFile(path=path, source=source, size=source.stat().st_size, sha256=sha256_of_file(source))
        for path, source in sorted((found.relative_to(directory).as_posix(), found) for found in directory.rglob("*"))
        if source.is_file() and _is_served(path, use)
    )
    return SiteRuntime(
        digest=runtime_digest({file.path: file.sha256 for file in files}),
        files=files,
        template=(directory / TEMPLATE).read_text("utf-8"),
        service_worker=(directory / SERVICE_WORKER).read_bytes(),
    )


def runtime_digest(files: Mapping[str, str]) -> str:
    """What names the folder of a runtime: a digest over the SHA-256 of its files by their paths."""
    digest = hashlib.sha256()
    for path, sha256 in sorted(files.items()):
        digest.update(f"{path}\0{sha256}\n".encode())
    return digest.hexdigest()[:_DIGITS]


def read_script(directory: Path, path: str, lacking: str) -> bytes:
    """A script of the built runtime that only some sites have, and none as it is.

    Args:
        directory: where it was built.
        path: of the script below it.
        lacking: what the runtime has not without it, for the error.

    Raises:
        SiteError: it was built without it.
    """
    script = directory / path
    if not script.is_file():
        raise SiteError(f"the browser runtime has {lacking}", hint=BUILD_IT, file=str(script))
    return script.read_bytes()


def _is_served(path: str, use: Literal["page", "notebooks"]) -> bool:
    folder, _, name = path.rpartition("/")
    if folder.split("/")[0] in _OTHERS:
        return False
    if name.startswith(("node-", ".")) or name.endswith((".d.ts", ".map")):
        return False
    return bool(folder) or name not in (_LEFT_OUT if use == "page" else _LEFT_OUT | _OF_THE_PAGE)
