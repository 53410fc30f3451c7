"""The trees of eager loading: as shipped in 2023, and as today's front ends do it with the same packages."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.common import WORK, step
from benchmarks.empack import copy_for_empack, pack_with_empack
from benchmarks.environments import CHANNEL
from benchmarks.start.model import OF_PIP, Variant
from benchmarks.xeus import VERSION as XEUS
from benchmarks.xeus import with_newer_entry_points
from lite_env.channel.definition import load_definition
from lite_env.channel.model import Source
from lite_env.channel.sources import fetch_source
from lite_env.host.find import find_node
from lite_env.store.atomic import new_directory, write_text
from lite_env.store.local import open_store

if TYPE_CHECKING:
    from collections.abc import Collection

    from benchmarks.environments import Environment

HERE = Path(__file__).parent
TREES = WORK / "trees"
_ENVIRONMENT = "bench"
_KERNEL = "xpython"
_MAMBAJS = "0.21.5"
_XEUS = Source(
    name="jupyterlite-xeus",
    pip=f"jupyterlite-xeus=={XEUS}",
    file=f"jupyterlite_xeus-{XEUS}-py3-none-any.whl",
    sha256="a91a4bbda91e0fbae95e5fc9f5e00e8feeeb589e7d7bf495446e014d485c38da",
    size=6198426,
    root=f"jupyterlite_xeus-{XEUS}.data/data/share/jupyter/labextensions/@jupyterlite/xeus/static",
)
_XEUS_WORKER = "327.555daf661ad8964f.js"
"""The worker that speaks comlink: what pages without cross-origin isolation get."""
_XEUS_UNPACKER = "unpack-YMEPRZT6.wasm"
"""What the worker loads besides."""


def eager_2023() -> Variant:
    """jupyterlite-xeus-python 1.0.0: worker, kernel and archives as they are in its wheel."""
    source = next(source for source in load_definition(CHANNEL).sources if source.name == "xeus-python")
    tree = TREES / "a"
    with step("tree (a): jupyterlite-xeus-python 1.0.0"):
        _unpack(source, tree)
    (worker,) = tree.glob("213.*.js")
    config = _page(tree, {"speaker": "comlink-2023", "worker": worker.name})
    return Variant(key="a", label="eager 2023 (jupyterlite-xeus-python 1.0.0)", tree=tree, config=config)


def eager_today(environment: Environment) -> list[Variant]:
    """jupyterlite-xeus 5.1.0's own worker, and its steps by mambajs-core alone, over the tree that it would build."""
    packed = TREES / "empack"
    with step("tree (b): empack over the same prefix"):
        shutil.rmtree(packed, ignore_errors=True)
        pack_with_empack(copy_for_empack(environment.prefix, TREES / "empack-prefix"), packed)
    spec = json.loads((environment.prefix / f"share/jupyter/kernels/{_KERNEL}/kernel.json").read_text(encoding="utf-8"))
    script = Path(spec["argv"][0]).name + ".js"
    spec["argv"][0] = f"xeus/{_ENVIRONMENT}/bin/{script}"
    spec |= {"name": _KERNEL, "dir": _KERNEL, "envName": _ENVIRONMENT}

    own, bundle = TREES / "b", TREES / "m"
    with step(f"tree (b): jupyterlite-xeus {XEUS}"):
        _unpack(_XEUS, own / "static", only=(_XEUS_WORKER, _XEUS_UNPACKER))
        _xeus_layout(own, environment, packed, script)
        own_config = _page(own, {"speaker": "comlink", "worker": f"static/{_XEUS_WORKER}", "kernelSpec": spec})
    with step(f"tree (m): mambajs-core {_MAMBAJS}"):
        shutil.rmtree(bundle, ignore_errors=True)
        _xeus_layout(bundle, environment, packed, script)
        _bundle_worker(bundle)
        start = {"base": "./", "environment": _ENVIRONMENT, "script": script}
        bundle_config = _page(bundle, {"speaker": "envelopes", "worker": "worker.js", "start": start})
    return [
        Variant(key="b", label=f"eager today (jupyterlite-xeus {XEUS})", tree=own, config=own_config, lacks=OF_PIP),
        Variant(
            key="m",
            label=f"eager today, bare (mambajs-core {_MAMBAJS})",
            tree=bundle,
            config=bundle_config,
            lacks=OF_PIP,
        ),
    ]


def _page(tree: Path, config: dict[str, object]) -> dict[str, object]:
    write_page(tree, config)
    return config


def write_page(tree: Path, config: dict[str, object]) -> None:
    """Put the benchmark's own page into a tree."""
    page = (HERE / "bench.html").read_text(encoding="utf-8")
    script = (HERE / "bench.js").read_text(encoding="utf-8")
    text = json.dumps(config, sort_keys=True).replace("<", "\\u003c")
    write_text(tree / "bench.html", page.replace("{{config}}", text).replace("{{script}}", script))


def _unpack(source: Source, tree: Path, only: Collection[str] = ()) -> None:
    """Unpack what lies below the source's root; of that `only` these, where any are named."""
    wheel = io.BytesIO(fetch_source(source, store=open_store(), downloads=WORK / "downloads"))
    tree.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive, new_directory(tree) as staging:
        for member in archive.infolist():
            path = member.filename.removeprefix(f"{source.root}/")
            if path != member.filename and not member.is_dir() and (not only or path in only):
                target = staging / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(member))


def _xeus_layout(tree: Path, environment: Environment, packed: Path, script: str) -> None:
    """What jupyterlite-xeus 5.x builds below ``xeus/`` (its add_on.py); the kernel gets the two newer entry points."""
    folder = tree / "xeus" / _ENVIRONMENT
    shutil.rmtree(tree / "xeus", ignore_errors=True)
    (folder / "bin").mkdir(parents=True)
    (folder / "kernel_packages").mkdir()
    for archive in sorted(packed.glob("*.tar.gz")):
        shutil.copyfile(archive, folder / "kernel_packages" / archive.name)
    meta = json.loads((packed / "empack_env_meta.json").read_text(encoding="utf-8"))
    channels = sorted({package["channel"] for package in meta["packages"]})
    write_text(folder / "empack_env_meta.json", json.dumps(meta | {"specs": [], "channels": channels}, indent=2))
    glue = (environment.prefix / "bin" / script).read_text(encoding="utf-8")
    write_text(folder / "bin" / script, with_newer_entry_points(glue))
    wasm = Path(script).with_suffix(".wasm").name
    shutil.copyfile(environment.prefix / "bin" / wasm, folder / "bin" / wasm)


def _bundle_worker(tree: Path) -> None:
    folder = WORK / "npm"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / "npm" / name, folder / name)
    node = find_node()
    # The one on PATH first: what lies beside a Node from PyPI cannot be run by itself.
    path = os.pathsep.join((os.environ.get("PATH", ""), str(node.parent)))
    npm = shutil.which("npm", path=path)
    if npm is None:
        raise SystemExit("error: there is no npm beside Node.js; in this project `make setup` installs one")
    silent = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    environ = os.environ | {"PATH": path}
    subprocess.run([npm, "ci", *silent], cwd=folder, check=True, stdout=sys.stderr, env=environ)
    shutil.copyfile(HERE / "mambajs-worker.js", folder / "mambajs-worker.js")
    options = {
        "absWorkingDir": str(folder),
        "bundle": True,
        "entryPoints": ["mambajs-worker.js"],
        "format": "iife",
        "logLevel": "error",
        "minify": True,
        "outfile": str(tree / "worker.js"),
        "platform": "browser",
    }
    build = f"require('esbuild').buildSync({json.dumps(options)})"
    subprocess.run([str(node), "-e", build], cwd=folder, check=True, stdout=sys.stderr)
    for wasm in (folder / "node_modules/@emscripten-forge/mambajs-core/lib").glob("*.wasm"):
        shutil.copyfile(wasm, tree / wasm.name)
