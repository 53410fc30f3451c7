"""Run in the kernel that a package is tested in: one test at a time, each told by name when it fails.

Only the standard library is there for certain. What lite_env asks comes as calls of these functions.
"""

import importlib
import os
import runpy
import sys
import traceback


def import_all(names):
    """Import modules."""
    for name in names:
        importlib.import_module(name)


def run_command(words, folder):
    """Run what would be `python …` or `pytest …` in a shell, in `folder`."""
    before = os.getcwd(), sys.argv[:], sys.path[:]
    os.chdir(folder)
    try:
        if words[0] == "pytest":
            _run_pytest(words[1:])
        else:
            _run_python(words[1:])
    finally:
        os.chdir(before[0])
        sys.argv[:], sys.path[:] = before[1:]


def _run_pytest(arguments):
    import pytest

    sys.path.insert(0, "")
    code = pytest.main(["-p", "no:cacheprovider", *arguments])
    if code:
        raise SystemExit(f"pytest ended with exit code {int(code)}")


def _run_python(arguments):
    flags = []
    while arguments and arguments[0].startswith("-") and arguments[0] not in ("-c", "-m"):
        flags.append(arguments.pop(0))
    if not arguments:
        raise SystemExit(f"there is nothing to run after {flags}")
    try:
        if arguments[0] == "-c":
            sys.argv[:] = ["-c", *arguments[2:]]
            sys.path.insert(0, "")
            exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})
        elif arguments[0] == "-m":
            if arguments[1] == "pytest":
                _run_pytest(arguments[2:])
                return
            sys.argv[:] = arguments[1:]
            sys.path.insert(0, os.getcwd())
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv[:] = arguments
            sys.path.insert(0, os.path.dirname(os.path.abspath(arguments[0])))
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        if end.code not in (None, 0):
            traceback.print_exc()
            raise RuntimeError(f"it ended with {end.code!r}") from None
