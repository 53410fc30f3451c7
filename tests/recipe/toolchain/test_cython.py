"""What the wrapper of cython takes out of what cython wrote."""

from __future__ import annotations

import runpy
import subprocess
import sys

import pytest

from lite_env.recipe.toolchain.packages import FILES

# What Cython itself writes of a source that it was given by its whole path, in short.
STAND_IN = """\
import sys
def setuptools_main():
    words = sys.argv[1:]
    if "--fail" in words:
        sys.exit(3)
    with open(words[words.index("-o") + 1], "w") as file:
        file.write('static const char *f[] = {"%s"};' % words[-1])
"""


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "lib" / "Cython" / "Compiler"
    folder.mkdir(parents=True)
    (folder / "Main.py").write_text(STAND_IN, encoding="utf-8")
    return tmp_path / "lib"


def call(package, folder, *words, **environment):
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(FILES / "run_cython.py"), *words]
    return subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": str(package), **environment}, capture_output=True, check=False
    )


def test_no_folder_of_the_build_is_in_what_is_written(package, tmp_path):
    build = tmp_path / "work" / ".mesonpy-x1"
    done = call(package, build, "-3", "-o", "a.c", f"{build}/a.pyx", SRC_DIR=str(tmp_path / "work"))
    assert done.returncode == 0, done.stderr
    assert '{"src_dir/a.pyx"}' in (build / "a.c").read_text(encoding="utf-8")
    done = call(package, build, "-o", "b.c", f"{tmp_path}/work/b.pyx", SRC_DIR=str(tmp_path / "work"))
    assert '{"src_dir/b.pyx"}' in (build / "b.c").read_text(encoding="utf-8")


def test_it_ends_as_cython_does(package, tmp_path):
    assert call(package, tmp_path / "work", "--fail").returncode == 3


def test_only_outputs_that_are_there_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written = runpy.run_path(str(FILES / "run_cython.py"))["written"]
    (tmp_path / "a.c").touch()
    assert [file.name for file in written(["-o", "a.c", "--output-file", "none.c", "-X", "a=1", "a.pyx"])] == ["a.c"]
