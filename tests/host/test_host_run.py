from __future__ import annotations

import shutil
from contextlib import contextmanager

import pytest

from lite_env.errors import HostError, ManifestError
from lite_env.host import run as run_module
from lite_env.host.chromium import ChromiumEngine
from lite_env.host.node import NodeEngine
from lite_env.host.run import RunOptions, choose_kernel, run_code, start_kernel
from lite_env.pack.manifest import (
    Archive,
    Environment,
    File,
    IndexFile,
    Kernel,
    KernelStart,
    Manifest,
    Mounts,
    RuntimeInfo,
)
from lite_env.pack.reader import read_manifest
from lite_env.progress import SILENT, Remembering
from tests.fakes import FakeEngine, FakeKernel
from tests.frozen import PACKS

DIGEST = "0" * 64


def file(role: str, size: int) -> File:
    return File(
        role=role,
        name=f"f{size}",
        path=f"kernels/f{size}",
        source=f"bin/f{size}",
        digest=DIGEST,
        raw_size=size,
        size=size,
        sha256=DIGEST,
    )


def kernel(name: str, *more: File, start: KernelStart | None = None) -> Kernel:
    return Kernel(
        name=name,
        display_name=name,
        language="x",
        argv=(name,),
        runtime=RuntimeInfo(family="xeus", emscripten=None, python=None),
        files=(file("spec", 10**8), file("script", 1), file("wasm", 10), *more, file("logo", 10**9)),
        start=start or KernelStart(),
    )


def archive(size: int, load: str) -> Archive:
    return Archive(digest=f"{size:064x}", raw_size=size, size=size, sha256=DIGEST, load=load, packages=())


def manifest(*kernels: Kernel, archives: tuple[Archive, ...] = ()) -> Manifest:
    return Manifest(
        format="1.0",
        requires=(),
        generator="test",
        environment=Environment(
            name="e", platform="emscripten-wasm32", lock_digest=DIGEST, requested=(), variables={}, packages=()
        ),
        kernels=kernels,
        archives=archives,
        index=IndexFile(digest=DIGEST, raw_size=1, size=100, sha256=DIGEST),
        mounts=Mounts(),
    )


class Bars:
    """A reporter that remembers its bars."""

    def __init__(self):
        self.bars = []
        self.steps = []

    def note(self, message, *, passing=False):
        raise AssertionError(message)

    def warn(self, message, *, passing=False):
        raise AssertionError(message)

    @contextmanager
    def task(self, label, total, unit):
        self.bars.append((label, total, unit))
        yield self

    def advance(self, amount):
        self.steps.append(amount)


@pytest.fixture
def fake_engine(monkeypatch):
    engine = FakeEngine(FakeKernel({"x": [("stream", {"name": "stdout", "text": "hi"})]}))
    monkeypatch.setattr(run_module, "_engine_of", lambda name, pack: engine)
    monkeypatch.setattr(run_module, "read_manifest", lambda pack: manifest(kernel("a"), kernel("b")))
    return engine


def test_the_first_kernel_is_the_default():
    both = manifest(kernel("a"), kernel("b"))
    assert choose_kernel(both, None).name == "a"
    assert choose_kernel(both, "b").name == "b"


def test_an_unknown_kernel_is_refused_with_those_there_are():
    with pytest.raises(HostError, match="the pack has no kernel called 'c'") as caught:
        choose_kernel(manifest(kernel("a"), kernel("b")), "c")
    assert caught.value.hint == "it has: a (x), b (x)"
    assert dict(caught.value.context) == {"environment": "e"}


def test_a_pack_without_a_kernel_is_refused():
    with pytest.raises(HostError, match="the pack has no kernel") as caught:
        choose_kernel(manifest(), None)
    assert "xeus-python" in str(caught.value.hint)


def test_the_bytes_of_a_start_are_what_is_surely_read():
    full = kernel("a", file("data", 1000), file("shared", 10000), start=KernelStart(interpreter=(0,), kernel=(1,)))
    archives = (
        archive(100_000, "interpreter"),
        archive(1_000_000, "kernel"),
        archive(3, "demand"),
        archive(5, "import"),
    )
    assert manifest(full, archives=archives).start_size(full) == 1 + 10 + 100 + 1000 + 10000 + 1_100_000


def test_a_kernel_is_started_by_name_and_ended_with_the_block(fake_engine, tmp_path):
    options = RunOptions(kernel="b", env=(("A", "1"),))
    with start_kernel(tmp_path, options=options) as running:
        assert running.kernel.name == "b"
        assert running.ready.figures.requests == 3
        assert not fake_engine.closed
    assert fake_engine.started == ("b", {"A": "1"})
    assert fake_engine.closed


def test_the_engine_ends_also_when_the_block_fails(fake_engine, tmp_path):
    with pytest.raises(KeyboardInterrupt), start_kernel(tmp_path, options=RunOptions()):
        raise KeyboardInterrupt
    assert fake_engine.closed


def test_the_engine_ends_also_when_it_does_not_start(fake_engine, tmp_path, monkeypatch):
    def fail(**_):
        raise HostError("no node")

    monkeypatch.setattr(fake_engine, "start", fail)
    with pytest.raises(HostError, match="no node"), start_kernel(tmp_path, options=RunOptions()):
        pass
    assert fake_engine.closed


def test_the_start_is_shown_in_bytes(fake_engine, tmp_path):
    def loaded(file, count):
        return {"type": "progress", "phase": "archive", "file": file, "loaded": count, "total": 10}

    fake_engine.deliver(
        loaded("a", 4), loaded("b", 10), loaded("a", 4), loaded("a", 10), {"type": "progress", "phase": "interpreter"}
    )
    reporter = Bars()
    with start_kernel(tmp_path, options=RunOptions(), reporter=reporter):
        pass
    assert reporter.bars == [("Starting a", 111, "B")]
    assert reporter.steps == [4, 10, 6]


def test_run_code_is_the_short_way(fake_engine, tmp_path):
    seen = []
    result = run_code(tmp_path, "x", options=RunOptions(), on_output=seen.append)
    assert result.status == "ok"
    assert [m.content["text"] for m in seen] == ["hi"]
    assert fake_engine.closed


def test_a_folder_that_is_no_pack_is_refused_before_anything_starts(tmp_path):
    with pytest.raises(ManifestError), start_kernel(tmp_path, options=RunOptions()):
        pass


@pytest.mark.parametrize("where", ["archives", "kernels", "kernels/xlua/kernel.json", "archive"])
def test_what_a_pack_links_to_beyond_itself_is_refused_before_anything_starts(tmp_path, monkeypatch, where):
    pack = shutil.copytree(PACKS / "2.0/lua", tmp_path / "pack")
    if where == "archive":
        where = next(item for item in read_manifest(pack).archives).path
    (pack / where).rename(tmp_path / "elsewhere")
    (pack / where).symlink_to(tmp_path / "elsewhere")
    monkeypatch.setattr(run_module, "_engine_of", lambda name, pack: pytest.fail("it started"))
    with pytest.raises(ManifestError, match=f"'{where}.*' of the pack is, or lies behind, a symbolic link") as caught:
        run_code(pack, "print(1)", options=RunOptions())
    assert caught.value.hint


def test_each_engine_has_its_name(monkeypatch, tmp_path):
    monkeypatch.setattr(run_module, "runtime_dir", lambda: tmp_path)
    assert isinstance(run_module._engine_of("node", tmp_path), NodeEngine)
    assert isinstance(run_module._engine_of("chromium", tmp_path), ChromiumEngine)


def test_a_snapshot_that_could_not_be_made_is_told():
    class Ended:
        def ask(self, *_: object, **__: object) -> None:
            raise HostError("the kernel has ended")

    reporter = Remembering(SILENT)
    run_module._let_the_next_start_have_one(Ended(), kernel("python"), reporter)
    assert reporter.lines == ((False, "the next start of python is a plain one: the kernel has ended"),)
