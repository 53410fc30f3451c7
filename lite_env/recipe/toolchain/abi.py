"""The ABIs that can be built for: one Emscripten, how it throws, and the Python whose extensions it loads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Abi:
    """One ABI.

    Attributes:
        emscripten: version that runtimes of it were linked with.
        exceptions: family of exceptions and of ``setjmp``: by JavaScript, or by WebAssembly's own instructions.
        python: version of the Python whose headers are there, major and minor; None where there are none.
    """

    emscripten: str
    exceptions: Literal["js", "wasm"]
    python: str | None = None


ABIS = (
    # The xeus kernels of 2023.
    Abi(emscripten="3.1.45", exceptions="js", python="3.11"),
    # Pyodide 0.27, whose Python 3.12 is in no Debian: its headers cannot be had.
    Abi(emscripten="3.1.58", exceptions="js"),
)
"""Every ABI that packages of a toolchain are made for."""
