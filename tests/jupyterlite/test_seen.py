"""What is told past a Sphinx that keeps a build's output from sight; processes are folders that the tests make."""

from __future__ import annotations

import sys

import pytest

from lite_env.jupyterlite.seen import tell_past_silence

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of processes in files")


def process(folder, program: str):
    place = folder / "7"
    (place / "fd").mkdir(parents=True)
    (place / "cmdline").write_bytes(f"/usr/bin/python\0{program}\0docs".encode())
    (place / "fd" / "2").write_text("before\n")
    return place / "fd" / "2"


def test_lines_are_written_where_sphinx_says_what_it_has_to_say(tmp_path):
    stderr = process(tmp_path, "/venv/bin/sphinx-build")
    assert tell_past_silence(["the lock is stale", "\x1b[2J"], parent=7, processes=tmp_path)
    assert stderr.read_text() == "before\nlite-env: the lock is stale\nlite-env: \\x1b[2J\n"


def test_any_other_program_is_left_alone(tmp_path):
    stderr = process(tmp_path, "make")
    assert not tell_past_silence(["x"], parent=7, processes=tmp_path)
    assert stderr.read_text() == "before\n"


def test_nothing_is_said_twice_where_our_own_output_is_shown(tmp_path):
    stderr = process(tmp_path, "sphinx")
    stderr.unlink()
    stderr.symlink_to("/proc/self/fd/2")
    assert not tell_past_silence(["x"], parent=7, processes=tmp_path)


def test_a_system_that_refuses_ends_no_build(tmp_path):
    assert not tell_past_silence(["x"], parent=8, processes=tmp_path)
