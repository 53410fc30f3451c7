"""Kernels by Pyodide are told by their loader, in both kinds of workers."""

from __future__ import annotations

import pytest

from lite_env.errors import PrefixError
from lite_env.prefix.reader import read_prefix
from tests.prefixes import Toy, kernel_package, make_prefix, pyodide_package, python_package


def kernels_of(tmp_path, *packages):
    return read_prefix(make_prefix(tmp_path, *packages)).kernels


@pytest.mark.parametrize(("module", "ending", "worker"), [(False, "js", "classic"), (True, "mjs", "module")])
def test_it_is_recognised_with_its_files(tmp_path, module, ending, worker):
    abi = Toy(name="emscripten-abi", version="3.1.58")
    (kernel,) = kernels_of(tmp_path, pyodide_package(module=module), python_package("3.12.7"), abi)
    assert kernel.argv == ("/bin/pyodide", "-f", "{connection_file}")
    assert [(file.role, file.name, file.path) for file in kernel.binaries] == [
        ("loader", f"pyodide.{ending}", f"bin/pyodide.{ending}"),
        ("script", f"pyodide.asm.{ending}", f"bin/pyodide.asm.{ending}"),
        ("wasm", "pyodide.asm.wasm", "bin/pyodide.asm.wasm"),
    ]
    runtime = kernel.runtime
    assert (runtime.family, runtime.emscripten, runtime.python, runtime.worker) == (
        "pyodide",
        "3.1.58",
        "3.12.7",
        worker,
    )


def test_a_loader_for_pages_beside_that_for_modules_does_not_hide_it(tmp_path):
    package = pyodide_package(module=True, files={"bin/pyodide.js": "var loadPyodide = 1;"})
    (kernel,) = kernels_of(tmp_path, package, python_package("3.14.2"))
    assert (kernel.file("loader"), kernel.runtime.worker) == ("bin/pyodide.mjs", "module")


@pytest.mark.parametrize("missing", ["bin/pyodide.asm.js", "bin/pyodide.asm.wasm"])
def test_a_file_that_is_missing_is_named(tmp_path, missing):
    package = pyodide_package()
    left = Toy(name=package.name, files={path: data for path, data in package.files.items() if path != missing})
    with pytest.raises(PrefixError, match=f"the kernel 'python' lacks its '{missing}'") as caught:
        kernels_of(tmp_path, left, python_package("3.12.7"))
    assert "install the environment again" in caught.value.hint


def test_it_needs_its_standard_library(tmp_path):
    with pytest.raises(PrefixError, match="the kernel 'python' speaks Python, but the package 'python' is not"):
        kernels_of(tmp_path, pyodide_package())


def test_families_stand_side_by_side(tmp_path):
    kernels = kernels_of(tmp_path, pyodide_package(), python_package("3.12.7"), kernel_package())
    assert [(kernel.name, kernel.runtime.family) for kernel in kernels] == [("python", "pyodide"), ("toy", "xeus")]


def test_a_script_that_loads_no_pyodide_is_none(tmp_path):
    package = pyodide_package(files={"bin/pyodide.js": "var somethingElse = 1;", "bin/pyodide.wasm": b"\0asm"})
    with pytest.raises(PrefixError, match="of a family that lite-env cannot start") as caught:
        kernels_of(tmp_path, package, python_package("3.12.7"))
    assert "loadPyodide" in caught.value.hint
    assert "createXeusModule" in caught.value.hint
