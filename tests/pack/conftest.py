from __future__ import annotations

import pytest

from tests.prefixes import SITE, Toy, kernel_package, make_prefix, python_package, side_module


@pytest.fixture
def prefix(tmp_path):
    """A small environment with everything that a pack has a notion of."""
    return make_prefix(
        tmp_path / "prefix",
        kernel_package(
            language="python",
            depends=["python 3.11.*"],
            metadata={"shared": {"libxeus.so": "lib/libxeus.so"}},
            **{"lib/libxeus.so": side_module("libc++.so"), "bin/xtoy.data": b"data"},
        ),
        python_package(
            files={
                "lib/python3.11/abc.py": "x = 1\n",
                "lib/python3.11/LICENSE.txt": "PSF",
                "lib/python3.11/idlelib/idle.py": "",
                "lib/libpython3.11.a": b"!<arch>",
            }
        ),
        Toy(name="emscripten-abi", version="3.1.45"),
        Toy(
            name="numpy",
            depends=["python 3.11.*", "emscripten-abi 3.1.45"],
            files={
                f"{SITE}/numpy/__init__.py": "import abc\n",
                f"{SITE}/numpy/__init__.pyi": "",
                f"{SITE}/numpy/core.so": side_module("libblas.so"),
                f"{SITE}/numpy/plain.so": side_module(),
                f"{SITE}/numpy/tests/test_x.py": "",
                "lib/libblas.so.3": ("->", "libblas.so"),
                "lib/libblas.so": side_module(),
                "lib64": ("->", "lib"),
                "share/caf\N{LATIN SMALL LETTER E WITH ACUTE}/a name with blanks": "x",
            },
        ),
        local={f"{SITE}/pipped/__init__.py": "y = 2\n"},
    )
