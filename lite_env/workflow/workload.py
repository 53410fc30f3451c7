"""What is traced of an environment, and in which of its kernels: starts, imports, and users' own programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lite_env.errors import SpecError
from lite_env.host.choose import same_language
from lite_env.host.trace import Job, import_job, parse_notebook
from lite_env.pack.modules import requested_packages, top_level_modules
from lite_env.store.refusals import refusal
from lite_env.store.text import Origin, decode_text, read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from lite_env.pack.manifest import Environment

PYTHON = "python"


class NamedKernel(Protocol):
    """A kernelspec or a kernel of a manifest, as far as one is chosen by it."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def language(self) -> str:
        """The language that it runs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """A user's program, read.

    Attributes:
        name: of its file.
        cells: its code; a Python file is one cell.
        kernel: the kernel that a notebook was made with; empty where it says none.
        language: of the program; empty where it says none.
    """

    name: str
    cells: tuple[str, ...]
    kernel: str = ""
    language: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """All that is to be traced of one environment.

    Attributes:
        boots: for each kernel without another job its start alone.
        imports: jobs of modules.
        workloads: jobs of users' programs.
    """

    boots: tuple[Job, ...]
    imports: tuple[Job, ...]
    workloads: tuple[Job, ...]

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All of them: at least one a kernel."""
        return (*self.boots, *self.imports, *self.workloads)


def read_workloads(files: Iterable[Path]) -> tuple[Workload, ...]:
    """Read users' programs: Python files and notebooks; a file that is named twice counts once.

    Raises:
        SpecError: one cannot be read, is neither, or has the name of another one: a profile knows them by their names.
    """
    by_name: dict[str, Path] = {}
    for file in files:
        other = by_name.setdefault(file.name, file)
        if other.resolve() != file.resolve():
            raise SpecError(
                f"two workloads are called '{file.name}': '{other}' and '{file}'",
                hint="rename one of them: a profile knows a workload by its file's name",
                file=str(file),
            )
    return tuple(_read_workload(file) for file in by_name.values())


def _read_workload(file: Path) -> Workload:
    hint = "name a .py file or a notebook (.ipynb)"
    origin = Origin(what=f"the workload '{file}'", error=SpecError, file=str(file), hint=hint)
    if file.suffix not in (".py", ".ipynb"):
        raise SpecError(f"the workload '{file}' is neither a .py file nor a notebook", hint=hint, file=str(file))
    try:
        text = decode_text(read_bounded(file, origin), origin)
        if file.suffix == ".py":
            return Workload(name=file.name, cells=(text,), language=PYTHON)
        notebook = parse_notebook(text, origin)
    except OSError as error:
        raise refusal(SpecError, "the workload cannot be read", error, file=file) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise SpecError(f"the workload '{file}' cannot be read: {error}", hint=hint, file=str(file)) from error
    return Workload(name=file.name, cells=notebook.cells, kernel=notebook.kernel, language=notebook.language)


def python_kernel(kernels: Iterable[NamedKernel]) -> str | None:
    """The first kernel that runs Python."""
    return next((kernel.name for kernel in kernels if same_language(kernel.language, PYTHON)), None)


def kernel_for(workload: Workload, kernels: Sequence[NamedKernel]) -> str:
    """The kernel that runs a program: the one that it names, else the first of its language, else the first.

    Raises:
        SpecError: none of them runs it.
    """
    for kernel in kernels:
        if kernel.name.casefold() == workload.kernel.casefold():
            return kernel.name
    for kernel in kernels:
        if same_language(kernel.language, workload.language) or not (workload.language or workload.kernel):
            return kernel.name
    wanted = " and ".join(
        [f"the kernel '{workload.kernel}'"] * bool(workload.kernel)
        + [f"the language {workload.language}"] * bool(workload.language)
    )
    there = ", ".join(f"'{kernel.name}' ({kernel.language or 'no language'})" for kernel in kernels)
    raise SpecError(
        f"no kernel of the environment runs the workload '{workload.name}': it asks for {wanted}",
        hint=f"there are: {there}; add its kernel to the environment, or do not trace it",
        file=workload.name,
    )


def plan_work(
    environment: Environment,
    kernels: Sequence[NamedKernel],
    owners: Mapping[str, str | None],
    workloads: Iterable[Workload],
) -> Work:
    """What is to be traced of an environment: imports of the packages that were asked for, programs, and each start.

    Args:
        environment: what was asked for, and what came of it.
        kernels: all of its kernels.
        owners: the package of each file.
        workloads: users' programs.

    Raises:
        SpecError: no kernel runs one of them.
    """
    imports: tuple[Job, ...] = ()
    python = python_kernel(kernels)
    if python is not None:
        asked = requested_packages(environment.requested, environment.packages)
        modules = top_level_modules(path for path, owner in owners.items() if owner in asked)
        imports = tuple(import_job(python, module) for module in modules)
    programs = tuple(
        Job(kernel=kernel_for(workload, kernels), name=workload.name, cells=workload.cells) for workload in workloads
    )
    busy = {job.kernel for job in (*imports, *programs)}
    boots = tuple(Job(kernel=kernel.name) for kernel in kernels if kernel.name not in busy)
    return Work(boots=boots, imports=imports, workloads=programs)
