from __future__ import annotations

import pytest
import rattler

from lite_env.pack.manifest import Package
from lite_env.pack.modules import requested_packages
from lite_env.spec.matchspec import beyond_bounds, name_of, split_channel, split_file_name, split_name
from lite_env.spec.model import Requirement


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("numpy >=1", (None, None, "numpy >=1")),
        ("::numpy", (None, None, "numpy")),
        ("c::numpy", ("c", None, "numpy")),
        ("c/noarch::numpy", ("c", "noarch", "numpy")),
        ("c[noarch]::numpy", ("c", "noarch", "numpy")),
        ("./a/b::numpy", ("./a/b", None, "numpy")),
        ("https://h/c/emscripten-wasm32::numpy", ("https://h/c", "emscripten-wasm32", "numpy")),
        ("numpy[channel='a::b']", (None, None, "numpy[channel='a::b']")),
        ("c[noarch]::numpy[build='a::b']", ("c", "noarch", "numpy[build='a::b']")),
        ("https://h/c::numpy", ("https://h/c", None, "numpy")),
    ],
)
def test_a_channel_in_front_of_a_spec(text, parts):
    assert split_channel(text) == parts


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("numpy", "numpy"),
        ("  NumPy>=1", "numpy"),
        ("_x-1.y =2", "_x-1.y"),
        ("numpy[version='>=1']", "numpy"),
        ("c::numpy >=1", "numpy"),
        ("c/noarch::numpy", "numpy"),
        ("c[noarch]::numpy[build=0]", "numpy"),
        ("https://h:80/c::Numpy==1", "numpy"),
        ("numpy[channel='https://h/c', build='a::b']", "numpy"),
        ("c:space:numpy", "numpy"),
        ("https://h/c/noarch/numpy-base-1.0-py_0.conda#abc", "numpy-base"),
        ("file:///c/noarch/numpy-1.0-0.tar.bz2", "numpy"),
        ("https://h/c/noarch/numpy", None),
        ("*", None),
        ("", None),
    ],
)
def test_whose_name_a_spec_has(spec, name):
    assert name_of(spec) == name


@pytest.mark.parametrize(
    "spec", ["numpy >=1,<2", "c::numpy[version='1', build=0]", "NUMPY=1=0", "https://h/c::numpy 1.*"]
)
def test_the_solver_finds_the_same_name(spec):
    assert rattler.MatchSpec(spec).name.normalized == name_of(spec) == "numpy"


def test_a_name_and_the_rest_are_the_spec_again():
    assert split_name(" numpy  >=1,<2 ") == ("numpy", ">=1,<2")
    assert split_name("NumPy>=1") == ("NumPy", ">=1")
    assert split_name("*") == ("", "*")


@pytest.mark.parametrize(
    ("file_name", "parts"),
    [
        ("a-b-1.0-py_0.conda", ("a-b", "1.0", "py_0")),
        ("a-1.0-h1_0.tar.bz2", ("a", "1.0", "h1_0")),
        ("a-1.0.conda", None),
        ("a--0.conda", None),
        ("a-1.0-0.whl", None),
    ],
)
def test_what_a_file_name_says(file_name, parts):
    assert split_file_name(file_name) == parts


def test_every_reader_of_a_spec_sees_one_name():
    spec = "numpy[channel='https://h/a::b']"
    numpy = Package(name="numpy", version="1", build="0", build_number=0, subdir="noarch", file_name="n", depends=())
    other = Package(name="b", version="1", build="0", build_number=0, subdir="noarch", file_name="b", depends=())
    assert Requirement(text=spec).names("numpy")
    assert requested_packages([spec], [numpy, other]) == {"numpy"}


def test_what_no_solver_survives_is_beyond_bounds():
    assert beyond_bounds("numpy >=1.25,<2|(>=3,<4) *_0") is None
    assert beyond_bounds("a " + "(" * 64 + "1" + ")" * 64) is None
    assert beyond_bounds("a " + "(" * 65) == "has 65 parentheses, where 64 are the most"
    assert beyond_bounds("a" * 4097) == "has 4,097 characters, where 4,096 are the most"
    assert beyond_bounds("a\x1b[1m") == "has a character that cannot be printed"
