"""Getting a recipe ready to be built: a copy of its folder, with the source distributions that it names beside it.

rattler-build has no source that is a distribution on a package index. Here a ``path`` that is not in the recipe's
folder and is called like a source distribution (``NAME-VERSION.tar.gz``) is fetched from the index that uv is
configured for, by name and version, and checked by the ``sha256`` beside it. None of its code is run for that.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename

from lite_env.errors import FetchError, RecipeError
from lite_env.lock.uv import login_for, run_uv
from lite_env.progress import SILENT
from lite_env.store.digest import is_sha256, sha256_of_bytes
from lite_env.store.download import download
from lite_env.store.location import cache_directory

if TYPE_CHECKING:
    from lite_env.progress import Reporter
    from lite_env.recipe.model import Recipe
    from lite_env.store.protocol import Store

_KIND = "sdist"
_ARCHIVES = re.compile(r"\.(tar\.(gz|bz2|xz|zst)|tgz|zip)\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sdist:
    """A source distribution that a recipe names.

    Attributes:
        file: its name, which is its path in the recipe's folder.
        sha256: of it.
    """

    file: str
    sha256: str


def sdists_of(recipe: Recipe) -> tuple[Sdist, ...]:
    """Those that are to be fetched, sorted by name.

    Raises:
        RecipeError: a path is not there and names no source distribution, or has no hash.
    """
    found: dict[str, Sdist] = {}
    for output in recipe.outputs:
        for source in output.sources:
            path = source.path
            if path is None or (recipe.folder / path).exists():
                continue
            if PurePosixPath(path).name != path or not _is_sdist(path):
                raise RecipeError(
                    f"the source {path} is not there",
                    hint="a path is relative to the recipe; one that is called NAME-VERSION.tar.gz, with a sha256, is"
                    " fetched from the package index",
                    file=str(recipe.file),
                    found=str(recipe.folder / path),
                )
            if source.sha256 is None or not is_sha256(source.sha256):
                raise RecipeError(
                    f"the source {path} is to be fetched from the package index, and has no sha256",
                    hint="write `sha256:` beside its `path:`",
                    file=str(recipe.file),
                )
            found[path] = Sdist(file=path, sha256=source.sha256)
    return tuple(found[name] for name in sorted(found))


def _is_sdist(name: str) -> bool:
    try:
        parse_sdist_filename(name)
    except InvalidSdistFilename:
        return False
    return True


def copy_recipe(
    recipe: Recipe, scratch: Path, *, store: Store, offline: bool = False, reporter: Reporter = SILENT
) -> Path:
    """A copy of the recipe's folder in the empty folder `scratch`, with all that it takes from outside of it.

    What it names by a path outside of its folder lies at the same place beside the copy.

    Raises:
        FetchError: a source distribution cannot be had, or is another one.
        RecipeError: the recipe names what is not there.
    """
    sdists = sdists_of(recipe)
    outside = [path for path in recipe.local_paths if _climbs(path)]
    # So deep that what is above the recipe is in the scratch folder too.
    climbs = max(map(_climbs, outside), default=0)
    target = scratch.joinpath(*recipe.folder.parts[-1 - climbs :])
    shutil.copytree(recipe.folder, target, symlinks=True)
    brought: list[Path] = []
    for source, path in sorted(((recipe.folder / path).resolve(), path) for path in outside):
        # What is not there is told by who needs it.
        if source.exists() and not any(source.is_relative_to(other) for other in brought):
            brought.append(source)
            _bring(source, Path(os.path.normpath(target / path)), recipe.folder)
    for sdist in sdists:
        (target / sdist.file).write_bytes(fetch_sdist(sdist, store=store, offline=offline, reporter=reporter))
    return target


def _climbs(path: str) -> int:
    """How many folders above the recipe's a relative path begins; 0 where it stays inside."""
    parts = PurePosixPath(os.path.normpath(path)).parts
    return sum(part == ".." for part in parts)


def _bring(source: Path, target: Path, recipe: Path) -> None:
    if target.exists():
        # It has the recipe in it, which is there.
        def ignored(folder: str, _: list[str]) -> set[str]:
            return {recipe.name} if Path(folder) == recipe.parent else set()

        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, ignore=ignored)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source)


def fetch_sdist(sdist: Sdist, *, store: Store, offline: bool = False, reporter: Reporter = SILENT) -> bytes:
    """The source distribution, from `store` or fetched into it.

    Raises:
        FetchError: it cannot be had, or the index has another file of that name.
    """
    found = store.read(sdist.sha256)
    if found is not None:
        return found
    name, version = parse_sdist_filename(sdist.file)
    if offline:
        raise FetchError(
            f"offline, and the source {sdist.file} is not in the cache",
            hint="run the same command once without --offline",
        )
    url, size = _ask_index(f"{canonicalize_name(name)}=={version}", sdist)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / sdist.file
        download(
            url,
            file,
            sha256=sdist.sha256,
            size=size,
            partial=cache_directory("downloads") / f"{sdist.sha256}.part",
            login=login_for(url, os.environ),
            reporter=reporter,
        )
        data = file.read_bytes()
    store.write(data, kind=_KIND, vouched=True)
    return data


def _ask_index(wanted: str, sdist: Sdist) -> tuple[str, int | None]:
    """Where the index has it; uv is asked, which runs nothing of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "wanted.in").write_text(f"{wanted}\n", encoding="utf-8")
        arguments = ["pip", "compile", "--no-deps", "--no-binary", ":all:", "--format", "pylock.toml", "--quiet"]
        answer = run_uv([*arguments, "wanted.in"], folder=folder, offline=False)
    if answer.code:
        raise FetchError(
            f"the package index does not have {wanted} as a source distribution",
            hint="see whether the version is right, and which index uv is configured for (UV_DEFAULT_INDEX)",
            said=answer.told.strip() or None,
        )
    for package in tomllib.loads(answer.out).get("packages", ()):
        found = package.get("sdist", {})
        url = str(found.get("url") or found.get("path") or "")
        digest = str(found.get("hashes", {}).get("sha256", ""))
        if digest == sdist.sha256:
            return url, found.get("size")
        if url:
            raise FetchError(
                f"the package index has another {sdist.file} than the recipe asks for",
                hint="see whether the sha256 in the recipe is right",
                expected=f"sha256 {sdist.sha256}",
                found=f"sha256 {digest}",
            )
    raise FetchError(f"the package index has no source distribution of {wanted}")


def folder_digest(folder: Path) -> str:
    """SHA-256 over all files below `folder`: paths, modes and contents, where they lie aside."""
    lines = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            lines.append(f"{name} -> {path.readlink()}")
        elif path.is_file():
            lines.append(f"{name} {path.stat().st_mode & 0o111:o} {sha256_of_bytes(path.read_bytes())}")
    return sha256_of_bytes("\n".join(lines).encode())


def local_sources_digest(recipe: Recipe) -> str:
    """SHA-256 over the sources and patches of `recipe` that lie on this machine."""
    lines = []
    for name in recipe.local_paths:
        path = recipe.folder / name
        if path.exists():
            lines.append(f"{name} {folder_digest(path) if path.is_dir() else sha256_of_bytes(path.read_bytes())}")
    return sha256_of_bytes("\n".join(lines).encode())
