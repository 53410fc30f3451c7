"""Runs a notebook's code cells in a packed kernel; reads and writes ``.ipynb`` through nbformat."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat.validator import ValidationError

from lite_env.errors import HostError
from lite_env.host.choose import Wish, same_language
from lite_env.host.outputs import CellOutputs, Displays
from lite_env.progress import SILENT
from lite_env.store.atomic import write_text
from lite_env.store.refusals import refusal
from lite_env.store.text import Origin, parse_json, read_bounded, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lite_env.host.client import KernelClient
    from lite_env.host.engine import Message
    from lite_env.host.request import ExecuteResult, InputRequest
    from lite_env.progress import Reporter

MAJOR = 4
EXPECTED_FAILURE_TAG = "raises-exception"
_MAX_BYTES = 256 << 20  # notebooks hold pictures
_HINT = "is it a Jupyter notebook (`.ipynb`) that Jupyter itself opens?"


@dataclass(frozen=True, kw_only=True, slots=True)
class NotebookRun:
    """How a run ended.

    Attributes:
        executed: code cells that were run.
        failed_cell: index in the notebook of the cell that ended the run; None when all ran.
        failure: how that cell ended.
    """

    executed: int
    failed_cell: int | None = None
    failure: ExecuteResult | None = None


def read_notebook(path: Path, *, reporter: Reporter = SILENT) -> nbformat.NotebookNode:
    """Read a notebook and check it against its schema; older formats are brought to version 4.

    Raises:
        HostError: it cannot be read, or is no valid notebook; says where it is not.
    """
    try:
        data = read_bounded(path, _origin(path))
    except OSError as error:
        raise refusal(HostError, "the notebook cannot be read", error, file=path) from error
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        notebook = _parse(data, path)
    for warning in caught:
        reporter.warn(f"{path}: {warning.message}")
    return notebook


def wish_of(notebook: nbformat.NotebookNode) -> Wish:
    """Which kernel a notebook is for: the one it names, and its language."""
    spec = notebook.metadata.get("kernelspec") or {}
    return Wish(spec=_text(spec, "name"), language=_language(notebook), strict=True)


def execute_notebook(
    client: KernelClient,
    notebook: nbformat.NotebookNode,
    *,
    allow_errors: bool = False,
    timeout: float | None = None,
    on_output: Callable[[Message], None] | None = None,
    on_input: Callable[[InputRequest], str] | None = None,
    on_result: Callable[[int, ExecuteResult], None] | None = None,
    name: str = "the notebook",
) -> NotebookRun:
    """Run the code cells in order and put their outputs into `notebook`.

    Outputs of an earlier run are dropped first; what the notebook says of its language stays where the kernel speaks
    another one. The first cell that fails ends the run, unless `allow_errors` is set or
    the cell has the tag ``raises-exception``; a cell that was interrupted always ends it.

    Args:
        client: of a kernel that is ready.
        notebook: changed in place.
        allow_errors: go on after a failing cell.
        timeout: seconds a cell; None waits for ever.
        on_output: called with each output message.
        on_input: answers the kernel's questions.
        on_result: called with index and result of each cell, also of those that fail.
        name: what the notebook is called in an error.

    Raises:
        HostError: the kernel died, or a cell took longer than `timeout`; the outputs so far are in `notebook`.
    """
    info = client.kernel_info().get("language_info") or {"name": "?"}
    told = _language(notebook)
    if told is None or same_language(told, str(info.get("name"))):
        notebook.metadata["language_info"] = nbformat.from_dict(info)
    cells = [(index, cell) for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    for _, cell in cells:
        cell.outputs, cell.execution_count = [], None
    displays = Displays()
    areas = {index: CellOutputs(displays) for index, _ in cells}
    executed = 0
    try:
        for index, cell in cells:
            if not cell.source.strip():
                continue
            take = _both(areas[index].add, on_output)
            which = f"cell {index + 1} of {len(notebook.cells)} of {name}"
            result = client.execute(cell.source, on_output=take, on_input=on_input, timeout=timeout, name=which)
            executed += 1
            cell.execution_count = result.execution_count
            if on_result is not None:
                on_result(index, result)
            if result.status == "ok":
                continue
            if result.interrupted or not (allow_errors or _may_fail(cell)):
                return NotebookRun(executed=executed, failed_cell=index, failure=result)
        client.drain()
    finally:
        # Only now: later cells may have updated what earlier ones show.
        for index, cell in cells:
            cell.outputs = [nbformat.from_dict(output) for output in areas[index].items]
    return NotebookRun(executed=executed)


def write_notebook(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook in one step.

    Raises:
        HostError: a kernel's output does not fit the notebook's schema, or the file cannot be written.
    """
    try:
        nbformat.validate(notebook)
        write_text(path, nbformat.writes(notebook, version=nbformat.NO_CONVERT).rstrip("\n") + "\n")
    except ValidationError as error:
        raise HostError(
            f"the executed notebook is not valid: {_reason(error)}",
            hint="an output of the kernel does not follow the notebook format; it was not written",
            file=str(path),
        ) from error
    except OSError as error:
        raise refusal(HostError, "the notebook cannot be written", error, file=path) from error


def _origin(path: Path) -> Origin:
    return Origin(what="the notebook", error=HostError, file=str(path), hint=_HINT, max_bytes=_MAX_BYTES)


def _parse(data: bytes, path: Path) -> nbformat.NotebookNode:
    # nbformat parses it once more; what is beyond a bound does not get there.
    parse_json(data, _origin(path), nan=True)
    try:
        notebook: nbformat.NotebookNode = nbformat.convert(nbformat.reader.reads(data.decode("utf-8-sig")), MAJOR)
        nbformat.validate(notebook)
    except ValidationError as error:
        raise HostError(f"the notebook is not valid: {_reason(error)}", hint=_HINT, file=str(path)) from error
    except Exception as error:
        # nbformat lets through whatever a wrong type leads to, for documents that are JSON but nothing like a notebook.
        raise HostError(f"the notebook is not valid: {shown(str(error))}", hint=_HINT, file=str(path)) from error
    return notebook


def _language(notebook: nbformat.NotebookNode) -> str | None:
    """What a notebook says of its language: its kernelspec first, which people and front ends choose."""
    told = _text(notebook.metadata.get("kernelspec"), "language")
    return told or _text(notebook.metadata.get("language_info"), "name")


def _text(part: Any, key: str) -> str | None:  # noqa: ANN401 - whatever a notebook has there
    value = part.get(key) if isinstance(part, dict) else None
    return value if isinstance(value, str) and value.strip() else None


def _reason(error: Any) -> str:  # noqa: ANN401 - nbformat is untyped
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in getattr(error, "absolute_path", ())]
    where = "".join(parts).lstrip(".")
    message = str(error.message).splitlines()[0]
    return f"{where}: {message}" if where else message


def _may_fail(cell: nbformat.NotebookNode) -> bool:
    return EXPECTED_FAILURE_TAG in (cell.metadata.get("tags") or ())


def _both(first: Callable[[Message], None], second: Callable[[Message], None] | None) -> Callable[[Message], None]:
    if second is None:
        return first

    def call(message: Message) -> None:
        first(message)
        second(message)

    return call
