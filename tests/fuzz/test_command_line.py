"""Hostile inputs through the real command line: exit 0 or 1 in time and in 500 MB, no traceback, no bug, no signal."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import zstandard

from lite_env.channel.index import index_channel
from lite_env.pack.plan import plan_pack
from lite_env.pack.writer import write_pack
from lite_env.prefix.reader import read_prefix
from lite_env.site.record import RECORD
from tests.conda_packages import make_package
from tests.fuzz.inputs import Inputs
from tests.prefixes import Toy, kernel_package, make_prefix

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MEMORY = 500_000  # KiB
SECONDS = 120.0
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits of time and memory are those of Linux")


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """`place` puts an input where `arguments` of the command line find it."""

    form: str
    seed: bytes
    place: Callable[[bytes], None]
    arguments: list[object]


# The most memory that Linux tells of a process is never less than what its parent had when it was started, and pytest
# grows: so a small one stands between.
MEASURED = """\
import os, sys
told, *command = sys.argv[1:]
pid = os.posix_spawn(sys.executable, [sys.executable, "-m", "lite_env", *command], os.environ)
_, status, usage = os.wait4(pid, 0)
os.write(int(told), b"%d" % usage.ru_maxrss)
code = os.waitstatus_to_exitcode(status)
sys.exit(code if code >= 0 else 128 - code)
"""


def lite_env(*arguments: object) -> tuple[int, str, int]:
    """Exit code, all that was said, and the most memory that was used in KiB."""
    told, telling = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", MEASURED, str(telling), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(telling,),
        start_new_session=True,
    )
    os.close(telling)
    late = threading.Timer(SECONDS, os.killpg, (process.pid, signal.SIGKILL))
    late.start()
    said = process.communicate()[0].decode("utf-8", "replace")
    late.cancel()
    with os.fdopen(told, "rb") as stream:
        return process.returncode, said, int(stream.read() or 0)


@pytest.fixture
def ways(tmp_path) -> dict[str, Way]:
    channel = tmp_path / "channel"
    make_package(channel, "tool", depends=["base >=1"])
    make_package(channel, "base", "1.0")
    index_channel(channel)
    environment = put_at(tmp_path / "project" / "environment.yml")
    text = f"name: x\nchannels: [{channel}]\ndependencies: [tool]\nvariables: {{A: '1'}}\n".encode()
    environment(text)
    project = tmp_path / "project"
    assert lite_env("lock", project / "environment.yml")[0] == 0
    prefix = make_prefix(tmp_path / "prefix", kernel_package(), Toy(name="things", files={"share/x": "x"}))
    pack = tmp_path / "pack"
    write_pack(plan_pack(read_prefix(prefix), level=1), pack)
    manifest = (pack / "manifest.json").read_bytes()
    index = next(pack.glob("index-*"))
    site = tmp_path / "site"
    packing = ["pack", prefix, "-o", tmp_path / "new", "--dry-run", "--no-trace", "--no-bytecode"]
    repodata = channel / "emscripten-wasm32" / "repodata.json"

    def place_index(data: bytes) -> None:
        document = json.loads(manifest)
        packed = zstandard.compress(data)
        document["index"] |= {"raw_size": len(data), "size": len(packed)}
        document["index"] |= {"digest": hashlib.sha256(data).hexdigest(), "sha256": hashlib.sha256(packed).hexdigest()}
        (pack / f"index-{document['index']['digest']}.json.zst").write_bytes(packed)
        (pack / "manifest.json").write_text(json.dumps(document))

    def place_manifest(data: bytes) -> None:
        (pack / "manifest.json").write_bytes(data)

    record = {"format": 1, "generator": "x", "build": "b", "files": {"a/b": {"size": 1, "sha256": "ab" * 32}}}
    profile = {"format": "1.0", "environment": "prefix", "interpreter": [], "kernel": [], "imports": {"a": ["n:c"]}}
    rules = b"rules:\n- id: x\n  drop: ['share/fonts/', '**/*.{ttf,otf}']\n  unless: [a, b]\n"
    cell = {"cell_type": "code", "execution_count": None, "id": "a", "metadata": {}, "outputs": [], "source": ["1"]}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    conda_meta = next(prefix.glob("conda-meta/things*.json"))
    kernel_json = next(prefix.glob("share/jupyter/kernels/*/kernel.json"))
    unpack = ["unpack", pack, "-o", tmp_path / "unpacked"]
    return {
        "environment": Way(
            form="yaml",
            seed=text,
            place=environment,
            arguments=["lock", project / "environment.yml", "--offline", "--dry-run"],
        ),
        "repodata": Way(
            form="json",
            seed=repodata.read_bytes(),
            place=put_at(repodata),
            arguments=["lock", project / "environment.yml", "--offline", "--dry-run", "--upgrade"],
        ),
        "lock": Way(
            form="yaml",
            seed=(project / "conda-lock.yml").read_bytes(),
            place=put_at(project / "conda-lock.yml"),
            arguments=["install", project / "conda-lock.yml", "--prefix", tmp_path / "installed", "--offline"],
        ),
        "filters": Way(
            form="yaml",
            seed=rules,
            place=put_at(tmp_path / "f.yml"),
            arguments=[*packing, "--filter", tmp_path / "f.yml"],
        ),
        "profile": Way(
            form="json",
            seed=json.dumps(profile).encode(),
            place=put_at(tmp_path / "p.json"),
            arguments=[*(word for word in packing if word != "--no-trace"), "--profile", tmp_path / "p.json"],
        ),
        "record": Way(form="json", seed=conda_meta.read_bytes(), place=put_at(conda_meta), arguments=packing),
        "kernel": Way(form="json", seed=kernel_json.read_bytes(), place=put_at(kernel_json), arguments=packing),
        "manifest": Way(form="json", seed=manifest, place=place_manifest, arguments=unpack),
        "index": Way(form="json", seed=zstandard.decompress(index.read_bytes()), place=place_index, arguments=unpack),
        "site": Way(
            form="json",
            seed=json.dumps(record).encode(),
            place=put_at(site / RECORD),
            arguments=["site", pack, "-o", site, "--dry-run"],
        ),
        "notebook": Way(
            form="json",
            seed=json.dumps(notebook).encode(),
            place=put_at(tmp_path / "n.ipynb"),
            arguments=["run", pack, tmp_path / "n.ipynb"],
        ),
    }


def put_at(path: Path) -> Callable[[bytes], None]:
    def place(data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(data)

    return place


def fault(way: Way, data: bytes, tmp_path: Path) -> str | None:
    way.place(data)
    code, said, memory = lite_env(*way.arguments)
    way.place(way.seed)
    for made in ("unpacked", "installed", "new"):
        shutil.rmtree(tmp_path / made, ignore_errors=True)
    wrong = [word for word in ("Traceback", "error: unexpected", "bug in lite_env", "panicked") if word in said]
    if code in (0, 1) and not wrong and memory <= MEMORY:
        return None
    return f"exit {code}, {memory // 1000} MB: {said[-1500:]}\n{data[:500]!r}"


MADE = {
    "environment": [
        b"dependencies: ['tool " + b"(" * 5000 + b"1" + b")" * 5000 + b"']",
        b"dependencies: [tool]  # [" + b"(" * 5000 + b"]",
        b"name: !!python/object/apply:os.getcwd []\ndependencies: [tool]",
        b"channels: ['https://[::1/x']\ndependencies: [tool]",
        b"channels: ['http://127.0.0.1:99999/x']\ndependencies: [tool]",
        b"dependencies: ['file:///x/noarch/tool-1-0.conda']",
        b"dependencies: " + b"[" * 100_000,
    ],
    "filters": [
        b"rules: 2024-13-45",
        b"rules: !!bool x",
        b"rules: " + b"[" * 1500,
        b"rules: [{drop: '" + b"**/" * 300 + b"x'}]",
    ],
    "profile": [
        b'{"environment":"\\ud800","failed":{},"format":"1.0","imports":{},"interpreter":[],"kernel":[]}',
        b"[" * 10**6,
    ],
    "lock": [b"version: !!bool x\nmetadata: {}\npackage: []\n", b"version: " + b"1" * 5000],
    "index": [b'{"a":' * 100_000, b"[" + b"[]," * (4 << 20) + b"[]]"],
    "notebook": [b'{"cells": ' + b"[" * 100_000, b'{"nbformat": [], "cells": [{"source": "\\ud800"}]}'],
    "record": [b"[" * 100_000, b'{"name": "' + b"x" * 10**6 + b'"}'],
    "kernel": [b'{"argv": ["\\ud800"]}', b'{"argv": ' + b"1" * 5000 + b"}"],
    "manifest": [b'{"format": "2.0", "requires": ' + b"[" * 5000],
    "site": [b'{"format": 1e999}'],
}


@pytest.mark.parametrize("kind", MADE)
def test_what_was_made_by_hand_is_an_answer(ways, tmp_path, kind):
    assert [told for data in MADE[kind] if (told := fault(ways[kind], data, tmp_path))] == []


def test_a_channel_that_would_end_the_solver_is_an_answer(ways, tmp_path):
    document = json.loads(ways["repodata"].seed)
    document["packages.conda"]["tool-1.0-0.conda"]["depends"] = ["base " + "(" * 6000 + "1" + ")" * 6000]
    assert fault(ways["repodata"], json.dumps(document).encode(), tmp_path) is None


@pytest.mark.slow
def test_some_hundred_mutated_files_are_answers(ways, tmp_path):
    seed = int(os.environ.get("LITE_ENV_FUZZ_SEED") or random.SystemRandom().randrange(10**9))
    print(f"seed {seed}")
    told = []
    for kind, way in ways.items():
        inputs = Inputs([way.seed], way.form, f"{kind} {seed}")
        told += [f"{kind} {fault_}" for _ in range(30) if (fault_ := fault(way, inputs.next(), tmp_path))]
    assert told == [], f"seed {seed}"
