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
    Abi(emscripten="3.1.45", exceptions="js", python="3.11"),
    # With a Python 3.12, whose headers are in no Debian.
    Abi(emscripten="3.1.58", exceptions="js"),
)
"""Every ABI that packages of a toolchain are made for."""
