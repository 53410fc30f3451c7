"""Start-up code in real kernels, by `lite-env run` and for who traces."""

from __future__ import annotations

import json

import pytest

from lite_env.bootstrap import runtime_dir
from lite_env.errors import KernelStartError, KernelTimeoutError
from lite_env.host.client import KernelClient
from lite_env.host.node import NodeEngine
from lite_env.host.run import RunOptions, run_code, start_kernel
from lite_env.pack.reader import read_index, read_manifest
from tests.command_line import lite_env
from tests.own_kernels import make_pyodide_pack, with_code

pytestmark = [pytest.mark.node]

FOLDER = "share/jupyter/kernels"


def test_it_runs_before_the_first_cell_in_its_namespace_and_leaves_nothing_else(own_packs):
    cell = "print(answer, wave.__name__, '__file__' in globals(), [n for n in globals() if 'lite_env' in n])"
    ended = lite_env("run", own_packs.good, "--kernel", "lab", "-c", cell)
    assert ended.code == 0
    assert ended.out == f"hello from /{FOLDER}/lab/startup.txt\n42 wave False []\n"


def test_the_first_cell_is_the_first_that_is_counted(own_packs):
    ended = lite_env("run", own_packs.good, "--kernel", "lab", "--json", "-c", "answer")
    messages = [json.loads(line) for line in ended.out.splitlines()]
    counts = [
        found["content"]["execution_count"] for found in messages if found["header"]["msg_type"] == "execute_input"
    ]
    assert counts == [1]
    (result,) = (found for found in messages if found["header"]["msg_type"] == "execute_result")
    assert result["content"]["data"]["text/plain"] == "42"
    assert {found["parent_header"]["msg_id"] for found in messages} == {result["parent_header"]["msg_id"]}


def test_another_language_has_it_too(own_packs):
    ended = lite_env("run", own_packs.good, "--kernel", "luck", "-c", "print(answer)")
    assert (ended.code, ended.out.split()) == (0, ["hello", "from", "Lua", "42"])


def test_the_kernel_that_it_is_made_of_has_none_of_it(own_packs):
    for kernel in ("plain", "xpython"):
        result = run_code(own_packs.good, "answer", options=RunOptions(kernel=kernel))
        assert (result.status, result.ename) == ("error", "NameError")


def test_what_it_opens_is_loaded_with_the_start_of_its_kernel_alone(own_packs):
    manifest = read_manifest(own_packs.good)
    entries = read_index(own_packs.good, manifest).entries
    started = {kernel.name: kernel.start.all for kernel in manifest.kernels}
    wave = "lib/python3.11/__pycache__/wave.cpython-311.pyc"
    for path, owners in (
        (wave, {"lab"}),
        (f"{FOLDER}/lab/startup.txt", {"lab"}),
        (f"{FOLDER}/luck/startup.txt", {"luck"}),
    ):
        assert {name for name, archives in started.items() if entries[path].archive in archives} == owners
    with start_kernel(own_packs.good, options=RunOptions(kernel="lab")) as running:
        before = running.ready.figures.requests
        running.client.execute("import wave; wave.open")
        assert running.client.figures().requests == before


@pytest.mark.slow
def test_who_does_not_want_it_gets_the_kernel_without(own_packs):
    options = RunOptions(kernel="broken", startup=False)
    assert run_code(own_packs.bad, "print(1)", options=options).status == "ok"


def test_where_it_fails_the_run_does_with_its_traceback_and_its_file(own_packs):
    ended = lite_env("run", own_packs.bad, "--kernel", "broken", "-c", "print('never')")
    assert (ended.code, ended.out) == (1, "")
    where = f"{FOLDER}/broken/startup.txt"
    for part in (
        "the start-up code of the kernel \"broken\" failed: NameError: name 'nowhere' is not defined",
        f"file: {where}",
        f"File /{where}:8\n",
        f"File /{where}:5, in begin()\n",
        "----> 5     return nowhere",
        "log: info: before",
        "hint: mend the file in the package that brings the kernel",
    ):
        assert part in ended.err, part
    assert "\x1b" not in ended.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kernel", "reason"),
    [("asking", r"This frontend does not support input requests"), ("unlucky", r"no luck")],
)
def test_a_question_and_another_languages_error_end_it(own_packs, kernel, reason):
    with pytest.raises(KernelStartError, match=reason) as caught:
        run_code(own_packs.bad, "print(1)", options=RunOptions(kernel=kernel, start_timeout=60))
    context = dict(caught.value.context)
    assert (context["file"], context["reported_as"]) == (f"{FOLDER}/{kernel}/startup.txt", "StartupFailed")
    assert reason in context["traceback"]


@pytest.mark.slow
def test_code_that_never_ends_is_named_when_the_time_is_over(own_packs, tmp_path):
    engine = NodeEngine(with_code(own_packs, tmp_path, "import wave\nwhile True:\n    pass\n"), runtime=runtime_dir())
    try:
        engine.start(kernel="lab", env={})
        client = KernelClient(engine)
        phases = [last_phase(client)]
        while not phases[-1].startswith("startup ") and len(phases) < 120:
            phases.append(last_phase(client))
    finally:
        engine.close()
    assert phases[-1] == f"startup {FOLDER}/lab/startup.txt"


def last_phase(client):
    """What a second of waiting ends with."""
    with pytest.raises(KernelTimeoutError, match="did not start within 1 seconds") as caught:
        client.wait_until_ready(timeout=1)
    return dict(caught.value.context)["last_phase"]


def test_an_environment_whose_start_up_code_fails_is_not_packed(own_packs, tmp_path):
    with pytest.raises(KernelStartError, match=r"'lab' does not start: .*ZeroDivisionError") as caught:
        with_code(own_packs, tmp_path, "1 / 0\n", check=True)
    assert "--no-check" in caught.value.hint


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("channel", ["pyodide-0.27", "pyodide-314"])
def test_kernels_by_pyodide_have_it_too(tmp_path, channel):
    pack = make_pyodide_pack(tmp_path, channel)
    ended = lite_env("run", pack, "--kernel", "lab", "-c", "print(answer, '__file__' in globals())")
    assert (ended.code, ended.out) == (0, f"hello from /{FOLDER}/lab/startup.txt\n42 False\n")
    ended = lite_env("run", pack, "--kernel", "broken", "-c", "print('never')")
    assert (ended.code, ended.out) == (1, "")
    for part in (f"File /{FOLDER}/broken/startup.txt:5, in begin()", "NameError: name 'nowhere' is not defined"):
        assert part in ended.err
