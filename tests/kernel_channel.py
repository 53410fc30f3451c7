"""A channel with a kernel that has Python's marks and starts nothing, whole enough to be solved and installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.channel.index import index_channel
from tests.audit.test_rules import LICENSE, MAIN, PYTHON, make_channel
from tests.conda_packages import TOY_KERNEL, make_package
from tests.side_modules import library, main_module, script

if TYPE_CHECKING:
    from pathlib import Path

ABI = "emscripten-abi 3.1.45.*"


def make_kernel_channel(folder: Path) -> Path:
    """A channel with ``xeus-python`` of Emscripten 3.1.45, and ``libz`` with the function `deflate`."""
    make_channel(folder)
    files = {
        "bin/xtoy.js": script("puts", "twice", "emscripten_longjmp", invokes=True),
        "bin/xtoy.wasm": main_module(exports=MAIN, imports={"env.puts": "function ii"}, padding=PYTHON),
        "share/jupyter/kernels/toy/kernel.json": TOY_KERNEL["share/jupyter/kernels/toy/kernel.json"],
    }
    make_package(folder, "xeus-python", files=files | LICENSE, depends=[ABI, "python"])
    needed = library(exports={"deflate": "function ii"})
    make_package(folder, "libz", files={"lib/libz.so": needed} | LICENSE, depends=[ABI])
    index_channel(folder)
    return folder


def package_that_imports(folder: Path, name: str, *functions: str) -> Path:
    """A package outside of any channel, with a library that needs ``libz.so`` and imports these functions."""
    module = library(needed=("libz.so",), imports={f"env.{each}": "function ii" for each in functions})
    made = make_package(folder / name, name, files={"lib/libx.so": module} | LICENSE, depends=[ABI, "libz"])
    return made.rename(folder / made.name)
