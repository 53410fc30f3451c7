"""What the family is to the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.prefix.families.family import Recognised
from lite_env.prefix.families.xeus.files import files_of, interpreter_of
from lite_env.prefix.families.xeus.script import FACTORY, defines_factory, is_module, may_take_variables

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.prefix.families.family import Candidate
    from lite_env.prefix.model import KernelSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Xeus:
    """xeus-python, xeus-lua and all others that are built on the library xeus, in every generation."""

    name: str = "xeus"
    mark: str = f"kernels built with xeus can be started: their script defines {FACTORY.decode()}"
    example: str = "xeus-python"

    def recognise(self, candidate: Candidate) -> Recognised | None:
        """See `Family.recognise`: script and module lie side by side, named by ``argv[0]``."""
        program, files = candidate.program, candidate.files
        script = f"{program}.js"
        if program is None or script not in files:
            return None
        glue = (candidate.root / script).read_bytes()
        if f"{program}.wasm" not in files or not defines_factory(glue):
            return None
        return Recognised(
            files=files_of(candidate, program),
            interpreter=interpreter_of(candidate),
            worker="module" if is_module(glue) else "classic",
        )

    def takes_variables(self, root: Path, kernel: KernelSpec) -> bool:
        """See `Family.takes_variables`: without the name of a way in its files it has none."""
        script = (root / kernel.file("script")).read_bytes()
        if may_take_variables(script):
            return True
        return b"setenv" in (root / kernel.file("wasm")).read_bytes()
