"""A rebuild of what did not change: out of the store, without the environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

import lite_env
from lite_env.channel.index import index_channel
from lite_env.errors import PackError
from lite_env.lock.file import read_lock
from lite_env.pack.manifest import Manifest
from lite_env.prefix.installer import install
from lite_env.progress import SILENT
from lite_env.store.local import open_store
from lite_env.workflow import pack as pack_module
from lite_env.workflow.inputs import read_inputs
from lite_env.workflow.install import cached_environment
from lite_env.workflow.options import PackOptions
from lite_env.workflow.pack import plan_environment
from lite_env.workflow.rebuild import pack_key
from lite_env.workflow.toolchain import code_files
from tests.conda_packages import TOY_KERNEL, make_package
from tests.packing import pack_environment
from tests.prefixes import Heard
from tests.trees import tree

KERNEL = {
    **TOY_KERNEL,
    "share/jupyter/kernels/native/kernel.json": '{"argv": ["python", "-m", "x"], "language": "python"}',
    "share/toy/data.txt": "data",
    "lib/libtoy.a": "!<arch>",
}
# The toy kernel starts nothing.
OPTIONS = PackOptions(level=1, trace=False, bytecode=False, check=False)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    make_package(folder / "channel", "xeus-toy", files=KERNEL)
    index_channel(folder / "channel")
    (folder / "environment.yml").write_text("name: toys\nchannels: [./channel]\ndependencies: [xeus-toy]\n")
    return folder


@pytest.fixture
def environment(project, tmp_path):
    """An installed one."""
    pack_environment(project, tmp_path / "first", OPTIONS)
    install(read_lock(project / "conda-lock.yml"), tmp_path / "env")
    return tmp_path / "env"


def again(source, output, options=OPTIONS, *, reporter=SILENT):
    return pack_environment(source, output, options, reporter=reporter).again


def test_a_rebuild_from_an_unchanged_lock_needs_no_environment(project, tmp_path, cache):
    heard, twice = Heard(), Heard()
    first = pack_environment(project, tmp_path / "one", OPTIONS, reporter=heard)
    assert not first.again
    for folder in ("prefixes", "packages"):
        shutil.rmtree(cache / folder)
    for source in (project, project / "environment.yml", project / "conda-lock.yml"):
        second = pack_environment(source, tmp_path / "two", OPTIONS, reporter=twice)
        assert second.again
        assert (second.manifest, second.report) == (first.manifest, first.report)
        assert tree(tmp_path / "two") == tree(tmp_path / "one")
    assert not (cache / "prefixes").exists()
    assert [warning for warning in heard.warnings if "native" in warning]
    assert twice.warnings == heard.warnings * 3, "what is odd is told each time"


def test_what_is_of_one_run_is_not_told_again_with_what_is_odd(project, tmp_path, cache):
    heard, again_heard, third = Heard(), Heard(), Heard()
    pack_environment(project, tmp_path / "one", OPTIONS, reporter=heard)
    (native,) = heard.warnings
    for name in ("prefixes", "packages"):
        for data in (cache / name).glob("*/share/toy/data.txt"):
            data.write_text("DAMAGED")
    # Another name: another pack, out of the environment.
    other = replace(OPTIONS, name="other")
    assert not again(project, tmp_path / "two", other, reporter=again_heard)
    assert len(again_heard.warnings) == 3
    assert again_heard.warnings.count(native) == 1
    assert any(text.startswith("the cached environment is damaged") for text in again_heard.warnings)
    assert any(text.startswith("the package cache's copy of xeus-toy") for text in again_heard.warnings)
    assert again(project, tmp_path / "three", other, reporter=third)
    assert third.warnings == [native]
    assert third.notes == []


def test_who_waited_for_an_environment_is_not_told_so_again(project, tmp_path):
    pack_environment(project, tmp_path / "one", OPTIONS)
    heard, third, other = Heard(), Heard(), replace(OPTIONS, name="other")
    with cached_environment(read_lock(project / "conda-lock.yml")):
        waiting = threading.Thread(target=again, args=(project, tmp_path / "two", other), kwargs={"reporter": heard})
        waiting.start()
        while not heard.notes:
            waiting.join(0.01)
    waiting.join()
    assert again(project, tmp_path / "three", other, reporter=third)
    assert third.notes == []


def test_a_rebuild_does_not_load_the_conda_library(project, tmp_path):
    pack_environment(project, tmp_path / "one", OPTIONS)
    code = (
        "import sys; from pathlib import Path; from lite_env.workflow.options import PackOptions;"
        "from tests.packing import pack_environment;"
        "options = PackOptions(level=1, trace=False, bytecode=False, check=False);"
        "assert pack_environment(Path(sys.argv[1]), Path(sys.argv[2]), options).again;"
        "assert not {'rattler', 'nbformat', 'rich'} & sys.modules.keys(), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(project), str(tmp_path / "two")], check=True)


def test_an_installed_environment_that_nobody_touched_is_not_read(environment, tmp_path, monkeypatch):
    assert not again(environment, tmp_path / "one")
    monkeypatch.setattr("lite_env.workflow.environment.users_environment", None)
    assert again(environment, tmp_path / "two")
    assert tree(tmp_path / "two") == tree(tmp_path / "one")


def test_a_change_of_the_same_size_and_time_is_seen(environment, tmp_path):
    pack_environment(environment, tmp_path / "one", OPTIONS)
    file = environment / "share/toy/data.txt"
    before = file.stat()
    file.write_text("DATA")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not again(environment, tmp_path / "two")
    assert tree(tmp_path / "two") != tree(tmp_path / "one")


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"level": 2},
        {"order": "packages"},
        {"debug_ranges": True},
        {"bytecode": True},
        {"filter_files": ("rules.yaml",)},
        {"workloads": ("w.py",)},
    ],
)
def test_whatever_decides_about_a_pack_is_in_its_key(project, tmp_path, change):
    (tmp_path / "rules.yaml").write_text("rules: [{id: mine, drop: share/toy/, reason: none}]\n")
    (tmp_path / "w.py").write_text("1\n")
    change = {key: tuple(tmp_path / name for name in value) if "fil" in key or key == "workloads" else value
              for key, value in change.items()}  # fmt: skip
    pack_environment(project, tmp_path / "one", OPTIONS)
    changed = replace(OPTIONS, **change)
    assert not again(project, tmp_path / "one", changed)
    assert again(project, tmp_path / "one", changed)
    assert again(project, tmp_path / "one")


def test_snapshots_and_what_they_have_imported_are_in_its_key(project, monkeypatch):
    def key(options):
        return pack_key([], read_inputs(project, options), options).digest

    keys = {key(OPTIONS), key(replace(OPTIONS, snapshot=True))}
    (project / "pyproject.toml").write_text('[tool.lite-env]\npreload = ["toy"]\n')
    assert len({*keys, key(OPTIONS)}) == 3
    plain, with_snapshot = key(OPTIONS), key(replace(OPTIONS, snapshot=True))
    monkeypatch.setattr("lite_env.workflow.rebuild.node_version", lambda: "99.0.0")
    assert (key(OPTIONS), key(replace(OPTIONS, snapshot=True)) == with_snapshot) == (plain, False)


def test_what_is_checked_and_how_many_run_at_once_decide_nothing(project, tmp_path):
    pack_environment(project, tmp_path / "one", OPTIONS)
    assert again(project, tmp_path / "two", replace(OPTIONS, jobs=3, offline=True))


def test_what_is_damaged_in_the_store_is_made_anew(project, tmp_path, cache):
    pack_environment(project, tmp_path / "one", OPTIONS)
    (archive,) = (tmp_path / "one/archives").iterdir()
    for path in (cache / "store/content").rglob("*"):
        if path.is_file() and archive.read_bytes() in path.read_bytes():
            path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert not again(project, tmp_path / "two")
    assert tree(tmp_path / "two") == tree(tmp_path / "one")
    assert again(project, tmp_path / "three")


def test_a_rebuild_replaces_packs_only(environment, tmp_path):
    pack_environment(environment, tmp_path / "one", OPTIONS)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").touch()
    with pytest.raises(PackError, match="is not empty and not a pack"):
        pack_environment(environment, tmp_path / "mine", OPTIONS)
    with pytest.raises(PackError, match="in or around the environment"):
        pack_environment(environment, environment / "pack", OPTIONS)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["file"]


def test_a_pack_that_is_not_whole_is_not_recorded(project, tmp_path, monkeypatch):
    monkeypatch.setenv("LITE_ENV_NODE", str(tmp_path / "no-node"))
    for options in (replace(OPTIONS, trace=True), replace(OPTIONS, check=True)):
        for _ in range(2):
            heard = Heard()
            assert not again(project, tmp_path / "one", options, reporter=heard)
            assert any("no-node" in warning for warning in heard.warnings)


def test_a_kernel_is_not_started_twice_from_equal_bytes_and_once_by_each_node(project, tmp_path, monkeypatch):
    from lite_env.workflow import start  # noqa: PLC0415

    started = []
    monkeypatch.setattr(start, "_start", lambda pack, kernel: started.append((pack.name, kernel)))
    versions = iter(["v20.0.0", "v20.0.0", "v24.0.0", "v24.0.0"])
    monkeypatch.setattr(start, "locate_node", lambda: type("Node", (), {"version": next(versions)}))
    options = replace(OPTIONS, check=True)
    counts = []
    for number in range(4):
        pack_environment(project, tmp_path / str(number), options)
        counts.append(len(started))
    assert counts == [1, 1, 2, 2]
    assert all(kernel == "toy" for _, kernel in started)
    assert not {name for name, _ in started} & {"0", "1", "2", "3"}, "before the pack is in its place"


def test_a_dry_run_knows_what_was_packed_before(project, tmp_path):
    first = pack_environment(project, tmp_path / "one", OPTIONS)
    decisions = plan_environment(project, tmp_path / "two", OPTIONS, store=open_store())
    assert decisions.report == first.report
    assert [(step.name, step.taken) for step in decisions.steps] == [
        ("lock", False),
        ("pack", True),
        ("start", False),
        ("write", True),
    ]
    assert isinstance(first.manifest, Manifest)
    assert not (tmp_path / "two").exists()


def spoil_path(results, store, path):
    """Name one of the files otherwise in the record."""
    name = next(name for name in results if name.endswith("kernel.json"))
    return {**{key: value for key, value in results.items() if key != name}, f"file:{path}": results[name]}


def spoil_manifest(results, store, path):
    """The same in the record and in the manifest."""
    name = next(name for name in results if name.endswith("kernel.json"))
    manifest = store.read(results["file:manifest.json"])
    digest = store.write(manifest.replace(name.removeprefix("file:").encode(), path.encode()), kind="pack")
    return {**spoil_path(results, store, path), "file:manifest.json": digest}


SPOILED = {
    **{
        f"{how.__name__} {path}": lambda results, store, how=how, path=path: how(results, store, path)
        for how in (spoil_path, spoil_manifest)
        for path in ("../evil", "kernels/toy/../../../evil", "/nowhere/evil", "kernels/__proto__/x", "C:\\\\evil")
    },
    "a file more": lambda results, store: {**results, "file:evil.html": store.write(b"<script>", kind="pack")},
    "a file on another": lambda results, store: {**results, "file:manifest.json/x": results["report"]},
    "another's bytes": lambda results, store: {
        name: store.write(b"evil", kind="pack") if name.endswith("kernel.json") else digest
        for name, digest in results.items()
    },
    "no manifest": lambda results, store: {k: v for k, v in results.items() if k != "file:manifest.json"},
    "a manifest that is none": lambda results, store: {**results, "file:manifest.json": results["report"]},
    "a report that is none": lambda results, store: {**results, "report": store.write(b"\xff", kind="pack")},
    "words that are none": lambda results, store: {**results, "told": results["file:manifest.json"]},
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_a_record_that_cannot_be_of_a_pack_is_not_used(project, tmp_path, spoil):
    class Others(type(open_store())):
        """A store whose records others may have written."""

        def recall(self, key):
            results = super().recall(key)
            return spoil(dict(results), self) if results and key.kind == "pack" else results

    store = open_store()
    first = pack_module.pack_environment(project, tmp_path / "one", OPTIONS, store=store)
    assert pack_module.pack_environment(project, tmp_path / "two", OPTIONS, store=store).again
    before = sorted(path.name for path in tmp_path.iterdir())
    third = pack_module.pack_environment(project, tmp_path / "two", OPTIONS, store=Others(store.directory))
    assert not third.again
    assert third.manifest == first.manifest
    assert tree(tmp_path / "two") == tree(tmp_path / "one")
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_the_digest_of_our_code_is_over_all_of_it():
    root = Path(lite_env.__file__).parent
    # Asked of git, which knows no rooms.
    command = ["git", "ls-files", "-co", "--exclude-standard", "*.py", "*.yaml", "*.json"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.splitlines()
    assert {root / line for line in listed if not line.startswith("bootstrap/runtime/")} == set(code_files(root))
    assert root / "lock" / "conda" / "solve.py" in code_files(root)
