"""What is served: our pack behind the page of a site, and Pyodide with the same wheels as it loads them itself."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from packaging.utils import canonicalize_name

from benchmarks.common import ROOT, WORK, say, step
from benchmarks.environments import make_environment
from benchmarks.science.model import ALONE, BARE, EARLY, OURS, PEER, PLAIN
from benchmarks.science.notebook import EXAMPLE
from benchmarks.start.model import Variant
from benchmarks.start.ours import ours
from benchmarks.start.peers import TREES, write_page
from lite_env.channel.definition import load_definition
from lite_env.channel.member import SourceArchive
from lite_env.channel.model import Source
from lite_env.channel.sources import fetch_source
from lite_env.lock.file import lock_path, read_lock
from lite_env.lock.wheel import split_wheel_name
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.local import open_store

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from benchmarks.environments import Environment
    from lite_env.channel.model import ChannelDefinition, PackageDefinition

HERE = Path(__file__).parent
CHANNEL = ROOT / "channels" / "pyodide-0.27"
VERSION = "0.27.7"
_KERNEL = ("pyodide-kernel",)
_STARTED_WITH = ("ipython", "jedi", "comm", "pyodide-kernel")
"""What the worker loads before the kernel; what these depend on is in Pyodide's lock."""
_CORE = ("pyodide-core", "python")
_NPM = Source(
    name="pyodide",
    npm=f"pyodide@{VERSION}",
    file=f"pyodide-{VERSION}.tgz",
    sha256="89d5d952675eb08e11286e52c7238f1248ce71726e896db9703e73bef23dc343",
    size=5898824,
    root="package",
)
_LOCK = "pyodide-lock.json"


def make_variants(keys: Collection[str]) -> list[Variant]:
    """Make the trees of these variants, in their order."""
    made: list[Variant] = []
    document = yaml.safe_load((EXAMPLE / "environment.yml").read_text(encoding="utf-8"))
    environment = make_environment("science", tuple(document["dependencies"]), channel=CHANNEL)
    if OURS in keys:
        made.append(ours(environment, key=OURS, label="lite_env", own_page=True))
    if PLAIN in keys:
        made.append(ours(environment, key=PLAIN, label="lite_env in the page of (p)", own_page=False))
    if {PEER, EARLY, BARE} & set(keys):
        made += [variant for variant in pyodides(environment) if variant.key in keys]
    if ALONE in keys:
        alone = make_environment("pyodide-kernel", _KERNEL, channel=CHANNEL)
        made.append(ours(alone, key=ALONE, label="lite_env without the stack", own_page=True))
    return made


def pyodides(environment: Environment) -> list[Variant]:
    """Pyodide with the wheels of `environment`: started as JupyterLite does it, as early as it can, and by itself."""
    label = f"Pyodide {VERSION}"
    ways: list[tuple[str, str, dict[str, object]]] = [
        (PEER, f"{label}'s own loading", {"packages": list(_STARTED_WITH), "early": False}),
        (EARLY, f"{label}'s own loading, packages beside the core", {"packages": list(_STARTED_WITH), "early": True}),
        (BARE, f"{label} alone", {"packages": [], "early": False}),
    ]
    files = _files(environment)
    made = []
    for key, way, start in ways:
        tree = TREES / key
        with step(f"tree ({key}): {way}"):
            shutil.rmtree(tree, ignore_errors=True)
            (tree / "pyodide").mkdir(parents=True)
            for name, data in files.items():
                (tree / "pyodide" / name).write_bytes(data)
            shutil.copyfile(HERE / "pyodide-worker.js", tree / "worker.js")
            config: dict[str, object] = {
                "speaker": "envelopes",
                "worker": "worker.js",
                "start": {"base": "pyodide/", **start},
            }
            write_page(tree, config)
            made.append(Variant(key=key, label=way, tree=tree, config=config))
    return made


def _files(environment: Environment) -> dict[str, bytes]:
    """Pyodide's core, the wheels of the environment, and Pyodide's lock with these alone, by name."""
    definition = load_definition(CHANNEL)
    names = {package.name for package in read_lock(lock_path(environment.file)).packages}
    packages = [package for package in definition.packages if package.name in names]
    with ExitStack() as stack:
        archives = {source.name: _open(source, stack) for source in definition.sources}
        files: dict[str, bytes] = {}
        wheels: dict[str, tuple[str, bytes]] = {}
        for package in packages:
            for name, member in _published(package, definition):
                files[name] = archives[member.source].read(member.path)
                if package.name not in _CORE:
                    wheels[package.name] = (name, files[name])
            if package.name not in wheels and package.name not in _CORE and package.files:
                say(f"  {package.name} is no wheel in the channel, and left out of Pyodide's lock")
        official = json.loads(_open(_NPM, stack).read(_LOCK))
    lock = {"info": official["info"], "packages": _locked(official["packages"], wheels)}
    return files | {_LOCK: json.dumps(lock, sort_keys=True).encode()}


def _open(source: Source, stack: ExitStack) -> SourceArchive:
    data = fetch_source(source, store=open_store(), downloads=WORK / "downloads")
    archive = SourceArchive(data, name=source.file, root=source.root)
    stack.callback(archive.close)
    return archive


def _published(package: PackageDefinition, definition: ChannelDefinition) -> Iterator[tuple[str, Any]]:
    """What of a package are files that Pyodide itself would load: their names, and where they are."""
    rules = (*((package.wheel,) if package.wheel else ()), *package.unpacked)
    for rule in rules:
        yield rule.member.name or definition.source(rule.member.source).file, rule.member
    if package.name in _CORE:
        for file in package.files:
            yield file.member.name, file.member


def _locked(official: dict[str, Any], wheels: dict[str, tuple[str, bytes]]) -> dict[str, Any]:
    """The packages of Pyodide's lock that there are, and in its manner those that it does not have."""
    found: dict[str, Any] = {}
    for conda, (file, data) in wheels.items():
        name, sha256 = canonicalize_name(conda), sha256_of_bytes(data)
        entry = official.get(name)
        if entry is None or entry["file_name"] != file:
            entry = _entry(name, file)
        elif entry["sha256"] != sha256:
            raise SystemExit(f"error: Pyodide's lock names another {file}")
        found[name] = entry | {"sha256": sha256}
    for entry in found.values():
        entry["depends"] = [other for other in entry["depends"] if canonicalize_name(other) in found]
    return found


def _entry(name: str, file: str) -> dict[str, Any]:
    wheel = split_wheel_name(file)
    if wheel is None:
        raise SystemExit(f"error: {file} is no wheel")
    return {
        "depends": [],
        "file_name": file,
        "imports": [name.replace("-", "_")],
        "install_dir": "site",
        "name": name,
        "package_type": "package",
        "unvendored_tests": False,
        "version": str(wheel.version),
    }
