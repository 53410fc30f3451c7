from __future__ import annotations

import importlib.util
import json
import marshal
import sys
from importlib.resources import files as resource_files

import pytest

from lite_env.errors import HostError
from lite_env.host.bytecode import parse_result


@pytest.fixture
def compile_here():
    """The script that runs in the kernel, run here."""
    scope: dict = {}
    exec(resource_files("lite_env.host").joinpath("compile_in_kernel.py").read_text("utf-8"), scope)  # noqa: S102
    return scope["_lite_env_compile"]


def test_what_the_script_writes_is_importable_and_tells_what_does_not_compile(tmp_path, compile_here):
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text("X = 'é'\nassert __file__\n", "utf-8")
    bad.write_text("def (:\n", "utf-8")
    names = [str(path).lstrip("/") for path in (good, bad)]
    compile_here(json.dumps(names), 0, str(tmp_path / "out"))
    bytecode = parse_result((tmp_path / "out").read_bytes())
    assert bytecode.tag == sys.implementation.cache_tag
    assert list(bytecode.files) == names[:1]
    assert bytecode.faults[names[1]].startswith("SyntaxError: ")

    data = bytecode.files[names[0]]
    assert data[:4] == importlib.util.MAGIC_NUMBER
    assert data[4:8] == b"\x01\0\0\0", "an unchecked hash"
    assert data[8:16] == importlib.util.source_hash(good.read_bytes())
    assert marshal.loads(data[16:]).co_filename == str(good)  # noqa: S302 - written above
    cached = tmp_path / "__pycache__" / f"good.{bytecode.tag}.pyc"
    cached.parent.mkdir()
    cached.write_bytes(data)
    # Taken although the source is another one by now: nobody looks.
    good.write_text("X = 'other'\n")
    spec = importlib.util.spec_from_file_location("good", good)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.X == "é"


@pytest.mark.parametrize(
    "data",
    [b"", b"{}\n", b"[]\n", b'{"magic": "zz", "tag": "t", "files": []}\n'],
)
def test_what_is_not_a_result_is_refused(data):
    with pytest.raises(HostError, match=r"the kernel's bytecode (cannot be read|is not JSON)") as caught:
        parse_result(data)
    assert "--no-bytecode" in caught.value.hint


def test_a_result_that_was_cut_is_refused(tmp_path, compile_here):
    source = tmp_path / "a.py"
    source.write_text("x = 1\n")
    compile_here(json.dumps([str(source).lstrip("/")]), 0, str(tmp_path / "out"))
    with pytest.raises(HostError, match="cannot be read: not marshalled code"):
        parse_result((tmp_path / "out").read_bytes()[:-3])
