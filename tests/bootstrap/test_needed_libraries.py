"""Shared libraries that need others, in the real kernel of 2023, whose linker does not look in the file system."""

from __future__ import annotations

from pathlib import Path

import pytest

from lite_env.channel.index import index_channel
from lite_env.host.run import RunOptions, start_kernel
from lite_env.store.local import open_store
from lite_env.workflow.options import PackOptions
from lite_env.workflow.pack import pack_environment
from tests.conda_packages import make_package
from tests.wasm_modules import adding_module

pytestmark = [pytest.mark.node]

CHANNEL = Path(__file__).parents[2] / "channels" / "emscripten-forge-2023"
LIBRARIES = {
    "lib/libouter.so": adding_module("answer", 2, adds_to="middle", needed=["libmiddle.so"]),
    "lib/libmiddle.so": adding_module("middle", 10, adds_to="inner", needed=["libinner.so"]),
    "lib/libinner.so": adding_module("inner", 30),
    "lib/libcircle.so": adding_module("circle", 1, adds_to="square", needed=["libsquare.so"]),
    "lib/libsquare.so": adding_module("square", 4, adds_to="inner", needed=["libinner.so", "libcircle.so"]),
    "lib/liborphan.so": adding_module("orphan", 1, adds_to="nothing", needed=["libnothing.so"]),
}
CALL = "import ctypes; print(ctypes.CDLL('/lib/{}').{}())"


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    """The real Python kernel beside the libraries, in packages of their own."""
    folder = tmp_path_factory.mktemp("libraries")
    for path, content in LIBRARIES.items():
        make_package(folder / "channel", Path(path).stem, files={path: content})
    index_channel(folder / "channel")
    names = ", ".join(Path(path).stem for path in LIBRARIES)
    environment = folder / "environment.yml"
    environment.write_text(
        f"name: libraries\nchannels: ['{CHANNEL.as_posix()}', ./channel]\ndependencies: [xeus-python, {names}]\n",
        encoding="utf-8",
    )
    pack_environment(environment, folder / "pack", PackOptions(level=1), store=open_store())
    return folder / "pack"


@pytest.fixture(scope="module")
def kernel(pack):
    """One kernel for all tests; and what its worker logged."""
    logged = []
    with start_kernel(pack, options=RunOptions(), on_log=lambda log: logged.append(log.text)) as running:
        yield running.client, logged


def run(client, code):
    printed = []
    result = client.execute(code, on_output=lambda message: printed.append(message.content.get("text", "")))
    return result, "".join(printed).strip()


def test_a_library_is_opened_with_those_it_needs_and_those_they_need(kernel):
    client, _ = kernel
    result, printed = run(client, CALL.format("libouter.so", "answer"))
    assert (result.status, printed) == ("ok", "42"), result.traceback


def test_a_needed_library_can_be_opened_itself_afterwards(kernel):
    client, _ = kernel
    result, printed = run(client, CALL.format("libmiddle.so", "middle"))
    assert (result.status, printed) == ("ok", "40"), result.traceback


def test_libraries_that_need_each_other_are_an_oserror_and_the_log_names_both(kernel):
    check_refused(kernel, "libcircle.so", '"lib/libsquare.so" and "lib/libcircle.so" need each other')


def test_a_library_that_needs_what_no_package_holds_is_an_oserror_and_the_log_names_both(kernel):
    check_refused(
        kernel, "liborphan.so", '"lib/liborphan.so" needs the shared library "libnothing.so", which no package'
    )


def check_refused(kernel, library, reason):
    """Twice the same: a failure leaves nothing behind, and the kernel lives."""
    client, logged = kernel
    for attempt in (1, 2):
        result, _ = run(client, f"import ctypes; ctypes.CDLL('/lib/{library}')")
        assert result.status == "error", attempt
        assert "OSError" in result.ename, (attempt, result.traceback)
        assert [reason in text for text in logged[-1:]] == [True], (attempt, logged)
        logged.clear()
