"""`lite-env run --engine chromium` with real kernels in a real headless Chromium."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time

import nbformat
import pytest

from lite_env.errors import HostError, KernelStartError
from lite_env.host.run import RunOptions, run_code, start_kernel
from tests.command_line import Command, lite_env
from tests.endless import endless

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]
CHROMIUM = ("--engine", "chromium")
LUA_LOOP = "print('looping') while true do end"


def browser_processes(command: Command, kind: str) -> list[int]:
    return [pid for pid, line in command.descendants().items() if kind in line]


def test_numpy_runs_and_input_is_answered(numpy_pack):
    code = "import numpy\nprint(numpy.arange(3) * int(input('factor? ')))\n1 / 0"
    ended = lite_env("run", numpy_pack, *CHROMIUM, "-c", code, stdin="2\n")
    assert (ended.code, ended.out) == (1, "[0 2 4]\n")
    assert ended.err.startswith("factor? ")
    assert ended.err.endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.slow
def test_a_notebook_reads_and_writes_beside_itself_and_nowhere_else(numpy_pack, tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    (tmp_path / "secret").write_text("SECRET")
    (folder / "out").symlink_to("../secret")
    (folder / "data.csv").write_text("a,b")
    code = (
        "import os\nprint(os.getcwd(), open('data.csv').read(), open('made', 'w').write('x'))\n"
        "try:\n    open('out')\nexcept OSError as error:\n    print(type(error).__name__)\nos.write(1, b'raw')"
    )
    path = folder / "n.ipynb"
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])))
    ended = lite_env("run", numpy_pack, *CHROMIUM, path)
    assert (ended.code, ended.out) == (0, "/drive a,b 1\nFileNotFoundError\n3\nraw"), ended.err
    assert (folder / "made").read_text() == "x"


def test_ctrl_c_interrupts_the_cell(numpy_pack):
    command = Command("run", numpy_pack, *CHROMIUM, "-c", endless("print('looping', flush=True)"))
    command.wait_for(lambda: "looping" in command.out())
    command.interrupt()
    ended = command.end()
    assert ended.code == 130
    assert "KeyboardInterrupt" in ended.err


def test_a_second_ctrl_c_ends_a_cell_that_does_not_listen(lua_pack):
    command = Command("run", lua_pack, *CHROMIUM, "-c", LUA_LOOP)
    command.wait_for(lambda: "looping" in command.out())
    command.interrupt()
    command.wait_for(lambda: "press Ctrl-C again" in command.err())
    command.interrupt()
    assert command.end().code == 130


@pytest.mark.slow
def test_a_worker_that_a_program_closes_is_missed_at_once(numpy_pack):
    code = "import pyjs\npyjs.js.close()\nprint('closed')"
    ended = lite_env("run", numpy_pack, *CHROMIUM, "--timeout", "60", "-c", code)
    assert ended.code == 1
    assert "the kernel has stopped: the worker has ended without a word" in ended.err


def test_ctrl_c_during_the_start_ends_it(lua_pack):
    command = Command("run", lua_pack, *CHROMIUM, "-c", "print('never')")
    command.wait_for(lambda: browser_processes(command, "--headless") != [])
    command.interrupt()
    ended = command.end()
    assert (ended.code, ended.out) == (130, "")


def test_a_notebook_is_run_and_written(lua_pack, tmp_path):
    path = tmp_path / "n.ipynb"
    cells = [nbformat.v4.new_code_cell(source) for source in ("x = 6", "print(x * 7)")]
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=cells)))
    ended = lite_env("run", lua_pack, *CHROMIUM, path, "--inplace")
    assert ended.code == 0, ended.err
    written = nbformat.read(path, as_version=4)
    nbformat.validate(written)
    assert written.cells[1].outputs[0].text.strip() == "42"
    assert written.metadata.language_info.name == "lua"


def test_the_client_asks_a_real_kernel(lua_pack):
    with start_kernel(lua_pack, options=RunOptions(engine="chromium")) as running:
        assert running.client.kernel_info()["language_info"]["name"] == "lua"
        assert running.client.execute("y = 2").status == "ok"
        assert running.client.execute("error('boo')").status == "error"
        assert running.client.execute("print(y)").outputs[-1].type == "stream"
        assert running.client.figures().requests == running.ready.figures.requests


def test_a_browser_that_is_killed_in_a_cell_ends_the_run_at_once(lua_pack):
    command = Command("run", lua_pack, *CHROMIUM, "-c", LUA_LOOP)
    command.wait_for(lambda: "looping" in command.out())
    began = time.monotonic()
    # The browser's own process is the one without a type.
    browsers = [
        pid
        for pid, line in command.descendants().items()
        if "--headless" in line and "--type=" not in line and "crashpad" not in line
    ]
    for pid in browsers:
        os.kill(pid, signal.SIGKILL)
    ended = command.end()
    assert browsers != []
    assert time.monotonic() - began < 30  # and not the minutes of a time limit
    assert ended.code == 1
    assert "error: Chromium has ended unexpectedly" in ended.err


def test_a_page_that_crashes_in_a_cell_ends_the_run_at_once(lua_pack):
    command = Command("run", lua_pack, *CHROMIUM, "-c", LUA_LOOP)
    command.wait_for(lambda: "looping" in command.out())
    began = time.monotonic()
    for pid in browser_processes(command, "--type=renderer"):
        os.kill(pid, signal.SIGKILL)
    ended = command.end()
    assert time.monotonic() - began < 30  # and not the minutes of a time limit
    assert ended.code == 1
    assert "error: the page of the kernel has crashed" in ended.err


def test_the_browser_ends_with_a_host_that_is_killed(lua_pack):
    command = Command("run", lua_pack, *CHROMIUM, "-c", LUA_LOOP)
    command.wait_for(lambda: "looping" in command.out())
    command.process.kill()
    assert command.end().code == -9


def test_a_corrupt_file_of_the_pack_is_named(lua_pack, tmp_path):
    pack = shutil.copytree(lua_pack, tmp_path / "pack")
    (wasm,) = pack.glob("kernels/**/*.wasm.zst")
    data = bytearray(wasm.read_bytes())
    data[len(data) // 2] ^= 1
    wasm.write_bytes(data)
    with pytest.raises(KernelStartError, match="the kernel cannot start") as caught:
        run_code(pack, "print(1)", options=RunOptions(engine="chromium"))
    assert dict(caught.value.context)["file"] == wasm.relative_to(pack).as_posix()


def test_a_chromium_that_does_not_start_is_named(lua_pack, tmp_path, monkeypatch):
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\necho cannot open display >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("LITE_ENV_CHROMIUM", str(program))
    with pytest.raises(HostError, match="Chromium could not be driven") as caught:
        run_code(lua_pack, "print(1)", options=RunOptions(engine="chromium"))
    assert dict(caught.value.context)["file"] == str(program)
