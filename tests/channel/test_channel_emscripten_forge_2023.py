"""The real channel, built from what the package index really has. The sources stay in the session's cache."""

import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from lite_env.channel.build import build_channel
from lite_env.channel.catalog import find_definition
from lite_env.channel.definition import load_definition
from lite_env.lock.conda.install import install_packages
from lite_env.lock.conda.solve import CondaSolver
from lite_env.lock.model import packages_digest
from lite_env.lock.solver import SolveRequest
from lite_env.spec.address import Channel
from lite_env.spec.model import Requirement
from lite_env.store.local import open_store

pytestmark = pytest.mark.network

# Over (subdir, file name, sha256) of all packages. Lock files hold these hashes: when this changes, every lock of
# somebody who builds the channel is stale. So it changes on purpose only, and the changelog says so.
DIGEST = "d5bc08abaee0a25a994bc234a2904990ca430afa0d533d6c3cd871da599afda3"
# What came later, by name: the locks of the others stay as they were.
LATER = {
    "xeus-nelson": "3bd775043561e229a6dbd29190b249855f3cc3b7e5bfd47be9d56ce65af1f78c",
    "xeus-sqlite": "4a7512efa7383b38c1d3bcd73290512dcb6ed72ca8ed6ec0c95c8d014093bd1a",
}

KERNEL_FILES = {
    "bin/xpython_wasm.js": "xpython_wasm.js",
    "bin/xpython_wasm.wasm": "xpython_wasm.wasm",
    "share/jupyter/kernels/xpython/logo-32x32.png": "2e686ba7cfb8ce81b121cfe70372694a.png",
    "share/jupyter/kernels/xpython/logo-64x64.png": "6e85a7c13b8c7a885d066fa507efaf32.png",
}


@pytest.fixture(scope="module")
def definition():
    return load_definition(find_definition("emscripten-forge-2023"))


@pytest.fixture(scope="module")
def channel(definition, tmp_path_factory):
    return build_channel(definition.file.parent, output=tmp_path_factory.mktemp("channel"), store=open_store())


@pytest.fixture
def solve(channel, tmp_path):
    def do(*specs):
        requirements = tuple(Requirement(text=spec) for spec in specs)
        request = SolveRequest(channels=(Channel(channel.url),), requirements=requirements)
        return CondaSolver(cache=tmp_path / "repodata", offline=True).solve(request)

    return do


@pytest.fixture(scope="module")
def wheel(channel, definition):
    source = definition.source("xeus-python")
    with zipfile.ZipFile(io.BytesIO(open_store().read(source.sha256))) as archive:
        yield lambda name: archive.read(f"{source.root}/{name}")


def test_its_bytes_are_what_they_were(channel):
    rows = [(*file.path.split("/"), file.sha256) for file in channel.packages]
    later = {name: [row for row in rows if row[1].startswith(f"{name}-")] for name in LATER}
    assert packages_digest([row for row in rows if not row[1].startswith(tuple(LATER))]) == DIGEST
    assert {name: packages_digest(own) for name, own in later.items()} == LATER


def test_the_kernel_and_numpy_need_what_they_truly_need(solve):
    names = {package.name for package in solve("xeus-python", "numpy")}
    assert len(names) == 25
    # Nothing depends on these; they were asked for by name, and added to python by mamba.
    assert {package.name for package in solve("xeus-python", "xeus-lite", "pip")} - names == {
        "pip",
        "setuptools",
        "wheel",
        "xeus-lite",
    }


def test_the_lua_kernel_needs_nothing(solve):
    assert [package.name for package in solve("xeus-lua")] == ["xeus-lua"]


def test_the_nelson_kernel_is_what_was_published_and_needs_nothing(channel, definition, solve, tmp_path):
    packages = solve("xeus-nelson")
    assert [package.name for package in packages] == ["xeus-nelson"]
    prefix = tmp_path / "prefix"
    install_packages(packages, prefix, cache=tmp_path / "packages", offline=True)
    source = definition.source("xeus-nelson")
    with zipfile.ZipFile(io.BytesIO(open_store().read(source.sha256))) as archive:
        for name in ("xnelson_wasm.js", "xnelson_wasm.wasm"):
            assert (prefix / "bin" / name).read_bytes() == archive.read(f"{source.root}/{name}")
    spec = json.loads((prefix / "share/jupyter/kernels/xnelson/kernel.json").read_bytes())
    assert (spec["argv"][0], spec["language"]) == ("/bin/xnelson_wasm", "nelson")


def test_everything_installs_to_exactly_what_was_packed(definition, solve, wheel, tmp_path):
    prefix = tmp_path / "prefix"
    packages = solve("xeus-python", "xeus-lite", "pip", "numpy")
    install_packages(packages, prefix, cache=tmp_path / "packages", offline=True)
    expected = {path: wheel(name) for path, name in KERNEL_FILES.items()}
    executable = set()
    archives = [package.archive.path for package in definition.packages if package.archive]
    assert len(archives) == len(packages) == 29
    for name in archives:
        with tarfile.open(fileobj=io.BytesIO(wheel(name))) as archive:
            for member in archive:
                if not member.name.startswith("conda-meta/"):
                    expected[member.name] = archive.extractfile(member).read()
                    executable |= {member.name} if member.mode & 0o111 else set()
    kernel_spec = "share/jupyter/kernels/xpython/kernel.json"
    found = {}
    for folder, _, files in os.walk(prefix):
        for file in files:
            path = Path(folder, file)
            found[path.relative_to(prefix).as_posix()] = path
    # rattler marks the prefix so that backups leave it out.
    installed = {path for path in found if not path.startswith("conda-meta/")} - {"CACHEDIR.TAG", kernel_spec}
    assert installed == set(expected)
    assert [path for path in installed if found[path].read_bytes() != expected[path]] == []
    assert {path for path in installed if os.access(found[path], os.X_OK)} == executable
    spec = json.loads(found[kernel_spec].read_bytes())
    assert spec["argv"] == ["/bin/xpython_wasm", "-f", "{connection_file}"]
    assert spec["display_name"] == "Python 3.11 (XPython)"


def test_the_lua_kernel_is_a_factory_and_its_spec_names_it(solve, tmp_path):
    prefix = tmp_path / "prefix"
    install_packages(solve("xeus-lua"), prefix, cache=tmp_path / "packages", offline=True)
    assert (prefix / "bin/xlua.js").read_text().startswith("var createXeusModule=(()=>{")
    assert (prefix / "bin/xlua.wasm").read_bytes()[:4] == b"\0asm"
    folder = prefix / "share/jupyter/kernels/xlua"
    assert json.loads((folder / "kernel.json").read_bytes())["argv"][0] == "/bin/xlua"
    assert sorted(path.name for path in folder.iterdir()) == ["kernel.json", "logo-32x32.png", "logo-64x64.png"]
