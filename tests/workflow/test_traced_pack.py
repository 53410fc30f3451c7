"""Bytecode and traces of a real kernel: what comes of them in the pack, and what does not harm it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import nbformat
import pytest
from filelock import FileLock

from lite_env.channel.index import index_channel
from lite_env.errors import HostError, SpecError
from lite_env.host.bytecode import Compilation, compile_packages
from lite_env.host.run import RunOptions, start_kernel
from lite_env.host.trace import Job, trace_job
from lite_env.pack.early import left_open, write_early
from lite_env.pack.manifest import PHASES
from lite_env.pack.mounts import Mount
from lite_env.pack.plan import plan_pack
from lite_env.pack.profile import read_profile, write_profile
from lite_env.pack.reader import read_index, read_manifest
from lite_env.pack.restore import unpack
from lite_env.pack.selection import select_files
from lite_env.pack.writer import encode_manifest, write_pack
from lite_env.prefix.reader import read_prefix
from lite_env.workflow import start
from lite_env.workflow.options import PackOptions
from lite_env.workflow.start import StartCheck
from lite_env.workflow.trace import trace_pack
from lite_env.workflow.workload import read_workloads
from lite_env.workflow.workshop import Workshop
from tests.command_line import lite_env
from tests.conda_packages import make_package
from tests.fakes import MemoryStore
from tests.packing import pack_environment
from tests.prefixes import SITE, Heard
from tests.trees import tree

pytestmark = [pytest.mark.node]

CHANNEL = Path(__file__).parents[2] / "channels" / "emscripten-forge-2023"
GOOD = """\
import colorsys


def fail():
    "Fail."
    raise ValueError('in the package')  # the line


fail.touched = colorsys
"""
TOY = {
    f"{SITE}/toy/__init__.py": GOOD,
    f"{SITE}/toy/empty/__init__.py": "",
    f"{SITE}/toy/other.py": "from toy import empty\nX = 1\n",
    f"{SITE}/toy/template.py": "def {{ name }}():\n",
    f"{SITE}/broken_toy.py": "import there_is_no_such_module\n",
}
WORKLOAD = "import toy.other\nprint(toy.other.X)\n"


@pytest.fixture(scope="module")
def project(shared_folder) -> Path:
    """A project with a real Python kernel, a package of modules good and bad, and a workload."""
    folder = shared_folder / "traced"
    with FileLock(f"{folder}.lock"):
        if not (folder / "pyproject.toml").exists():
            make_package(folder / "channel", "toy", noarch="generic", files=TOY, depends=["python"])
            index_channel(folder / "channel")
            (folder / "environment.yml").write_text(
                f"name: traced\nchannels: [{CHANNEL.as_uri()}, ./channel]\ndependencies: [xeus-python, toy]\n"
            )
            (folder / "warmup.py").write_text(WORKLOAD)
            (folder / "pyproject.toml").write_text("[tool.lite-env]\ntrace = ['warmup.py']\n")
    return folder


@pytest.fixture(scope="module")
def packed(project):
    """Pack, its warnings and notes."""
    heard = Heard()
    pack = project / "pack"
    manifest = pack_environment(project / "environment.yml", pack, PackOptions(level=1), reporter=heard).manifest
    return pack, manifest, heard


@pytest.fixture(scope="module")
def python(packed):
    with start_kernel(packed[0], options=RunOptions(trace=True)) as running:
        yield running.client, running.ready


def said(client, code):
    printed: list[str] = []
    result = client.execute(code, on_output=lambda message: printed.append(message.content.get("text", "")))
    return "".join(printed), re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(result.traceback))


def test_the_kernel_starts_with_two_archives_and_a_traced_import_needs_one_more(packed, python):
    _, manifest, _ = packed
    client, ready = python
    assert [archive.load for archive in manifest.archives[:3]] == ["interpreter", "kernel", "import"]
    # manifest, index, script, module, and these two
    assert ready.figures.requests == 6
    before = client.figures().requests
    assert said(client, "import toy; print(toy.__name__)") == ("toy\n", "")
    assert client.figures().requests == before + len(manifest.imports["toy"]) == before + 1


def test_imports_take_bytecode_and_tracebacks_and_inspect_show_sources(python):
    client, _ = python
    shown, _ = said(client, "import toy, inspect; print(toy.__cached__); print(inspect.getsource(toy.fail))")
    assert shown.startswith(f"/{SITE}/toy/__pycache__/__init__.cpython-311.pyc\n")
    assert "raise ValueError('in the package')  # the line" in shown
    _, traceback = said(client, "toy.fail()")
    assert "raise ValueError('in the package')" in traceback
    assert f"/{SITE}/toy/__init__.py" in traceback


def test_every_module_that_compiles_has_bytecode_and_its_source_lies_apart(packed):
    pack, manifest, heard = packed
    entries = read_index(pack, manifest).entries
    load = {path: manifest.archives[entry.archive].load for path, entry in entries.items() if hasattr(entry, "archive")}
    assert manifest.bytecode
    assert load[f"{SITE}/toy/__pycache__/__init__.cpython-311.pyc"] == "import"
    assert load[f"{SITE}/toy/__init__.py"] == "demand"
    assert load["lib/python3.11/encodings/__pycache__/utf_8.cpython-311.pyc"] == "interpreter"
    assert load[f"{SITE}/IPython/core/__pycache__/interactiveshell.cpython-311.pyc"] == "kernel"
    assert load["lib/python3.11/enum.py"] == "demand"
    sources = {path for path in load if path.startswith("lib/python3.11/") and path.endswith(".py")}
    compiled = {path for path in load if path.endswith(".pyc")}
    assert len(sources) == len(compiled) + 1
    (note,) = [note for note in heard.notes if "without bytecode" in note]
    assert note.startswith(f"'{SITE}/toy/template.py' is packed without bytecode: SyntaxError: ")


def test_an_import_that_fails_is_told_and_the_pack_is_whole(packed):
    _, manifest, heard = packed
    (warning,) = heard.warnings
    assert warning.startswith("tracing 'broken_toy' failed: ModuleNotFoundError: No module named 'there_is_no_such")
    assert "import there_is_no_such_module" in warning
    assert set(manifest.imports) == {"toy"}


def test_what_an_import_of_a_submodule_opens_lies_together_and_is_fetched_before(packed):
    pack, manifest, _ = packed
    entries = read_index(pack, manifest).entries
    numbers = {
        entries[f"{SITE}/toy/{path}.cpython-311.pyc"].archive
        for path in ("__pycache__/other", "empty/__pycache__/__init__")
    }
    assert len(numbers) == 1
    number = numbers.pop()
    assert manifest.archives[number].load == "import"
    assert number in manifest.imports["toy"], "so small that it comes with its package"


@pytest.mark.slow
def test_tracing_the_pack_gives_the_profile_that_it_was_made_by(packed, project, tmp_path):
    pack, manifest, _ = packed
    ended = lite_env("trace", pack, "--workload", project / "warmup.py", "-o", tmp_path / "p.json", "--json")
    assert ended.code == 0
    told = json.loads(ended.out)
    assert told["digest"] == manifest.profile == read_profile(tmp_path / "p.json").digest
    assert set(told["failed"]) == {"broken_toy"}
    assert told["imports"]["toy"] >= 1
    assert "toy" in ended.err

    # And packing by it, without a trace, gives the same pack.
    options = PackOptions(level=1, profile=tmp_path / "p.json")
    pack_environment(project / "environment.yml", tmp_path / "pack", options)
    assert tree(tmp_path / "pack") == tree(pack)


@pytest.mark.slow
def test_one_profile_serves_packs_with_and_without_bytecode(packed, project, tmp_path):
    _, manifest, _ = packed
    options = PackOptions(level=1, bytecode=False, trace=False)
    plain = pack_environment(project / "environment.yml", tmp_path / "plain", options).manifest
    assert not plain.bytecode
    profile = trace_pack(tmp_path / "plain", (project / "warmup.py",))
    assert profile.digest == manifest.profile
    write_profile(profile, tmp_path / "p.json")
    assert read_profile(tmp_path / "p.json") == profile


@pytest.mark.slow
def test_packing_what_was_unpacked_gives_the_same_bytes(packed, project, tmp_path):
    pack, _, _ = packed
    unpack(pack, tmp_path / "prefix")
    assert not list((tmp_path / "prefix").rglob("*.pyc"))
    prefix = read_prefix(tmp_path / "prefix")
    assert {file.package for file in prefix.files if "/toy/" in file.path} == {"toy"}
    options = PackOptions(level=1, workloads=(project / "warmup.py",))
    pack_environment(tmp_path / "prefix", tmp_path / "again", options)
    assert tree(tmp_path / "again") == tree(pack)


def test_folder_clock_hash_seed_and_cache_do_not_matter(packed, project, tmp_path):
    """All is compiled and traced anew, by a process of another kind, in an environment that lies elsewhere."""
    pack, _, _ = packed
    unpack(pack, tmp_path / "else" / "where")
    for path in (tmp_path / "else").rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    environment = os.environ | {
        "LITE_ENV_CACHE_DIR": str(tmp_path / "cache"),
        "PYTHONHASHSEED": "7",
        "TZ": "Asia/Tokyo",
        "LC_ALL": "C",
    }
    code = (
        "import sys; from pathlib import Path; from lite_env.workflow.options import PackOptions;"
        "from tests.packing import pack_environment;"
        "pack_environment(Path(sys.argv[1]), Path(sys.argv[2]),"
        " PackOptions(level=1, workloads=(Path(sys.argv[3]),)))"
    )
    arguments = [tmp_path / "else" / "where", tmp_path / "two", project / "warmup.py"]
    subprocess.run([sys.executable, "-c", code, *map(str, arguments)], check=True, env=environment, umask=0o077)
    assert tree(tmp_path / "two") == tree(pack)


def test_the_same_is_not_compiled_or_traced_again(packed, project, tmp_path, monkeypatch):
    pack, _, _ = packed
    # Nothing is started: there is no such Node.
    monkeypatch.setenv("LITE_ENV_NODE", str(tmp_path / "no-node"))
    heard = Heard()
    pack_environment(project / "environment.yml", tmp_path / "pack", PackOptions(level=1), reporter=heard)
    assert tree(tmp_path / "pack") == tree(pack)
    assert not any("Node" in warning for warning in heard.warnings)
    assert any("broken_toy" in warning for warning in heard.warnings), "told again, though not traced again"


def test_a_file_that_is_mounted_beside_packages_traces_no_start_and_no_import_again(
    packed, project, tmp_path, monkeypatch
):
    unpack(packed[0], tmp_path / "prefix")
    (tmp_path / "data.csv").write_text("1,2\n")
    monkeypatch.setenv("LITE_ENV_NODE", str(tmp_path / "no-node"))

    def warnings(target, *workloads):
        heard = Heard()
        mounts = (Mount(source=tmp_path / "data.csv", target=target),)
        options = PackOptions(level=1, check=False, mounts=mounts, workloads=workloads)
        pack_environment(tmp_path / "prefix", tmp_path / "pack", options, reporter=heard)
        return [warning for warning in heard.warnings if "Node" in warning]

    assert warnings("/data/data.csv") == []
    assert read_manifest(tmp_path / "pack").profile
    assert len(warnings("/data/data.csv", project / "warmup.py")) == 1, "a program may look there"
    assert len(warnings(f"/{SITE}/data.csv")) == 1, "an import may look there"


def early(pack, manifest, folder):
    """What of `pack` its starts read."""
    opened = left_open(manifest)
    write_early(opened, pack, folder, encode_manifest(opened))
    return folder, opened


def test_a_kernel_that_started_from_what_it_reads_is_not_started_from_the_whole(packed, tmp_path, monkeypatch):
    pack, manifest, _ = packed
    store = MemoryStore()
    check = StartCheck(store=store)
    check.early(*early(pack, manifest, tmp_path / "early"))

    def never(*_, **__):
        raise HostError("started again")

    monkeypatch.setattr(start, "_start", never)
    other = msgspec.structs.replace(manifest, generator="another")
    with pytest.raises(HostError, match="started again"):
        check.whole(pack, other)
    check.whole(pack, manifest)
    StartCheck(store=store).whole(pack, manifest)
    with pytest.raises(HostError, match="started again"):
        StartCheck(store=MemoryStore()).whole(pack, manifest)


def test_a_kernel_that_reads_more_than_its_start_should_is_started_from_the_whole(packed, tmp_path, monkeypatch):
    pack, manifest, _ = packed
    (kernel,) = manifest.kernels
    # As if the trace had not seen what the kernel opens: it is fetched when it is.
    less = msgspec.structs.replace(kernel, start=msgspec.structs.replace(kernel.start, kernel=()))
    needs = (*manifest.requires, "kernel-starts")
    blind = msgspec.structs.replace(manifest, kernels=(less,), requires=needs)
    shutil.copytree(pack, tmp_path / "pack")
    (tmp_path / "pack" / "manifest.json").write_bytes(encode_manifest(blind))
    check = StartCheck(store=MemoryStore())
    check.early(*early(tmp_path / "pack", blind, tmp_path / "early"))
    started = []
    original = start._start
    monkeypatch.setattr(start, "_start", lambda *given: started.append(given) or original(*given))
    check.whole(tmp_path / "pack", blind)
    assert started == [(tmp_path / "pack", kernel.name)]


@pytest.mark.slow
def test_only_what_a_trace_opened_or_could_find_makes_it_old(packed, project, tmp_path, monkeypatch):
    unpack(packed[0], tmp_path / "prefix")
    monkeypatch.setenv("LITE_ENV_NODE", str(tmp_path / "no-node"))
    toy = tmp_path / "prefix" / SITE / "toy"

    def is_traced_anew():
        heard = Heard()
        options = PackOptions(level=1, bytecode=False, workloads=(project / "warmup.py",))
        manifest = pack_environment(tmp_path / "prefix", tmp_path / "pack", options, reporter=heard).manifest
        assert (manifest.profile == packed[1].profile) is (manifest.profile is not None)
        return any("packed without a traced order" in warning for warning in heard.warnings)

    (tmp_path / "prefix" / "lib/python3.11/this.py").write_text("nobody reads this\n")
    assert not is_traced_anew()
    (toy / "more.py").write_text("")
    assert is_traced_anew(), "a program could find it"
    (toy / "more.py").unlink()
    assert not is_traced_anew()
    (toy / "other.py").write_text(TOY[f"{SITE}/toy/other.py"] + "\n")
    assert is_traced_anew(), "the workload reads it"


def test_without_node_the_pack_says_so_and_has_a_static_order(project, packed, tmp_path, monkeypatch):
    unpack(packed[0], tmp_path / "prefix")
    monkeypatch.setenv("LITE_ENV_NODE", str(tmp_path / "no-node"))
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "cache"))
    heard = Heard()
    manifest = pack_environment(tmp_path / "prefix", tmp_path / "pack", PackOptions(level=1), reporter=heard).manifest
    assert [warning.partition(":")[0] for warning in heard.warnings] == [
        "packed without bytecode",
        "packed without a traced order",
        "packed without starting its kernels",
    ]
    assert all("Node.js" in warning for warning in heard.warnings)
    assert not manifest.bytecode
    assert manifest.profile is None
    assert {archive.load for archive in manifest.archives} == {"demand"}
    options = PackOptions(level=1, bytecode=False, trace=False)
    pack_environment(tmp_path / "prefix", tmp_path / "same", options)
    assert tree(tmp_path / "same") == tree(tmp_path / "pack")


@pytest.mark.slow
def test_packages_can_be_kept_apart(packed, project, tmp_path):
    options = PackOptions(level=1, order="packages")
    manifest = pack_environment(project / "environment.yml", tmp_path / "pack", options).manifest
    boot = [archive for archive in manifest.archives if archive.load in PHASES]
    assert len(boot) > 10
    assert all(len(archive.packages) == 1 for archive in manifest.archives)
    with start_kernel(tmp_path / "pack", options=RunOptions()) as running:
        assert running.ready.figures.requests == 4 + len(boot)


@pytest.mark.slow
def test_bytecode_is_of_the_level_at_which_the_environment_runs(packed, tmp_path):
    """`PYTHONOPTIMIZE` in one environment took the docstrings out of another one's bytecode."""
    unpack(packed[0], tmp_path / "prefix")
    prefix = read_prefix(tmp_path / "prefix")
    sources = [path for path in (file.path for file in prefix.files) if path.startswith(f"{SITE}/toy/__init__")]
    answers = []
    for level in (2, 0):
        with Workshop(replace(prefix, variables=(("PYTHONOPTIMIZE", "1"),)), select_files(prefix)) as workshop:
            how = Compilation(kernel="xpython", optimize=level)
            ((_, bytecode),) = compile_packages(workshop.pack(None), {"toy": sources}, how)
        variables = (("PYTHONOPTIMIZE", str(level)),)
        write_pack(plan_pack(replace(prefix, variables=variables), level=1, bytecode=bytecode), tmp_path / "pack")
        with start_kernel(tmp_path / "pack", options=RunOptions()) as running:
            code = "import toy, sys; print(sys.flags.optimize, toy.fail.__doc__, toy.__cached__.rpartition('/')[2])"
            answers.append(said(running.client, code)[0])
        unpack(tmp_path / "pack", tmp_path / f"unpacked{level}")
        assert not list((tmp_path / f"unpacked{level}").rglob("*.pyc"))
    assert answers == ["2 None __init__.cpython-311.opt-2.pyc\n", "0 Fail. __init__.cpython-311.pyc\n"]


@pytest.mark.slow
def test_a_program_that_the_kernel_does_not_survive_has_crashed(packed):
    traced = trace_job(packed[0], Job(kernel="xpython", name="end", cells=("import os; os.abort()",)))
    assert traced.crashed
    assert not traced.answered
    assert traced.interpreter


@pytest.mark.slow
def test_what_takes_too_long_is_a_failure_of_its_own(packed):
    cells = ("import toy", "while True: pass", "import toy.other")
    traced = trace_job(packed[0], Job(kernel="xpython", name="slow", cells=cells), seconds=2)
    assert traced.failure == "it took longer than 2 seconds"
    assert traced.expired
    assert traced.interpreter
    assert traced.kernel


def test_a_notebook_is_traced_cell_by_cell_until_one_fails(packed, tmp_path):
    notebook = tmp_path / "demo.ipynb"
    cells = [
        nbformat.v4.new_markdown_cell("text"),
        nbformat.v4.new_code_cell("import toy"),
        nbformat.v4.new_code_cell(""),
        nbformat.v4.new_code_cell("1 / 0"),
        nbformat.v4.new_code_cell("import toy.other"),
    ]
    notebook.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=cells)))
    (workload,) = read_workloads([notebook])
    assert workload.cells == ("import toy", "1 / 0", "import toy.other")
    traced = trace_job(packed[0], Job(kernel="xpython", name=workload.name, cells=workload.cells))
    assert traced.failure == "ZeroDivisionError: division by zero"
    assert f"{SITE}/toy/__pycache__/__init__.cpython-311.pyc" in traced.opened
    assert not any("other" in path for path in traced.opened)


@pytest.mark.parametrize("text", ["not json", "[1]", '{"cells": [{"cell_type": "code"}]}'])
def test_a_workload_that_cannot_be_read_is_told(tmp_path, text):
    (tmp_path / "x.ipynb").write_text(text)
    with pytest.raises(SpecError, match=r"the workload '.*x\.ipynb' (cannot be read|is not JSON)"):
        read_workloads([tmp_path / "x.ipynb"])


@pytest.mark.slow
def test_a_package_whose_files_changed_is_compiled_anew(packed, project, tmp_path):
    pack, manifest, _ = packed
    unpack(pack, tmp_path / "prefix")
    (tmp_path / "prefix" / SITE / "toy" / "__init__.py").write_text(GOOD.replace("colorsys", "chunk"))
    options = PackOptions(level=1, workloads=(project / "warmup.py",))
    changed = pack_environment(tmp_path / "prefix", tmp_path / "pack", options).manifest
    index, before = read_index(tmp_path / "pack", changed), read_index(pack, manifest)
    assert changed.profile != manifest.profile
    same = {archive.digest for archive in manifest.archives} & {archive.digest for archive in changed.archives}
    assert len(same) >= len(manifest.archives) - 6
    path = f"{SITE}/toy/__pycache__/__init__.cpython-311.pyc"
    assert path in index.entries
    assert path in before.entries
    with start_kernel(tmp_path / "pack", options=RunOptions()) as running:
        assert said(running.client, "import toy; print(toy.fail.touched.__name__)") == ("chunk\n", "")
    shutil.rmtree(tmp_path / "pack")
