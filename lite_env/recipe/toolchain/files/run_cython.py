"""cython as meson calls it: what it writes names no folder of the build.

Cython puts the path of each source into what it makes, for tracebacks. meson gives it absolute ones, and some of them
lie in a folder with a name that is new in each build: without this, no two builds are equal, and the package tells
where it was built. (The file is not called cython: cython itself imports what is called so.)
"""

from __future__ import annotations

import os
import sys
from itertools import pairwise
from pathlib import Path

FOLDERS = ("SRC_DIR", "BUILD_PREFIX", "PREFIX")


def main(arguments: list[str]) -> int:
    """Let cython do what was asked, and take the folders out of what it wrote; the answer is the exit code."""
    from Cython.Compiler.Main import setuptools_main  # noqa: PLC0415 - of the environment that builds

    try:
        code = setuptools_main()
    except SystemExit as end:
        code = end.code
    if not code:
        for file in written(arguments):
            file.write_bytes(without_folders(file.read_bytes()))
    return code if isinstance(code, int) else 1 if code else 0


def written(arguments: list[str]) -> list[Path]:
    """The files that cython was told to write."""
    named = [Path(value) for word, value in pairwise(arguments) if is_output(word)]
    return [file for file in named if file.is_file()]


def is_output(word: str) -> bool:
    """Whether the word says that a file to write comes next."""
    return word in ("-o", "--output-file")


def without_folders(text: bytes) -> bytes:
    """The text with names in the place of the build's folders."""
    # The folder that the build runs in lies in one of the others: its own name goes with it.
    folders = [(str(Path.cwd()), "src_dir")]
    folders += [(os.environ[name], name.lower()) for name in FOLDERS if os.environ.get(name)]
    for folder, name in folders:
        text = text.replace(os.fsencode(folder), name.encode())
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
