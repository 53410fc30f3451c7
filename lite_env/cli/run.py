"""``lite-env run``: start a packed kernel for real and run code, a file or a notebook in it."""

from __future__ import annotations

import getpass
import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lite_env.cli.boundary import Answer
from lite_env.cli.console import print_json, reporter_of
from lite_env.cli.kernel_output import JsonPrinter, TextPrinter, write
from lite_env.cli.run_job import Job, job_of
from lite_env.cli.signals import handling
from lite_env.errors import HostError, KernelTimeoutError
from lite_env.host.choose import Wish, choose
from lite_env.host.network import network_of
from lite_env.host.run import (
    CELL_SECONDS,
    ENGINES,
    START_SECONDS,
    EngineName,
    RunningKernel,
    RunOptions,
    find_kernel,
    start_kernel,
)
from lite_env.pack.reader import read_index, read_manifest
from lite_env.store.location import cache_directory
from lite_env.workflow.cached import SNAPSHOTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from nbformat import NotebookNode

    from lite_env.host.client import KernelClient
    from lite_env.host.engine import Log, Message
    from lite_env.host.figures import Figures
    from lite_env.host.request import ExecuteResult, InputRequest
    from lite_env.progress import Reporter

_MEGA = 1e6


@click.command()
@click.argument("pack", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("source", required=False, metavar="[FILE.py | FILE.ipynb | -]")
@click.option("-c", "--code", help="Code to run, as one cell.")
@click.option("--engine", type=click.Choice(ENGINES), default="node", show_default=True, help="Where the kernel runs.")
@click.option("--kernel", metavar="NAME", help="Which kernel of the pack; default: the one that suits the code.")
@click.option(
    "--drive",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder that the kernel sees as /drive, to read and to write; default: the folder of the file.",
)
@click.option("--no-drive", is_flag=True, help="Give the kernel no folder.")
@click.option(
    "--network",
    multiple=True,
    metavar="none|all|HOST",
    help="Servers that the kernel may ask, in Node.js: `all` (default), `none`, or a host; may be repeated.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=CELL_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="Time limit a cell; 0: none.",
)
@click.option(
    "--start-timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=START_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="Time limit for the start.",
)
@click.option("--json", "as_json", is_flag=True, help="Print every message of the kernel, one JSON object a line.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the executed notebook here.")
@click.option("--inplace", is_flag=True, help="Write the executed notebook over the one that was read.")
@click.option("--allow-errors", is_flag=True, help="Go on after a cell of a notebook that fails.")
@click.option("--no-snapshot", is_flag=True, help="Start the kernel plainly, and keep no copy for the next start.")
@click.option("--figures", is_flag=True, help="Say on stderr what the start and the run have cost.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    pack: Path,
    source: str | None,
    code: str | None,
    engine: EngineName,
    kernel: str | None,
    drive: Path | None,
    no_drive: bool,
    network: tuple[str, ...],
    timeout: float,
    start_timeout: float,
    as_json: bool,
    output: Path | None,
    inplace: bool,
    allow_errors: bool,
    no_snapshot: bool,
    figures: bool,
) -> None:
    """Run code in a kernel of PACK, started for real in Node.js or in a headless Chromium.

    A file is run as one cell; `-` reads the code from stdin. A notebook is run cell by cell until one fails, in the
    kernel that it names, else in one of its language. The folder of the file is the kernel's /drive, where it starts.
    The kernel's stdout and results go to stdout, its stderr and tracebacks to stderr. Ctrl-C interrupts the cell, a
    second one ends the kernel. Without code, the kernels of PACK are listed.

    Exit code: 0; 1 if a cell failed; 130 if it was interrupted.

    \b
    Example:
      lite-env run site/env -c "import numpy; print(numpy.arange(3))"
      lite-env run site/env analysis.ipynb --output executed.ipynb
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    if drive is not None and no_drive:
        raise click.UsageError("`--drive` and `--no-drive` exclude each other")
    reporter = reporter_of(ctx)
    common = Job(
        output=output,
        wish=Wish(name=kernel),
        drive=drive,
        asked_drive=drive is not None or no_drive,
        timeout=timeout or None,
        allow_errors=allow_errors,
        json=as_json,
        figures=figures,
    )
    if source is None and code is None and not (output or inplace or allow_errors):
        _tell_kernels(pack, kernel, as_json=as_json)
        return
    job = job_of(common, source=source, code=code, inplace=inplace, reporter=reporter)
    choice = find_kernel(pack, job.wish)
    options = RunOptions(
        engine=engine,
        kernel=choice.kernel.name,
        start_timeout=start_timeout,
        drive=job.drive,
        network=network_of(network),
        snapshots=None if no_snapshot else cache_directory(SNAPSHOTS),
    )
    if choice.note is not None:
        reporter.note(choice.note)
    if choice.warning is not None:
        reporter.warn(choice.warning)
    debug = bool((ctx.find_root().obj or {}).get("debug"))
    _run(pack, job, options=options, reporter=reporter, debug=debug)


def _tell_kernels(pack: Path, name: str | None, *, as_json: bool) -> None:
    """Answer `run PACK`: the kernels there are, or the one of that name."""
    manifest = read_manifest(pack)
    wanted = manifest.kernels if name is None else (choose(manifest, Wish(name=name)).kernel,)
    if as_json:
        shown = [{"display_name": k.display_name, "language": k.language, "name": k.name} for k in wanted]
        print_json(shown)
        return
    for kernel in wanted:
        click.echo(f"{kernel.name}\t{kernel.language}\t{kernel.display_name}")


def _run(pack: Path, job: Job, *, options: RunOptions, reporter: Reporter, debug: bool) -> None:
    def log(entry: Log) -> None:
        if debug:
            reporter.note(f"{entry.level}: {entry.text}")

    printer = None if job.json else TextPrinter(file=str(job.file) if job.file else None)
    listen = JsonPrinter().show if job.json else None
    with (
        start_kernel(pack, options=options, on_message=listen, on_log=log, reporter=reporter) as running,
        _interrupting(running.client),
    ):
        if job.notebook is None:
            failure = _run_cell(running.client, job, printer)
        else:
            failure = _run_notebook(running.client, job.notebook, job, printer=printer, reporter=reporter)
        if job.figures:
            reporter.note(_figures_line(pack, running, running.client.figures()))
    # Of a folder that nobody asked for only those want to know whose code did not work.
    if job.drive is not None and not running.ready.drive and (job.asked_drive or failure is not None):
        reporter.note(f"the kernel {running.kernel.name} has no file system: it does not see '{job.drive}'")
    if failure is not None and failure.interrupted:
        raise KeyboardInterrupt
    if failure is not None:
        raise Answer


@contextmanager
def _showing(printer: TextPrinter | None) -> Iterator[Callable[[Message], None] | None]:
    """Gives the callback for outputs; a cell that ran too long still shows where the interrupt met it."""
    try:
        yield printer.show if printer else None
    except KernelTimeoutError:
        if printer is not None:
            printer.show_failure(None)
        raise


def _run_cell(client: KernelClient, job: Job, printer: TextPrinter | None) -> ExecuteResult | None:
    with _showing(printer) as show:
        code = job.code or ""
        result = client.execute(code, on_output=show, on_input=_ask_user, timeout=job.timeout, name=job.name)
        client.drain()
    if printer is not None:
        printer.show_pages(result)
    if result.status == "ok":
        return None
    if printer is not None:
        printer.show_failure(result)
    return result


def _run_notebook(
    client: KernelClient, notebook: NotebookNode, job: Job, *, printer: TextPrinter | None, reporter: Reporter
) -> ExecuteResult | None:
    from lite_env.host.notebook import execute_notebook, write_notebook  # noqa: PLC0415 - nbformat is slow to import

    def tell(index: int, result: ExecuteResult) -> None:
        if printer is not None:
            printer.show_pages(result)
        if result.status == "ok":
            return
        if printer is not None:
            printer.show_failure(result)
        reporter.note(f"{job.path}: cell {index + 1} of {len(notebook.cells)} failed")

    with _showing(printer) as show:
        outcome = execute_notebook(
            client,
            notebook,
            allow_errors=job.allow_errors,
            timeout=job.timeout,
            on_output=show,
            on_input=_ask_user,
            on_result=tell,
            name=job.name,
        )
    if job.output is not None:
        write_notebook(notebook, job.output)
        reporter.note(f"wrote {job.output} with the outputs of {outcome.executed} cells")
    return outcome.failure


def _ask_user(question: InputRequest) -> str:
    """Answer the kernel's `input()` with a line of our stdin, and its `getpass()` from the terminal without echo."""
    if question.password and sys.stdin.isatty():
        return getpass.getpass(question.prompt)
    # Not to stdout: that holds the data.
    write(sys.stderr, question.prompt)
    line = sys.stdin.readline()
    if not line:
        raise HostError(
            "the cell asks for input, but stdin has no more lines",
            hint="give the answers on stdin, one a line; a kernel cannot be told of an end of file",
            prompt=question.prompt or None,
        )
    return line.removesuffix("\n").removesuffix("\r")


@contextmanager
def _interrupting(client: KernelClient) -> Iterator[None]:
    """Let the first Ctrl-C interrupt the kernel, and the second one end the block with KeyboardInterrupt."""
    presses = 0

    def press(_signal: int, _frame: FrameType | None) -> None:
        nonlocal presses
        presses += 1
        # Out of `input()` the client takes the exception itself and interrupts the kernel.
        if presses > 1 or client.asking:
            raise KeyboardInterrupt
        client.interrupt()
        # sys.stderr may be in the middle of a write, and is not reentrant.
        os.write(2, b"\ninterrupting the kernel; press Ctrl-C again to end it\n")

    with handling(press, signal.SIGINT):
        yield


def _figures_line(pack: Path, running: RunningKernel, end: Figures) -> str:
    manifest, start = running.manifest, running.ready.figures
    files = len(read_index(pack, manifest).entries) + len(manifest.binaries)
    return (
        f"{len(manifest.environment.packages)} packages, {files} files, {manifest.total_size / _MEGA:.1f} MB; "
        f"{start.bytes / _MEGA:.1f} MB in {start.requests} requests before the first cell, "
        f"{end.bytes / _MEGA:.1f} MB in {end.requests} at the end; {_how(start)}"
    )


def _how(start: Figures) -> str:
    """How the kernel came, and how soon."""
    snapshot = start.snapshot
    if snapshot is None or snapshot.seconds is None:
        plainly = f", not restored: {snapshot.why}" if snapshot is not None and snapshot.why else ""
        return f"ready in {start.seconds:.1f} s{plainly}"
    preload = snapshot.preload
    names = ", ".join(preload.modules)
    modules = f" with {names}" if preload.done else f", without {names}: {preload.why}" if preload.why else ""
    return f"restored in {start.seconds:.1f} s{modules}"
