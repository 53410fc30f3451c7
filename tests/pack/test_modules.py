from __future__ import annotations

import pytest

from lite_env.pack.bytecode import bytecode_path, is_source, source_path
from lite_env.pack.manifest import Package
from lite_env.pack.modules import requested_packages, top_level_modules
from tests.prefixes import SITE


def package(name, *depends):
    return Package(
        name=name, version="1", build="0", build_number=0, subdir="noarch", file_name=f"{name}.conda", depends=depends
    )


PACKAGES = [
    package("numpy", "python >=3.11", "libblas"),
    package("python"),
    package("libblas"),
    package("tool", "numpy"),
]


@pytest.mark.parametrize(
    ("requested", "expected"),
    [
        (["numpy"], {"numpy"}),
        (["NumPy >=1.2", "python=3.11"], {"numpy", "python"}),
        (["conda-forge::numpy==1.2", "https://x.example/ch::tool[version='>1']"], {"numpy", "tool"}),
        (["python>=3.11,<4"], {"python"}),
        ([], {"tool"}),
        (["gone"], {"tool"}),
    ],
)
def test_what_was_asked_for(requested, expected):
    assert requested_packages(requested, PACKAGES) == expected


def test_modules_that_lie_directly_in_site_packages():
    paths = [
        f"{SITE}/numpy/__init__.py",
        f"{SITE}/numpy/core/__init__.py",
        f"{SITE}/six.py",
        f"{SITE}/_private.py",
        f"{SITE}/cffi_backend.cpython-311-wasm32-emscripten.so",
        f"{SITE}/plain.so",
        f"{SITE}/six-1.0.dist-info/METADATA",
        f"{SITE}/not-a-name.py",
        f"{SITE}/namespace/part/__init__.py",
        "lib/python3.11/abc.py",
        "share/numpy.py",
    ]
    assert top_level_modules(paths) == ("cffi_backend", "numpy", "plain", "six")


@pytest.mark.parametrize(
    ("path", "compiled"),
    [
        (f"{SITE}/a/b.py", f"{SITE}/a/__pycache__/b.cpython-311.pyc"),
        ("lib/python3.11/abc.py", "lib/python3.11/__pycache__/abc.cpython-311.pyc"),
        (f"{SITE}/a.b.py", f"{SITE}/__pycache__/a.b.cpython-311.pyc"),
    ],
)
def test_bytecode_lies_beside_its_source(path, compiled):
    assert is_source(path)
    assert bytecode_path(path, "cpython-311") == compiled
    assert source_path(compiled) == path


@pytest.mark.parametrize(
    "path",
    ["share/x.py", "lib/python3.11/x.pyc", "lib/python3/x.py", f"{SITE}/x.pyi", "lib/python3.11/__pycache__/x.pyc"],
)
def test_elsewhere_there_is_no_bytecode(path):
    assert not is_source(path)
    assert source_path(path) is None
