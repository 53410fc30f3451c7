"""Our trees: a pack in the default configuration, behind the page of `lite-env site` or the benchmark's own."""

from __future__ import annotations

import re
import shutil
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from benchmarks.common import step
from benchmarks.start.model import OF_PIP, UNTRACED, Variant
from benchmarks.start.peers import TREES, write_page
from lite_env.bootstrap import runtime_dir
from lite_env.pack.index import IndexedFile
from lite_env.pack.reader import read_index, read_manifest
from lite_env.site.build import write_site
from lite_env.site.plan import SiteOptions, plan_site
from lite_env.store.local import open_store
from lite_env.workflow.options import PackOptions
from lite_env.workflow.pack import pack_environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.environments import Environment


def ours(environment: Environment, *, key: str, label: str, own_page: bool, **how: bool) -> Variant:
    """Pack `environment` and make what is served of it.

    Args:
        environment: what to pack.
        key: of the variant.
        label: of the variant.
        own_page: use the page of a site; else the benchmark's own page with our worker.
        how: options of packing, where they are not the default ones.
    """
    has_pip = any(environment.prefix.glob("conda-meta/pip-*.json"))
    lacks: frozenset[str] = frozenset() if has_pip else OF_PIP
    tree, pack = TREES / key, TREES / f"{key}-pack"
    with step(f"tree ({key}): lite-env pack, {environment.packages} packages"):
        shutil.rmtree(tree, ignore_errors=True)
        pack_environment(environment.file, pack, PackOptions(**how), store=open_store())
        if own_page:
            # No variant mounts a drive: the peers would need JupyterLite for theirs.
            write_site(plan_site([pack], tree, SiteOptions(drive="none"), runtime=runtime_dir()))
            return Variant(key=key, label=label, tree=tree, page="", lacks=lacks)
        shutil.copytree(pack, tree / "pack")
        shutil.copyfile(runtime_dir() / "worker.js", tree / "worker.js")
        config: dict[str, object] = {
            "speaker": "envelopes",
            "worker": "worker.js",
            "start": {"manifest": "pack/manifest.json"},
        }
        write_page(tree, config)
    return Variant(key=key, label=label, tree=tree, config=config, lacks=lacks)


def untraced_in(pack: Path, modules: Sequence[str] = UNTRACED) -> dict[str, str]:
    """How the archive loads that holds each of `modules`; where it is not ``demand``, a trace saw the module.

    The bytecode counts where there is one, since that is what an import opens.
    """
    manifest = read_manifest(pack)
    files = {
        path: manifest.archives[entry.archive].load
        for path, entry in read_index(pack, manifest).entries.items()
        if isinstance(entry, IndexedFile)
    }
    return {module: _load_of(module, files) for module in modules}


def _load_of(module: str, files: dict[str, str]) -> str:
    path = PurePosixPath(*module.split("."))
    pattern = re.compile(
        rf"(.*/)?(site-packages/)?(?:{path}/(?:__pycache__/)?__init__|{path.parent}/(?:__pycache__/)?{path.name})"
        r"(\.cpython-\d+)?\.pyc?"
    )
    found = sorted((name for name in files if pattern.fullmatch(name)), key=lambda name: not name.endswith(".pyc"))
    return files[found[0]] if found else "missing"
