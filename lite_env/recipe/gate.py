"""What a package must pass before it may enter a channel: the audit, and its recipe's tests in the kernel."""

from __future__ import annotations

import io
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING

from lite_env.audit import audit_package, read_libraries, read_runtime
from lite_env.audit.places import libraries_at, read_runtimes
from lite_env.errors import ChannelError, RecipeError
from lite_env.progress import SILENT
from lite_env.recipe.model import COMPILER_VERSION
from lite_env.recipe.publish import publish
from lite_env.recipe.testing.kernel import Bed, try_package
from lite_env.spec.address import local_path
from lite_env.workflow.kernel_environment import environment_beside

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from threading import Event

    from lite_env.audit import Finding, Runtime
    from lite_env.audit.subject import Libraries
    from lite_env.host.run import EngineName
    from lite_env.progress import Reporter
    from lite_env.recipe.model import Output, Recipe
    from lite_env.store.protocol import Store

# What is a warning of packages that others made: here it can be mended.
_STRICT = frozenset({"host-path", "license"})


class Gate:
    """Refuses packages.

    Args:
        channels: URLs of what packages are installed with, the first one first.
        engines: where tests run; none where they are not asked for.
        store: keeps what is done.
        offline: open no connection.
        reporter: told of warnings.
    """

    def __init__(
        self,
        channels: Sequence[str],
        *,
        engines: tuple[EngineName, ...],
        store: Store,
        offline: bool = False,
        reporter: Reporter = SILENT,
    ) -> None:
        self._channels, self._engines = tuple(channels), engines
        self._store, self._offline, self._reporter = store, offline, reporter
        self._runtimes = cache(self._read_runtimes)

    def pass_all(
        self, recipe: Recipe, files: Mapping[str, Path], beside: Sequence[str], folder: Path, *, log: Path, stop: Event
    ) -> None:
        """Let the packages that `recipe` made pass.

        Args:
            recipe: what made them.
            files: their files, by path in the channel.
            beside: URLs of channels that were made meanwhile, stronger than the others.
            folder: is made, for environments and packs; its path must be in no package.
            log: what their tests say is added to it.
            stop: ends the tests when it is set.

        Raises:
            RecipeError: one must not enter a channel.
        """
        candidates = folder / "channel"
        publish(candidates, {path: file.read_bytes() for path, file in files.items()})
        urls = (candidates.as_uri(), *beside, *self._channels)
        for output in recipe.outputs:
            self._audit(output, files[output.path], urls, folder.parent)
        for output in recipe.outputs if self._engines else ():
            bed = Bed(
                channels=urls,
                engines=self._engines,
                folder=folder / output.build,
                store=self._store,
                stop=stop,
                offline=self._offline,
                reporter=self._reporter,
            )
            said = io.StringIO()
            try:
                try_package(files[output.path], output.tests, bed, said)
            finally:
                with log.open("a", encoding="utf-8") as stream:
                    stream.write(said.getvalue())

    def _audit(self, output: Output, file: Path, urls: Sequence[str], folder: Path) -> None:
        folders = [path for url in urls if (path := local_path(url)) is not None]
        libraries = read_libraries(output.run_requirements, folders)
        with ExitStack() as stack:
            runtime = self._runtime_for(output)
            if runtime is None and output.variant.get(COMPILER_VERSION) is not None:
                runtime, more = self._elsewhere(output, file, urls, stack)
                libraries |= more
            findings = audit_package(file, runtime=runtime, libraries=libraries, host_paths=[str(folder)])
        errors = [finding for finding in findings if finding.severity == "error" or finding.rule in _STRICT]
        for finding in findings:
            if finding not in errors:
                self._reporter.warn(f"{output.file_name}: {_told(finding)}")
        if errors:
            raise RecipeError(
                f"{output.file_name} must not enter a channel: {_told(errors[0])}",
                hint=errors[0].hint,
                more="; ".join(map(_told, errors[1:])) or None,
            )

    def _runtime_for(self, output: Output) -> Runtime | None:
        """The kernel's main module that the package is for, where a channel on this machine has it."""
        wanted = output.variant.get(COMPILER_VERSION)
        return next((runtime for runtime in self._runtimes() if runtime.emscripten == wanted), None)

    def _elsewhere(
        self, output: Output, file: Path, urls: Sequence[str], stack: ExitStack
    ) -> tuple[Runtime | None, Libraries | None]:
        """The same, and the libraries of what the package depends on, out of all channels; none is a warning."""
        try:
            beside = environment_beside(file, urls, offline=self._offline, store=self._store, reporter=self._reporter)
            environment = stack.enter_context(beside)
        except ChannelError as error:
            self._reporter.warn(f"{output.file_name} was not held against a kernel: {error.message}")
            return None, None
        return read_runtime(environment), libraries_at(environment)(output.run_requirements)

    def _read_runtimes(self) -> tuple[Runtime, ...]:
        folders = [path for url in self._channels if (path := local_path(url)) is not None]
        return tuple(runtime for folder in folders for runtime in read_runtimes(folder) if runtime.links)


def _told(finding: Finding) -> str:
    where = f"{finding.file}: " if finding.file else ""
    return f"{where}{finding.message} ({finding.rule})"
