"""Top-level ``await`` in Python kernels, in Node and in Chromium."""

from __future__ import annotations

import pytest

from lite_env.host.run import RunOptions, start_kernel
from tests.host.test_third_kernel import ENGINES, texts

WAITS_FOR_A_LOOP = """
def work():
    print('begun')
    while True:
        pass

asyncio.get_event_loop().call_later(0.1, work)
await asyncio.sleep(600)
"""


def said(result) -> str:
    return "".join(output.content.get("text", "") for output in result.outputs)


PACKS = ["numpy_pack", *(pytest.param(pack, marks=pytest.mark.slow) for pack in ("science_pack", "newest_pack"))]


@pytest.fixture(scope="module", params=PACKS)
def pack(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module", params=ENGINES)
def running(request, pack):
    with start_kernel(pack, options=RunOptions(engine=request.param)) as running:
        assert running.client.execute("import asyncio").status == "ok"
        yield running


def test_a_cell_that_awaits_is_over_when_it_has_ended(running):
    result = running.client.execute("print('a')\nawait asyncio.sleep(0.2)\nprint('b')\nx = 3\nx")
    assert (result.status, said(result), texts(result)) == ("ok", "a\nb\n", ["3"])
    assert texts(running.client.execute("x + 1")) == ["4"]


def test_what_is_raised_after_an_await_is_the_cells_error(running):
    result = running.client.execute("await asyncio.sleep(0.1)\n1 / 0")
    assert (result.status, result.ename, said(result)) == ("error", "ZeroDivisionError", "")
    (error,) = [output.content for output in result.outputs if "ename" in output.content]
    assert error["evalue"] == "division by zero"
    assert "await" in "".join(error["traceback"])
    assert said(running.client.execute("print(await asyncio.gather(asyncio.sleep(0, 1)))")) == "[1]\n"


@pytest.mark.parametrize(
    "code",
    [
        "print('begun')\nawait asyncio.sleep(600)",
        "print('begun')\nwhile True:\n    await asyncio.sleep(0)",
        "await asyncio.sleep(0)\nprint('begun')\nwhile True:\n    pass",
        WAITS_FOR_A_LOOP,
    ],
    ids=["waits", "steps", "loops", "waits for what loops"],
)
def test_an_interrupt_ends_a_cell_that_awaits(running, code):
    def interrupt(output):
        if "begun" in output.content.get("text", ""):
            running.client.interrupt()

    result = running.client.execute(code, on_output=interrupt, timeout=20)
    assert (result.status, result.ename) == ("error", "KeyboardInterrupt")
    assert said(running.client.execute("print('lives')")) == "lives\n"
