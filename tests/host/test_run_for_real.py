"""`lite-env run` with real kernels in Node."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import nbformat
import pytest

from lite_env.bootstrap import runtime_dir
from lite_env.errors import KernelStartError, KernelTimeoutError
from lite_env.host.engine import ErrorEnvelope
from lite_env.host.node import NodeEngine
from lite_env.host.run import RunOptions, run_code, start_kernel
from tests.command_line import Command, lite_env
from tests.endless import endless

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
    # One kernel is shared by many tests of this file.
]
LOOP = endless("print('looping', flush=True)")


@pytest.fixture(scope="module")
def python(numpy_pack):
    with start_kernel(numpy_pack, options=RunOptions()) as running:
        yield running


def notebook(path, *sources: str):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=cells)))
    return path


def test_numpy_runs(numpy_pack):
    ended = lite_env("run", numpy_pack, "--figures", "-c", "import numpy\nprint(numpy.arange(3))\nnumpy.ones(2)")
    assert (ended.code, ended.out) == (0, "[0 1 2]\narray([1., 1.])\n")
    assert ended.err.startswith("25 packages, ")
    assert " MB in 6 requests before the first cell, " in ended.err


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("process.exit(3)", "the worker has ended with exit code 3: the program ended it"),
        ("setTimeout(() => { throw new Error('broken') })", "running the worker failed: Error: broken"),
    ],
)
def test_a_worker_that_ends_is_missed_at_once_and_once(tmp_path, end, told):
    shutil.copy(runtime_dir() / "node-host.mjs", tmp_path)
    worker = f"import {{ parentPort }} from 'node:worker_threads';\nparentPort.on('message', () => {end});\n"
    (tmp_path / "node-worker.mjs").write_text(worker)
    engine = NodeEngine(tmp_path, runtime=tmp_path)
    engine.start(kernel=None, env={})
    try:
        envelope = engine.receive(20)
        assert isinstance(envelope, ErrorEnvelope)
        assert (envelope.error.message, envelope.fatal) == (told, True)
        assert engine.receive(0.5) is None
    finally:
        engine.close()


def test_a_file_that_fails(numpy_pack, tmp_path):
    file = tmp_path / "analysis.py"
    file.write_text("import sys\ndef f(x):\n    return 1 / x\nprint('π', file=sys.stderr)\nf(0)\n")
    ended = lite_env("run", numpy_pack, file)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("π\n")
    assert f"File {file}, line 5" in ended.err
    assert f"File {file}, line 3, in f(x)" in ended.err
    assert ended.err.endswith("ZeroDivisionError: division by zero\n")
    assert "\x1b" not in ended.err


def test_input_takes_the_lines_of_stdin(numpy_pack):
    code = "import getpass\nname = input('name? ')\nsecret = getpass.getpass('secret? ')\n[name, secret]"
    ended = lite_env("run", numpy_pack, "-c", code, stdin="Ada Ü\nxyz\n")
    assert (ended.code, ended.out, ended.err) == (0, "['Ada Ü', 'xyz']\n", "name? secret? ")


def test_ctrl_c_interrupts_the_cell(numpy_pack):
    command = Command("run", numpy_pack, "-c", LOOP)
    command.wait_for(lambda: "looping" in command.out())
    command.interrupt()
    ended = command.end()
    assert ended.code == 130
    assert "press Ctrl-C again" in ended.err
    assert "KeyboardInterrupt" in ended.err
    assert "----> 3 " in ended.err or "----> 2 " in ended.err


def test_a_cell_may_catch_ctrl_c(numpy_pack):
    caught = (
        f"try:\n    {LOOP.strip().replace(chr(10), chr(10) + '    ')}\nexcept KeyboardInterrupt:\n    print('caught')"
    )
    command = Command("run", numpy_pack, "-c", caught)
    command.wait_for(lambda: "looping" in command.out())
    command.interrupt()
    ended = command.end()
    assert (ended.code, ended.out) == (0, "looping\ncaught\n")


def test_ctrl_c_at_a_question_interrupts_the_cell(numpy_pack):
    code = "try:\n    input('name? ')\nexcept KeyboardInterrupt:\n    print('caught')"
    command = Command("run", numpy_pack, "-c", code)
    command.wait_for(lambda: "name?" in command.err())
    command.interrupt()
    ended = command.end()
    assert (ended.code, ended.out) == (0, "caught\n")


def test_a_second_ctrl_c_ends_a_cell_that_does_not_listen(lua_pack):
    command = Command("run", lua_pack, "-c", "print('looping') while true do end")
    command.wait_for(lambda: "looping" in command.out())
    command.interrupt()
    command.wait_for(lambda: "press Ctrl-C again" in command.err())
    command.interrupt()
    ended = command.end()
    assert ended.code == 130
    assert ended.err.endswith("interrupted\n")


def test_ctrl_c_during_the_start_ends_it(numpy_pack):
    command = Command("run", numpy_pack, "-c", "print('never')")
    command.wait_for(lambda: any("node-host" in line for line in command.descendants().values()))
    command.interrupt()
    ended = command.end()
    assert (ended.code, ended.out, ended.err.strip()) == (130, "", "interrupted")


def test_ctrl_c_is_not_for_a_run_in_the_background(lua_pack):
    command = Command("run", lua_pack, "-c", "print('asking') print(io.read())", in_background=True)
    command.wait_for(lambda: "asking" in command.out())
    command.interrupt()
    command.write("answered\n")
    ended = command.end()
    assert (ended.code, ended.out, ended.err) == (0, "asking \nanswered \n", "")


def test_a_cell_that_runs_too_long(numpy_pack):
    ended = lite_env("run", numpy_pack, "--timeout", "1", "-c", LOOP)
    assert ended.code == 1
    assert "KeyboardInterrupt" in ended.err
    assert "error: the cell ran longer than 1 seconds\n  kernel: was interrupted\n" in ended.err


@pytest.mark.slow
def test_a_cell_of_a_notebook_that_runs_too_long_is_named(lua_pack, tmp_path):
    path = notebook(tmp_path / "n.ipynb", "print('a')", "while true do end")
    ended = lite_env("run", lua_pack, "--timeout", "1", path)
    assert (ended.code, ended.out.strip()) == (1, "a")
    assert f"error: cell 2 of 2 of {path} ran longer than 1 seconds\n" in ended.err
    assert "kernel: does not react to an interrupt" in ended.err


@pytest.fixture
def work(tmp_path):
    """A folder as people have it: a notebook's data and helper beside it, and something that is not for it."""
    folder = tmp_path / "work"
    folder.mkdir()
    (tmp_path / "secret").write_text("SECRET")
    (folder / "out").symlink_to("../secret")
    (folder / "data.csv").write_text("a,b\n1,2\n")
    (folder / "helper.py").write_text("def double(x):\n    return 2 * x\n")
    return folder


BESIDE = """import helper, os
rows = open('data.csv').read().split()
print(os.getcwd(), rows, helper.double(21))
with open('made.bin', 'wb') as file:
    file.write(bytes(range(256)) * 20000)
for way in ('out', '../secret', '/drive/../secret'):
    try:
        print(open(way).read())
    except OSError as error:
        print(type(error).__name__)
"""


def test_a_notebook_reads_and_writes_beside_itself_and_nowhere_else(numpy_pack, work):
    ended = lite_env("run", numpy_pack, notebook(work / "n.ipynb", BESIDE), "--inplace")
    assert (ended.code, ended.out.splitlines()) == (
        0,
        ["/drive ['a,b', '1,2'] 42", *["FileNotFoundError"] * 3],
    ), ended.err
    assert (work / "made.bin").read_bytes() == bytes(range(256)) * 20000
    assert (work / "out").is_symlink()


def test_a_file_has_its_folder_and_code_has_none_unless_it_is_given_one(numpy_pack, work):
    (work / "analysis.py").write_text("print(open('data.csv').read())")
    look = "import os; print(os.getcwd(), os.path.exists('/drive/data.csv'))"
    assert lite_env("run", numpy_pack, work / "analysis.py").out == "a,b\n1,2\n\n"
    assert lite_env("run", numpy_pack, "-c", look).out == "/ False\n"
    assert lite_env("run", numpy_pack, "--drive", work, "-c", look).out == "/drive True\n"


def test_what_is_written_to_a_descriptor_and_the_page_of_a_question_mark_are_shown(numpy_pack):
    code = "import os\nos.write(1, b'line\\nrest')\nos.write(2, b'complaint\\n')\nlen?"
    ended = lite_env("run", numpy_pack, "-c", code)
    assert ended.code == 0
    assert ended.out.startswith("line\nrest")
    assert "Return the number of items in a container." in ended.out
    assert ended.err == "complaint\n"


def test_a_reader_that_has_enough_ends_the_run_quietly(numpy_pack):
    code = "for i in range(100000):\n    print(i)"
    command = f"exec 3>&1; ({sys.executable} -m lite_env run {numpy_pack} -c '{code}' 2>&3; echo left >&3) | head -1"
    ended = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    assert sorted(ended.stdout.splitlines()) == ["0", "left"]
    assert ended.stderr == ""


def test_a_notebook_is_run_and_written(numpy_pack, tmp_path):
    path = notebook(
        tmp_path / "n.ipynb",
        "import numpy\nprint('a')\nprint('b')\nnumpy.arange(2)",
        "from IPython.display import display, HTML\nhandle = display(HTML('<b>1</b>'), display_id=True)",
        "handle.update(HTML('<b>2</b>'))",
        "1 / 0",
        "print('never')",
    )
    done = tmp_path / "done.ipynb"
    ended = lite_env("run", numpy_pack, path, "--output", done)
    assert ended.code == 1
    assert f"{path}: cell 4 of 5 failed" in ended.err
    written = nbformat.read(done, as_version=4)
    nbformat.validate(written)
    first, second, third, fourth, fifth = written.cells
    assert first.outputs[0] == {"output_type": "stream", "name": "stdout", "text": "a\nb\n"}
    assert first.outputs[1].data["text/plain"] == "array([0, 1])"
    assert second.outputs[0].data["text/html"] == "<b>2</b>"
    assert third.outputs == []
    assert fourth.outputs[0].output_type == "error"
    assert (fifth.outputs, fifth.execution_count) == ([], None)
    assert [cell.execution_count for cell in written.cells] == [1, 2, 3, 4, None]
    assert written.metadata.language_info.name == "python"


def test_the_client_asks_a_real_kernel(python):
    client = python.client
    assert python.kernel.name == "xpython"
    assert client.kernel_info()["language_info"]["version"].startswith("3.11")
    assert "print" in client.complete("pri", 3)["matches"]
    assert client.inspect("len", 3)["found"]
    before = client.figures()
    assert client.execute("x = 20").status == "ok"
    result = client.execute("x + 1")
    assert result.outputs[-1].content["data"]["text/plain"] == "21"
    assert client.figures().requests >= before.requests
    failed = client.execute("undefined_name")
    assert (failed.status, "NameError" in failed.ename) == ("error", True)


@pytest.mark.parametrize(
    ("code", "name", "text"),
    [
        ("import threading; threading.Thread(target=print).start()", "RuntimeError", "a browser has no threads"),
        ("import concurrent.futures as f; f.ThreadPoolExecutor().submit(print)", "RuntimeError", "no threads"),
        ("import micropip", "ModuleNotFoundError", "needs micropip in the environment file"),
        ("from piplite import install", "ModuleNotFoundError", "`%pip install NAME` does not need it"),
        ("import importlib.util as u; 1 / bool(u.find_spec('micropip'))", "ZeroDivisionError", "division"),
        ("import subprocess; subprocess.run(['ls'])", "OSError", "emscripten does not support processes"),
    ],
)
def test_what_a_browser_lacks_is_said(python, code, name, text):
    result = python.client.execute(code)
    assert (result.status, result.ename) == ("error", name)
    assert text in result.evalue


def test_a_kernel_lives_on_after_an_interrupt_and_a_limit(python):
    client = python.client
    shown = []

    def stop(message):
        # Once: the line and its end are two messages, and a second interrupt would hit what shows the traceback.
        if not shown:
            client.interrupt()
        shown.append(message)

    result = client.execute(LOOP, on_output=lambda message: message.type == "stream" and stop(message))
    assert (result.status, result.interrupted) == ("error", True)
    with pytest.raises(KernelTimeoutError, match=r"longer than 0\.5 seconds"):
        client.execute("while True: pass", timeout=0.5)
    assert client.execute("1 + 1").status == "ok"


def test_no_interrupt_of_a_tight_loop_is_lost(python):
    """CPython reads and clears the signal in two steps, every microsecond: of a hundred, some come in between."""
    for _ in range(60):
        press = threading.Timer(0.05, python.client.interrupt)
        press.start()
        assert "KeyboardInterrupt" in python.client.execute("while True: pass", timeout=30).ename
        press.join()


def test_lua_speaks_the_same_way(lua_pack, tmp_path):
    file = tmp_path / "hello.lua"
    file.write_text("print('hello', 6 * 7)\nerror('boo')\n")
    ended = lite_env("run", lua_pack, "--kernel", "xlua", file)
    assert ended.code == 1
    assert ended.out.split() == ["hello", "42"]
    assert "boo" in ended.err
    # The error, and that the folder of the file could not be shown.
    assert len(ended.err.splitlines()) == 2


def test_json_is_a_message_a_line(lua_pack):
    ended = lite_env("run", lua_pack, "--json", "-c", "print('a')")
    messages = [json.loads(line) for line in ended.out.splitlines()]
    kinds = [message["header"]["msg_type"] for message in messages]
    assert (ended.code, ended.err) == (0, "")
    assert kinds[0] == "status"
    assert kinds[-1] == "status"
    assert {"stream", "execute_reply"} <= set(kinds)


def test_input_without_stdin_is_an_error(lua_pack):
    ended = lite_env("run", lua_pack, "-c", "io.read()")
    assert ended.code == 1
    assert "error: the cell asks for input, but stdin has no more lines\n" in ended.err
    assert "\nhint: " in ended.err


def test_an_unknown_kernel_is_refused(lua_pack):
    ended = lite_env("run", lua_pack, "--kernel", "julia", "-c", "1")
    assert (ended.code, ended.out) == (1, "")
    assert "no kernel called 'julia'" in ended.err
    assert "hint: it has: xlua (lua)" in ended.err.lower()
    assert lite_env("run", lua_pack).out.lower().startswith("xlua\tlua\t")


def test_a_process_that_is_killed_in_a_cell_ends_the_run_at_once(lua_pack):
    command = Command("run", lua_pack, "-c", "print('looping') while true do end")
    command.wait_for(lambda: "looping" in command.out())
    (node,) = [pid for pid, line in command.descendants().items() if "node-host" in line]
    os.kill(node, signal.SIGKILL)
    began = time.monotonic()
    ended = command.end()
    assert time.monotonic() - began < 30  # and not the minutes of a time limit
    assert ended.code == 1
    assert "error: the Node.js process of the kernel was ended by signal 9" in ended.err


def test_the_kernel_ends_with_a_host_that_is_killed(lua_pack):
    command = Command("run", lua_pack, "-c", "print('looping') while true do end")
    command.wait_for(lambda: "looping" in command.out())
    command.process.kill()
    assert command.end().code == -9


@pytest.fixture
def broken_pack(lua_pack, tmp_path):
    return shutil.copytree(lua_pack, tmp_path / "pack")


def test_a_corrupt_file_of_the_pack_is_named(broken_pack):
    (wasm,) = broken_pack.glob("kernels/**/*.wasm.zst")
    data = bytearray(wasm.read_bytes())
    data[len(data) // 2] ^= 1
    wasm.write_bytes(data)
    with pytest.raises(KernelStartError, match="the kernel cannot start") as caught:
        run_code(broken_pack, "print(1)", options=RunOptions())
    context = dict(caught.value.context)
    assert context["file"] == wasm.relative_to(broken_pack).as_posix()
    assert context["reported_as"] == "HashMismatch"
    assert caught.value.hint


def test_a_missing_file_of_the_pack_is_named(broken_pack):
    (script,) = broken_pack.glob("kernels/**/*.js.zst")
    script.unlink()
    with pytest.raises(KernelStartError) as caught:
        run_code(broken_pack, "print(1)", options=RunOptions())
    assert dict(caught.value.context)["reported_as"] == "FileMissing"


def test_a_start_that_takes_too_long_is_ended(numpy_pack):
    with pytest.raises(KernelTimeoutError, match="did not start within 0.2 seconds"):  # noqa: RUF043
        run_code(numpy_pack, "print(1)", options=RunOptions(start_timeout=0.2))


def test_a_node_that_is_not_there(lua_pack):
    ended = lite_env("run", lua_pack, "-c", "print(1)", LITE_ENV_NODE="/nowhere/node")
    assert ended.code == 1
    assert "error: `/nowhere/node` could not be run: No such file or directory" in ended.err
