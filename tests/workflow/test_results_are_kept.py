"""What of compiling and tracing is kept, and for whom; kernels are stood in for, the store is what is tested."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from lite_env.errors import HostError, MissingEngineError, SpecError
from lite_env.host.bytecode import Compilation, optimize_level
from lite_env.host.trace import Traced
from lite_env.pack import press as press_module
from lite_env.pack.bytecode import Bytecode
from lite_env.pack.plan import plan_pack
from lite_env.pack.press import Press
from lite_env.pack.selection import select_files
from lite_env.pack.writer import write_pack
from lite_env.prefix.reader import read_prefix
from lite_env.workflow import compile as compile_module
from lite_env.workflow import trace as trace_module
from lite_env.workflow import workshop
from lite_env.workflow.compile import find_compiled
from lite_env.workflow.options import PackOptions
from lite_env.workflow.prepare import _digests, prepare
from lite_env.workflow.start import not_started
from lite_env.workflow.trace import trace_environment
from lite_env.workflow.workload import Workload, kernel_for, plan_work, read_workloads
from tests.fakes import MemoryStore
from tests.prefixes import SITE, Heard, Toy, kernel_package, make_prefix, python_package

PACKAGES = ("one", "two", "three")


@pytest.fixture
def prefix(tmp_path):
    packages = [Toy(name=name, files={f"{SITE}/{name}.py": f"# {name}\n"}) for name in PACKAGES]
    path = make_prefix(
        tmp_path / "prefix", kernel_package(kernel="xpython", language="python"), python_package(), *packages
    )
    return read_prefix(path)


class Compiler:
    """Stands for kernels that compile; ends as it is told after so many packages."""

    def __init__(self, ending=None, after=99):
        self.asked, self.ending, self.after = [], ending, after

    def __call__(self, pack, packages, how, *, advance):
        for name, sources in packages.items():
            if len(self.asked) == self.after:
                raise self.ending
            self.asked.append(name)
            level = how.optimize
            yield (
                name,
                Bytecode(tag="cpython-311", files={path: f"{path} {level}".encode() for path in sources}, faults={}),
            )
            advance(len(sources))


def compiled(prefix, store, monkeypatch, compiler, how=None):
    monkeypatch.setattr(compile_module, "compile_packages", compiler)
    plan = plan_pack(prefix)
    digests = _digests(plan, {})
    how = how or Compilation(kernel="xpython")
    return find_compiled(plan, digests, how, store=store, compiler=["c"]).complete(lambda _: prefix.path, jobs=1)


@pytest.mark.parametrize("ending", [KeyboardInterrupt(), HostError("the kernel has stopped")])
def test_a_compile_that_is_interrupted_keeps_what_was_finished(prefix, monkeypatch, ending):
    store = MemoryStore()
    first = Compiler(ending, after=2)
    with pytest.raises(type(ending)):
        compiled(prefix, store, monkeypatch, first)
    second = Compiler()
    assert len(compiled(prefix, store, monkeypatch, second).bytecode.files) == 4
    assert len(first.asked) == 2
    assert sorted(first.asked + second.asked) == ["one", "python", "three", "two"]


def test_what_changes_back_is_not_compiled_again(prefix, monkeypatch):
    store = MemoryStore()
    file = prefix.path / SITE / "one.py"
    before = file.read_bytes()
    for content, asked in ((before, 4), (b"# other\n", 1), (before, 0), (b"# other\n", 0)):
        file.write_bytes(content)
        compiler = Compiler()
        compiled(read_prefix(prefix.path), store, monkeypatch, compiler)
        assert len(compiler.asked) == asked


def test_the_level_of_optimisation_is_part_of_the_key(prefix, monkeypatch):
    store = MemoryStore()
    for level in (2, 0):
        how = Compilation(kernel="xpython", optimize=level)
        bytecode = compiled(prefix, store, monkeypatch, Compiler(), how).bytecode
        assert all(data.endswith(f" {level}".encode()) for data in bytecode.files.values())


@pytest.mark.parametrize(("text", "level"), [("", 0), ("0", 0), ("1", 1), (" 2", 2), ("3", 3), ("yes", 1), ("-1", 1)])
def test_levels_are_read_as_the_interpreter_reads_them(text, level):
    assert optimize_level({"PYTHONOPTIMIZE": text}) == level
    assert optimize_level({}) == 0


class Tracer:
    """Stands for kernels that are traced: each does what was said of it."""

    def __init__(self, **ends):
        self.asked, self.ends = [], ends

    def __call__(self, pack, job, *, variables=()):
        self.asked.append(job.name)
        return replace(Traced(interpreter=(), kernel=(), opened=(f"{SITE}/one.py",)), **self.ends)


def traced(prefix, store, monkeypatch, tracer):
    monkeypatch.setattr(trace_module, "trace_job", tracer)
    plan = plan_pack(prefix)
    program = Workload(name="w.py", cells=("1",), language="python")
    return trace_environment(plan, _digests(plan, {}), lambda: prefix.path, [program], store=store)


@pytest.mark.parametrize(
    ("ends", "kept"),
    [
        ({}, True),
        ({"failure": "ImportError: no"}, True),
        ({"failure": "it took longer than 1 seconds", "expired": True}, False),
        ({"failure": "the Node.js process of the kernel was ended by signal 9", "crashed": True}, False),
    ],
)
def test_only_what_the_program_itself_answered_is_kept(prefix, monkeypatch, ends, kept):
    store = MemoryStore()
    first = traced(prefix, store, monkeypatch, Tracer(**ends))
    assert first.answered is kept
    again = Tracer(**ends)
    assert traced(prefix, store, monkeypatch, again).profile == first.profile
    assert (again.asked == []) is kept


def test_what_changes_back_is_not_traced_again(prefix, monkeypatch):
    store = MemoryStore()
    file = prefix.path / SITE / "one.py"
    before = file.read_bytes()
    for content, asked in ((before, True), (b"# other\n", True), (before, False), (b"# other\n", False)):
        file.write_bytes(content)
        tracer = Tracer()
        traced(read_prefix(prefix.path), store, monkeypatch, tracer)
        assert bool(tracer.asked) is asked


def test_what_was_opened_the_last_time_is_told_before_any_kernel_starts(prefix, monkeypatch):
    store = MemoryStore()
    told = []

    def run(expected):
        monkeypatch.setattr(trace_module, "trace_job", Tracer())
        plan = plan_pack(read_prefix(prefix.path))
        program = Workload(name="w.py", cells=("1",), language="python")
        return trace_environment(
            plan, _digests(plan, {}), lambda: prefix.path, [program], store=store, expected=expected
        ).profile

    def nothing(profile):
        raise AssertionError(profile)

    profile = run(nothing)
    run(nothing)
    (prefix.path / SITE / "one.py").write_text("# other\n")
    assert run(told.append) == profile
    assert told == [profile]


def prepared(prefix, store, monkeypatch, compiler, tracer, **options):
    monkeypatch.setattr(compile_module, "compile_packages", compiler)
    monkeypatch.setattr(trace_module, "trace_job", tracer)
    monkeypatch.setattr(workshop, "find_node", lambda: None)
    program = Workload(name="w.py", cells=("1",), language="python")
    chosen, asked, heard = select_files(prefix), PackOptions(level=3, **options), Heard()
    with Press(store, 3) as press:
        done = prepare(prefix, chosen, asked, [program], press=press, store=store, reporter=heard)
    return done, heard


class Together(Compiler, Tracer):
    """Stands for kernels of both kinds; each waits for one of the other kind, as long as there is time for one."""

    def __init__(self, seconds):
        Compiler.__init__(self)
        self.ends, self.seconds = {}, seconds
        self.begun = {"compile": threading.Event(), "trace": threading.Event()}
        self.met, self.at_once, self.most, self.lock = [], 0, 0, threading.Lock()

    def run(self, kind, other):
        with self.lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        self.begun[kind].set()
        self.met.append(self.begun[other].wait(self.seconds))
        with self.lock:
            self.at_once -= 1

    def compile(self, pack, packages, how, *, advance):
        self.run("compile", "trace")
        yield from Compiler.__call__(self, pack, packages, how, advance=advance)

    def trace(self, pack, job, *, variables=()):
        self.run("trace", "compile")
        return Tracer.__call__(self, pack, job, variables=variables)


@pytest.mark.parametrize(("jobs", "most"), [(1, 1), (2, 2)])
def test_few_modules_are_compiled_while_programs_are_traced_and_no_more_kernels_run_than_may(
    prefix, monkeypatch, jobs, most
):
    together = Together(30 if jobs > 1 else 0)
    done, heard = prepared(prefix, MemoryStore(), monkeypatch, together.compile, together.trace, jobs=jobs)
    assert together.most == most
    assert jobs == 1 or together.met[0], "the kernels of both kinds ran at once"
    assert len(done.bytecode.files) == len([file for file in prefix.files if file.path.endswith(".py")])
    assert done.profile is not None
    assert done.whole
    assert heard.warnings == []


def test_of_two_kernels_that_do_not_start_the_compiling_one_is_told(prefix, monkeypatch):
    def fail(*_, **__):
        raise HostError("this kernel is broken")

    def fail_too(*_, **__):
        raise HostError("and this one")

    with pytest.raises(HostError, match="this kernel is broken"):
        prepared(prefix, MemoryStore(), monkeypatch, fail, fail_too, jobs=2)
    done, heard = prepared(prefix, MemoryStore(), monkeypatch, fail, fail_too, jobs=2, check=False)
    assert not done.whole
    bytecode, order = heard.warnings
    assert "packed without bytecode" in bytecode
    assert "packed without a traced order" in order


def test_what_changed_is_compressed_while_programs_are_traced(prefix, monkeypatch):
    store = MemoryStore()
    pressed = threading.Event()
    prepared(prefix, store, monkeypatch, Compiler(), Tracer(), jobs=2)
    (prefix.path / SITE / "one.py").write_text("# other\n")
    changed = read_prefix(prefix.path)
    raws = []
    original = press_module.compress

    def compress(raw, level):
        if level == 3:  # else it is of a quick pack
            raws.append(raw)
            pressed.set()
        return original(raw, level)

    class Waiting(Tracer):
        def __call__(self, *arguments, **options):
            assert pressed.wait(30), "nothing was compressed while this was traced"
            return super().__call__(*arguments, **options)

    monkeypatch.setattr(press_module, "compress", compress)
    done, _ = prepared(changed, store, monkeypatch, Compiler(), Waiting(), jobs=2)
    assert sum(b"# other" in raw for raw in raws) == 1
    # It is what the pack needs.
    ahead = len(raws)
    plan = plan_pack(changed, level=3, bytecode=done.bytecode, profile=done.profile)
    with Press(store, 3) as press:
        write_pack(plan, prefix.path.parent / "pack", press=press)
    assert not any(b"# other" in raw for raw in raws[ahead:])


def test_a_failure_holds_for_the_node_that_it_was_seen_in(prefix, monkeypatch):
    store = MemoryStore()

    def run(node, **ends):
        monkeypatch.setattr(trace_module, "node_version", lambda: node)
        tracer = Tracer(**ends)
        traced(prefix, store, monkeypatch, tracer)
        return bool(tracer.asked)

    assert run("v20.1.0", failure="ImportError: no")
    assert not run("v20.1.0")
    assert not run("")
    assert run("v24.0.0"), "that one may be able to"
    assert not run("v20.1.0"), "what was done in one is done in all"


def test_what_decides_about_a_trace_is_in_its_key(prefix, monkeypatch):
    store = MemoryStore()
    traced(prefix, store, monkeypatch, Tracer())
    for changed in (
        replace(prefix, variables=(("A", "1"),)),
        replace(prefix, files=tuple(replace(file, executable=True) for file in prefix.files)),
    ):
        again = Tracer()
        traced(changed, store, monkeypatch, again)
        assert again.asked


def test_two_workloads_of_one_name_are_refused_and_one_file_twice_is_one(tmp_path):
    files = [tmp_path / folder / "demo.py" for folder in ("a", "b")]
    for file in files:
        file.parent.mkdir()
        file.write_text("1\n")
    with pytest.raises(SpecError, match=r"two workloads are called 'demo\.py': .*/a/demo\.py' and .*/b/demo\.py'"):
        read_workloads(files)
    (one,) = read_workloads([files[0], files[0].parent / ".." / "a" / "demo.py"])
    assert (one.name, one.language) == ("demo.py", "python")


def test_a_workload_of_another_kind_is_refused(tmp_path):
    (tmp_path / "toy").write_text("1\n")
    with pytest.raises(SpecError, match=r"is neither a \.py file nor a notebook"):
        read_workloads([tmp_path / "toy"])


def named(name, language):
    return SimpleNamespace(name=name, language=language)


def test_a_notebook_runs_in_the_kernel_that_it_names_or_one_of_its_language():
    kernels = [named("xlua", "lua"), named("xpython", "python"), named("xpython-raw", "python")]

    def chosen(kernel="", language=""):
        return kernel_for(Workload(name="n.ipynb", cells=(), kernel=kernel, language=language), kernels)

    assert chosen("xpython-raw", "lua") == "xpython-raw"
    assert chosen("python3", "python") == "xpython"
    assert chosen("", "Lua") == "xlua"
    assert chosen() == "xlua"
    with pytest.raises(SpecError, match="asks for the kernel 'ir' and the language R") as caught:
        chosen("ir", "R")
    assert "'xlua' (lua), 'xpython' (python)" in caught.value.hint
    with pytest.raises(SpecError, match=r"asks for the kernel 'ir'$"):
        chosen("ir")


def test_imports_are_traced_where_python_runs_and_every_kernel_starts(prefix):
    kernels = [named("xlua", "lua"), named("xpython", "python")]
    environment = plan_pack(prefix).environment
    owners = {file.path: file.package for file in prefix.files}
    work = plan_work(environment, kernels, owners, [])
    assert [(job.kernel, job.name) for job in work.jobs] == [
        ("xlua", ""),
        ("xpython", "one"),
        ("xpython", "three"),
        ("xpython", "two"),
    ]
    alone = plan_work(environment, kernels[:1], owners, [])
    assert [(job.kernel, job.name) for job in alone.jobs] == [("xlua", "")]


def test_a_missing_node_is_no_kernel_that_does_not_start():
    missing = MissingEngineError("there is no Node.js on this machine", hint="install it")
    assert not_started(missing, "x") is missing
    error = not_started(HostError("no", hint="h", log="l"), "x")
    assert (error.message, error.hint) == ("the kernel 'x' does not start: no", "h; `--no-check` packs it all the same")
    assert error.context == (("log", "l"),)
