"""Traces a packed kernel in Node: which files its start, an import or a user's program opens.

Each trace is a kernel of its own that does first what a front end does with every new kernel: it asks who is there,
completes, inspects, opens a comm, and runs a first cell. What is opened until then is the *boot*: first by the
interpreter, then by the kernel.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.errors import HostError, KernelTimeoutError
from lite_env.host.engine import AskTrace, TraceEnvelope
from lite_env.host.network import SEALED
from lite_env.host.run import RunOptions, start_kernel
from lite_env.host.survey import Survey, read_survey, survey_package
from lite_env.pack.reader import read_index
from lite_env.store.text import parse_json

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.host.client import KernelClient
    from lite_env.host.request import ExecuteResult
    from lite_env.host.run import RunningKernel
    from lite_env.store.text import Origin

IMPORT_SECONDS = 120.0
"""Time limit for what is traced after the boot; a module that needs longer is a module that failed."""

_NO_MEMORY = ("MemoryError", "_ArrayMemoryError")  # of Python, and of numpy
_COMM_TARGET = "jupyter.widget.control"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What to trace after the boot.

    Attributes:
        kernel: where.
        name: of the module or the workload's file; empty for the boot alone.
        cells: code to run, cell by cell.
        survey: whether the submodules of the module `name` are imported as well, after what is traced.
    """

    kernel: str
    name: str = ""
    cells: tuple[str, ...] = ()
    survey: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Traced:
    """What one kernel opened, prefix-relative, in the order of the first opening.

    Attributes:
        interpreter: until the interpreter was up.
        kernel: after that, until the first cell was done.
        opened: after that.
        failure: the last line of the error that ended the job; None when all of it ran.
        traceback: of that error.
        expired: whether it was ended because it took too long.
        crashed: whether the kernel did not survive it, or had no more memory.
        survey: of the submodules; None where there are none to be asked for, or the kernel did not tell.
        unsurveyed: why the kernel did not tell.
    """

    interpreter: tuple[str, ...]
    kernel: tuple[str, ...]
    opened: tuple[str, ...]
    failure: str | None = None
    traceback: tuple[str, ...] = ()
    expired: bool = False
    crashed: bool = False
    survey: Survey | None = None
    unsurveyed: str | None = None

    @property
    def answered(self) -> bool:
        """Whether the program itself came to this, so that it would come to it again; else the machine had a part."""
        return not self.expired and not self.crashed and self.unsurveyed is None


def import_job(kernel: str, module: str) -> Job:
    """The trace of ``import module``, and of its submodules."""
    return Job(kernel=kernel, name=module, cells=(f"import {module}",), survey=True)


def trace_job(
    pack: Path, job: Job, *, seconds: float = IMPORT_SECONDS, variables: tuple[tuple[str, str], ...] = ()
) -> Traced:
    """Start a kernel of `pack` and trace it.

    Args:
        pack: any pack of the environment; how its files lie does not matter.
        job: the kernel, and what to run after the boot.
        seconds: time limit of the job; the boot has limits of its own.
        variables: set besides those of the pack.

    Raises:
        HostError: the kernel does not start, or not even the boot's messages are answered.
    """
    with start_kernel(
        pack, options=RunOptions(kernel=job.kernel, env=variables, trace=True, network=SEALED)
    ) as running:
        client = running.client
        greet(client, python=running.kernel.language == "python")
        boot = _trace(client)
        failure: str | None = None
        traceback: tuple[str, ...] = ()
        expired = crashed = False
        opened = boot.files
        survey: Survey | None = None
        unsurveyed: str | None = None
        try:
            for cell in job.cells:
                result = client.execute(cell, timeout=seconds)
                if result.status != "ok":
                    failure, traceback = _failure(result), tuple(_ANSI.sub("", line) for line in result.traceback)
                    crashed = failure.startswith(_NO_MEMORY)
                    break
            opened = _trace(client).files
        except KernelTimeoutError:
            failure, expired = f"it took longer than {seconds:g} seconds", True
        except HostError as error:
            failure, crashed = error.message, True
        if job.survey and failure is None:
            try:
                survey = _survey(pack, running, job.name, opened, seconds)
            except HostError as error:
                unsurveyed = error.message
        return Traced(
            interpreter=boot.files[: boot.interpreter],
            kernel=boot.files[boot.interpreter :],
            opened=opened[len(boot.files) :],
            failure=failure,
            traceback=traceback,
            expired=expired,
            crashed=crashed,
            survey=survey,
            unsurveyed=unsurveyed,
        )


def _survey(pack: Path, running: RunningKernel, package: str, before: tuple[str, ...], seconds: float) -> Survey | None:
    answer = survey_package(running.client, package, seconds=seconds)
    if answer is None:
        return None
    opened = _trace(running.client).files[len(before) :]
    return read_survey(answer, opened, before, read_index(pack, running.manifest).needed)


def greet(client: KernelClient, *, python: bool) -> None:
    """Send what front ends send to every new kernel, and run a first cell where its language is known."""
    client.kernel_info()
    client.complete("pri", 3)
    client.inspect("print", 5)
    client.request("comm_info_request", {"target_name": _COMM_TARGET})
    content = {"comm_id": "lite-env-trace", "target_name": _COMM_TARGET, "data": {}}
    client.request("comm_open", content, replied=False)
    if python:
        client.execute("1+1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Notebook:
    """A notebook, as far as it is traced: its code, and what it says of its kernel (empty where it says nothing)."""

    cells: tuple[str, ...]
    kernel: str
    language: str


def parse_notebook(text: str, origin: Origin) -> Notebook:
    """Sources of the code cells of a notebook (nbformat 4), and its kernelspec.

    Raises:
        LiteEnvError: of `origin`'s class: it is not JSON, or beyond a bound of :mod:`lite_env.store.text`.
        KeyError, TypeError, AttributeError: it is no notebook.
    """
    document = parse_json(text, origin, nan=True)
    cells = ["".join(cell["source"]) for cell in document.get("cells", []) if cell.get("cell_type") == "code"]
    metadata = document.get("metadata", {})
    spec = metadata.get("kernelspec", {})
    language = spec.get("language") or metadata.get("language_info", {}).get("name")
    return Notebook(
        cells=tuple(cell for cell in cells if cell.strip()),
        kernel=str(spec.get("name") or ""),
        language=str(language or ""),
    )


def _trace(client: KernelClient) -> TraceEnvelope:
    return client.ask(AskTrace(), TraceEnvelope)


def _failure(result: ExecuteResult) -> str:
    if not result.ename:
        return "the kernel did not run it"
    return f"{result.ename}: {result.evalue}".splitlines()[0]
