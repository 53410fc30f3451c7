"""JupyterLite's own applications as ``jupyter lite build`` makes them, and sites of them with kernels of ours."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from lite_env.site.build import write_site
from lite_env.site.extension import PACKAGE
from lite_env.site.jupyterlite import EXTENSION, LiteSiteOptions, plan_lite_site
from tests.conftest import EXAMPLES
from tests.lite_cores import BUILT, NEWEST, core_python, jupyter_lite, run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


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
    folder: Path, *packs: Path, version: str = NEWEST, config: Mapping[str, Any] | None = None, **options: Any
) -> Path:
    """A site of JupyterLite with the kernels of `packs`; `options` as `LiteSiteOptions` has them.

    What is there of an earlier one is replaced, as a deployment does it.
    """
    if not folder.is_dir():
        shutil.copytree(application(version), folder)
    write_site(plan_lite_site(packs, folder, LiteSiteOptions(**options)))
    path = folder / "jupyter-lite.json"
    document = json.loads(path.read_text("utf-8"))
    data = document["jupyter-config-data"]
    load = json.loads((folder / EXTENSION / "package.json").read_text("utf-8"))["jupyterlab"]["_build"]["load"]
    others = [found for found in data.get("federated_extensions", []) if found["name"] != PACKAGE]
    data["federated_extensions"] = [*others, {"extension": "./extension", "load": load, "name": PACKAGE}]
    data |= {"exposeAppInBrowser": True, **(config or {})}
    path.write_text(json.dumps(document), "utf-8")
    return folder


def expose(lite: Path) -> None:
    """Have the site of a lite directory show its application to tests."""
    config = {"jupyter-lite-schema-version": 0, "jupyter-config-data": {"exposeAppInBrowser": True}}
    (lite / "jupyter-lite.json").write_text(json.dumps(config))


def built_site(lite: Path, *, version: str = NEWEST) -> Path:
    """The site that `jupyter lite build` makes of a lite directory, exposed."""
    expose(lite)
    done = jupyter_lite(lite, "build", version=version)
    assert done.code == 0, done.text
    return lite / "_output"


def example_environment(name: str) -> str:
    """The environment file of an example, whose channels are found from anywhere."""
    text = (EXAMPLES / name / "environment.yml").read_text("utf-8")
    return text.replace("../../channels", str(EXAMPLES.parent / "channels"))
