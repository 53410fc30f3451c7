"""JupyterLite's own applications as ``jupyter lite build`` makes them, and sites of them with kernels of ours."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from lite_env.bootstrap import runtime_dir
from lite_env.site.environments import read_environments
from lite_env.site.extension import PACKAGE, extension_files
from lite_env.site.lite_kernels import SITE_FILE, encode_lite_site, make_lite_site
from lite_env.site.runtime import read_runtime
from tests.lite_cores import BUILT, NEWEST, core_python, run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CONTENT = "lite-env/"
EXTENSION = f"extensions/{PACKAGE}/"


def application(version: str) -> Path:
    """The site that `jupyter lite build` makes of nothing; it is made once, and never changed."""
    folder = BUILT / version
    site = folder / "site"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "site.lock"):
        if not site.is_dir():
            python = core_python(version)
            lite_dir = folder / "lite"
            lite_dir.mkdir(exist_ok=True)
            growing = folder / "growing"
            shutil.rmtree(growing, ignore_errors=True)
            build = ["-m", "jupyterlite_core.app", "build", "--no-sourcemaps", "--output-dir", growing]
            run(python, *build, folder=lite_dir)
            growing.rename(site)
    return site


def make_lite(
    folder: Path, *packs: Path, version: str = NEWEST, config: Mapping[str, Any] | None = None, **site: Any
) -> Path:
    """A site of JupyterLite with the kernels of `packs`; `site` as `make_lite_site` takes it."""
    if not folder.is_dir():
        shutil.copytree(application(version), folder)
    deploy(folder, *packs, **site)
    path = folder / "jupyter-lite.json"
    document = json.loads(path.read_text("utf-8"))
    data = document["jupyter-config-data"]
    load = json.loads((folder / EXTENSION / "package.json").read_text("utf-8"))["jupyterlab"]["_build"]["load"]
    others = [found for found in data.get("federated_extensions", []) if found["name"] != PACKAGE]
    data["federated_extensions"] = [*others, {"extension": "./extension", "load": load, "name": PACKAGE}]
    data |= {"exposeAppInBrowser": True, **(config or {})}
    path.write_text(json.dumps(document), "utf-8")
    return folder


def deploy(folder: Path, *packs: Path, **site: Any) -> None:
    """Write what is ours into the site, in place of what is there of it."""
    runtime = read_runtime(runtime_dir())
    environments = read_environments(packs)
    content = folder / CONTENT
    shutil.rmtree(content, ignore_errors=True)
    shutil.rmtree(folder / EXTENSION, ignore_errors=True)
    for file in runtime.files:
        target = content / runtime.folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file.source, target)
    for environment in environments:
        shutil.copytree(environment.pack, content / "api" / environment.folder)
    made = make_lite_site(environments, runtime=runtime.folder, **site)
    (content / SITE_FILE).write_bytes(encode_lite_site(made))
    for file in extension_files(made, folder=EXTENSION, content=CONTENT, runtime=runtime_dir()):
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content or b"")
