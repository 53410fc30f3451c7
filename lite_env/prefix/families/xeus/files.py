"""The files of a kernel by role, and which interpreter they bring."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from lite_env.errors import PrefixError
from lite_env.prefix.model import KernelFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lite_env.prefix.families.family import Candidate

_PYTHON = "python"


def interpreter_of(candidate: Candidate) -> str | None:
    """Name of the package that is its interpreter: CPython is one of its own, other languages are linked in."""
    return _PYTHON if str(candidate.document.get("language")).lower() == _PYTHON else None


def files_of(candidate: Candidate, program: str) -> tuple[KernelFile, ...]:
    """Script and module lie side by side, and so does what the script loads before them.

    Raises:
        PrefixError: the kernelspec names a library that is not there.
    """
    return tuple(_files(candidate, program))


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
