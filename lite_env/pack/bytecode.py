"""Bytecode as a value: which sources may have it, where it lies, which file of a pack is bytecode of which other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

_SOURCE = re.compile(r"lib/python3\.\d+/(?:[^/]+/)*[^/]+\.py\Z")
_COMPILED = re.compile(
    r"(?P<folder>lib/python3\.\d+/(?:[^/]+/)*)__pycache__/(?P<stem>[^/]+)\.cpython-3\d+(?:\.opt-\d+)?\.pyc\Z"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bytecode:
    """Compiled modules of an environment.

    Attributes:
        tag: what stands between a module's name and ``.pyc``: `sys.implementation.cache_tag` of the interpreter that
            compiled, and where there is one the level of optimisation: ``cpython-311``, ``cpython-311.opt-2``.
        files: ``.pyc`` files by the path of their source; what does not compile has none.
        faults: why sources were not compiled, by path.
    """

    tag: str
    files: Mapping[str, bytes]
    faults: Mapping[str, str]


def is_source(path: str) -> bool:
    """Whether the file at `path` (prefix-relative) is a module that an import may load."""
    return _SOURCE.match(path) is not None


def bytecode_path(source: str, tag: str) -> str:
    """Where the bytecode of the module at `source` lies (PEP 3147)."""
    folder, _, base = source.rpartition("/")
    return f"{folder}/__pycache__/{base.removesuffix('.py')}.{tag}.pyc"


def source_path(path: str) -> str | None:
    """The module whose bytecode lies at `path`; None when that is no place for bytecode."""
    match = _COMPILED.match(path)
    return f"{match['folder']}{match['stem']}.py" if match else None


def named_by_source(path: str, present: Container[str]) -> str:
    """Bytecode goes by the name of its source, when that is `present`; all else by its own."""
    source = source_path(path)
    return path if source is None or source not in present else source
