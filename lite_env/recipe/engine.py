"""The one module that asks rattler-build about recipes: what they render to, and to build one.

A build runs in a process of its own: what it says goes to a log, and what ends it does not end the caller.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lite_env.channel.assemble import require_assembler
from lite_env.errors import RecipeError
from lite_env.recipe.faults import unreadable, variants_unreadable
from lite_env.recipe.lines import RecipeText
from lite_env.recipe.model import RECIPE_FILE, TARGET, VARIANTS_FILE, Output, Recipe, RecipeSource
from lite_env.recipe.process import lead, run_group
from lite_env.recipe.toolchain.python import build_subdir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from threading import Event

_EPOCH = "1767225600"  # 2026-01-01, for what writes the time of a build into it
_SAID = 30  # lines of a log that an error shows
_START = "import sys; sys.path[:] = {path!r}; from lite_env.recipe.engine import main; main()"


def render(folder: Path, variants: Sequence[Path]) -> Recipe:
    """What the recipe in `folder` makes.

    Args:
        folder: has a ``recipe.yaml``.
        variants: files of variants, the later ones stronger; one beside the recipe is strongest.

    Raises:
        RecipeError: the recipe or a file of variants is wrong.
    """
    require_assembler()
    found = _render_for(TARGET, folder, variants)
    if found.outputs and all(output.subdir == "noarch" for output in found.outputs):
        # Nothing of it is compiled: it is built as it is everywhere, by the Python of this machine.
        return _render_for(build_subdir(), folder, variants)
    return found


def _render_for(platform_name: str, folder: Path, variants: Sequence[Path]) -> Recipe:
    import rattler_build  # noqa: PLC0415 - optional, and 85 MB

    platform = rattler_build.PlatformConfig(
        target_platform=platform_name, build_platform=build_subdir(), host_platform=platform_name
    )
    own = folder / VARIANTS_FILE
    files = [*variants, *([own] if own.is_file() and own not in variants else [])]
    jinja = rattler_build.JinjaConfig(platform=platform)
    with _refusals(lambda said: variants_unreadable(files, said)):
        config = rattler_build.VariantConfig({})
        if files:
            config = rattler_build.VariantConfig.from_files_with_context(list(files), jinja)
    with _refusals(lambda said: unreadable(folder / RECIPE_FILE, said, files)):
        recipe = rattler_build.Stage0Recipe.from_file(folder / RECIPE_FILE)
        rendering = rattler_build.RenderConfig(platform=platform)
        found = recipe.render(config, rendering)
        probe = _as_outputs(folder / RECIPE_FILE)
        if probe is not None:
            kept = [
                variant.variant for variant in rattler_build.Stage0Recipe.from_dict(probe).render(config, rendering)
            ]
            found = [variant for variant in found if variant.variant in kept]
        # Variants that nothing of a package depends on make the same one.
        outputs = {output.path: output for output in map(_output, found)}
    return Recipe(name=folder.name, folder=folder, platform=platform_name, outputs=tuple(outputs.values()))


@contextmanager
def _refusals(told: Callable[[str], RecipeError]) -> Iterator[None]:
    """What rattler-build raises in the block, `told` as an error of ours."""
    try:
        yield
    except BaseException as error:
        # rattler raises PanicException, a BaseException, on misuse; Ctrl-C goes through.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise told(str(error)) from error
        raise


def _as_outputs(file: Path) -> dict[str, Any] | None:
    """What tells which variants a recipe with one package skips: rattler-build leaves them out of outputs only."""
    document = RecipeText(file).value()
    if "outputs" in document or "skip" not in document.get("build", {}):
        return None
    output = {
        "package": {"name": document["package"]["name"], "version": document["package"].get("version", "0")},
        "build": {key: document["build"][key] for key in ("skip", "noarch", "variant") if key in document["build"]},
        "requirements": document.get("requirements", {}),
    }
    context = {"context": document["context"]} if "context" in document else {}
    return context | {"recipe": {"version": output["package"]["version"]}, "outputs": [output]}


def _output(variant: Any) -> Output:  # noqa: ANN401 - rattler-build's
    rendered = variant.recipe.to_dict()
    build = rendered.get("build", {})
    requirements = rendered.get("requirements", {})
    return Output(
        name=variant.recipe.package.name,
        version=str(variant.recipe.package.version),
        build=str(variant.recipe.build.string),
        subdir="noarch" if build.get("noarch") else TARGET,
        variant={key: str(value) for key, value in sorted(variant.variant.items())},
        build_requirements=_specs(requirements.get("build")),
        host_requirements=_specs(requirements.get("host")),
        run_requirements=_specs(requirements.get("run")),
        sources=tuple(RecipeSource(values=source) for source in rendered.get("source", ())),
        tests=tuple(rendered.get("tests", ())),
        rendered=rendered,
    )


def _specs(values: Any) -> tuple[str, ...]:  # noqa: ANN401 - as rattler-build has it
    """Match specs; those of other outputs (``pin_subpackage``) by their names."""
    return tuple(value if isinstance(value, str) else str(next(iter(value.values()))["name"]) for value in values or ())


def build(
    recipe: Recipe,
    *,
    output: Path,
    channels: Sequence[str],
    variants: Sequence[Path],
    programs: Sequence[Path],
    cache: Path,
    log: Path,
    stop: Event,
) -> None:
    """Build all outputs of `recipe` into the folder `output`.

    Args:
        recipe: what is built.
        output: becomes a channel.
        channels: URLs, the first one first.
        variants: files.
        programs: folders for PATH.
        cache: rattler's, of packages.
        log: takes what the build says.
        stop: ends it when it is set.

    Raises:
        RecipeError: it failed, with the last lines that it said; or it was ended.
    """
    request = {
        "recipe": str(recipe.file),
        "output": str(output),
        "channels": list(channels),
        "variants": [str(file) for file in variants],
        "build_platform": build_subdir(),
        "target_platform": recipe.platform,
    }
    path = os.pathsep.join([*map(str, programs), os.environ.get("PATH", os.defpath)])
    environ = _clean(os.environ) | {
        "PATH": path,
        "SOURCE_DATE_EPOCH": _EPOCH,
        "PYTHONHASHSEED": "0",
        "RATTLER_CACHE_DIR": str(cache),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", _START.format(path=sys.path)]
    with log.open("wb") as stream:
        code = run_group(command, json.dumps(request).encode(), output=stream, environ=environ, stop=stop)
    _keep_scripts_log(output, log)
    if code:
        raise RecipeError(
            f"{recipe.name} could not be built",
            hint="the whole log is beside",
            file=str(recipe.file),
            log=str(log),
            said=_end_of(log),
        )


def main() -> None:
    """Do one build: the request is read from stdin."""
    lead(_build)


def _build(line: bytes) -> None:
    request = json.loads(line)
    import rattler_build  # noqa: PLC0415 - optional, and 85 MB

    # The way by objects solves the host environment for the machine that builds.
    warnings.simplefilter("ignore", DeprecationWarning)
    try:
        rattler_build.build_recipes(
            [request["recipe"]],
            build_platform=request["build_platform"],
            target_platform=request["target_platform"],
            channel=request["channels"],
            variant_config=request["variants"],
            output_dir=request["output"],
            test="skip",
            keep_build=True,
            no_build_id=True,
            no_include_recipe=True,
            use_sharded=False,
            channel_priority="strict",
        )
    except rattler_build.RattlerBuildError as error:
        raise SystemExit(f"error: {error}") from None


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    """Without what would make a build of this machine: flags, other compilers, other Pythons."""
    foreign = {"CC", "CXX", "CPP", "LD", "AR", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "LD_LIBRARY_PATH"}
    foreign |= {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "CONDA_PREFIX", "MAKEFLAGS"}
    return {name: value for name, value in environ.items() if name not in foreign and not name.startswith("PIP_")}


def _keep_scripts_log(output: Path, log: Path) -> None:
    """Append what build scripts said, which rattler-build keeps beside their work."""
    with log.open("ab") as stream:
        for found in sorted(output.glob("bld/*/work/conda_build.log")):
            stream.write(f"\n==> {found.parent.parent.name}\n".encode())
            stream.write(found.read_bytes())


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-_SAID:])
