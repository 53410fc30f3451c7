"""empack 6.0.1 in an environment of its own: it packs a prefix the way jupyterlite-xeus 5.1 does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.venvs import python_with
from lite_env.store.atomic import write_text

VERSION = "6.0.1"
_SCRIPT = """
import sys
from pathlib import Path
from empack.file_patterns import PkgFileFilter, pkg_file_filter_from_yaml
from empack.pack import DEFAULT_CONFIG_PATH, pack_env
prefix, output, cache = map(Path, sys.argv[1:4])
filters = pkg_file_filter_from_yaml(DEFAULT_CONFIG_PATH) if sys.argv[4] == "filtered" else PkgFileFilter(default={})
pack_env(env_prefix=prefix, relocate_prefix="/", outdir=output, use_cache=False, cache_dir=cache, file_filters=filters)
"""


def install_empack() -> Path:
    """The Python that has empack; made when it is not there."""
    return python_with(f"empack-{VERSION}", f"empack=={VERSION}")


def empack_command(python: Path, prefix: Path, output: Path, cache: Path, *, filtered: bool = True) -> list[str]:
    """The command that packs `prefix` into `output` as jupyterlite-xeus does: default filters (or none), no cache."""
    return [str(python), "-c", _SCRIPT, str(prefix), str(output), str(cache), "filtered" if filtered else "whole"]


def empack_environment(home: Path) -> dict[str, str]:
    """Importing empack makes a cache folder: below `home` instead of the user's."""
    return os.environ | {"XDG_CACHE_HOME": str(home), "LOCALAPPDATA": str(home)}


def copy_for_empack(prefix: Path, copy: Path) -> Path:
    """A copy of an installed environment that empack can read, its files linked where the system can.

    empack wants the key ``files`` in every record; rattler leaves it out for a package without files.
    """
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(prefix, copy, symlinks=True, copy_function=_link, ignore=shutil.ignore_patterns("conda-meta"))
    shutil.copytree(prefix / "conda-meta", copy / "conda-meta")
    for record in (copy / "conda-meta").glob("*.json"):
        document = json.loads(record.read_text(encoding="utf-8"))
        if "files" not in document:
            write_text(record, json.dumps(document | {"files": []}))
    return copy


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target)


def pack_with_empack(prefix: Path, output: Path) -> None:
    """Pack `prefix` into the folder `output`, which must not exist."""
    python = install_empack()
    output.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as name:
        cache = Path(name) / "cache"
        cache.mkdir()
        subprocess.run(
            empack_command(python, prefix, output, cache),
            check=True,
            stdout=sys.stderr,
            env=empack_environment(Path(name)),
        )
