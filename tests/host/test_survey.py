"""What the import of submodules opens, told by one interpreter that imports them all."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files

import pytest

from lite_env.errors import HostError
from lite_env.host.survey import read_survey

PACKAGE = {
    "__init__.py": "",
    "_hidden.py": "import shared_by_both",
    "stats/__init__.py": "from . import core\nfrom .. import linalg",
    "stats/core.py": "import os, data_of_stats",
    "stats/deep.py": "import only_of_deep",
    "linalg.py": "from ._hidden import __name__ as _\nopen(__file__.replace('linalg.py', 'table.txt')).close()",
    "optimize.py": "import importlib\nimportlib.import_module('package.linalg')",
    "broken.py": "import shared_by_both\nraise SystemExit('no')",
    "tests.py": "raise AssertionError('nobody imports tests')",
    "table.txt": "1",
}
BESIDE = ("shared_by_both", "data_of_stats", "only_of_deep")


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> bytes:
    """What the script tells of a package, run as a cell is."""
    folder = tmp_path_factory.mktemp("survey")
    for name, text in PACKAGE.items():
        path = folder / "package" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    for name in BESIDE:
        (folder / f"{name}.py").write_text("")
    script = files("lite_env.host").joinpath("survey_in_kernel.py").read_text("utf-8")
    output = folder / "told.json"
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import package\n{script}\n"
    run = f"{code}\n_lite_env_survey('package', {str(output)!r})\n"
    subprocess.run([sys.executable, "-B", "-c", run], check=True)
    return output.read_bytes().replace(f"{folder}/".encode(), b"/")


def survey(told: bytes):
    paths = {path for _, paths in json.loads(told)["modules"].values() for path in paths}
    # Python asks for bytecode, too, which is not there.
    opened = sorted(path.lstrip("/") for path in paths if not path.endswith(".pyc"))
    return read_survey(told, opened, (), {})


def test_the_public_submodules_that_can_be_imported_are_named(told):
    assert survey(told).names == (
        "package.linalg",
        "package.optimize",
        "package.stats",
        "package.stats.core",
        "package.stats.deep",
    )


def test_a_submodule_opens_what_it_needs_whoever_was_first(told):
    found = survey(told)
    linalg = {"package/linalg.py", "package/_hidden.py", "package/table.txt", "shared_by_both.py"}
    core = {"package/stats/core.py", "data_of_stats.py"}
    assert found.files("package.linalg") == linalg
    assert found.files("package.optimize") == linalg | {"package/optimize.py"}
    assert found.files("package.stats") == linalg | core | {"package/stats/__init__.py"}
    deep = {"package/stats/deep.py", "only_of_deep.py"}
    assert found.files("package.stats.deep") == found.files("package.stats") | deep


def test_what_python_does_not_see_opened_belongs_to_the_module_before():
    told = json.dumps({"modules": {"p.a": [[], ["/a.so"]], "p.b": [["p.a"], ["/b.py"]]}, "names": ["p.a", "p.b"]})
    found = read_survey(told.encode(), ["a.so", "unseen.dat", "b.py"], (), {})
    assert found.files("p.a") == {"a.so", "unseen.dat"}
    assert found.files("p.b") == {"a.so", "unseen.dat", "b.py"}


def test_a_library_that_another_needs_belongs_to_each_that_needs_it():
    told = json.dumps({"modules": {"p.a": [[], ["/a.so"]], "p.b": [[], ["/b.so"]]}, "names": ["p.a", "p.b"]})
    needed = {"a.so": ["libx.so"], "b.so": ["libx.so"], "lib/libx.so": ["liby.so"]}
    found = read_survey(told.encode(), ["a.so", "b.so"], ["lib/libx.so", "lib/liby.so"], needed)
    assert found.files("p.b") == {"b.so", "lib/libx.so", "lib/liby.so"}


@pytest.mark.parametrize("told", [b"", b"{}", b'{"modules": {"a": 1}, "names": []}', b"\xff"])
def test_what_is_no_such_file_is_refused(told):
    with pytest.raises(HostError):
        read_survey(told, (), (), {})
