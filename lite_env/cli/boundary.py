"""The error boundary: the one place where an error becomes text and an exit code.

Exit codes: 0 done; 1 the answer is no, or the input is wrong; 2 usage or an unexpected error.
"""

from __future__ import annotations

import os
import sys
import traceback

import click

from lite_env.cli.console import console_err
from lite_env.errors import LiteEnvError

EXIT_NO = 1
EXIT_UNEXPECTED = 2
EXIT_INTERRUPTED = 130


class Answer(Exception):  # noqa: N818 - not an error: the answer of a check is "no"
    """Raised by a command that did its work and whose answer is no; prints nothing more."""


def run_command(command: click.Command) -> None:
    """Run a click command and leave the process with the right exit code."""
    code = EXIT_UNEXPECTED
    try:
        command(standalone_mode=False)
        code = 0
    except click.exceptions.Exit as exit_:
        code = exit_.exit_code
    except click.ClickException as error:
        error.show()
        code = EXIT_UNEXPECTED
    except Answer:
        code = EXIT_NO
    except LiteEnvError as error:
        _show(error)
        code = EXIT_NO
    except (click.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)  # noqa: T201
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away: not our error, and there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_NO
    except BaseException as error:  # noqa: BLE001 - rattler raises PanicException, a BaseException
        _show_unexpected(error)
    _leave(code)


def format_error(error: LiteEnvError) -> str:
    """The text of an error: ``error: …``, where, an empty line, ``hint: …``."""
    lines = [f"error: {error.message}"]
    lines += [f"  {key.replace('_', ' ')}: {value}" for key, value in error.context]
    if error.hint:
        lines += ["", f"hint: {error.hint}"]
    return "\n".join(lines)


def _show(error: LiteEnvError) -> None:
    if _debugging():
        traceback.print_exception(error)
    head, _, rest = format_error(error).partition(": ")
    console_err().print(f"[bold red]{head}[/]:", end=" ", highlight=False)
    console_err().print(rest, highlight=False, markup=False, soft_wrap=True)


def _show_unexpected(error: BaseException) -> None:
    if _debugging():
        traceback.print_exception(error)
    summary = f"{type(error).__name__}: {error}"
    console_err().print(f"error: unexpected {summary}", highlight=False, markup=False, soft_wrap=True)
    console_err().print(
        "\nhint: this is a bug in lite_env; `lite-env --debug …` shows where", highlight=False, markup=False
    )


def _debugging() -> bool:
    return "--debug" in sys.argv[1:]


def _leave(code: int) -> None:
    """End the process without the interpreter's own shutdown.

    rattler's worker threads sometimes call into an interpreter that is already going down, which aborts a process
    whose work was done; flushing and leaving at once does not.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
