"""Jupyter kernels in a prefix: ``share/jupyter/kernels/*/kernel.json`` and the Emscripten files it leads to."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from lite_env.errors import PrefixError
from lite_env.prefix.families import FAMILIES, recognise
from lite_env.prefix.families.family import Candidate
from lite_env.prefix.model import KernelSpec, Runtime
from lite_env.prefix.record import read_json_object
from lite_env.prefix.startup import startup_of
from lite_env.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from lite_env.prefix.model import PrefixFile
    from lite_env.progress import Reporter

_KERNELS = "share/jupyter/kernels/"
_PROGRAM = (".js", ".mjs", ".wasm")
_ENDINGS = ("", *_PROGRAM, ".data")
_LONGEST_PLACE = 1024
_LOGO_SUFFIXES = (".png", ".svg", ".jpg", ".gif", ".webp")


def find_kernels(
    prefix: Path, files: Mapping[str, PrefixFile], *, reporter: Reporter = SILENT
) -> tuple[KernelSpec, ...]:
    """The Emscripten kernels of a prefix, sorted by name.

    A kernelspec of a native interpreter (``argv`` begins with ``python``; the package ipykernel brings one) cannot
    start in a browser and is left out with a warning.

    Args:
        prefix: the folder.
        files: what lies in it, by path.
        reporter: told of kernelspecs that are left out.

    Raises:
        PrefixError: a ``kernel.json`` is not readable, or leads to a script or module that is not there.
    """
    kernels = []
    for path in sorted(files):
        name = kernel_of(path)
        kernel = None if name is None else _read_kernel(prefix, files, path, name, reporter)
        if kernel is not None:
            kernels.append(kernel)
    return tuple(kernels)


def kernel_of(path: str) -> str | None:
    """The name of the kernel whose ``kernel.json`` lies at `path`; None of any other path."""
    directory, _, base = path.rpartition("/")
    name = directory.removeprefix(_KERNELS)
    return name if base == "kernel.json" and name != directory and "/" not in name else None


def places_named_by(spec: Path, places: Collection[str]) -> tuple[str, ...]:
    """Those of `places` that a ``kernel.json`` names, as a path of any of its texts or as its program's files.

    Raises:
        PrefixError: it is not readable.
    """
    found: list[str] = []
    waiting: list[Any] = [read_json_object(spec)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, str) and "/" in value and len(value) <= _LONGEST_PLACE:
            found.extend(_named(value, places))
    return tuple(sorted(set(found)))


def _named(text: str, places: Collection[str]) -> tuple[str, ...]:
    """What `text` means, whatever stands before it."""
    stem = _find_stem(text, places, _ENDINGS)
    return () if stem is None else tuple(place for end in _ENDINGS if (place := f"{stem}{end}") in places)


def _read_kernel(
    prefix: Path, files: Mapping[str, PrefixFile], path: str, name: str, reporter: Reporter
) -> KernelSpec | None:
    directory = path.rpartition("/")[0]
    document = read_json_object(prefix / path)
    program = _checked_argv(document, path)[0]
    stem = _find_stem(program, files, _PROGRAM)
    cleaned = _clean(document, program, stem)
    candidate = Candidate(root=prefix, name=name, path=path, document=cleaned, program=stem, files=files)
    found = recognise(candidate)
    if found is None:
        if stem is None and _is_native(program):
            reporter.warn(f"the kernel '{name}' starts '{program}', a native program: it is left out")
            return None
        raise _unknown(candidate, program)
    family, recognised = found
    # A link that leads to nothing is no picture; it is packed as the link that it is.
    logos = tuple(path for path in sorted(files) if _is_logo(path, directory) and (prefix / path).is_file())
    return KernelSpec(
        name=name,
        display_name=str(document.get("display_name") or name),
        language=str(document.get("language") or ""),
        argv=tuple(cleaned["argv"]),
        directory=directory,
        binaries=recognised.files,
        runtime=Runtime(family=family.name, interpreter=recognised.interpreter, worker=recognised.worker),
        startup=startup_of(candidate, {file.path for file in recognised.files}, reporter),
        logos=logos,
        pictures=tuple((logo, (prefix / logo).read_bytes()) for logo in logos if files[logo].link is not None),
        document=json.dumps(cleaned, indent=2, sort_keys=True, ensure_ascii=False) + "\n",
    )


def _unknown(candidate: Candidate, program: str) -> PrefixError:
    """Why no family takes a kernelspec."""
    name, stem, path = candidate.name, candidate.program, candidate.path
    owner = candidate.files[path].package
    if stem is None:
        return _missing(name, program, candidate.files, path)
    for suffix in (".js", ".wasm"):
        if f"{stem}{suffix}" not in candidate.files:
            return PrefixError(
                f"the kernel '{name}' lacks its '{stem}{suffix}'",
                hint=f"install {f'the package {owner}' if owner else 'the kernel'} again for emscripten-wasm32",
                file=path,
            )
    return PrefixError(
        f"the kernel '{name}' is of a family that lite-env cannot start",
        hint="; ".join(family.mark for family in FAMILIES),
        package=owner,
        file=path,
    )


def _checked_argv(document: Mapping[str, Any], path: str) -> list[str]:
    argv = document.get("argv")
    if not isinstance(argv, list) or not argv or not all(isinstance(word, str) and word for word in argv):
        raise PrefixError(
            "'argv' is not a list of texts", hint="a kernel.json needs one (Jupyter kernelspec)", file=path
        )
    return argv


def _find_stem(program: str, files: Collection[str], endings: tuple[str, ...]) -> str | None:
    """The prefix-relative path of ``argv[0]`` or another text, which is in `files` with one of `endings`.

    Whatever stands before it is the folder the package was built in: ``@PREFIX@/bin/x``,
    ``/home/build/_h_env_placehold/bin/x``, ``/bin/x``, ``//bin/x`` and ``bin/x`` are all ``bin/x``.
    """
    parts = [part for part in program.replace("\\", "/").split("/") if part]
    for start in range(len(parts)):
        stem = "/".join(parts[start:])
        if any(f"{stem}{end}" in files for end in endings):
            return stem
    return None


def _is_native(program: str) -> bool:
    # A bare command name is looked up on PATH; there is none in a browser.
    return "/" not in program or PurePosixPath(program).name.startswith("python")


def _missing(name: str, program: str, files: Mapping[str, PrefixFile], path: str) -> PrefixError:
    base = PurePosixPath(program).name
    owner = files[path].package
    return PrefixError(
        f"the kernel '{name}' has neither script nor module: '{base}.js' and '{base}.wasm' are not in the environment",
        hint=(f"'{owner}' may be" if owner else "it may be") + " built for another platform than emscripten-wasm32",
        argv=program,
        file=path,
    )


def _clean(document: Mapping[str, Any], program: str, stem: str | None) -> dict[str, Any]:
    """`document` without the build folder; ``argv[0]`` is absolute, as in a file system whose root is the prefix."""
    placeholder = program.removesuffix(stem or program).rstrip("/")

    def without(value: Any) -> Any:  # noqa: ANN401 - any JSON value
        if isinstance(value, str):
            return value.replace(placeholder, "") if len(placeholder) > 1 else value
        if isinstance(value, list):
            return [without(item) for item in value]
        if isinstance(value, dict):
            return {key: without(item) for key, item in value.items()}
        return value

    cleaned: dict[str, Any] = without(dict(document))
    if stem is not None:
        cleaned["argv"] = [f"/{stem}", *cleaned["argv"][1:]]
    return cleaned


def _is_logo(path: str, directory: str) -> bool:
    folder, _, base = path.rpartition("/")
    return folder == directory and base.startswith("logo") and base.endswith(_LOGO_SUFFIXES)
