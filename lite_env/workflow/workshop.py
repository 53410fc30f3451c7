"""The quick packs, for this machine only, in which an environment is compiled and traced before it is packed."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Self

from lite_env.host.find import find_node
from lite_env.pack.plan import plan_pack
from lite_env.pack.writer import write_pack

if TYPE_CHECKING:
    from lite_env.pack.bytecode import Bytecode
    from lite_env.pack.selection import Selection
    from lite_env.prefix.model import Prefix

QUICK_LEVEL = 1
FEW = 200
"""Modules that a kernel compiles in less time than another quick pack takes."""


class Workshop:
    """Packs for this machine only, made when they are needed and gone when the block ends.

    They have no variables of the environment: what is compiled must not follow from them, and who traces sets them.
    """

    def __init__(self, prefix: Prefix, selection: Selection) -> None:
        self._make = partial(plan_pack, replace(prefix, variables=()), selection=selection, level=QUICK_LEVEL)
        self._stack = ExitStack()
        self._made: tuple[Path, int] | None = None
        self._lock = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def pack(self, bytecode: Bytecode | None) -> Path:
        """The folder of a pack with about that bytecode: what a few modules lack, an import compiles.

        Raises:
            MissingEngineError: there is nothing that could start it.
        """
        find_node()
        modules = len(bytecode.files) if bytecode else 0
        with self._lock:
            if self._made is None or modules > self._made[1] + FEW:
                folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="lite-env-"))) / "pack"
                write_pack(self._make(bytecode=bytecode), folder)
                self._made = folder, modules
            return self._made[0]
