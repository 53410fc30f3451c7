"""Kernels built on xeus: an Emscripten script that defines ``createXeusModule``, and its module."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from lite_env.errors import PrefixError
from lite_env.prefix.families.family import Recognised
from lite_env.prefix.model import KernelFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lite_env.prefix.families.family import Candidate
    from lite_env.prefix.model import KernelSpec

# What tells the scripts of every generation.
_FACTORY = b"createXeusModule"
# A script that has to be imported, as Emscripten's EXPORT_ES6 makes them.
_MODULE = re.compile(rb"^export default\b|;export default\b|\bexport\s*\{", re.MULTILINE)
# How a script looks that hands over variables, in whatever form.
_TAKES_VARIABLES = re.compile(rb"setenv|[\"']ENV[\"']|\.ENV\b")
_GLUE = b"WebAssembly"
_PYTHON = "python"


@dataclass(frozen=True, kw_only=True, slots=True)
class Xeus:
    """xeus-python, xeus-lua and all others that are built on the library xeus, in every generation."""

    name: str = "xeus"
    mark: str = f"kernels built with xeus can be started: their script defines {_FACTORY.decode()}"
    example: str = "xeus-python"

    def recognise(self, candidate: Candidate) -> Recognised | None:
        """See `Family.recognise`: script and module lie side by side, named by ``argv[0]``."""
        program, files = candidate.program, candidate.files
        script = f"{program}.js"
        if program is None or script not in files:
            return None
        glue = (candidate.root / script).read_bytes()
        if f"{program}.wasm" not in files or _FACTORY not in glue:
            return None
        return Recognised(
            files=tuple(_files(candidate, program)),
            interpreter=_PYTHON if str(candidate.document.get("language")).lower() == _PYTHON else None,
            worker="module" if _MODULE.search(glue) else "classic",
        )

    def takes_variables(self, root: Path, kernel: KernelSpec) -> bool:
        """See `Family.takes_variables`: without the name of a way in its files it has none."""
        script = (root / kernel.file("script")).read_bytes()
        if _GLUE not in script or _TAKES_VARIABLES.search(script):
            return True
        return b"setenv" in (root / kernel.file("wasm")).read_bytes()


def _files(candidate: Candidate, program: str) -> Iterator[KernelFile]:
    yield _own("script", f"{program}.js")
    yield _own("wasm", f"{program}.wasm")
    if f"{program}.data" in candidate.files:
        yield _own("data", f"{program}.data")
    for library, path in _shared(candidate):
        yield KernelFile(role="shared", name=library, path=path)


def _own(role: str, path: str) -> KernelFile:
    return KernelFile(role=role, name=PurePosixPath(path).name, path=path)


def _shared(candidate: Candidate) -> Iterator[tuple[str, str]]:
    """Libraries that the module needs before it has a file system: ``metadata.shared`` of the kernelspec."""
    metadata = candidate.document.get("metadata")
    shared = metadata.get("shared") if isinstance(metadata, dict) else None
    if shared is None:
        return
    if not isinstance(shared, dict) or not all(isinstance(value, str) for value in shared.values()):
        raise PrefixError("'metadata.shared' is not an object of paths by library name", file=candidate.path)
    for library, place in sorted(shared.items()):
        location = place.lstrip("/")
        if location not in candidate.files:
            raise PrefixError(
                f"the kernel '{candidate.name}' needs '{library}', but '{location}' is not in the environment",
                hint="the package that brings the library is missing or damaged: install the environment again",
                file=candidate.path,
            )
        yield library, location
