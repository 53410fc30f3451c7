"""What a package must pass before it may enter a channel: the audit, and its recipe's tests in the kernel."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from lite_env.audit import audit_package, read_libraries
from lite_env.audit.places import read_runtimes
from lite_env.errors import RecipeError
from lite_env.progress import SILENT
from lite_env.recipe.publish import publish
from lite_env.recipe.testing.kernel import Bed, try_package
from lite_env.spec.address import local_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from threading import Event

    from lite_env.audit import Finding, Runtime
    from lite_env.host.run import EngineName
    from lite_env.progress import Reporter
    from lite_env.recipe.model import Output, Recipe
    from lite_env.store.protocol import Store

_COMPILER = "c_compiler_version"
# What is a warning of packages that others made: here it can be mended.
_STRICT = frozenset({"host-path", "license"})


class Gate:
    """Refuses packages.

    Args:
        channels: URLs of what packages are installed with, the first one first.
        engines: where tests run; none where they are not asked for.
        store: keeps what is done.
        reporter: told of warnings.
    """

    def __init__(
        self,
        channels: Sequence[str],
        *,
        engines: tuple[EngineName, ...],
        store: Store,
        reporter: Reporter = SILENT,
    ) -> None:
        self._channels, self._engines = tuple(channels), engines
        self._store, self._reporter = store, reporter
        self._runtimes = cache(self._read_runtimes)

    def pass_all(
        self, recipe: Recipe, files: Mapping[str, Path], beside: Sequence[str], folder: Path, *, stop: Event
    ) -> str:
        """Let the packages that `recipe` made pass; the answer is what their tests said.

        Args:
            recipe: what made them.
            files: their files, by path in the channel.
            beside: URLs of channels that were made meanwhile, stronger than the others.
            folder: is made, for environments and packs; its path must be in no package.
            stop: ends the tests when it is set.

        Raises:
            RecipeError: one must not enter a channel.
        """
        candidates = folder / "channel"
        publish(candidates, {path: file.read_bytes() for path, file in files.items()})
        urls = (candidates.as_uri(), *beside, *self._channels)
        for output in recipe.outputs:
            self._audit(output, files[output.path], urls, folder.parent)
        said = []
        for output in recipe.outputs if self._engines else ():
            bed = Bed(
                channels=urls,
                engines=self._engines,
                folder=folder / output.build,
                store=self._store,
                stop=stop,
            )
            said.append(try_package(files[output.path], output.tests, bed))
        return "".join(said)

    def _audit(self, output: Output, file: Path, urls: Sequence[str], folder: Path) -> None:
        folders = [path for url in urls if (path := local_path(url)) is not None]
        runtime = self._runtime_for(output)
        libraries = read_libraries(output.run_requirements, folders)
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
        wanted = output.variant.get(_COMPILER)
        if wanted is None:
            return None
        found = next((runtime for runtime in self._runtimes() if runtime.emscripten == wanted), None)
        if found is None:
            self._reporter.warn(
                f"{output.file_name} was not held against a kernel: no channel on this machine has one for Emscripten"
                f" {wanted}"
            )
        return found

    def _read_runtimes(self) -> tuple[Runtime, ...]:
        folders = [path for url in self._channels if (path := local_path(url)) is not None]
        return tuple(runtime for folder in folders for runtime in read_runtimes(folder) if runtime.links)


def _told(finding: Finding) -> str:
    where = f"{finding.file}: " if finding.file else ""
    return f"{where}{finding.message} ({finding.rule})"
