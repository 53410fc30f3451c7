"""Small packs and a small browser runtime, of which tests make sites; nothing in them can be started."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lite_env.pack.plan import plan_pack
from lite_env.pack.writer import write_pack
from lite_env.prefix.reader import read_prefix
from tests.prefixes import Toy, kernel_package, make_prefix

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.pack.layout import Order

TEMPLATE = """<!doctype html>
<title>{{title}}</title>
<link rel="stylesheet" href="{{runtime}}page.css">
<script type="application/json" id="lite-env-config">{{config}}</script>
<script type="module" src="{{runtime}}page.js"></script>
"""
RUNTIME = {
    "chunks/storage-ABCD.js": "chunk",
    "embed/lite-env.d.ts": "for people who build with it",
    "index.html": TEMPLATE,
    "installer.js": "// loaded when it is used",
    "jupyterlite/remoteEntry.js": "// extension",
    "lite-env.mjs": "export {};",
    "node-host.mjs": "for Node",
    "page-host.js": "for the headless engine",
    "page.css": "main { color: red }",
    "page.js": "// page " * 500,
    "sources.sha256": "0",
    "sw.js": "addEventListener('fetch', () => {});",
    "worker.js": "// worker",
}


def make_runtime(path: Path, **changed: str) -> Path:
    """A built runtime; `changed` are other contents by file name without its suffix."""
    for name, content in RUNTIME.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(changed.get(target.stem, content))
    return path


def make_pack(
    path: Path,
    *,
    name: str = "demo",
    kernel: str = "toy",
    content: str = "x",
    glue: str = "var createXeusModule = 1;",
    level: int = 1,
    order: Order = "fused",
) -> Path:
    """A pack of one kernel, whose script is `glue`, and a package with one file of `content`."""
    toy = kernel_package(kernel=kernel)
    files = {path: glue if path.endswith(".js") else data for path, data in toy.files.items()}
    prefix = make_prefix(
        path.with_name(f"{path.name}-prefix"),
        replace(toy, files=files),
        Toy(name="things", files={"share/things/a name with blanks": content}),
    )
    write_pack(plan_pack(read_prefix(prefix), name=name, level=level, order=order), path)
    return path
