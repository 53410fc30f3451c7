"""The environments that are packed: the 29 packages of 2023, and one of more than 10,000 files."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from benchmarks.common import WORK, step
from benchmarks.empack import copy_for_empack
from benchmarks.environments import FULL, make_environment
from lite_env.channel.model import Source
from lite_env.channel.sources import fetch_source
from lite_env.pack.reader import read_index, read_manifest
from lite_env.store.atomic import write_text
from lite_env.store.local import open_store

if TYPE_CHECKING:
    from pathlib import Path

SITE_PACKAGES = "lib/python3.11/site-packages"


def _wheel(name: str, version: str, size: int, sha256: str) -> Source:
    file = f"{name}-{version}-py3-none-any.whl"
    return Source(name=name, pip=f"{name}=={version}", file=file, size=size, sha256=sha256)


WHEELS = (
    _wheel("mpmath", "1.3.0", 536198, "a0b2b9fe80bbcd81a6647ff13108738cfb482d481d826cc0e02f5b35e5c88d2c"),
    _wheel("networkx", "3.4.2", 1723263, "df5d4365b724cf81b8c6a7312509d0c22386097011ad1abe274afd5e9d3bbc5f"),
    _wheel("packaging", "24.2", 65451, "09abb1bccd265c01f4a3aa3f7a7db064b36514d2cba19a2f694fe6150451a759"),
    _wheel("plotly", "5.24.1", 19054220, "f67073a1e637eb0dc3e46324d9d51e2fe76e9727c892dde64ddf1e1b51f29089"),
    _wheel("sympy", "1.13.3", 6189483, "54612cf55a62755ee71824ce692986f23c88ffa77207b30c1368eda4a7060f73"),
    _wheel("tenacity", "9.0.0", 28169, "93de0c98785b27fcf659856aa9f54bfbd399e29969b0621bc7f762bd441b4539"),
)
"""Pure Python distributions, put into the environment as the conda packages of that name would be."""


def small_prefix() -> Path:
    """The 29 packages of 2023, with records that empack can read too."""
    environment = make_environment("full", FULL)
    return copy_for_empack(environment.prefix, WORK / "prefixes" / "small")


def large_prefix() -> Path:
    """The same with `WHEELS` added."""
    environment = make_environment("full", FULL)
    with step("environment of more than 10,000 files"):
        prefix = copy_for_empack(environment.prefix, WORK / "prefixes" / "large")
        for wheel in WHEELS:
            _install(wheel, prefix)
    return prefix


def changed_copy(prefix: Path, package: str) -> Path:
    """A copy of a prefix in which one file of `package` has one line more, as its next build might."""
    copy = copy_for_empack(prefix, prefix.with_name(f"{prefix.name}-{package}"))
    file = copy / SITE_PACKAGES / package / "__init__.py"
    content = file.read_bytes()
    file.unlink()  # it may be a link to the original
    file.write_bytes(content + b"# changed\n")
    return copy


def same_files_copy(prefix: Path) -> Path:
    """A copy of a prefix with only those files that lite-env's filters keep, for a packer without any filters."""
    with step("what lite-env keeps of it, for empack without its filters"):
        pack = WORK / "scratch" / "kept"
        shutil.rmtree(pack, ignore_errors=True)
        command = [sys.executable, "-m", "lite_env", "--quiet", "pack", str(prefix), "-o", str(pack), "--name", "bench"]
        subprocess.run([*command, "--no-bytecode", "--no-trace", "--level", "1"], check=True, stdout=sys.stderr)
        kept = read_index(pack, read_manifest(pack)).entries.keys()
        copy = copy_for_empack(prefix, prefix.with_name(f"{prefix.name}-kept"))
        for path in sorted(copy.rglob("*"), reverse=True):
            relative = path.relative_to(copy)
            if "conda-meta" not in relative.parts and not path.is_dir() and relative.as_posix() not in kept:
                path.unlink()
        for record in (copy / "conda-meta").glob("*.json"):
            document = json.loads(record.read_text(encoding="utf-8"))
            files = [file for file in document["files"] if file in kept]
            write_text(record, json.dumps(document | {"files": files}))
        return copy


def count_files(prefix: Path) -> int:
    """Files and links of an environment, its records left out."""
    found = (path for path in prefix.rglob("*") if path.is_symlink() or path.is_file())
    return sum("conda-meta" not in path.relative_to(prefix).parts for path in found)


def _install(wheel: Source, prefix: Path) -> None:
    version = wheel.file.split("-")[1]
    files = []
    with zipfile.ZipFile(io.BytesIO(fetch_source(wheel, store=open_store(), downloads=WORK / "downloads"))) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            path = _target(PurePosixPath(member.filename))
            files.append(path.as_posix())
            target = prefix / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
    record = {
        "build": "py_0",
        "build_number": 0,
        "channel": "bench",
        "depends": ["python"],
        "files": sorted(files),
        "fn": f"{wheel.name}-{version}-py_0.conda",
        "name": wheel.name,
        "noarch": "python",
        "requested_specs": [wheel.name],
        "sha256": wheel.sha256,
        "subdir": "noarch",
        "url": f"bench/noarch/{wheel.name}-{version}-py_0.conda",
        "version": version,
    }
    write_text(prefix / "conda-meta" / f"{wheel.name}-{version}-py_0.json", json.dumps(record, indent=1))


def _target(member: PurePosixPath) -> PurePosixPath:
    """Where a file of a wheel goes, relative to the prefix."""
    if member.parts[0].endswith(".data"):
        root = PurePosixPath() if member.parts[1] == "data" else PurePosixPath(SITE_PACKAGES)
        return root.joinpath(*member.parts[2:])
    return PurePosixPath(SITE_PACKAGES) / member
