"""From recipes to a channel: each is built when what it needs is there, checked, tested in the kernel, and published.

::

    find_recipes ─▶ render_all ─▶ prepare_toolchain
    of each, in order: build_key ─┬─ it was built before ─────────────────────────────▶ publish
                                  └─ copy_recipe ─▶ build ─▶ normalise ─▶ check ─▶ test ─▶ publish
"""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from threading import Event
from typing import TYPE_CHECKING

from lite_env.errors import LiteEnvError, RecipeError
from lite_env.progress import SILENT
from lite_env.recipe.engine import build
from lite_env.recipe.find import needs_of
from lite_env.recipe.key import KIND, build_key
from lite_env.recipe.normalise import normalise
from lite_env.recipe.publish import has_package, publish
from lite_env.recipe.sources import copy_recipe
from lite_env.recipe.workroom import workroom
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.location import cache_directory

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from lite_env.progress import Reporter
    from lite_env.recipe.gate import Gate
    from lite_env.recipe.model import BuildSettings, Recipe
    from lite_env.recipe.toolchain.channel import Toolchain
    from lite_env.store.protocol import Key, Store

LOGS = ".logs"
"""Folder in a channel for what builds said, one file a recipe."""

_PATIENCE = 10.0  # seconds that builds which are ended have to put away what they have half done


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltRecipe:
    """What came of a recipe.

    Attributes:
        name: of the recipe.
        how: ``built``, ``from the store``, or ``there`` where the channel has it already.
        packages: SHA-256 by path in the channel.
        size: bytes of all packages.
        seconds: that it took.
        log: what the build said; None where nothing was built.
    """

    name: str
    how: str
    packages: Mapping[str, str]
    size: int
    seconds: float
    log: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedRecipe:
    """A recipe of which nothing came.

    Attributes:
        name: of the recipe.
        error: why.
    """

    name: str
    error: LiteEnvError


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What building would do.

    Attributes:
        steps: by recipe, in order: ``build``, ``from the store``, ``there``, or ``skip`` where it makes nothing.
    """

    steps: tuple[tuple[Recipe, str], ...]


class Builder:
    """Builds recipes into one channel.

    Args:
        channel: a folder; it is made.
        settings: how.
        toolchain: by what.
        store: keeps what was built.
        gate: refuses packages that must not enter the channel.
        reporter: told what is done.
    """

    def __init__(
        self,
        channel: Path,
        settings: BuildSettings,
        toolchain: Toolchain,
        *,
        store: Store,
        gate: Gate,
        reporter: Reporter = SILENT,
    ) -> None:
        self._channel, self._settings, self._toolchain = channel.absolute(), settings, toolchain
        self._store, self._gate, self._reporter = store, gate, reporter
        self._stop = Event()

    @property
    def channels(self) -> tuple[str, ...]:
        """URLs of all that is solved from: what is built, the toolchain, and what was named."""
        ours = (self._channel, *self._toolchain.channels)
        return (*(folder.as_uri() for folder in ours), *self._settings.channels)

    def plan(self, recipes: Sequence[Recipe]) -> Plan:
        """Decide what building `recipes` would do, without doing it.

        Raises:
            LockError: a channel cannot be read.
        """
        publish(self._channel, {})
        needs = needs_of(recipes)
        unknown: set[Path] = set()
        steps = []
        for recipe in recipes:
            step = "skip" if not recipe.outputs else "build"
            if recipe.outputs and not needs[recipe.folder] & unknown:
                step = self._known(recipe)
            if step == "build":
                unknown.add(recipe.folder)
            steps.append((recipe, step))
        return Plan(steps=tuple(steps))

    def build(self, recipes: Sequence[Recipe]) -> tuple[tuple[BuiltRecipe, ...], tuple[FailedRecipe, ...]]:
        """Build `recipes`: those that do not need each other at the same time; what fails keeps back what needs it.

        Returns:
            What was built, and what failed, each in the order of `recipes`.
        """
        publish(self._channel, {})
        needs = needs_of(recipes)
        by_folder = {recipe.folder: recipe for recipe in recipes}
        sorter = TopologicalSorter({recipe.folder: needs[recipe.folder] for recipe in recipes})
        sorter.prepare()
        built: dict[Path, BuiltRecipe] = {}
        failed: dict[Path, FailedRecipe] = {}
        running: dict[Future[BuiltRecipe], Path] = {}
        with self._reporter.task("building recipes", len(recipes), "items") as task, self._pool(running) as pool:
            while sorter.is_active():
                for folder in sorted(sorter.get_ready()):
                    recipe = by_folder[folder]
                    lacking = sorted(other.name for other in needs[folder] if other in failed)
                    if lacking:
                        error = RecipeError(f"{recipe.name} needs {', '.join(lacking)}, which could not be built")
                        failed[folder] = FailedRecipe(name=recipe.name, error=error)
                    if lacking or not recipe.outputs:
                        sorter.done(folder)
                        task.advance(1)
                        continue
                    running[pool.submit(self._one, recipe)] = folder
                done, _ = wait(running, return_when=FIRST_COMPLETED) if running else (set(), None)
                for future in done:
                    folder = running.pop(future)
                    try:
                        built[folder] = future.result()
                    except LiteEnvError as error:
                        failed[folder] = FailedRecipe(name=folder.name, error=error)
                    sorter.done(folder)
                    task.advance(1)
        order = [recipe.folder for recipe in recipes]
        return (
            tuple(built[folder] for folder in order if folder in built),
            tuple(failed[folder] for folder in order if folder in failed),
        )

    @contextmanager
    def _pool(self, running: Collection[Future[BuiltRecipe]]) -> Iterator[ThreadPoolExecutor]:
        """Threads for builds; an error that ends the block, as Ctrl-C does, ends what is `running` at once."""
        self._stop.clear()
        pool = ThreadPoolExecutor(max_workers=self._settings.jobs)
        try:
            yield pool
        except BaseException:
            self._stop.set()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            # They put away what they have half done.
            wait(running, timeout=_PATIENCE)

    def _known(self, recipe: Recipe) -> str:
        key = self._key(recipe)
        results = self._store.recall(key) if key else None
        if not results or set(results) != {output.path for output in recipe.outputs}:
            return "build"
        if all(has_package(self._channel, path, digest) for path, digest in results.items()):
            return "there"
        return "from the store" if all(self._store.read(digest) for digest in results.values()) else "build"

    def _key(self, recipe: Recipe) -> Key | None:
        return build_key(recipe, self._settings, self._toolchain, self.channels)

    def _one(self, recipe: Recipe) -> BuiltRecipe:
        begun = time.monotonic()
        key = self._key(recipe)
        found = self._again(recipe, key) if key else None
        if found is None:
            self._reporter.note(f"building {recipe.name}", passing=True)
            found = self._anew(recipe, key)
        return replace(found, seconds=time.monotonic() - begun)

    def _again(self, recipe: Recipe, key: Key) -> BuiltRecipe | None:
        results = self._store.recall(key)
        if not results or set(results) != {output.path for output in recipe.outputs}:
            return None
        packages = {path: self._store.read(digest) for path, digest in results.items()}
        whole = {path: data for path, data in packages.items() if data is not None}
        if len(whole) < len(packages):
            return None
        is_there = all(has_package(self._channel, path, digest) for path, digest in results.items())
        if not is_there:
            publish(self._channel, whole)
        how = "there" if is_there else "from the store"
        return BuiltRecipe(name=recipe.name, how=how, packages=results, size=sum(map(len, whole.values())), seconds=0)

    def _anew(self, recipe: Recipe, key: Key | None) -> BuiltRecipe:
        log = self._channel / LOGS / f"{recipe.name}.log"
        with workroom() as scratch:
            copy = replace(recipe, folder=scratch / recipe.name)
            copy_recipe(recipe, copy.folder, store=self._store, offline=self._settings.offline, reporter=self._reporter)
            build(
                copy,
                output=scratch / "out",
                channels=self.channels,
                variants=self._settings.variants,
                programs=self._toolchain.programs,
                cache=cache_directory("toolchain") / "packages",
                log=log,
                stop=self._stop,
            )
            files = self._normalised(recipe, scratch)
            said = self._gate.pass_all(recipe, files, [self._channel.as_uri()], scratch / "tests", stop=self._stop)
            with log.open("a", encoding="utf-8") as stream:
                stream.write(said)
            packages = {path: file.read_bytes() for path, file in files.items()}
        digests = {path: sha256_of_bytes(data) for path, data in packages.items()}
        if key is not None:
            for data in packages.values():
                self._store.write(data, kind=KIND)
            self._store.record(key, digests)
        publish(self._channel, packages)
        size = sum(map(len, packages.values()))
        return BuiltRecipe(name=recipe.name, how="built", packages=digests, size=size, seconds=0, log=log)

    def _normalised(self, recipe: Recipe, scratch: Path) -> dict[str, Path]:
        files = {}
        for output in recipe.outputs:
            made = scratch / "out" / output.path
            if not made.is_file():
                raise RecipeError(
                    f"{recipe.name} was built, and did not make {output.path}",
                    hint="this is a bug in lite_env",
                    file=str(recipe.file),
                )
            file = scratch / "normal" / output.path
            file.parent.mkdir(parents=True, exist_ok=True)
            normalise(made, file)
            files[output.path] = file
        return files
