"""Which modules snapshots of kernels have imported: those that settings name, else what traced programs begin with."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.host.choose import same_language
from lite_env.pack.modules import installed_modules
from lite_env.workflow.workload import PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lite_env.pack.profile import Profile
    from lite_env.pack.selection import Selection
    from lite_env.workflow.workload import Workload


@dataclass(frozen=True, kw_only=True, slots=True)
class Preloaded:
    """What was decided.

    Attributes:
        modules: dotted names, in the order in which they are imported.
        warnings: what is probably a mistake.
    """

    modules: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def decide_preload(
    asked: tuple[str, ...] | None, workloads: Sequence[Workload], profile: Profile | None, selection: Selection
) -> Preloaded:
    """Decide which modules snapshots have.

    Args:
        asked: by the settings; None where they say nothing.
        workloads: users' programs.
        profile: what of them was traced; without one nothing is known of them.
        selection: what is packed.
    """
    known = installed_modules(file.path for file in selection.kept)
    if asked is not None:
        tops = {name.partition(".")[0] for name in known} | sys.stdlib_module_names
        unknown = [name for name in asked if name.partition(".")[0] not in tops]
        return Preloaded(modules=asked, warnings=tuple(map(_unknown, unknown)))
    if profile is None:
        return Preloaded(modules=())
    traced = [
        workload
        for workload in workloads
        if workload.name in profile.workloads and workload.name not in profile.failed and _is_python(workload)
    ]
    named = (name for workload in traced for name in first_imports(workload.cells))
    return Preloaded(modules=tuple(dict.fromkeys(name for name in named if name in known)))


def first_imports(cells: Iterable[str]) -> tuple[str, ...]:
    """What the first of `cells` imports that imports something: dotted names, in order.

    What is taken *from* a module may be one of its submodules, so it is named too, behind the module.
    """
    for cell in cells:
        names = tuple(dict.fromkeys(_imports_of(cell)))
        if names:
            return names
    return ()


def _imports_of(cell: str) -> Iterator[str]:
    lines = cell.splitlines()
    if lines and lines[0].startswith("%%"):
        return
    # IPython's own lines are no Python.
    source = "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines)
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for statement in body:
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            yield statement.module
            yield from (f"{statement.module}.{alias.name}" for alias in statement.names)


def _is_python(workload: Workload) -> bool:
    return not workload.language or same_language(workload.language, PYTHON)


def _unknown(name: str) -> str:
    return (
        f"'preload' names '{name}', which no package brings: kernels are restored without preloaded modules"
        " as long as one of them cannot be imported"
    )
