"""Wheels of sources: what a project consists of, and one wheel built of it, the same bytes from the same sources.

`uv build` runs the project's own build backend, which is the project's code, as with pip:
who names a project trusts it.
"""

from __future__ import annotations

import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lite_env.errors import BuildError
from lite_env.lock.uv import run_uv
from lite_env.lock.wheel import split_wheel_name
from lite_env.store.digest import sha256_of_bytes, sha256_of_file
from lite_env.store.text import Origin, parse_toml, read_bounded, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# What a project is not made of: what tools leave in its folder, and what lite-env and JupyterLite write there.
_LEFT = frozenset({"build", "dist", "node_modules", "__pycache__", "venv", "_build", "_output", "environment.yml"})
_LEFT_ENDS = (".egg-info", ".pyc", "conda-lock.yml", "environment.yaml")
_MOST_FILES = 50_000
_EPOCH = (1980, 1, 1, 0, 0, 0)
_EPOCH_SECONDS = "315532800"
_FILE_MODE = 0o100644
_LAST_LINES = 8
_USUAL_BACKEND = ("setuptools>=40.8.0",)  # where a project names none, as pip has it


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltWheel:
    """A wheel that was built.

    Attributes:
        file_name: of the wheel.
        data: its bytes.
        build: what it was built with, ``hatchling==1.27.0``, sorted.
    """

    file_name: str
    data: bytes
    build: tuple[str, ...]


def digest_of_project(folder: Path) -> str:
    """SHA-256 over the paths and contents of a project's files, without what tools leave beside them.

    Raises:
        BuildError: it has more files than any project.
        OSError: a file cannot be read.
    """
    files = []
    for path in _walk(folder):
        files.append(path)
        if len(files) > _MOST_FILES:
            raise BuildError(
                f"the project in '{folder}' has more than {_MOST_FILES:,} files",
                hint="move what does not belong to it out of its folder",
            )
    lines = sorted(f"{path.relative_to(folder).as_posix()}\0{sha256_of_file(path)}" for path in files)
    return sha256_of_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))


def build_wheel(
    folder: Path, *, what: str, pinned: Sequence[str] = (), exclude_newer: str | None = None, offline: bool = False
) -> BuiltWheel:
    """Build the wheel of the project in `folder`; it has to be one for every platform.

    Args:
        folder: with a ``pyproject.toml`` or ``setup.py``.
        what: names it in messages.
        pinned: what to build it with; resolved where nothing is said.
        exclude_newer: the date before which what it is built with was published.
        offline: open no connection.

    Raises:
        BuildError: it cannot be built, or is native.
    """
    with tempfile.TemporaryDirectory(prefix="lite-env-build-") as name:
        scratch = Path(name)
        newer = ("--exclude-newer", exclude_newer) if exclude_newer else ()
        build = tuple(pinned) or _resolve_backend(folder, scratch, newer, what=what, offline=offline)
        (scratch / "build.txt").write_text("\n".join([*build, ""]), "utf-8")
        command = ["build", "--wheel", "--out-dir", str(scratch / "out"), str(folder)]
        command += ["--build-constraints", str(scratch / "build.txt"), *newer]
        answer = run_uv(command, folder=scratch, offline=offline, more={"SOURCE_DATE_EPOCH": _EPOCH_SECONDS})
        wheels = sorted((scratch / "out").glob("*.whl"))
        if answer.code or len(wheels) != 1:
            raise _failed(what, answer.told)
        parts = split_wheel_name(wheels[0].name)
        if parts is None or not parts.pure:
            raise BuildError(
                f"{what} is native, and cannot be installed in the browser: what was built is {wheels[0].name}",
                hint="it needs a conda package for emscripten-wasm32: ask for that among the `dependencies`",
            )
        return BuiltWheel(file_name=wheels[0].name, data=_same_bytes(wheels[0], scratch / "wheel"), build=build)


def _walk(folder: Path) -> Iterator[Path]:
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        for path in here.iterdir():
            if path.name.startswith(".") or path.name in _LEFT or path.name.endswith(_LEFT_ENDS):
                continue
            if path.is_symlink() or not path.is_dir():
                if path.is_file():
                    yield path
            elif not (path / "conda-meta").is_dir() and not (path / "archives").is_dir():
                # Neither an environment nor a pack.
                waiting.append(path)


def _resolve_backend(folder: Path, scratch: Path, newer: Sequence[str], *, what: str, offline: bool) -> tuple[str, ...]:
    """The exact versions of what a project is built with."""
    requires = _requires(folder)
    if not requires:
        return ()
    (scratch / "build.in").write_text("\n".join([*requires, ""]), "utf-8")
    arguments = ["pip", "compile", "build.in", "--no-header", "--no-annotate", *newer]
    answer = run_uv(arguments, folder=scratch, offline=offline)
    if answer.code:
        raise _failed(what, answer.told)
    return tuple(sorted(line for line in answer.out.splitlines() if "==" in line and not line.startswith("#")))


def _requires(folder: Path) -> tuple[str, ...]:
    file = folder / "pyproject.toml"
    if not file.is_file():
        return _USUAL_BACKEND
    origin = Origin(what=f"'{file}'", error=BuildError, file=str(file))
    system = parse_toml(read_bounded(file, origin), origin).get("build-system")
    requires = system.get("requires", []) if isinstance(system, dict) else list(_USUAL_BACKEND)
    if not isinstance(requires, list) or not all(isinstance(text, str) and text.isprintable() for text in requires):
        raise origin.fault("has no list of texts in `build-system.requires`")
    return tuple(text for text in requires if not text.lstrip().startswith("-"))


def _failed(what: str, told: str) -> BuildError:
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    said = shown(" ".join(lines[-_LAST_LINES:])) if lines else "uv says nothing"
    return BuildError(
        f"no wheel could be built of {what}: {said}",
        hint="build it yourself to see more (`uv build --wheel`), or build a wheel and name that in the pip section",
    )


def _same_bytes(wheel: Path, target: Path) -> bytes:
    """A wheel's files in the order of their names, uncompressed, without times: zlib's bytes differ by its version."""
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for info in sorted(source.infolist(), key=lambda each: each.filename):
            if info.is_dir():
                continue
            entry = zipfile.ZipInfo(info.filename, _EPOCH)
            executable = 0o111 if (info.external_attr >> 16) & 0o100 else 0
            entry.external_attr = (_FILE_MODE | executable) << 16
            archive.writestr(entry, source.read(info))
    return target.read_bytes()
