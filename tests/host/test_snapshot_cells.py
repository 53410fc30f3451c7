"""A restored kernel does what a started one does: the same cells in both, and what must differ between two starts."""

from __future__ import annotations

import json
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import pytest

from lite_env.host.run import RunOptions, start_kernel
from tests.endless import endless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lite_env.host.client import KernelClient
    from lite_env.host.engine import Message
    from lite_env.host.run import RunningKernel

pytestmark = [pytest.mark.node]

# What they print or give has to be the same, to the character.
CELLS = """
1 + 1
print("text"); import sys; print("error", file=sys.stderr)
import sys; sys.version
sorted(sys.modules)
len(sys.meta_path), [type(finder).__name__ for finder in sys.meta_path]
sys.path
sys.argv, sys.flags, sys.executable, sys.prefix
sys.getrecursionlimit(), sys.getswitchinterval()
sys.stdin, type(sys.stdout).__name__, sys.stdout.encoding, sys.getfilesystemencoding()
import os; sorted(os.environ.items())
os.environ["MADE_UP"], os.getenv("MADE_UP")
os.getcwd()
sorted(os.listdir("/"))
sorted(os.listdir("/drive"))
open("given.txt").read()
open("made.txt", "w").write("made"), open("/drive/made.txt").read()
os.remove("made.txt"); sorted(os.listdir())
sorted(os.listdir(os.path.expanduser("~"))), sorted(os.listdir("/tmp"))
[(folder, sorted(folders), sorted(files)) for folder, folders, files in os.walk(os.path.expanduser("~/.ipython"))]
open(os.path.expanduser("~/.ipython/profile_default/startup/README")).read()[:40]
os.stat("/lib").st_mode, os.getpid(), os.getuid(), os.umask(0o22)
os.cpu_count(), os.uname().sysname, os.name, os.sep
sorted(globals())
In[-1][:2], Out == {}, _ if "_" in globals() else None
get_ipython().execution_count
get_ipython().history_manager.session_number, get_ipython().user_ns is globals()
%who
%lsmagic
1 / 0
undefined_name
raise SystemExit(3)
def broken(:
!ls
%timeit -n1 -r1 -o pass
import time; time.tzname, time.timezone, time.altzone, time.daylight
time.localtime(0)[:6], time.strftime("%Z", time.localtime(0)), time.mktime((2024, 7, 1, 12, 0, 0, 0, 0, -1))
import datetime; datetime.datetime(2024, 7, 1, tzinfo=datetime.timezone.utc).astimezone().isoformat()
import locale; locale.getlocale(), locale.setlocale(locale.LC_ALL)
import tempfile; tempfile.gettempdir()
import threading; threading.active_count(), threading.main_thread().is_alive()
threading.Thread(target=print).start()
import asyncio; type(asyncio.get_event_loop()).__name__, asyncio.get_event_loop().is_running()
await asyncio.sleep(0.01, 7)
asyncio.all_tasks().__len__()
x = await asyncio.gather(*(asyncio.sleep(0.001, n) for n in range(3))); x
import pyjs; str(pyjs.js.Math.max(1, 5)), pyjs.js.globalThis.Object.keys(pyjs.to_js({"a": 1})).length
pyjs.to_py(pyjs.js.JSON.parse("[1, 2]"))
import json, decimal, sqlite3, zlib, hashlib; json.dumps([str(decimal.Decimal(1) / 3)]), hashlib.md5(b"x").hexdigest()
sqlite3.connect(":memory:").execute("select 1 + 1").fetchall()
zlib.decompress(zlib.compress(b"abc" * 100))[:6]
import numpy; numpy.arange(6).reshape(2, 3) @ numpy.ones(3)
numpy.linalg.inv(numpy.eye(2) * 2).tolist(), numpy.fft.fft([1, 2, 3]).round(3).tolist()
numpy.__version__, numpy.random.default_rng(1).random(), numpy.random.RandomState(1).rand()
import random; random.Random(1).random(), random.seed(1), random.random()
import ctypes; ctypes.sizeof(ctypes.c_void_p)
import gc; gc.isenabled(), gc.get_threshold()
import warnings; warnings.filters[0][:2], warnings.warn("told")
import micropip
import urllib.request; urllib.request.urlopen("http://127.0.0.1:9/").read()
import socket; socket.gethostname()
from IPython.display import display, HTML; display(HTML("<b>x</b>"))
class A: pass
len([A() for n in range(2)]), A.__module__
import logging; logging.getLogger().level, logging.getLogger().handlers
import signal; signal.getsignal(signal.SIGINT)
import atexit, faulthandler; faulthandler.is_enabled()
""".strip().splitlines()
# What two starts have not in common, whichever way they came about.
DIFFERENT = {
    "random": "__import__('random').random()",
    "numpy.random": "__import__('numpy').random.rand()",
    "urandom": "__import__('os').urandom(8)",
    "uuid4": "__import__('uuid').uuid4()",
    "uuid1": "__import__('uuid').uuid1()",
    "tempfile": "__import__('tempfile').mktemp()",
    "secrets": "__import__('secrets').token_hex()",
    "default_rng": "__import__('numpy').random.default_rng().random()",
}


# Of Pyodide's; where there is none, they end in the same error.
PYODIDE = """
import js; js.Math.max(1, 5), str(js.JSON.stringify)
from pyodide.ffi import to_js; js.Object.keys(to_js({"a": 1}, dict_converter=js.Object.fromEntries)).length
await js.Promise.resolve(3)
js.eval("[1, 2]").to_py()
from pyodide.ffi import create_proxy; js.Array.new(1, 2).map(create_proxy(lambda n, *_: n + 1)).to_py()
import pyodide, pyodide_js; pyodide.__version__, pyodide_js.version, str(pyodide_js.FS.cwd())
from pyodide.code import run_js, find_imports; run_js("1 + 1"), find_imports("import a")
js.fetch, js.setTimeout, js.globalThis
js.undefined_thing
js.eval("throw new Error('told')")
""".strip().splitlines()


class Case(NamedTuple):
    """A pack, and what its kernels are restored from: snapshots that were made here, or the pack's own."""

    pack: str
    way: str


MORE = (Case("numpy_pack", "pack"), Case("science_pack", "here"), Case("newest_pack", "here"))


@pytest.fixture(
    scope="module",
    params=[Case("numpy_pack", "here"), *(pytest.param(case, marks=pytest.mark.slow) for case in MORE)],
    ids=" ".join,
)
def case(request) -> Case:
    return request.param


@pytest.fixture(scope="module")
def pack(request, case) -> Path:
    return request.getfixturevalue(case.pack)


@pytest.fixture(scope="module")
def snapshots(pack, tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("snapshots")


@pytest.fixture(scope="module")
def start(pack, snapshots, tmp_path_factory):
    def begin(folder: Path | None = None):
        drive = tmp_path_factory.mktemp("drive")
        (drive / "given.txt").write_text("given")
        options = RunOptions(drive=drive, snapshots=folder, env=(("MADE_UP", "a value"),))
        return start_kernel(pack, options=options)

    # The first one is kept when it ends.
    with begin(snapshots) as running:
        assert running.ready.figures.snapshot.seconds is None
    assert list(snapshots.glob("*.snapshot"))
    return begin


@pytest.fixture(scope="module")
def restore(request, start, snapshots, case, tmp_path_factory) -> Callable:
    def of_the_pack():
        drive = tmp_path_factory.mktemp("drive")
        (drive / "given.txt").write_text("given")
        folder = tmp_path_factory.mktemp("snapshots")
        # Its variable is the environment's.
        return start_kernel(request.getfixturevalue("shipped_pack"), options=RunOptions(drive=drive, snapshots=folder))

    @contextmanager
    def begin() -> Iterator[RunningKernel]:
        with of_the_pack() if case.way == "pack" else start(snapshots) as running:
            figures = running.ready.figures.snapshot
            assert figures.seconds is not None, figures.why
            assert figures.shipped == (case.way == "pack")
            yield running

    return begin


@pytest.fixture(scope="module")
def plain(start, restore) -> Iterator[RunningKernel]:
    # One for each that it is compared with.
    with start() as running:
        yield running


@pytest.fixture(scope="module")
def restored(restore) -> Iterator[RunningKernel]:
    with restore() as running:
        yield running


def answer(client: KernelClient, cell: str) -> str:
    result = client.execute(cell, timeout=60)
    outputs = [(message.type, message.content) for message in result.outputs if message.type != "execute_input"]
    told = [result.status, *(shown(kind, content) for kind, content in outputs)]
    return json.dumps(told, indent=1, sort_keys=True)


def printed(client: KernelClient, cell: str) -> str:
    return text_of(client.execute(cell).outputs)


def text_of(outputs: list[Message]) -> str:
    return "".join(message.content["text"] for message in outputs if message.type == "stream")


def shown(kind: str, content: dict) -> object:
    if kind == "error":
        return kind, content["ename"], content["evalue"]
    return kind, content.get("text"), content.get("data"), content.get("name")


@pytest.mark.parametrize("cell", [*CELLS, *PYODIDE])
def test_a_restored_kernel_answers_as_a_started_one(plain, restored, cell):
    expected = answer(plain.client, cell)
    assert expected.count("\n") > 0
    given = answer(restored.client, cell)
    if "timeit" not in cell:  # Which tells how long it took.
        assert given == expected


def test_two_restored_kernels_draw_different_numbers(restore):
    drawn = []
    for _ in range(2):
        with restore() as running:
            assert running.ready.figures.snapshot.seconds is not None
            known = running.client.execute("import numpy").status == "ok"
            asked = {name: code for name, code in DIFFERENT.items() if known or "numpy" not in code}
            drawn.append({name: answer(running.client, code) for name, code in asked.items()})
    one, other = drawn
    assert [name for name in one if one[name] == other[name]] == []
    assert all('"ok"' in text for text in one.values())


def test_messages_of_two_restored_kernels_have_ids_of_their_own(restore):
    ids = []
    for _ in range(2):
        with restore() as running:
            result = running.client.execute("print(1)")
            ids += [message.id for message in result.outputs]
    assert len(set(ids)) == len(ids)


def test_clocks_go_on_and_never_back(restore, snapshots, case):
    code = "import time; print(time.monotonic(), time.perf_counter(), time.process_time(), time.time())"
    # What the saved kernel remembers of its clock is at most what the restored one sees.
    saved = clock_of(snapshots) if case.way == "here" else 0
    with restore() as running:
        loop = printed(running.client, "import asyncio; print(asyncio.get_event_loop().time())")
        shown = [printed(running.client, code).split() for _ in range(3)]
    readings = [[float(number) for number in reading] for reading in shown]
    assert all(later >= earlier for one, other in pairwise(readings) for earlier, later in zip(one, other, strict=True))
    assert saved <= float(loop) <= readings[0][0]


def clock_of(snapshots: Path) -> float:
    """What the monotonic clock of the saved kernel showed, in seconds."""
    (path,) = snapshots.glob("*.snapshot")
    data = path.read_bytes()
    length = int.from_bytes(data[48:52], "little")
    return json.loads(data[56 : 56 + length])["outside"]["clock"] / 1000


def test_another_time_zone_and_language_are_those_of_the_visitor(start, restore, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    code = (
        "import time, datetime, os; print(time.timezone, datetime.datetime.fromtimestamp(0).hour, os.environ['LANG'])"
    )
    with start() as running:
        expected = answer(running.client, code)
    with restore() as running:
        assert answer(running.client, code) == expected
    assert "-20700" in expected


def test_a_restored_kernel_is_interrupted_and_goes_on(restore):
    with restore() as running:
        client = running.client
        code = endless("print('begun', flush=True)")
        # Once: what is printed may come in two messages, and an interrupt of its traceback would hide it.
        begun = iter([client.interrupt])
        stopped = client.execute(
            code, on_output=lambda message: message.type == "stream" and next(begun, lambda: None)()
        )
        assert stopped.status == "error"
        assert any(message.content.get("ename") == "KeyboardInterrupt" for message in stopped.outputs)
        assert answer(client, "1 + 1").count('"2"') == 1


def test_a_restored_kernel_asks_its_user(restore):
    with restore() as running:
        result = running.client.execute("print(input('name? ')[::-1])", on_input=lambda question: question.prompt)
        assert " ?eman\n" in text_of(result.outputs)
