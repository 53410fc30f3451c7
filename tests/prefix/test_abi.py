from __future__ import annotations

import pytest

from lite_env.errors import AbiError, PrefixError
from lite_env.prefix.reader import read_prefix
from tests.prefixes import SITE, WASM, Toy, kernel_package, make_prefix, python_package

ABI = Toy(name="emscripten-abi", version="3.1.45")


def test_what_the_environment_was_built_for_comes_from_its_packages(tmp_path):
    numpy = Toy(name="numpy", depends=["emscripten-abi >=3.1.45,<3.1.46.0a0", "python_abi 3.11.* *_cp311", "python"])
    abi = Toy(name="python_abi", version="3.11", build="4_cp311", subdir="noarch")
    kernel = kernel_package(language="python", depends=["numpy"])
    prefix = make_prefix(tmp_path, kernel, python_package(), ABI, numpy, abi)
    runtime = read_prefix(prefix).kernels[0].runtime
    assert (runtime.family, runtime.emscripten, runtime.python) == ("xeus", "3.1.45", "3.11.3")


def test_a_kernel_of_another_language_has_no_python(tmp_path):
    prefix = make_prefix(tmp_path, kernel_package("xeus-lua", language="lua"), python_package())
    runtime = read_prefix(prefix).kernels[0].runtime
    assert (runtime.family, runtime.emscripten, runtime.python) == ("xeus", None, None)


def test_a_kernel_that_needs_no_binary_interface_is_not_said_to_have_its_neighbours(tmp_path):
    own = kernel_package("xeus-old", kernel="old", argv=["/bin/xold"])
    neighbour = kernel_package("xeus-new", kernel="new", argv=["/bin/xnew"], depends=["emscripten-abi >=3.1.45"])
    kernels = read_prefix(make_prefix(tmp_path, own, neighbour, ABI)).kernels
    assert {kernel.name: kernel.runtime.emscripten for kernel in kernels} == {"new": "3.1.45", "old": None}


@pytest.mark.parametrize(
    ("package", "needs", "found"),
    [
        (Toy(name="numpy", depends=["emscripten-abi 4.0.9"]), "emscripten-abi 4.0.9", "emscripten-abi 3.1.45"),
        (Toy(name="numpy", depends=["emscripten-abi >=3.1.58"]), "emscripten-abi >=3.1.58", "emscripten-abi 3.1.45"),
        (Toy(name="numpy", depends=["python >=3.13,<3.14.0a0"]), "python >=3.13,<3.14.0a0", "python 3.11.3"),
        (Toy(name="numpy", depends=["python_abi 3.13.* *_cp313"]), "python_abi 3.13.* *_cp313", "python_abi 3.11"),
        (Toy(name="numpy", depends=["python_abi 3.11.* *_cp311t"]), "python_abi 3.11.* *_cp311t", "python_abi 3.11"),
    ],
)
def test_packages_built_for_another_abi_are_told_with_both_versions(tmp_path, package, needs, found):
    python_abi = Toy(name="python_abi", version="3.11", build="4_cp311")
    prefix = make_prefix(tmp_path, kernel_package(), python_package(), ABI, python_abi, package)
    with pytest.raises(AbiError) as caught:
        read_prefix(prefix)
    assert caught.value.message == f"numpy 1.0 was built for {needs}, but {found} is installed"
    assert "lock again" in caught.value.hint
    assert dict(caught.value.context)["needs"] == needs


@pytest.mark.parametrize(
    "path",
    [
        "lib/python3.12/site-packages/six.py",
        f"{SITE}/numpy/core.cpython-312-wasm32-emscripten.so",
    ],
)
def test_files_for_another_python_are_told(tmp_path, path):
    prefix = make_prefix(tmp_path, kernel_package(), python_package(), Toy(name="six", files={path: WASM}))
    with pytest.raises(
        AbiError, match=r"six was built for Python 3\.12, but the environment has Python 3\.11\.3"
    ) as caught:
        read_prefix(prefix)
    assert dict(caught.value.context)["file"] == path


def test_files_of_no_package_are_looked_at_too(tmp_path):
    prefix = make_prefix(tmp_path, kernel_package(), python_package(), local={"lib/python3.13/site-packages/x.py": ""})
    with pytest.raises(AbiError, match=r"a file of no package was built for Python 3\.13"):
        read_prefix(prefix)


def test_a_python_kernel_without_python_is_refused(tmp_path):
    prefix = make_prefix(tmp_path, kernel_package(language="python"))
    with pytest.raises(PrefixError, match="the kernel 'toy' speaks Python, but the package 'python' is not installed"):
        read_prefix(prefix)
