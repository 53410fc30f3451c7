"""Packed kernels against the tests that Jupyter gives its kernels, and what those leave out.

The whole way is real: `jupyter_client` over ZeroMQ, a bridge (jupyter_bridge.py), Node, the packed kernel.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any, ClassVar

import jupyter_kernel_test
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from tests.endless import endless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jupyter_client.blocking.client import BlockingKernelClient

pytestmark = [pytest.mark.node]

ROOT = Path(__file__).parents[2]
SECONDS = 60


def launch(pack: Path, folder: Path) -> KernelManager:
    """Start the pack's kernel by its kernelspec, as a Jupyter server does."""
    spec = {
        "argv": [sys.executable, "-m", "tests.host.jupyter_bridge", "{connection_file}", str(pack)],
        "display_name": "packed",
        "language": "packed",
        "interrupt_mode": "message",
    }
    kernel = folder / "kernels" / "packed"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps(spec), "utf-8")
    specs = KernelSpecManager(kernel_dirs=[str(folder / "kernels")])
    manager = KernelManager(kernel_name="packed", kernel_spec_manager=specs)
    manager.start_kernel(cwd=str(ROOT))
    return manager


def start(cls: type[jupyter_kernel_test.KernelTests], pack: Path, folder: Path) -> Any:
    """Start the pack's kernel for a class of tests; a client is ready when it yields."""
    cls.km = launch(pack, folder)
    try:
        cls.kc = cls.km.client()
        cls.kc.start_channels()
        cls.kc.wait_for_ready(timeout=SECONDS)
        yield
        cls.kc.stop_channels()
    finally:
        cls.km.shutdown_kernel(now=sys.exception() is not None)
        cls.km.context.destroy(linger=0)


def iter_iopub(client: BlockingKernelClient, *, seconds: float = 2) -> Iterator[dict[str, Any]]:
    """What comes on iopub until nothing comes for some seconds."""
    with contextlib.suppress(Empty):
        while True:
            yield client.get_iopub_msg(timeout=seconds)


class PackedKernelTests(jupyter_kernel_test.KernelTests):
    """What differs from a kernel that is installed: how it is started, which a fixture does."""

    __test__ = False

    @classmethod
    def setUpClass(cls) -> None:
        pass

    @classmethod
    def tearDownClass(cls) -> None:
        pass


class PythonKernelTests(PackedKernelTests):
    language_name = "python"
    file_extension = ".py"
    code_hello_world = "print('hello, world')"
    code_stderr = "import sys; print('oops', file=sys.stderr)"
    completion_samples: ClassVar = [{"text": "zi", "matches": {"zip"}}]
    complete_code_samples: ClassVar = ["1", "print('hello')", "def f(x):\n  return x * 2\n\n\n"]
    incomplete_code_samples: ClassVar = ["print('''hello", "def f(x):\n  x*2"]
    invalid_code_samples: ClassVar = ["import = 7q"]
    code_page_something = "zip?"
    code_generate_error = "1 / 0"
    code_execute_result: ClassVar = [{"code": "1 + 2 + 3", "result": "6"}, {"code": "[n * n for n in range(2)]"}]
    code_display_data: ClassVar = [
        {"code": "from IPython.display import HTML, display; display(HTML('<b>x</b>'))", "mime": "text/html"}
    ]
    code_inspect_sample = "zip"
    code_clear_output = "from IPython.display import clear_output; clear_output()"
    # The kernels keep no history: IPython's is in SQLite, which they leave out.
    test_history: ClassVar = None

    def replies(self, count: int) -> list[dict[str, Any]]:
        return [self.kc.get_shell_msg(timeout=SECONDS)["content"] for _ in range(count)]

    def test_what_is_queued_behind_a_cell_that_fails_is_aborted(self) -> None:
        self.flush_channels()
        codes = ["import time; time.sleep(0.5); 1 / 0", "ran = 'no'", "ran = 'no'"]
        asked = [self.kc.execute(code) for code in codes]
        self.kc.kernel_info()
        *replies, info = self.replies(4)
        assert [reply["status"] for reply in replies] == ["error", "aborted", "aborted"]
        assert info["status"] == "ok"
        self.kc.execute("ran = globals().get('ran', 'yes')", user_expressions={"ran": "ran"})
        (reply,) = self.replies(1)
        assert reply["user_expressions"]["ran"]["data"]["text/plain"] == "'yes'"
        states = [
            message["content"].get("execution_state")
            for message in iter_iopub(self.kc)
            if message["parent_header"]["msg_id"] == asked[1]
        ]
        assert states == ["busy", "idle"]

    def test_what_is_queued_behind_one_that_may_fail_is_run(self) -> None:
        self.flush_channels()
        for code in ("1 / 0", "1"):
            self.kc.execute(code, stop_on_error=False)
        assert [reply["status"] for reply in self.replies(2)] == ["error", "ok"]

    def test_buffers_come_and_go(self) -> None:
        self.flush_channels()
        code = """
            def opened(comm, message):
                comm.on_msg(lambda message: comm.send({"seen": len(message["buffers"])}, buffers=[
                    bytes(reversed(bytes(buffer))) for buffer in message["buffers"]]))
            get_ipython().kernel.comm_manager.register_target("buffers", opened)
        """
        self.execute_helper(f"if True:{code}")
        channel = self.kc.shell_channel
        opened = self.kc.session.msg("comm_open", {"comm_id": "c", "target_name": "buffers", "data": {}})
        self.kc.session.send(channel.socket, opened)
        said = self.kc.session.msg("comm_msg", {"comm_id": "c", "data": {}})
        self.kc.session.send(channel.socket, said, buffers=[b"abc", b"\x00\xff"])
        (answer,) = [message for message in iter_iopub(self.kc) if message["msg_type"] == "comm_msg"]
        assert answer["content"]["data"] == {"seen": 2}
        assert [bytes(buffer) for buffer in answer["buffers"]] == [b"cba", b"\xff\x00"]

    def test_what_is_typed_after_an_interrupt_does_not_answer_the_next_question(self) -> None:
        self.flush_channels()
        self.kc.execute("input('one? ')", allow_stdin=True)
        assert self.kc.get_stdin_msg(timeout=SECONDS)["content"]["prompt"] == "one? "
        self.km.interrupt_kernel()
        (reply,) = self.replies(1)
        assert reply["ename"] == "KeyboardInterrupt"
        self.kc.input("late")
        self.kc.execute("answer = input('two? ')", allow_stdin=True, user_expressions={"answer": "answer"})
        assert self.kc.get_stdin_msg(timeout=SECONDS)["content"]["prompt"] == "two? "
        self.kc.input("right")
        (reply,) = self.replies(1)
        assert reply["user_expressions"]["answer"]["data"]["text/plain"] == "'right'"

    def test_an_interrupt_ends_a_cell_that_loops(self) -> None:
        self.flush_channels()
        asked = self.kc.execute(endless("print('looping')"))
        looping = (message for message in iter_iopub(self.kc, seconds=SECONDS) if message["msg_type"] == "stream")
        assert next(looping)["content"]["text"].startswith("looping")
        self.km.interrupt_kernel()
        # A client asks for the kernel's info each second until it is ready: answers to that may still come.
        while (reply := self.kc.get_shell_msg(timeout=SECONDS))["parent_header"]["msg_id"] != asked:
            assert reply["msg_type"] == "kernel_info_reply"
        assert (reply["content"]["status"], reply["content"].get("ename")) == ("error", "KeyboardInterrupt")


class TestPython(PythonKernelTests):
    __test__ = True

    @pytest.fixture(autouse=True, scope="class")
    @staticmethod
    def kernel(request, numpy_pack, tmp_path_factory):
        yield from start(request.cls, numpy_pack, tmp_path_factory.mktemp("jupyter"))


@pytest.mark.slow
class TestPyodide(PythonKernelTests):
    __test__ = True

    @pytest.fixture(autouse=True, scope="class")
    @staticmethod
    def kernel(request, science_pack, tmp_path_factory):
        yield from start(request.cls, science_pack, tmp_path_factory.mktemp("jupyter"))


@pytest.mark.slow
class TestNewestPyodide(PythonKernelTests):
    __test__ = True

    @pytest.fixture(autouse=True, scope="class")
    @staticmethod
    def kernel(request, newest_pack, tmp_path_factory):
        yield from start(request.cls, newest_pack, tmp_path_factory.mktemp("jupyter"))


class TestLua(PackedKernelTests):
    __test__ = True
    language_name = "lua"
    file_extension = ".lua"
    code_hello_world = "print('hello, world')"
    completion_samples: ClassVar = [{"text": "pri", "matches": {"print"}}]
    code_generate_error = "error('wrong')"
    # What xeus-lua of 2022 does not have.
    test_clear_output: ClassVar = None
    test_display_data: ClassVar = None
    test_execute_result: ClassVar = None
    test_execute_stderr: ClassVar = None
    test_history: ClassVar = None
    test_inspect: ClassVar = None
    test_is_complete: ClassVar = None
    test_pager: ClassVar = None

    @pytest.fixture(autouse=True, scope="class")
    @staticmethod
    def kernel(request, lua_pack, tmp_path_factory):
        yield from start(request.cls, lua_pack, tmp_path_factory.mktemp("jupyter"))


class TestNelson(PackedKernelTests):
    __test__ = True
    language_name = "Octave"  # By which it names itself.
    file_extension = ".m"
    completion_samples: ClassVar = [{"text": "aco", "matches": {"acos"}}]
    complete_code_samples: ClassVar = ["x = 1;", "if true, x = 2, end"]
    incomplete_code_samples: ClassVar = ["if true", "for k = 1:3"]
    code_inspect_sample = "acos"
    code_generate_error = "error('wrong')"
    # What a cell prints it gives as the cell's result, once it is done; it has no streams.
    code_execute_result: ClassVar = [
        {"code": "disp('hello, world')", "result": "hello, world"},
        {"code": "1 + 2 + 3", "result": "ans =\n\n     6"},
    ]
    test_execute_stdout: ClassVar = None
    test_execute_stderr: ClassVar = None
    # What xeus-nelson of 2023 does not have; its history is always empty.
    test_clear_output: ClassVar = None
    test_display_data: ClassVar = None
    test_history: ClassVar = None
    test_pager: ClassVar = None

    @pytest.fixture(autouse=True, scope="class")
    @staticmethod
    def kernel(request, nelson_pack, tmp_path_factory):
        yield from start(request.cls, nelson_pack, tmp_path_factory.mktemp("jupyter"))


LAUNCHER = """
import sys
from pathlib import Path
from tests.host.test_jupyter_protocol import SECONDS, launch
from tests.endless import endless
client = launch(Path(sys.argv[1]), Path(sys.argv[2])).client()
client.start_channels()
if sys.argv[3] == "ready":
    client.wait_for_ready(timeout=SECONDS)
print("launched", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found by /proc")
@pytest.mark.parametrize("when", ["ready", "starting"])
def test_nothing_is_left_of_a_kernel_whose_starter_is_killed(lua_pack, tmp_path, when):
    mark = f"LITE_ENV_TEST_BRIDGE={uuid.uuid4().hex}"
    environment = {**os.environ, **dict([mark.split("=")])}
    command = [sys.executable, "-c", LAUNCHER, str(lua_pack), str(tmp_path), when]
    try:
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as starter:
            assert starter.stdout is not None
            assert starter.stdout.readline() == b"launched\n"
            wait_until(lambda: len(marked(mark)) >= 3)  # It, the bridge, and Node.
            starter.kill()
        wait_until(lambda: marked(mark) == [])
    finally:
        for process in marked(mark):
            os.kill(process, signal.SIGKILL)


def marked(mark: str) -> list[int]:
    """Processes that have inherited this variable."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
