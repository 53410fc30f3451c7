"""Running a package's tests: an environment with it and a kernel is solved, packed and started, as a user's is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files as resource_files
from typing import TYPE_CHECKING, Any

from lite_env.errors import HostError, MissingEngineError, RecipeError, SolveError
from lite_env.host.find import find_chromium, locate_node
from lite_env.host.run import RunOptions, start_kernel
from lite_env.lock.file import lock_path, read_lock
from lite_env.prefix.families import example_packages
from lite_env.progress import SILENT
from lite_env.recipe.testing.contents import check_contents
from lite_env.recipe.testing.declared import ContentsTest, DownstreamTest, PythonTest, ScriptTest, declared_tests
from lite_env.recipe.testing.package import TEST_FILES, BuiltPackage, read_package
from lite_env.recipe.testing.requirements import check_requirements
from lite_env.spec.address import local_path
from lite_env.spec.matchspec import name_of
from lite_env.workflow.kernel_environment import lock_beside_kernel
from lite_env.workflow.options import PackOptions
from lite_env.workflow.pack import pack_environment

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from threading import Event

    from lite_env.host.engine import Message
    from lite_env.host.run import EngineName, RunningKernel
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store

_SECONDS = 900.0
_SAID = 40  # lines of output that an error shows


@dataclass(frozen=True, kw_only=True, slots=True)
class Bed:
    """What tests run in.

    Attributes:
        channels: URLs that environments are solved from, the first one first; the package under test is in the first.
        engines: where kernels run.
        folder: an empty one for environments and packs.
        store: keeps what is done.
        stop: ends the kernels when it is set.
        offline: open no connection.
        reporter: told which tests could not be run.
    """

    channels: tuple[str, ...]
    engines: tuple[EngineName, ...]
    folder: Path
    store: Store
    stop: Event
    offline: bool = False
    reporter: Reporter = SILENT


def try_package(path: Path, tests: Sequence[Mapping[str, Any]], bed: Bed, said: io.StringIO) -> None:
    """Run the tests of the package at `path`.

    Args:
        path: a ``.conda``.
        tests: of its recipe, as rendered.
        bed: what they run in.
        said: takes what they say.

    Raises:
        RecipeError: one failed, or cannot be run in a kernel.
    """
    package = read_package(path)
    of = f"{package.name} {package.version}"
    found = declared_tests(tests, of=of)
    for test in found:
        if isinstance(test, ContentsTest):
            check_contents(test, package.files, of=of)
    in_kernel = [test for test in found if isinstance(test, PythonTest | ScriptTest)]
    if in_kernel:
        _run(package, in_kernel, [], bed, said)
    for test in found:
        if isinstance(test, DownstreamTest):
            _run_downstream(package, test, bed, said)


def _run_downstream(package: BuiltPackage, test: DownstreamTest, bed: Bed, said: io.StringIO) -> None:
    """Of the package that needs this one: its own tests, beside this one.

    Where no environment has both, as before the other one was built for the first time, that is a warning.
    """
    try:
        environment = _locked(package, [test.package], bed)
    except RecipeError as error:
        reason = dict(error.context).get("said", error.message)
        told = f"the tests of {test.package} were not run with {package.name} {package.version}: {reason}"
        bed.reporter.warn(told)
        said.write(f"==> {told}\n")
        return
    lock = read_lock(lock_path(environment))
    name = name_of(test.package)
    record = next(found for found in lock.packages if found.name == name)
    file = local_path(record.url)
    if file is None:
        raise RecipeError(
            f"the tests of {name} are in a package that is not on this machine",
            hint=f"give a channel that is a folder, or leave `downstream: {name}` out",
            found=record.url,
        )
    other = read_package(file)
    tests = declared_tests(other.tests, of=f"{other.name} {other.version}")
    in_kernel = [found for found in tests if isinstance(found, PythonTest | ScriptTest)]
    _run(other, in_kernel, [f"{package.name} =={package.version} {package.build}"], bed, said)


def _run(
    package: BuiltPackage,
    tests: Sequence[PythonTest | ScriptTest],
    beside: Sequence[str],
    bed: Bed,
    said: io.StringIO,
) -> None:
    requirements = [spec for test in tests if isinstance(test, ScriptTest) for spec in test.requirements]
    environment = _locked(package, [*beside, *requirements], bed)
    if any(isinstance(test, PythonTest) and test.pip_check for test in tests):
        check_requirements(package, {found.name: found.version for found in read_lock(lock_path(environment)).packages})
    pack = environment.parent / "pack"
    options = PackOptions(bytecode=False, trace=False, check=False, level=1, offline=bed.offline)
    pack_environment(lock_path(environment), pack, options, store=bed.store, reporter=SILENT)
    drive = environment.parent / "drive"
    _write_files(package, drive)
    for engine in bed.engines:
        run_options = RunOptions(engine=engine, drive=drive)
        with start_kernel(pack, options=run_options, reporter=SILENT, stop=bed.stop) as running:
            asked = _Asked(package=package, engine=engine, running=running, said=said)
            asked.execute(_program(), "what asks")
            for test in tests:
                for what, code in _calls(test):
                    asked.execute(code, what)


def _calls(test: PythonTest | ScriptTest) -> Iterator[tuple[str, str]]:
    if isinstance(test, PythonTest):
        yield f"import {', '.join(test.imports)}", f"import_all({list(test.imports)!r})"
        return
    for words in test.commands:
        yield " ".join(words), f"run_command({list(words)!r}, '/drive/{test.number}')"


def _program() -> str:
    return resource_files("lite_env.recipe.testing").joinpath("in_kernel.py").read_text(encoding="utf-8")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """A kernel that is asked about a package; what it says is kept."""

    package: BuiltPackage
    engine: str
    running: RunningKernel
    said: io.StringIO

    def execute(self, code: str, what: str) -> None:
        begin = self.said.tell()
        self.said.write(f"==> {self.package.name} in {self.engine}: {what}\n")
        try:
            result = self.running.client.execute(code, on_output=self._keep, timeout=_SECONDS)
        except HostError as error:
            raise self._failed(what, f"{self.said.getvalue()[begin:]}\n{error.message}") from error
        if result.status != "ok":
            raise self._failed(what, self.said.getvalue()[begin:])

    def _keep(self, message: Message) -> None:
        content, kind = message.content, message.header["msg_type"]
        if kind == "stream":
            self.said.write(str(content["text"]))
        elif kind == "error":
            self.said.write("\n".join(content.get("traceback", ())) + "\n")

    def _failed(self, what: str, text: str) -> RecipeError:
        plain = re.sub(r"\x1b\[[0-9;]*m", "", text).strip()
        return RecipeError(
            f"a test of {self.package.name} {self.package.version} failed in the kernel",
            hint="`--no-test` builds the package without its tests, to look into it with `lite-env run`",
            test=what,
            engine=self.engine,
            said="\n".join(plain.splitlines()[-_SAID:]),
        )


def _locked(package: BuiltPackage, more: Sequence[str], bed: Bed) -> Path:
    """An environment file with a kernel that fits, locked."""
    folder = bed.folder / f"{package.name}-{len(more)}"
    specs = [f"{package.name} =={package.version} {package.build}", *more]
    try:
        return lock_beside_kernel(folder, bed.channels, specs, offline=bed.offline, store=bed.store)
    except SolveError as error:
        raise RecipeError(
            f"there is no environment with {package.name} {package.version} and a kernel of Python to test it in",
            hint=f"name a channel that has one ({' or '.join(example_packages())}) with --channel, or give --no-test",
            said=error.message,
        ) from error


def _write_files(package: BuiltPackage, drive: Path) -> None:
    drive.mkdir(parents=True, exist_ok=True)
    root = f"{TEST_FILES}/{package.name}/"
    for path, data in package.files.items():
        if path.startswith(root):
            target = drive / path.removeprefix(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    # A test without files has a folder too.
    for number in range(len(package.tests)):
        (drive / str(number)).mkdir(exist_ok=True)


def engines_here(reporter: Reporter) -> tuple[EngineName, ...]:
    """The engines that tests run in: Node, and Chromium where this machine has it.

    Raises:
        MissingEngineError: there is no Node.
    """
    locate_node()
    try:
        find_chromium()
    except MissingEngineError as error:
        reporter.warn(f"tests run in Node alone: {error.message}")
        return ("node",)
    return ("node", "chromium")
