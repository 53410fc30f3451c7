"""The environments of which `tests/packs/` holds packs, one folder a version of the format.

``python -m tests.frozen FOLDER`` packs them with the writer of today. Once a version of the format is released its
packs are never written again: each later reader must read them.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lite_env.pack.bytecode import Bytecode
from lite_env.pack.plan import plan_pack
from lite_env.pack.profile import Opened, Profile, make_profile
from lite_env.pack.writer import write_pack
from lite_env.prefix.reader import read_prefix
from tests.prefixes import SITE, WASM, Toy, kernel_package, make_prefix, put, python_package, side_module
from tests.wasm_modules import adding_module

if TYPE_CHECKING:
    from collections.abc import Callable

PACKS = Path(__file__).parent / "packs"
LONG = "/".join(["a-folder-with-a-name-that-ustar-cannot-hold"] * 6) + "/file.txt"
ACCENTS = "share/caf\N{LATIN SMALL LETTER E WITH ACUTE}/\N{SNOWMAN} with blanks"


@dataclass(frozen=True, kw_only=True)
class Frozen:
    """An environment and how it is packed; `bytecode` by the path of the source."""

    make: Callable[[Path], Path]
    profile: Profile | None = None
    bytecode: Bytecode | None = None


def _python(folder: Path) -> Path:
    """One kernel that speaks Python, with everything that a pack has a notion of."""
    prefix = make_prefix(
        folder,
        kernel_package(
            "xeus-python",
            kernel="xpython",
            language="python",
            argv=("@PREFIX@/bin/xpython", "-f", "{connection_file}"),
            depends=["python 3.11.*"],
            metadata={"shared": {"libxeus.so": "lib/libxeus.so"}},
            **{"lib/libxeus.so": side_module("libc++.so"), "bin/xpython.data": b"data of the file packager"},
        ),
        python_package(files={"lib/python3.11/abc.py": "x = 1\n", "lib/python3.11/os.py": "import abc\n"}),
        Toy(name="emscripten-abi", version="3.1.45"),
        Toy(
            name="numpy",
            version="1.25.2",
            depends=["python 3.11.*", "emscripten-abi 3.1.45"],
            record={"license": "BSD-3-Clause"},
            files={
                f"{SITE}/numpy/__init__.py": "import abc\n",
                f"{SITE}/numpy/core.so": adding_module("one", 1, adds_to="two", needed=["libblas.so"]),
                f"{SITE}/numpy/data.json": "{}",
                "lib/libblas.so.3": ("->", "libblas.so"),
                "lib/libblas.so": adding_module("two", 2),
                "lib64": ("->", "lib"),
                "share/empty": "",
                ACCENTS: "named in UTF-8",
                f"share/{LONG}": "named by a PAX header",
                "share/far": ("->", LONG),
                "share/numpy/run.sh": "#!/bin/sh\n",
            },
        ),
        Toy(name="six", version="1.16", subdir="noarch", files={f"{SITE}/six.py": "import os\n"}),
        local={f"{SITE}/pipped/__init__.py": "y = 2\n"},
    )
    (prefix / "share/numpy/run.sh").chmod(0o755)
    put(prefix, "conda-meta/state", json.dumps({"env_vars": {"GREETING": "h\N{LATIN SMALL LETTER E WITH ACUTE}"}}))
    put(prefix, "conda-meta/history", '# update specs: ["numpy", "six", "xeus-python"]\n')
    return prefix


def _lua(folder: Path) -> Path:
    """Two kernels without Python, one of them with a library, neither with data."""
    return make_prefix(
        folder,
        kernel_package("xeus-lua", kernel="xlua", language="lua", argv=("bin/xlua", "-f", "{connection_file}")),
        kernel_package(
            "xeus-other",
            kernel="xother",
            language="other",
            argv=("/build/bin/xother",),
            metadata={"shared": {"libother.so": "lib/libother.so"}},
            **{"lib/libother.so": WASM},
        ),
        Toy(name="lua", files={"share/lua/5.4/x.lua": "return 1\n"}),
    )


def _kernels(folder: Path) -> Path:
    """Three kernelspecs, two of them of one package with the same files, whose starts open different files."""
    twins = {
        "bin/xpython.js": "var createXeusModule = 1;",
        "bin/xpython.wasm": WASM,
        **{
            f"share/jupyter/kernels/{name}/kernel.json": json.dumps(
                {"argv": ["@PREFIX@/bin/xpython", *options], "display_name": name, "language": "python"}
            )
            for name, options in (("xpython", ()), ("xpython-raw", ("--raw",)))
        },
        "share/jupyter/kernels/xpython/logo.svg": "<svg/>",
        "share/jupyter/kernels/xpython-raw/logo.svg": "<svg/>",
    }
    return make_prefix(
        folder,
        kernel_package("xeus-lua", kernel="xlua", language="lua", argv=("bin/xlua", "-f", "{connection_file}")),
        Toy(name="xeus-python", files=twins),
        python_package(files={f"lib/python3.11/{name}.py": f"# {name}\n" for name in ("abc", "os", "re", "json")}),
    )


ENVIRONMENTS: dict[str, Frozen] = {
    "python": Frozen(
        make=_python,
        profile=make_profile(
            "python",
            kernels={
                "xpython": Opened(
                    interpreter=("python:lib/python3.11/abc.py",), kernel=("python:lib/python3.11/os.py",)
                )
            },
            imports={"numpy": [f"numpy:{SITE}/numpy/__init__.py", f"numpy:{SITE}/numpy/core.so"], "six": []},
            workloads={"demo.ipynb": [f"numpy:{SITE}/numpy/data.json"]},
            failed={},
        ),
        bytecode=Bytecode(
            tag="cpython-311",
            files={path: b"compiled " + path.encode() for path in ("lib/python3.11/abc.py", f"{SITE}/six.py")},
            faults={},
        ),
    ),
    "lua": Frozen(make=_lua),
    "kernels": Frozen(
        make=_kernels,
        profile=make_profile(
            "kernels",
            kernels={
                "xlua": Opened(),
                "xpython": Opened(
                    interpreter=("python:lib/python3.11/abc.py",),
                    kernel=("python:lib/python3.11/os.py", "python:lib/python3.11/re.py"),
                ),
                "xpython-raw": Opened(
                    interpreter=("python:lib/python3.11/abc.py",), kernel=("python:lib/python3.11/os.py",)
                ),
            },
            imports={"json": ["python:lib/python3.11/json.py", "python:lib/python3.11/re.py"]},
            workloads={},
            failed={},
        ),
    ),
}


def freeze(name: str, folder: Path, work: Path) -> None:
    """Write the pack of one environment to `folder`, and beside it what its files are: hashes and links by path."""
    frozen = ENVIRONMENTS[name]
    prefix = read_prefix(frozen.make(work / name))
    plan = plan_pack(prefix, name=name, profile=frozen.profile, bytecode=frozen.bytecode)
    write_pack(plan, folder / name)
    contents = {
        path.relative_to(prefix.path).as_posix(): _content(path)
        for path in sorted(prefix.path.rglob("*"))
        if (path.is_symlink() or path.is_file()) and "conda-meta" not in path.parts
    }
    # Whatever the build folder was called, nothing of it is packed.
    contents |= {kernel.spec: _sha256(kernel.document.encode()) for kernel in prefix.kernels}
    text = json.dumps(contents, indent=1, sort_keys=True) + "\n"
    (folder / f"{name}.files.json").write_text(text, "utf-8", newline="\n")


def _content(path: Path) -> str | dict[str, str]:
    return {"link": path.readlink().as_posix()} if path.is_symlink() else _sha256(path.read_bytes())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    target = Path(sys.argv[1])
    for environment in ENVIRONMENTS:
        freeze(environment, target, target / ".work")
