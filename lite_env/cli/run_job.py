"""What `lite-env run` was asked for: which code, for which kernel, with which folder; nothing is started here."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lite_env.errors import HostError
from lite_env.host.choose import Wish, language_of_file
from lite_env.store.refusals import refusal

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from lite_env.progress import Reporter


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What is to be run and where its outputs go.

    Attributes:
        code: to be run as one cell; None for a notebook.
        file: where the code was read; None for stdin and the command line.
        notebook: as it was read; None for code.
        path: of the notebook.
        output: where the executed notebook goes.
        wish: for which kernel it is.
        drive: the folder that the kernel gets.
        asked_drive: whether the user said which, or that there shall be none.
        timeout: seconds a cell; None for no limit.
        allow_errors: whether a notebook goes on after a failing cell.
        json: whether messages are printed instead of text.
        figures: whether to say what it has cost.
    """

    code: str | None = None
    file: Path | None = None
    notebook: NotebookNode | None = None
    path: Path | None = None
    output: Path | None = None
    wish: Wish
    drive: Path | None = None
    asked_drive: bool = False
    timeout: float | None = None
    allow_errors: bool = False
    json: bool = False
    figures: bool = False

    @property
    def name(self) -> str:
        """What the code is called in messages."""
        return str(self.path or self.file or "the cell")


def job_of(common: Job, *, source: str | None, code: str | None, inplace: bool, reporter: Reporter) -> Job:
    """The job for a file (``-``: stdin) or for code on the command line; files are read here.

    Args:
        common: what does not depend on the source.
        source: as the user named it.
        code: of the command line.
        inplace: whether the notebook is written over itself.
        reporter: told what a reader of notebooks warns of.

    Raises:
        click.UsageError: the options do not belong together.
        HostError: the file cannot be read.
    """
    if source is not None and code is not None:
        raise click.UsageError("give either a file (or `-` for stdin) or `-c CODE`")
    if common.output is not None and inplace:
        raise click.UsageError("`--output` and `--inplace` exclude each other")
    if source is not None and source.endswith(".ipynb"):
        return _notebook_job(common, Path(source), inplace=inplace, reporter=reporter)
    if common.output is not None or inplace or common.allow_errors:
        raise click.UsageError("`--output`, `--inplace` and `--allow-errors` are for notebooks (`.ipynb`)")
    if source is None:
        return replace(common, code=code)
    if source == "-":
        return replace(common, code=_decode(sys.stdin.buffer.read(), "stdin"))
    file = Path(source)
    wish = replace(common.wish, code=source, language=language_of_file(source))
    return _beside(replace(common, code=_decode(_read(file), source), file=file, wish=wish), file)


def _notebook_job(common: Job, path: Path, *, inplace: bool, reporter: Reporter) -> Job:
    from lite_env.host.notebook import read_notebook, wish_of  # noqa: PLC0415 - nbformat is slow to import

    notebook = read_notebook(path, reporter=reporter)
    wish = replace(wish_of(notebook), code=str(path), name=common.wish.name)
    output = path if inplace else common.output
    return _beside(replace(common, notebook=notebook, path=path, output=output, wish=wish), path)


def _beside(job: Job, file: Path) -> Job:
    """With the file's own folder as the drive, unless the user has decided; a pipe such as ``/dev/fd/3`` has none."""
    return job if job.asked_drive or not file.is_file() else replace(job, drive=file.parent)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise refusal(HostError, "the file cannot be read", error, file=file) from error


def _decode(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise HostError(f"the code is not UTF-8 text: {error}", hint="save it as UTF-8", file=file) from error
