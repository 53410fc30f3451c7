"""Run in the kernel that a package is tested in: calls of these functions ask for one thing each.

Only the standard library is there for certain.
"""

from __future__ import annotations

import importlib
import os
import runpy
import sys


def import_all(names: list[str]) -> None:
    """Import modules."""
    for name in names:
        importlib.import_module(name)


def run_command(words: list[str], folder: str) -> None:
    """Do in `folder` what `python …` or `pytest …` would do in a shell.

    Raises:
        RuntimeError: it ended with another code than 0.
    """
    folder_before, arguments, path = os.getcwd(), sys.argv[:], sys.path[:]
    os.chdir(folder)
    try:
        code = _pytest(words[1:]) if words[0] == "pytest" else _python(words[1:])
    finally:
        os.chdir(folder_before)
        sys.argv[:], sys.path[:] = arguments, path
    if code not in (None, 0):
        raise RuntimeError(f"{' '.join(words)} ended with {code!r}")


def _pytest(arguments: list[str]) -> int:
    import pytest

    sys.path.insert(0, "")
    # Nothing is kept between two runs.
    return int(pytest.main(["-p", "no:cacheprovider", *arguments]))


def _python(arguments: list[str]) -> object:
    while len(arguments) > 1 and arguments[0].startswith("-") and arguments[0] not in ("-c", "-m"):
        arguments = arguments[1:]
    what = arguments[1] if arguments[0] in ("-c", "-m") else arguments[0]
    if arguments[:2] == ["-m", "pytest"]:
        return _pytest(arguments[2:])
    try:
        if arguments[0] == "-c":
            sys.argv[:] = ["-c", *arguments[2:]]
            sys.path.insert(0, "")
            exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})
        elif arguments[0] == "-m":
            sys.argv[:] = arguments[1:]
            sys.path.insert(0, os.getcwd())
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            sys.argv[:] = arguments
            sys.path.insert(0, os.path.dirname(os.path.abspath(what)))
            runpy.run_path(what, run_name="__main__")
    except SystemExit as end:
        return end.code
    return None
