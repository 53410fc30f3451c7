"""A kernel of a third generation and language, xeus-nelson of April 2023, in Node and in Chromium."""

from __future__ import annotations

import pytest

from lite_env.host.run import RunOptions, start_kernel
from lite_env.pack.reader import read_manifest
from tests.packing import pack_as_module

ENGINES = [
    pytest.param("node", marks=[pytest.mark.node]),
    pytest.param("chromium", marks=[pytest.mark.browser]),
]


def texts(result):
    contents = [output.content for output in result.outputs]
    return [content["data"]["text/plain"] for content in contents if "data" in content]


@pytest.mark.parametrize("engine", ENGINES)
def test_it_starts_runs_and_stays(nelson_pack, engine):
    with start_kernel(nelson_pack, options=RunOptions(engine=engine)) as running:
        client = running.client
        info = client.kernel_info()
        assert (info["implementation"], info["implementation_version"]) == ("xeus-nelson", "0.4.0")
        assert client.execute("x = 41;").status == "ok"
        assert texts(client.execute("disp(x + 1)")) == ["42"]
        failed = client.execute("error('boo')")
        assert (failed.status, failed.outputs[-1].content["evalue"]) == ("error", "boo")
        # The kernel refuses by itself what would have to wait; it says so at once, and lives on.
        asked = []
        refused = client.execute("y = input('name? ')", on_input=asked.append, timeout=30)
        assert refused.outputs[-1].content["evalue"] == "input function not allowed from evalc."
        assert asked == []
        assert texts(client.execute("disp(x)")) == ["41"]
        # It has no file system and listens to no interrupts; both are told, and nothing is claimed.
        assert (running.ready.interrupts, running.ready.drive) == (False, False)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_it_leaves_is_not_in_the_next_one(nelson_pack, engine):
    for _ in range(2):
        with start_kernel(nelson_pack, options=RunOptions(engine=engine)) as running:
            assert running.client.execute("disp(left)").status == "error"
            assert running.client.execute("left = 1;").status == "ok"


@pytest.fixture(scope="module")
def module_pack(nelson_pack, tmp_path_factory):
    return pack_as_module(nelson_pack, "bin/xnelson_wasm.js", tmp_path_factory.mktemp("module"))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_script_that_is_a_module_runs_in_a_worker_of_modules(module_pack, engine):
    (kernel,) = read_manifest(module_pack).kernels
    assert kernel.runtime.worker == "module"
    with start_kernel(module_pack, options=RunOptions(engine=engine)) as running:
        assert texts(running.client.execute("disp(6 * 7)")) == ["42"]
