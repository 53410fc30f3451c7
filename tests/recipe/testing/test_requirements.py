from __future__ import annotations

import pytest

from lite_env.errors import RecipeError
from lite_env.recipe.testing.package import BuiltPackage
from lite_env.recipe.testing.requirements import check_requirements

VERSIONS = {"python": "3.11.3", "numpy": "1.26.4", "python-tzdata": "2025.2", "msgpack-python": "1.1", "odd": "1.0_x"}


def package(*requires):
    text = "".join(f"Requires-Dist: {line}\r\n" for line in requires)
    path = "lib/python3.11/site-packages/toy-1.dist-info/METADATA"
    return BuiltPackage(name="toy", version="1", build="0", files={path: f"Name: toy\r\n{text}".encode()}, tests=())


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "NumPy>=1.20,<2",
        "tzdata >= 2022.7",
        "msgpack==1.1",
        "odd>=1",
        'colorama; sys_platform == "win32"',
        'tomli; python_version < "3.11"',
        'pytest; extra == "test"',
    ],
)
def test_it_is_there(line):
    check_requirements(package(line), VERSIONS)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("six>=1.5", "toy 1 requires six >=1.5, which its environment does not have"),
        ("numpy>=2", "toy 1 requires numpy >=2, and its environment has 1.26.4"),
        ('tomli; python_version >= "3.11"', "toy 1 requires tomli, which its environment does not have"),
        ("python-numpy", "toy 1 requires python-numpy, which its environment does not have"),
    ],
)
def test_it_is_not(line, told):
    with pytest.raises(RecipeError) as caught:
        check_requirements(package("numpy", line), VERSIONS)
    assert caught.value.message == told
    assert "pip_check: false" in caught.value.hint


def test_a_package_without_distributions_requires_nothing():
    check_requirements(BuiltPackage(name="lz4-c", version="1", build="0", files={"lib/x.a": b""}, tests=()), {})
