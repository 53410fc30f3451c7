"""What the family is to the rest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from lite_env.errors import PrefixError
from lite_env.prefix.families.family import Recognised
from lite_env.prefix.model import KernelFile

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from lite_env.prefix.families.family import Candidate
    from lite_env.prefix.model import KernelSpec

_LOADER = b"loadPyodide"
# Pyodide 0.28 and before can be loaded by a classic worker, what came later by a module worker alone: what tells them
# is the main script, which the loader imports or has imported for it.
_WORKERS: tuple[tuple[str, str, Literal["classic", "module"]], ...] = (
    (".js", ".asm.js", "classic"),
    (".mjs", ".asm.mjs", "module"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pyodide:
    """Kernels in Python that Pyodide loads: ``pyodide.js`` and ``pyodide.asm.js``, or the same as modules."""

    name: str = "pyodide"
    mark: str = f"kernels by Pyodide: 'pyodide.js' or 'pyodide.mjs', beside its main script, defines {_LOADER.decode()}"
    example: str = "pyodide-kernel"

    def recognise(self, candidate: Candidate) -> Recognised | None:
        """See `Family.recognise`: loader, main script and module lie side by side, the loader named by ``argv[0]``."""
        program, files = candidate.program, candidate.files
        if program is None:
            return None
        loaders = [f"{program}{ending}" for ending, _, _ in _WORKERS if f"{program}{ending}" in files]
        if not any(_LOADER in (candidate.root / loader).read_bytes() for loader in loaders):
            return None
        for ending, main, worker in _WORKERS:
            if {f"{program}{ending}", f"{program}{main}"} <= files.keys():
                return Recognised(
                    files=(
                        _own("loader", f"{program}{ending}"),
                        _own("script", f"{program}{main}"),
                        _own("wasm", _module(candidate, program)),
                    ),
                    interpreter="python",
                    worker=worker,
                )
        raise _lacking(candidate, f"{program}{_WORKERS[0][1]}")

    def takes_variables(self, root: Path, kernel: KernelSpec) -> bool:  # noqa: ARG002 - as the family says
        """See `Family.takes_variables`: its loader does."""
        return True


def _module(candidate: Candidate, program: str) -> str:
    path = f"{program}.asm.wasm"
    if path not in candidate.files:
        raise _lacking(candidate, path)
    return path


def _lacking(candidate: Candidate, path: str) -> PrefixError:
    owner = candidate.files[candidate.path].package
    return PrefixError(
        f"the kernel '{candidate.name}' lacks its '{path}'",
        hint="the package that brings Pyodide is missing or damaged: install the environment again",
        package=owner,
        file=candidate.path,
    )


def _own(role: str, path: str) -> KernelFile:
    return KernelFile(role=role, name=PurePosixPath(path).name, path=path)
