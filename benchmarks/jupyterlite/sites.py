"""The lite directories: the same notebook and the same packages, each with what makes its kernel."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from benchmarks.browser.model import FIRST, NUMPY
from benchmarks.common import ROOT, WORK, write_json
from benchmarks.empack import copy_for_empack
from benchmarks.environments import FULL, make_environment
from benchmarks.jupyterlite.model import JUPYTERLITE, NOTHING, OURS, OURS_LOCKING, XEUS, Site
from benchmarks.jupyterlite.visit import NOTEBOOK
from benchmarks.pack.prefixes import small_prefix
from benchmarks.venvs import python_with
from benchmarks.xeus import VERSION as XEUS_VERSION
from benchmarks.xeus import with_newer_entry_points
from lite_env.store.atomic import write_text
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.location import CACHE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HERE = WORK / "jupyterlite"
HOME = HERE / "home"
"""In place of the user's settings and extensions of Jupyter."""
_CORE = f"jupyterlite-core[contents]=={JUPYTERLITE}"
_KERNEL = "xpython"
_CHANNEL = "https://repo.prefix.dev/emscripten-forge-dev"
"""What an environment of jupyterlite-xeus has to name; nothing is asked of it."""
_ANSWERS = "@lite-env-benchmark/answers"


def make_sites(*, locking: bool) -> list[Site]:
    """Make what is built; `locking` asks for that from an environment file too, which only lite_env can do here."""
    prefix = small_prefix()
    ours = python_with(
        "jupyterlite/with-lite-env",
        _CORE,
        "--editable",
        f"{ROOT}[jupyterlite,node]",
        settings=(ROOT / "pyproject.toml").read_bytes(),
    )
    sites = [
        Site(
            key=NOTHING,
            label="JupyterLite, a kernel that only answers",
            python=python_with("jupyterlite/alone", _CORE),
            folder=_lite_dir(NOTHING, {"FederatedExtensionAddon": {"extra_labextensions_path": [str(_answers())]}}),
            caches={},
        ),
        Site(
            key=XEUS,
            label=f"jupyterlite-xeus {XEUS_VERSION}",
            python=python_with("jupyterlite/with-xeus", _CORE, f"jupyterlite-xeus=={XEUS_VERSION}"),
            folder=_lite_dir(XEUS, {"XeusAddon": {"prefix": [str(_mended(prefix))], "default_channels": [_CHANNEL]}}),
            caches={"XDG_CACHE_HOME": HERE / XEUS / "cache", "LOCALAPPDATA": HERE / XEUS / "cache"},
        ),
        Site(
            key=OURS,
            label="lite_env",
            python=ours,
            folder=_lite_dir(OURS, {"LiteEnvAddon": {"prefixes": [str(prefix)]}}),
            caches={CACHE_VARIABLE: HERE / OURS / "cache"},
        ),
    ]
    if locking:
        folder = _lite_dir(OURS_LOCKING, {})
        shutil.copyfile(make_environment("full", FULL).file, folder / "environment.yml")
        label = "lite_env, from environment.yml"
        caches = {CACHE_VARIABLE: HERE / OURS_LOCKING / "cache"}
        sites.append(Site(key=OURS_LOCKING, label=label, python=ours, folder=folder, caches=caches, is_visited=False))
    return sites


def _lite_dir(key: str, config: Mapping[str, Any]) -> Path:
    folder = HERE / key / "lite"
    shutil.rmtree(HERE / key, ignore_errors=True)
    write_json(folder / "files" / NOTEBOOK, _notebook())
    # The benchmark speaks to the application by its own object.
    write_json(
        folder / "jupyter-lite.json",
        {"jupyter-lite-schema-version": 0, "jupyter-config-data": {"exposeAppInBrowser": True}},
    )
    write_json(folder / "jupyter_lite_config.json", {"LiteBuildConfig": {"no_sourcemaps": True}, **config})
    return folder


def _notebook() -> dict[str, Any]:
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{at}",
            "metadata": {},
            "outputs": [],
            "source": cell.code,
        }
        for at, cell in enumerate((FIRST, NUMPY))
    ]
    spec = {"display_name": "Python", "language": "python", "name": _KERNEL}
    metadata = {"kernelspec": spec, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _answers() -> Path:
    """A folder of prebuilt extensions with the one whose kernel only answers."""
    extensions = HERE / "extensions"
    shutil.rmtree(extensions, ignore_errors=True)
    script = (ROOT / "benchmarks" / "jupyterlite" / "answers.js").read_bytes()
    load = f"static/remoteEntry.{sha256_of_bytes(script)[:16]}.js"
    package = {
        "name": _ANSWERS,
        "version": "1.0.0",
        "jupyterlab": {"extension": True, "_build": {"load": load, "extension": "./extension"}},
        "jupyterlite": {"liteExtension": True},
    }
    write_json(extensions / _ANSWERS / "package.json", package)
    write_text(extensions / _ANSWERS / load, script.decode())
    return extensions


def _mended(prefix: Path) -> Path:
    """A copy of `prefix` as jupyterlite-xeus takes it.

    It looks on this machine for the program that the kernelspec names, and in the history for what was asked for; its
    front end calls what this kernel does not have.
    """
    copy = copy_for_empack(prefix, HERE / "prefix" / "bench")
    write_text(copy / "conda-meta" / "history", f"# update specs: {list(FULL)!r}\n")
    kernel = copy / "share" / "jupyter" / "kernels" / _KERNEL / "kernel.json"
    spec = json.loads(kernel.read_text(encoding="utf-8"))
    program = copy / spec["argv"][0].removeprefix("/")
    spec["argv"][0] = str(program)
    script = program.with_name(f"{program.name}.js")
    # Each is a link to a file of the environment, which writing replaces.
    write_text(script, with_newer_entry_points(script.read_text(encoding="utf-8")))
    write_text(kernel, json.dumps(spec, indent=1) + "\n")
    return copy
