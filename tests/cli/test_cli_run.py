"""The command's own work, on a fake engine; tests/host/test_run_for_real.py runs real kernels."""

from __future__ import annotations

import io
import json
import os
import signal

import click
import msgspec
import nbformat
import pytest
from click.testing import CliRunner

from lite_env.cli import run as command_module
from lite_env.cli.boundary import Answer
from lite_env.cli.main import cli
from lite_env.errors import HostError, KernelTimeoutError
from lite_env.host import run as run_module
from lite_env.host.client import KernelClient
from lite_env.host.engine import Interrupt, MessageEnvelope
from lite_env.host.request import ExecuteResult, InputRequest
from lite_env.pack.index import Index, IndexedFile
from lite_env.pack.manifest import (
    Environment,
    File,
    IndexFile,
    Kernel,
    KernelStart,
    Manifest,
    Mounts,
    RuntimeInfo,
)
from tests.fakes import FIGURES, FakeEngine, FakeKernel, idle, message

DIGEST = "0" * 64
FILES = tuple(
    File(
        role=role,
        name=role,
        path=f"kernels/{role}",
        source=f"bin/{role}",
        digest=DIGEST,
        raw_size=1,
        size=1,
        sha256=DIGEST,
    )
    for role in ("spec", "script", "wasm")
)


def kernel(name: str, language: str) -> Kernel:
    return Kernel(
        name=name,
        display_name=name.upper(),
        language=language,
        argv=("f",),
        runtime=RuntimeInfo(family="xeus", emscripten=None, python=None),
        files=FILES,
        start=KernelStart(),
    )


MANIFEST = Manifest(
    format="1.0",
    requires=(),
    generator="test",
    environment=Environment(
        name="e", platform="emscripten-wasm32", lock_digest=DIGEST, requested=(), variables={}, packages=()
    ),
    kernels=(kernel("fake", "python"),),
    archives=(),
    index=IndexFile(digest=DIGEST, raw_size=1, size=1, sha256=DIGEST),
    mounts=Mounts(),
)
TRACEBACK = "\x1b[0;31mE\x1b[0m: Cell \x1b[0;32mIn[1], line 2\x1b[0m"
PAGE = {"source": "page", "start": 0, "data": {"text/plain": "\x1b[31mSignature:\x1b[0m out()\n", "text/html": "<b>"}}
CELLS = {
    "out": [
        ("stream", {"name": "stdout", "text": "out\n"}),
        ("stream", {"name": "stderr", "text": "\x1b[1merr\x1b[0m\n"}),
        ("execute_result", {"data": {"text/plain": "42"}, "execution_count": 1}),
        ("display_data", {"data": {"image/png": "…", "text/html": "…"}}),
    ],
    "half": [
        ("stream", {"name": "stdout", "text": "half"}),
        ("execute_result", {"data": {"text/plain": "42"}, "execution_count": 1}),
        ("stream", {"name": "stdout", "text": "half"}),
    ],
    "fail": [
        ("error", {"ename": "E", "evalue": "v", "traceback": [TRACEBACK]}),
        ("reply", {"status": "error", "ename": "E", "evalue": "v", "traceback": [TRACEBACK]}),
    ],
    "fail quietly": [("reply", {"status": "error", "ename": "E", "evalue": "v"})],
    "abort": [("reply", {"status": "aborted"})],
    "out?": [("reply", {"status": "ok", "payload": [PAGE, {"source": "set_next_input", "text": "x"}, None]})],
}


@pytest.fixture
def engine(monkeypatch):
    fake = FakeEngine(FakeKernel(CELLS))
    monkeypatch.setattr(run_module, "_engine_of", lambda name, pack: fake)
    monkeypatch.setattr(run_module, "read_manifest", lambda pack: MANIFEST)
    return fake


@pytest.fixture
def two_kernels(engine, monkeypatch):
    both = msgspec.structs.replace(MANIFEST, kernels=(kernel("xlua", "Lua"), kernel("xpython", "python")))
    for module in (run_module, command_module):
        monkeypatch.setattr(module, "read_manifest", lambda pack: both)
    return engine


def run(pack, *args: str, stdin: str = "", options: tuple[str, ...] = ()):
    return CliRunner().invoke(cli, [*options, "run", str(pack), *args], input=stdin)


def run_interrupted(pack, *args: str):
    """As the boundary calls the command, which makes exit code 130 of click's `Abort`."""
    result = CliRunner().invoke(cli, ["run", str(pack), *args], standalone_mode=False)
    assert isinstance(result.exception, click.Abort)
    return result


def codes(engine) -> list[str]:
    messages = [e.message for e in engine.posted if isinstance(e, MessageEnvelope)]
    return [m.content["code"] for m in messages if m.type == "execute_request"]


def test_streams_and_results_are_told_apart(engine, tmp_path):
    result = run(tmp_path, "-c", "out")
    assert result.stdout == "out\n42\n<image/png, text/html>\n"
    assert result.stderr == "err\n"
    assert result.exit_code == 0
    assert engine.closed


def test_a_failing_cell_answers_no_with_its_traceback_on_stderr(engine, tmp_path):
    result = run(tmp_path, "-c", "fail")
    assert isinstance(result.exception, Answer)
    assert result.stdout == ""
    assert result.stderr == "E: Cell In[1], line 2\n"
    assert engine.closed


@pytest.mark.parametrize(
    ("code", "text"), [("fail quietly", "E: v\n"), ("abort", "the cell was not run: the kernel answered 'aborted'\n")]
)
def test_a_failure_without_a_traceback_is_told_too(engine, tmp_path, code, text):
    result = run(tmp_path, "-c", code)
    assert isinstance(result.exception, Answer)
    assert result.stderr == text


def test_a_file_is_one_cell_and_has_its_name_in_the_traceback(engine, tmp_path):
    file = tmp_path / "broken.py"
    file.write_bytes(b"\xef\xbb\xbffail")
    result = run(tmp_path, str(file))
    assert codes(engine) == ["fail"]
    assert result.stderr == f"E: File {file}, line 2\n"


def test_a_dash_reads_the_code_from_stdin(engine, tmp_path):
    run(tmp_path, "-", stdin="out")
    assert codes(engine) == ["out"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--output", "y"), "are for notebooks"),
        (("-c", "1", "--drive", ".", "--no-drive"), "exclude each other"),
        (("x.py", "-c", "1"), "give either a file"),
        (("x.ipynb", "--output", "y", "--inplace"), "exclude each other"),
        (("x.py", "--inplace"), "are for notebooks"),
        (("-c", "1", "--output", "y"), "are for notebooks"),
        (("-", "--allow-errors"), "are for notebooks"),
        (("-c", "1", "--engine", "moon"), "moon"),
        (("-c", "1", "--timeout", "-1"), "-1"),
        (("-c", "1", "--start-timeout", "0"), "0"),
    ],
)
def test_wrong_usage_is_told_before_anything_starts(engine, tmp_path, args, message):
    result = run(tmp_path, *args)
    assert result.exit_code == 2
    assert message in result.stderr
    assert engine.started is None


def test_a_file_that_cannot_be_read_is_an_error_before_anything_starts(engine, tmp_path):
    assert "the file cannot be read: No such file" in str(run(tmp_path, str(tmp_path / "none.py")).exception)
    (tmp_path / "latin.py").write_bytes(b"# \xe9")
    latin = run(tmp_path, str(tmp_path / "latin.py")).exception
    assert isinstance(latin, HostError)
    assert "the code is not UTF-8 text" in latin.message
    assert "the notebook cannot be read" in str(run(tmp_path, str(tmp_path / "none.ipynb")).exception)
    assert engine.started is None


def test_json_gives_every_message_and_nothing_else(engine, tmp_path):
    result = run(tmp_path, "--json", "-c", "fail")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["header"]["msg_type"] for line in lines] == ["status", "error", "execute_reply", "status"]
    assert [line["channel"] for line in lines] == ["iopub", "iopub", "shell", "iopub"]
    assert set(lines[0]) == {"buffers", "channel", "content", "header", "metadata", "parent_header"}
    assert list(lines[0]) == sorted(lines[0])
    assert result.stderr == ""
    assert isinstance(result.exception, Answer)


def test_figures_are_one_line_on_stderr(engine, tmp_path, monkeypatch):
    files = {"lib/a": IndexedFile(size=1, archive=0, offset=0)}
    monkeypatch.setattr(command_module, "read_index", lambda pack, manifest: Index(entries=files, needed={}))
    result = run(tmp_path, "--figures", "-c", "out")
    assert result.stderr.splitlines()[-1] == (
        "0 packages, 3 files, 0.0 MB; 2.0 MB in 3 requests before the first cell, "
        "2.0 MB in 3 at the end; ready in 1.5 s"
    )
    assert "ready" not in run(tmp_path, "--figures", "-c", "out", options=("--quiet",)).stderr


def test_the_workers_log_is_shown_when_debugging(engine, tmp_path):
    entry = {"type": "log", "level": "warn", "text": "from the worker"}
    engine.deliver(entry)
    assert "from the worker" not in run(tmp_path, "-c", "out").stderr
    engine.deliver(entry)
    assert "warn: from the worker" in run(tmp_path, "-c", "out", options=("--debug",)).stderr


def ask_once(engine, content):
    """Let the engine's next cell ask one question and print the answer."""

    def answer(envelope):
        if not isinstance(envelope, MessageEnvelope):
            return [{"type": "figures", "figures": FIGURES}] if not isinstance(envelope, Interrupt) else []
        if envelope.message.type == "execute_request":
            requests.append(envelope.message)
            return [message(envelope.message, "input_request", content, channel="stdin")]
        text = repr(envelope.message.content["value"])
        return [
            message(requests[0], "stream", {"name": "stdout", "text": text}),
            message(requests[0], "execute_reply", {"status": "ok"}, channel="shell"),
            idle(requests[0]),
        ]

    requests = []
    engine._answer = answer


@pytest.mark.parametrize(
    ("stdin", "answer"), [("Ada\n", "Ada"), ("Ada", "Ada"), ("Ada\r\n", "Ada"), ("\nx", ""), (" a b \n", " a b ")]
)
def test_input_is_a_line_of_stdin_and_the_prompt_is_no_data(engine, tmp_path, stdin, answer):
    ask_once(engine, {"prompt": "name? ", "password": False})
    result = run(tmp_path, "-c", "x", stdin=stdin)
    assert result.stdout == repr(answer)
    assert result.stderr == "name? "


def test_input_at_the_end_of_stdin_is_an_error(engine, tmp_path):
    ask_once(engine, {"prompt": "name? ", "password": True})
    error = run(tmp_path, "-c", "x", stdin="").exception
    assert isinstance(error, HostError)
    assert error.message == "the cell asks for input, but stdin has no more lines"
    assert dict(error.context) == {"prompt": "name? "}


def test_a_password_is_asked_for_on_the_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stdin", Terminal("seen\n"))
    monkeypatch.setattr(command_module.getpass, "getpass", lambda prompt: f"hidden after {prompt}")
    assert command_module._ask_user(InputRequest(prompt="p", password=True)) == "hidden after p"
    assert command_module._ask_user(InputRequest(prompt="p", password=False)) == "seen"


def press_ctrl_c(*_):
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_the_first_ctrl_c_interrupts_the_cell_and_the_run_counts_as_interrupted(engine, tmp_path):
    kernel = engine._answer

    def answer(envelope):
        if isinstance(envelope, Interrupt):
            return [
                message(requests[0], "execute_reply", {"status": "error", "traceback": ["stopped"]}, channel="shell"),
                idle(requests[0]),
            ]
        if isinstance(envelope, MessageEnvelope):
            requests.append(envelope.message)
            return []
        press_ctrl_c()
        return kernel(envelope)

    requests = []
    engine._answer = answer
    before = signal.getsignal(signal.SIGINT)
    result = run_interrupted(tmp_path, "-c", "loop")
    assert Interrupt() in engine.posted
    assert "stopped" in result.stderr
    assert engine.closed
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_the_second_ctrl_c_ends_the_run(engine, tmp_path):
    def answer(envelope):
        if isinstance(envelope, MessageEnvelope | Interrupt):
            press_ctrl_c()
        return []

    engine._answer = answer
    run_interrupted(tmp_path, "-c", "loop")
    assert engine.posted.count(Interrupt()) == 1
    assert engine.closed


def notebook(path, *sources: str):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=cells)))
    return path


def test_a_notebook_is_run_and_written(engine, tmp_path):
    path = notebook(tmp_path / "n.ipynb", "out", "out")
    before = path.read_text()
    done = tmp_path / "done.ipynb"
    result = run(tmp_path, str(path), "--output", str(done))
    assert result.exit_code == 0
    assert result.stdout.count("out\n") == 2
    assert f"wrote {done} with the outputs of 2 cells" in result.stderr
    assert path.read_text() == before
    written = nbformat.read(done, as_version=4)
    assert [len(cell.outputs) for cell in written.cells] == [4, 4]


def test_a_failing_notebook_is_written_up_to_there(engine, tmp_path):
    path = notebook(tmp_path / "n.ipynb", "out", "fail", "out")
    result = run(tmp_path, str(path), "--inplace")
    assert isinstance(result.exception, Answer)
    assert f"{path}: cell 2 of 3 failed" in result.stderr
    assert [len(cell.outputs) for cell in nbformat.read(path, as_version=4).cells] == [4, 1, 0]


def test_errors_of_a_notebook_may_be_allowed(engine, tmp_path):
    path = notebook(tmp_path / "n.ipynb", "fail", "out")
    result = run(tmp_path, str(path), "--allow-errors")
    assert result.exit_code == 0
    assert codes(engine) == ["fail", "out"]
    assert "E: Cell In[1], line 2" in result.stderr


def test_a_cell_that_ran_too_long_shows_where_and_leaves_the_notebook_alone(engine, tmp_path, monkeypatch):
    def answer(envelope):
        if isinstance(envelope, MessageEnvelope) and envelope.message.type == "kernel_info_request":
            return FakeKernel()(envelope)
        if isinstance(envelope, MessageEnvelope):
            requests.append(envelope.message)
            return []
        if isinstance(envelope, Interrupt):
            request = requests[-1]
            return [
                message(request, "error", {"traceback": ["where"]}),
                message(request, "execute_reply", {"status": "error"}, channel="shell"),
                idle(request),
            ]
        return [{"type": "figures", "figures": FIGURES}]

    requests = []
    engine._answer = answer
    path = notebook(tmp_path / "n.ipynb", "loop")
    before = path.read_text()
    for args in (("-c", "loop"), (str(path), "--inplace")):
        result = run(tmp_path, "--timeout", "0.05", *args)
        assert isinstance(result.exception, KernelTimeoutError)
        assert result.stderr == "where\n"
    assert path.read_text() == before


def test_the_help_ends_with_an_example(tmp_path):
    text = CliRunner().invoke(cli, ["run", "--help"]).output
    assert "Example:" in text
    assert "lite-env run site/env -c" in text


def test_without_code_the_kernels_are_listed(two_kernels, tmp_path):
    result = run(tmp_path)
    assert (result.exit_code, result.stdout) == (0, "xlua\tLua\tXLUA\nxpython\tpython\tXPYTHON\n")
    assert json.loads(run(tmp_path, "--json", "--kernel", "xpython").stdout) == [
        {"name": "xpython", "language": "python", "display_name": "XPYTHON"}
    ]
    assert two_kernels.started is None


def written_for(path, *sources, **metadata):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=cells, metadata=metadata)))
    return str(path)


PYTHON_SPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}


@pytest.mark.parametrize(
    ("metadata", "kernel"),
    [
        ({"kernelspec": PYTHON_SPEC}, "xpython"),
        ({"kernelspec": {"name": "XPython", "display_name": "p"}}, "xpython"),
        ({"kernelspec": {"name": "xlua", "display_name": "l", "language": "lua"}}, "xlua"),
        ({"language_info": {"name": "Python"}}, "xpython"),
    ],
)
def test_a_notebook_is_run_in_the_kernel_it_names_or_in_one_of_its_language(two_kernels, tmp_path, metadata, kernel):
    result = run(tmp_path, written_for(tmp_path / "n.ipynb", "out", **metadata))
    assert (result.exit_code, two_kernels.started[0]) == (0, kernel)
    assert "kernel" not in result.stderr


def test_a_notebook_that_no_kernel_suits_is_refused_with_those_there_are(two_kernels, tmp_path):
    spec = {"name": "ir", "display_name": "R", "language": "R"}
    error = run(tmp_path, written_for(tmp_path / "n.ipynb", "out", kernelspec=spec)).exception
    assert isinstance(error, HostError)
    assert error.message == f"the pack has no kernel for {tmp_path / 'n.ipynb'}, which asks for 'ir' (R)"
    assert "it has: xlua (Lua), xpython (python); `--kernel NAME`" in str(error.hint)
    assert two_kernels.started is None


def test_a_notebook_that_names_nothing_is_run_where_there_is_no_choice(two_kernels, tmp_path):
    path = written_for(tmp_path / "n.ipynb", "out")
    error = run(tmp_path, path).exception
    assert isinstance(error, HostError)
    assert error.message == f"{path} does not say which kernel it is for, and the pack has several"
    assert error.hint == "choose one with `--kernel NAME`: xlua (Lua), xpython (python)"
    assert two_kernels.started is None
    assert run(tmp_path, path, "--kernel", "xpython").exit_code == 0
    result = run(tmp_path, "-c", "out")
    assert (result.exit_code, two_kernels.started[0]) == (0, "xlua")
    assert "running in xlua (Lua)" in result.stderr


def test_the_users_kernel_wins_and_another_language_is_warned_of_and_not_written(two_kernels, tmp_path):
    info = {"name": "python", "version": "3.12"}
    path = written_for(tmp_path / "n.ipynb", "out", kernelspec=PYTHON_SPEC, language_info=info)
    result = run(tmp_path, path, "--kernel", "xlua", "--inplace")
    assert (result.exit_code, two_kernels.started[0]) == (0, "xlua")
    assert f"warning: {path} is python, but the kernel xlua speaks Lua" in result.stderr
    written = nbformat.read(path, as_version=4)
    assert written.metadata == {"kernelspec": PYTHON_SPEC, "language_info": info}
    assert written.cells[0].outputs != []


def test_a_notebook_without_a_language_gets_the_kernels(two_kernels, tmp_path):
    path = written_for(tmp_path / "n.ipynb", "out")
    result = run(tmp_path, path, "--inplace", "--kernel", "xlua")
    assert (result.exit_code, two_kernels.started[0]) == (0, "xlua")
    assert nbformat.read(path, as_version=4).metadata.language_info.name == "fake"


@pytest.mark.parametrize(("name", "kernel"), [("a.py", "xpython"), ("a.LUA", "xlua"), ("a.txt", "xlua")])
def test_a_file_is_run_in_a_kernel_of_its_language_or_in_the_first(two_kernels, tmp_path, name, kernel):
    (tmp_path / name).write_text("out")
    result = run(tmp_path, str(tmp_path / name))
    assert (result.exit_code, two_kernels.started[0]) == (0, kernel)
    assert ("running in xlua (Lua)" in result.stderr) is (name == "a.txt")


def test_code_is_run_in_the_first_kernel_which_is_said_where_there_are_several(two_kernels, tmp_path):
    assert "running in xlua (Lua); `--kernel` takes another one: xpython" in run(tmp_path, "-c", "out").stderr
    assert "running in" not in run(tmp_path, "-c", "out", "--kernel", "xpython").stderr


def test_the_folder_of_a_file_is_the_drive_and_code_has_none(engine, tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "a.py").write_text("out")
    path = written_for(folder / "n.ipynb", "out")
    for args, expected in [
        ((str(folder / "a.py"),), folder),
        ((path,), folder),
        ((path, "--drive", str(tmp_path)), tmp_path),
        ((path, "--no-drive"), None),
        (("-c", "out"), None),
        (("-",), None),
        (("-c", "out", "--drive", str(folder)), folder),
    ]:
        result = run(tmp_path, *args)
        assert result.exit_code == 0
        assert (engine.drive.root if engine.drive else None) == expected, args
    error = run(tmp_path, "-c", "out", "--drive", str(tmp_path / "none")).exception
    assert "is not a folder" in str(error)


def test_the_network_is_granted_as_it_is_asked(engine, tmp_path):
    for words, expected in [((), "all"), (("none",), ()), (("a.org", "b.org:81"), ("a.org", "b.org:81"))]:
        result = run(tmp_path, "-c", "out", *(part for word in words for part in ("--network", word)))
        assert (result.exit_code, engine.network) == (0, expected)
    assert "names no host" in str(run(tmp_path, "-c", "out", "--network", "https://a.org/").exception)


def test_a_kernel_without_a_file_system_is_said_where_it_matters(engine, tmp_path, monkeypatch):
    def start(**options):
        FakeEngine.start(engine, **{**options, "drive": None})

    monkeypatch.setattr(engine, "start", start)
    (tmp_path / "a.py").write_text("out")
    (tmp_path / "b.py").write_text("fail")
    said = f"the kernel fake has no file system: it does not see '{tmp_path}'"
    assert said not in run(tmp_path, str(tmp_path / "a.py")).stderr
    assert said in run(tmp_path, str(tmp_path / "b.py")).stderr
    result = run(tmp_path, "-c", "out", "--drive", str(tmp_path))
    assert said in result.stderr
    assert result.exit_code == 0


def test_a_cell_has_a_time_limit_by_default_and_the_error_names_it(engine, tmp_path, monkeypatch):
    asked = []

    def execute(self, code, *, timeout, name, **_):
        asked.append((timeout, name))
        return ExecuteResult(status="ok")

    monkeypatch.setattr(KernelClient, "execute", execute)
    path = written_for(tmp_path / "n.ipynb", "out", "out")
    (tmp_path / "a.py").write_text("out")
    for args in (("-c", "out"), (str(tmp_path / "a.py"),), (path, "--no-drive"), ("-c", "out", "--timeout", "0")):
        assert run(tmp_path, *args).exit_code == 0
    assert asked == [
        (600, "the cell"),
        (600, str(tmp_path / "a.py")),
        (600, f"cell 1 of 2 of {path}"),
        (600, f"cell 2 of 2 of {path}"),
        (None, "the cell"),
    ]


def test_a_result_behind_half_a_line_has_a_line_of_its_own(engine, tmp_path):
    assert run(tmp_path, "-c", "half").stdout == "half\n42\nhalf"


def test_the_page_of_a_question_mark_is_shown(engine, tmp_path):
    assert run(tmp_path, "-c", "out?").stdout == "Signature: out()\n"
    assert run(tmp_path, written_for(tmp_path / "n.ipynb", "out?", "out")).stdout.startswith("Signature: out()\nout\n")
