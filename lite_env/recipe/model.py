"""The values of building: a recipe, what it renders to, and what was made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lite_env.spec.matchspec import name_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RECIPE_FILE = "recipe.yaml"
"""The file that makes a folder a recipe."""

VARIANTS_FILE = "variants.yaml"
"""What a folder of recipes is built with, where nothing else is named."""

COMPILER_VERSION = "c_compiler_version"
"""The key of a variant that says which Emscripten is built for."""

TARGET = "emscripten-wasm32"
"""The platform that is built for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecipeSource:
    """One place that a recipe takes files from, as it is rendered.

    Attributes:
        values: of rattler-build's ``source`` section: ``url``, ``git`` or ``path``, ``sha256``, ``patches``, ….
    """

    values: Mapping[str, Any]

    @property
    def path(self) -> str | None:
        """Where it is on this machine, relative to the recipe."""
        found = self.values.get("path")
        return str(found) if found is not None else None

    @property
    def sha256(self) -> str | None:
        """Of the file."""
        found = self.values.get("sha256")
        return str(found) if found is not None else None

    @property
    def patches(self) -> tuple[str, ...]:
        """Paths of its patches, relative to the recipe."""
        return tuple(map(str, self.values.get("patches", ())))

    @property
    def place(self) -> str:
        """Where it is from, for messages."""
        return str(next((self.values[key] for key in ("url", "git", "path") if key in self.values), "?"))

    @property
    def is_pinned(self) -> bool:
        """Whether what it stands for never changes: it has a hash, or is a whole commit."""
        if self.path is not None or self.sha256 is not None or "md5" in self.values:
            return True
        revision = str(self.values.get("rev", ""))
        return len(revision) == len("0" * 40) and set(revision) <= set("0123456789abcdef")


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """One package that a recipe makes.

    Attributes:
        name, version, build: of the package; the build string holds the hash of the variant.
        subdir: ``emscripten-wasm32`` or ``noarch``.
        variant: what was chosen of the variants, by key.
        build_requirements, host_requirements, run_requirements: match specs.
        sources: in order.
        tests: of rattler-build's ``tests`` section.
        rendered: all of the recipe, as rattler-build says it.
    """

    name: str
    version: str
    build: str
    subdir: str
    variant: Mapping[str, str]
    build_requirements: tuple[str, ...]
    host_requirements: tuple[str, ...]
    run_requirements: tuple[str, ...]
    sources: tuple[RecipeSource, ...]
    tests: tuple[Mapping[str, Any], ...]
    rendered: Mapping[str, Any]

    @property
    def test_requirements(self) -> tuple[str, ...]:
        """The match specs that its tests need besides it."""
        return tuple(spec for test in self.tests for spec in test.get("requirements", {}).get("run", ()))

    @property
    def all_requirements(self) -> tuple[str, ...]:
        """The match specs that it is built, run or tested with."""
        return (*self.build_requirements, *self.host_requirements, *self.run_requirements, *self.test_requirements)

    @property
    def file_name(self) -> str:
        """The package's file."""
        return f"{self.name}-{self.version}-{self.build}.conda"

    @property
    def path(self) -> str:
        """The package's file, relative to a channel."""
        return f"{self.subdir}/{self.file_name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """A recipe and what it makes.

    Attributes:
        name: of its folder.
        folder: absolute.
        platform: that it is built for; the machine's own where nothing of it is compiled.
        outputs: in the order in which they are built; empty where all are skipped.
    """

    name: str
    folder: Path
    platform: str
    outputs: tuple[Output, ...]

    @property
    def file(self) -> Path:
        """The recipe itself."""
        return self.folder / RECIPE_FILE

    @property
    def local_paths(self) -> tuple[str, ...]:
        """What its sources name by path, patches among them; sorted, whether it is there or not."""
        sources = [source for output in self.outputs for source in output.sources]
        paths = {source.path for source in sources if source.path is not None}
        return tuple(sorted(paths.union(*(source.patches for source in sources))))

    @property
    def needs(self) -> frozenset[str]:
        """Names of the packages that it is built, run or tested with, but those that it makes itself."""
        specs = (spec for output in self.outputs for spec in output.all_requirements)
        names = {name for spec in specs if (name := name_of(spec)) is not None}
        return frozenset(names - {output.name for output in self.outputs})


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildSettings:
    """What is the same for all recipes of a run.

    Attributes:
        channels: what is solved from, besides the toolchain and what is built: paths and URLs, the first one first.
        variants: files of variants.
        jobs: recipes that are built at the same time.
        test: whether tests are run.
        offline: fetch nothing.
    """

    channels: tuple[str, ...]
    variants: tuple[Path, ...]
    jobs: int = 1
    test: bool = True
    offline: bool = False
