"""Packs with one thing wrong, in Node: the start ends in the right error, soon; later reads fail and recover."""

from __future__ import annotations

import json
import shutil
from time import monotonic

import pytest
import zstandard

from lite_env.bootstrap import runtime_dir
from lite_env.host.node import NodeEngine
from lite_env.host.run import RunOptions, start_kernel
from tests.broken_packs import DAMAGES, FAST, BrokenPack, check, start_failure

UNREAD = "lib/python3.11/site-packages/numpy/fft/helper.py"
"""A file that no start opens."""

pytestmark = pytest.mark.node


@pytest.fixture
def lua(lua_pack, tmp_path):
    return BrokenPack(lua_pack, tmp_path / "lua")


@pytest.fixture
def python(numpy_pack, tmp_path):
    return BrokenPack(numpy_pack, tmp_path / "python")


@pytest.fixture
def fail():
    """Starts a pack that must not start; the engine ends with the test."""
    engines = []

    def start(pack, kernel=None):
        engine = NodeEngine(pack.path, runtime=runtime_dir())
        engines.append(engine)
        began = monotonic()
        envelope, told = start_failure(engine, kernel=kernel)
        return envelope, told - began

    yield start
    for engine in engines:
        engine.close()


@pytest.mark.parametrize("label", DAMAGES)
def test_a_damaged_pack_ends_in_its_error(lua, fail, label):
    damage = DAMAGES[label]
    damage.do(lua)
    envelope, seconds = fail(lua, damage.kernel)
    check(envelope, damage, lua)
    assert seconds < FAST


def test_every_failure_that_can_be_made_is_made():
    # Of the rest: Offline, NetworkFailed and HttpStatus need a server (tests/browser), OutOfMemory a machine without
    # memory, InterpreterFailed and KernelFailed are below or need a broken kernel.
    assert {damage.name for damage in DAMAGES.values()} == {
        *("FileMissing", "HtmlInsteadOfFile", "Truncated", "SizeMismatch", "HashMismatch", "Undecodable", "NotWasm"),
        *("CompileFailed", "ManifestInvalid", "UnsupportedFormat", "KernelUnknown", "AbiMismatch"),
    }


def test_the_script_of_one_kernel_and_the_module_of_another(lua, python, fail):
    lua.exchange("wasm", zstandard.decompress((python.path / python.file("wasm")).read_bytes()))
    envelope, seconds = fail(lua)
    assert (envelope.error.name, envelope.error.file) == ("AbiMismatch", lua.file("wasm"))
    assert seconds < FAST


def test_python_that_is_missing_from_the_runtime(python, fail):
    python.kernel["runtime"]["python"] = None
    python.save()
    envelope, _ = fail(python)
    assert envelope.error.name == "AbiMismatch"
    assert "the environment has no python" in envelope.error.message
    assert "add python" in envelope.error.hint


def test_python_of_another_version_than_the_standard_library(python, fail):
    python.kernel["runtime"]["python"] = "3.12.0"
    python.save()
    envelope, _ = fail(python)
    assert envelope.error.name == "InterpreterFailed"
    assert envelope.error.message.startswith("Python 3.12.0 did not start: ")


def test_an_interpreter_that_cannot_read_its_library_is_told_by_the_file(python, fail):
    python.manifest["imports"] = {}
    for archive in python.manifest["archives"]:
        archive["load"] = "demand"
    python.kernel["start"] = {"interpreter": [], "kernel": []}
    python.save()
    shutil.rmtree(python.path / "archives")
    envelope, _ = fail(python)
    assert envelope.error.name == "FileMissing"
    assert envelope.error.file.startswith("archives/")
    assert "; so InterpreterFailed: Python 3.11.3 did not start" in envelope.error.message


def test_a_pack_that_is_not_there(lua, fail):
    shutil.rmtree(lua.path)
    envelope, _ = fail(lua)
    assert (envelope.error.name, envelope.error.file) == ("FileMissing", "manifest.json")


@pytest.fixture
def running(python):
    """A started Python, its pack, and what was logged."""
    logged = []
    with start_kernel(python.path, options=RunOptions(), on_log=lambda log: logged.append(log.text)) as kernel:
        yield kernel.client, python, logged


def test_a_read_that_is_lost_after_the_start_is_eio_and_works_when_the_file_is_back(running, tmp_path):
    client, pack, logged = running
    archive = archive_of(pack, UNREAD)
    read = f"print(len(open('/{UNREAD}').read()))"
    code = f"import errno\ntry:\n  {read}\nexcept OSError as e:\n  print(e.errno == errno.EIO)"
    shutil.move(pack.path / archive, tmp_path / "lost")
    assert run(client, code) == "True"
    assert [f'FileMissing: "{archive}" is not in the pack ({archive})'] == logged
    shutil.move(tmp_path / "lost", pack.path / archive)
    assert int(run(client, code)) > 100
    assert len(logged) == 1


def test_a_read_of_a_foreign_file_is_eio(running):
    client, pack, logged = running
    archive = pack.path / archive_of(pack, UNREAD)
    content = archive.read_bytes()
    archive.unlink()
    archive.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert (
        run(client, f"try:\n  open('/{UNREAD}')\nexcept OSError as e:\n  print(e)")
        == f"[Errno 29] I/O error: '/{UNREAD}'"
    )
    assert logged[0].startswith("HashMismatch: wrong content: ")


def test_an_extension_module_that_was_lost_can_be_imported_when_it_is_back(running, tmp_path):
    client, pack, logged = running
    module = "lib/python3.11/site-packages/numpy/core/_multiarray_umath.cpython-311-wasm32-emscripten.so"
    archive = archive_of(pack, module)
    shutil.move(pack.path / archive, tmp_path / "lost")
    code = "try:\n  import numpy\n  print(numpy.arange(3))\nexcept ImportError as e:\n  print('ImportError')"
    assert run(client, code) == "ImportError"
    assert any(f'FileMissing: "{archive}" is not in the pack' in text for text in logged)
    shutil.move(tmp_path / "lost", pack.path / archive)
    assert run(client, code) == "[0 1 2]"


def run(client, code):
    printed = []
    result = client.execute(code, on_output=lambda message: printed.append(message.content.get("text", "")))
    assert result.status == "ok", "\n".join(result.traceback)
    return "".join(printed).strip()


def archive_of(pack, path):
    """The archive that holds a file of the environment, as a path in the pack."""
    node = json.loads(zstandard.decompress((pack.path / pack.file("index")).read_bytes()))["tree"]
    for part in path.split("/"):
        node = node[part]
    return f"archives/{pack.manifest['archives'][node[1]]['digest']}.tar.zst"
