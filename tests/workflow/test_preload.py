"""Which modules snapshots have: what the settings name, else what traced notebooks begin with."""

from __future__ import annotations

import json

import pytest

from lite_env.pack.plan import plan_pack
from lite_env.pack.profile import ANY, Opened, make_profile
from lite_env.pack.reader import read_manifest
from lite_env.pack.selection import select_files
from lite_env.pack.writer import write_pack
from lite_env.prefix.reader import read_prefix
from lite_env.workflow.preload import decide_preload, first_imports
from lite_env.workflow.workload import Workload
from tests.prefixes import Toy, kernel_package, make_prefix, python_package

SITE = "lib/python3.11/site-packages"
MODULES = ("numpy/__init__.py", "numpy/linalg/__init__.py", "six.py", "fast.cpython-311-wasm32-emscripten.so")


@pytest.fixture
def prefix(tmp_path):
    files = {f"{SITE}/{name}": "" for name in MODULES} | {"lib/python3.11/json/__init__.py": ""}
    make_prefix(tmp_path / "prefix", kernel_package(), Toy(name="modules", files=files))
    return read_prefix(tmp_path / "prefix")


def profile_of(*names: str, failed: tuple[str, ...] = ()):
    return make_profile(
        "demo",
        kernels={ANY: Opened()},
        imports={},
        workloads=dict.fromkeys(names, ()),
        failed=dict.fromkeys(failed, "it failed"),
    )


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        ((), ()),
        (("x = 1", "import numpy as np, six\nimport json", "import late"), ("numpy", "six", "json")),
        (("from numpy import linalg, ones",), ("numpy", "numpy.linalg", "numpy.ones")),
        (("%pip install six\n!ls\nimport six",), ("six",)),
        (("%%bash\nimport nothing", "import six"), ("six",)),
        (("import (", "import six"), ("six",)),
        (("def f():\n    import six", "from . import here\nimport numpy.linalg"), ("numpy.linalg",)),
    ],
)
def test_what_a_program_imports_first(cells, names):
    assert first_imports(cells) == names


def test_without_a_setting_it_is_what_traced_programs_import_first_of_the_packages(prefix):
    one = Workload(
        name="one.ipynb", cells=("import json\nfrom numpy import linalg, ones", "import fast"), language="python"
    )
    two = Workload(name="two.py", cells=("import numpy, six",))
    lua = Workload(name="other.ipynb", cells=("import fast",), language="lua")
    broken = Workload(name="broken.py", cells=("import fast",))
    chosen = select_files(prefix)
    profile = profile_of("one.ipynb", "two.py", "other.ipynb", "broken.py", failed=("broken.py",))
    decided = decide_preload(None, (one, two, lua, broken), profile, chosen)
    assert decided.modules == ("numpy", "numpy.linalg", "six")
    assert decided.warnings == ()
    # Nothing is known of a program that was not traced.
    assert decide_preload(None, (one, two), None, chosen).modules == ()
    assert decide_preload(None, (one, two), profile_of("two.py"), chosen).modules == ("numpy", "six")


def test_what_the_settings_name_counts_also_when_it_is_nothing(prefix):
    chosen = select_files(prefix)
    work = (Workload(name="one.py", cells=("import numpy",)),)
    assert decide_preload((), work, profile_of("one.py"), chosen).modules == ()
    decided = decide_preload(("fast", "sys", "nunpy.linalg"), work, profile_of("one.py"), chosen)
    assert decided.modules == ("fast", "sys", "nunpy.linalg")
    (warning,) = decided.warnings
    assert "'preload' names 'nunpy.linalg', which no package brings" in warning


def test_the_manifest_names_them_for_kernels_of_python_alone(tmp_path):
    spec = {"argv": ["@PREFIX@/bin/xtoy"], "display_name": "Python", "language": "python"}
    python = Toy(name="python-kernel", files={"share/jupyter/kernels/xp/kernel.json": json.dumps(spec)})
    make_prefix(tmp_path / "prefix", kernel_package(), python, python_package())
    plan = plan_pack(read_prefix(tmp_path / "prefix"), level=1, preload=("numpy", "six"))
    write_pack(plan, tmp_path / "pack")
    kernels = {kernel.name: kernel.preload for kernel in read_manifest(tmp_path / "pack").kernels}
    assert kernels == {"toy": (), "xp": ("numpy", "six")}
    written = json.loads((tmp_path / "pack" / "manifest.json").read_bytes())["kernels"]
    assert ["preload" in kernel for kernel in written] == [kernels[kernel["name"]] != () for kernel in written]
