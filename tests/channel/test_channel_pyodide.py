"""The two Pyodide channels, built from what the registries really have, and environments packed of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lite_env.channel.build import build_channel
from lite_env.channel.catalog import find_definition
from lite_env.channel.definition import load_definition
from lite_env.lock.model import packages_digest
from lite_env.pack.reader import read_manifest
from lite_env.prefix.reader import read_prefix
from lite_env.store.local import open_store
from tests.command_line import lite_env

if TYPE_CHECKING:
    from pathlib import Path

# Over (subdir, file name, sha256) of all packages: locks hold these hashes, so this changes on purpose only.
DIGESTS = {
    "pyodide-0.27": "9d5f799293fc4f544b698e6b04754d51d4966681dd54a3f89c8ba1fbc18ec5e1",
    "pyodide-314": "5d55fe1329a40a01755e180320162be5ffbea6a9063d3608008a7cd2296a1527",
}
SCIENCE = ("numpy", "pandas", "scipy", "scikit-learn", "matplotlib", "pyarrow", "pillow")


@pytest.mark.parametrize("name", DIGESTS)
def test_its_definition_is_whole(name):
    definition = load_definition(find_definition(name))
    packages = {package.name: package for package in definition.packages}
    named = {spec.split()[0] for package in definition.packages for spec in package.depends}
    assert named <= set(packages)
    abi = packages["emscripten-abi"]
    pin = f"emscripten-abi {abi.version} {abi.build}"
    compiled = [package for package in definition.packages if package.subdir == "emscripten-wasm32"]
    assert [package.name for package in compiled if pin not in package.depends] == []
    assert packages["python"].version == definition.python
    assert any(spec.startswith("pyodide-core ") for spec in packages["python"].depends)


@pytest.fixture(scope="module", params=sorted(DIGESTS))
def built(request, tmp_path_factory):
    definition = find_definition(request.param)
    return build_channel(definition, output=tmp_path_factory.mktemp("channel"), store=open_store())


def pack(folder: Path, channel: str, *dependencies: str) -> Path:
    folder.mkdir()
    listed = "".join(f"  - {each}\n" for each in dependencies)
    (folder / "environment.yml").write_text(f"name: demo\nchannels:\n  - {channel}\ndependencies:\n{listed}")
    options = ("--no-trace", "--no-bytecode", "--no-check", "--level", "3")
    done = lite_env("pack", folder / "environment.yml", "-o", folder / "pack", *options)
    assert done.code == 0, done.err
    return folder / "pack"


@pytest.mark.network
@pytest.mark.slow
def test_it_is_built_and_packed(built, tmp_path):
    rows = [(*file.path.split("/"), file.sha256) for file in built.packages]
    assert packages_digest(rows) == DIGESTS[built.name]
    science = built.name == "pyodide-0.27"
    packed = pack(tmp_path / "small", built.url, "pyodide-kernel")
    manifest = read_manifest(packed)
    (kernel,) = manifest.kernels
    runtime = kernel.runtime
    assert (kernel.name, kernel.display_name, runtime.family) == ("python", "Python (Pyodide)", "pyodide")
    assert [file.name for file in kernel.binaries] == (
        ["pyodide.js", "pyodide.asm.js", "pyodide.asm.wasm"]
        if science
        else ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm"]
    )
    assert (runtime.emscripten, runtime.python, runtime.worker) == (
        ("3.1.58", "3.12.7", "classic") if science else ("5.0.3", "3.14.2", "module")
    )
    more = SCIENCE if science else ("pydantic", "msgpack")
    large = pack(tmp_path / "large", built.url, "pyodide-kernel", *more)
    assert lite_env("unpack", large, "-o", tmp_path / "prefix").code == 0
    prefix = read_prefix(tmp_path / "prefix")
    lib = "lib/python3.12" if science else "lib/python3.14"
    paths = {file.path for file in prefix.files}
    standard = {f"{lib}/abc.py", f"{lib}/pyodide/__init__.py", f"{lib}/_pyodide/__init__.py"}
    assert standard | {f"{lib}/site-packages/pyodide_kernel/__init__.py"} <= paths
    assert ("lib/libopenblas.so" in paths) == science
    assert set(more) <= {package.name for package in prefix.packages}
    document = json.loads(next(kernel.document for kernel in prefix.kernels))
    assert document["argv"][0] == "/bin/pyodide"
