"""The error boundary: the one place where an error becomes text and an exit code.

Exit codes: 0 done; 1 the answer is no, or the input is wrong; 2 usage or an unexpected error; 130 and 143, as from a
shell, ended by SIGINT and SIGTERM.
"""

from __future__ import annotations

import io
import os
import select
import sys
import traceback
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from lite_env.cli.console import tell
from lite_env.cli.signals import Terminated
from lite_env.errors import LiteEnvError
from lite_env.store.plain import format_error
from lite_env.store.system import system_answer

if TYPE_CHECKING:
    from collections.abc import Iterator

EXIT_NO = 1
EXIT_UNEXPECTED = 2
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


class Answer(Exception):  # noqa: N818 - not an error: the answer of a check is "no"
    """Raised by a command that did its work and whose answer is no; prints nothing more."""


def run_command(command: click.Command) -> None:
    """Run a click command and leave the process with the right exit code."""
    _prepare_streams()
    code = EXIT_UNEXPECTED
    try:
        command(standalone_mode=False)
        sys.stdout.flush()  # while a failure can still be told
        code = 0
    except click.exceptions.Exit as exit_:
        code = exit_.exit_code
    except click.ClickException as error:
        _show_usage(error)
        code = EXIT_UNEXPECTED
    except Answer:
        code = EXIT_NO
    except LiteEnvError as error:
        show_error(error)
        code = EXIT_NO
    except (click.Abort, KeyboardInterrupt) as error:
        # click makes an abort of every interrupt.
        is_terminated = isinstance(error, Terminated) or isinstance(error.__cause__, Terminated)
        tell("terminated" if is_terminated else "interrupted")
        code = EXIT_TERMINATED if is_terminated else EXIT_INTERRUPTED
    except BaseException as error:  # noqa: BLE001 - rattler raises PanicException, a BaseException
        code = _answer_or_bug(error)
    _leave(code)


def _answer_or_bug(error: BaseException) -> int:
    # click makes an exit of every broken pipe that a command meets, whatever mode it is called in.
    if isinstance(error, BrokenPipeError | SystemExit) and _nobody_reads_stdout():
        # Not our error, and there is nobody to tell.
        return EXIT_NO
    answer = system_answer(error)
    if answer is None:
        _show_unexpected(error)
        return EXIT_UNEXPECTED
    show_error(answer, error)
    return EXIT_NO


def show_error(error: LiteEnvError, cause: BaseException | None = None) -> None:
    """Tell what went wrong, and what to do about it."""
    if _debugging():
        _show_traceback(cause or error)
    head, _, rest = format_error(error).partition(": ")
    tell(f": {rest}", label=head, style="bold red", whole=True)


def _show_unexpected(error: BaseException) -> None:
    if _debugging():
        _show_traceback(error)
    tell(f"error: unexpected {type(error).__name__}: {error}")
    tell("\nhint: this is a bug in lite_env; `lite-env --debug …` shows where")


def _show_usage(error: click.ClickException) -> None:
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    if ctx is not None:
        tell(f"{ctx.get_usage()}\nTry '{ctx.command_path} --help' for help.\n")
    tell(f"Error: {error.format_message()}")


def _show_traceback(error: BaseException) -> None:
    tell("".join(traceback.format_exception(error)).rstrip("\n"), whole=True)


def _debugging() -> bool:
    return "--debug" in sys.argv[1:]


def _leave(code: int) -> None:
    """End the process without the interpreter's own shutdown.

    rattler's worker threads sometimes call into an interpreter that is already going down, which aborts a process
    whose work was done; flushing and leaving at once does not.
    """
    for stream in (sys.stdout, sys.stderr):
        # What failed was told already, or there is nobody to tell.
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _prepare_streams() -> None:
    """Make sure that there are streams, and that they can say everything.

    A file that is opened gets the lowest free number: without this, what is meant for a closed stderr would go into
    an output. Nothing that is printed ends a program because the terminal's encoding lacks it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - for the whole run
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if type(sys.stdout) is io.TextIOWrapper:
        encoding, lines = sys.stdout.encoding, sys.stdout.line_buffering
        sys.stdout = _Stdout(sys.stdout.detach(), encoding, errors="backslashreplace", line_buffering=lines)


class _Stdout(io.TextIOWrapper):
    """Stdout whose errors say where they were: the system's errors of open files name no file."""

    def write(self, text: str, /) -> int:
        """Write, and name stdout where that fails."""
        with self._named():
            return super().write(text)

    def flush(self) -> None:
        """Write out what is in memory, and name stdout where that fails."""
        with self._named():
            super().flush()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            error.filename = "standard output"
            raise


def _nobody_reads_stdout() -> bool:
    """Whether it is our own stdout that is broken, and not a pipe to a child process."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return True
    except (OSError, ValueError):
        return False
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(1, 0)
    return any(state & (select.POLLERR | select.POLLHUP) for _, state in poll.poll(0))
