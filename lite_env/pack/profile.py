"""A profile: which files a kernel's start, each import and a user's own programs open. Small, sorted, to be committed.

::

    {"environment": "numpy-demo",
     "failed": {"broken": "ModuleNotFoundError: No module named 'x'"},
     "format": "1.0",
     "imports": {"numpy": ["numpy:lib/python3.11/site-packages/numpy/__init__.py", …]},
     "interpreter": ["python:lib/python3.11/abc.py", …],
     "kernel": ["ipython:lib/python3.11/site-packages/IPython/__init__.py", …],
     "workloads": {"demo.ipynb": […]}}

A file is ``package:path``, the path relative to the environment; without a package where none owns the file. A module
is named by its source whether its bytecode or its source was opened: one profile serves packs with and without
bytecode. What a profile names and an environment does not have is passed over.

Submodules, where some were traced, make it format 1.1 (see :mod:`lite_env.pack.submodules`)::

    {"submodules": {"scipy.linalg": {"files": ["scipy:…"], "needs": []},
                    "scipy.stats": {"files": ["scipy:…"], "needs": ["scipy.linalg"]}}, …}

That is format 1.0, of an environment with one kernel. Where there are several, format 2.0 (or 2.1) says what each of
them opens, in place of ``interpreter`` and ``kernel``::

    {"kernels": {"xlua": {"interpreter": [], "kernel": []}, "xpython": {"interpreter": […], "kernel": […]}}, …}
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from lite_env.errors import SpecError
from lite_env.pack.submodules import Submodule, condense, expand, told_apart
from lite_env.store.atomic import write_text
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.refusals import refusal
from lite_env.store.text import Origin, convert, parse_json, read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

FORMAT_ONE = "1.0"
FORMAT_SEVERAL = "2.0"
_SUBMODULES = ".1"  # the minor version that has them
ANY = ""
"""For a kernel's name in a profile of format 1.0: it is of the only kernel, or else of each that speaks Python."""


class Opened(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a kernel's start opens; files as ``package:path``, sorted.

    Attributes:
        interpreter: until the interpreter was up; with `kernel` the *boot*.
        kernel: after that, up to the first cell that was run.
    """

    interpreter: tuple[str, ...] = ()
    kernel: tuple[str, ...] = ()

    @property
    def boot(self) -> frozenset[str]:
        """All that was opened until the first cell was done."""
        return frozenset((*self.interpreter, *self.kernel))


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was opened when; files as ``package:path``, sorted.

    Attributes:
        environment: name of the environment that was traced.
        kernels: by name, sorted, what the start of each kernel opens; under `ANY` alone where there is one kernel.
        imports: by top-level module, what ``import`` opened after the boot of the kernel that it was traced in.
        workloads: by file name, what a user's program opened after the boot.
        submodules: by dotted name, what the import of a submodule opens besides that of its top-level module.
        failed: imports and workloads that ended with an error, and the error's last line.
    """

    environment: str
    kernels: dict[str, Opened]
    imports: dict[str, tuple[str, ...]] = {}
    workloads: dict[str, tuple[str, ...]] = {}
    submodules: dict[str, tuple[str, ...]] = {}
    failed: dict[str, str] = {}

    @property
    def digest(self) -> str:
        """SHA-256 of the profile as it is written."""
        return sha256_of_bytes(encode_profile(self).encode())

    @property
    def boot(self) -> frozenset[str]:
        """All that the start of some kernel opens."""
        return frozenset(file for opened in self.kernels.values() for file in opened.boot)

    def of_kernels(self, languages: Mapping[str, str]) -> dict[str, Opened]:
        """What the start of each kernel of an environment opens, in the order of `languages`.

        Args:
            languages: of the kernels, by their names.
        """
        python = [name for name, language in languages.items() if language.lower() == "python"]
        any_of = frozenset(python if python and len(languages) > 1 else languages)
        unnamed = self.kernels.get(ANY, Opened())
        return {name: self.kernels.get(name, unnamed if name in any_of else Opened()) for name in languages}


class _OfOne(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Format 1.x."""

    environment: str
    interpreter: tuple[str, ...]
    kernel: tuple[str, ...]
    imports: dict[str, tuple[str, ...]]
    workloads: dict[str, tuple[str, ...]] = {}
    submodules: dict[str, Submodule] = {}
    failed: dict[str, str] = {}
    format: str = FORMAT_ONE


class _OfSeveral(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Format 2.x."""

    environment: str
    kernels: dict[str, Opened]
    imports: dict[str, tuple[str, ...]]
    workloads: dict[str, tuple[str, ...]] = {}
    submodules: dict[str, Submodule] = {}
    failed: dict[str, str] = {}
    format: str = FORMAT_SEVERAL


def opened_by(*, interpreter: Iterable[str], kernel: Iterable[str]) -> Opened:
    """What a start opens, in its order; what the interpreter opens is taken out of what the kernel does."""
    first = frozenset(interpreter)
    return Opened(interpreter=tuple(sorted(first)), kernel=tuple(sorted(frozenset(kernel) - first)))


def make_profile(
    environment: str,
    *,
    kernels: Mapping[str, Opened],
    imports: Mapping[str, Iterable[str]],
    workloads: Mapping[str, Iterable[str]],
    failed: Mapping[str, str],
    submodules: Mapping[str, Iterable[str]] | None = None,
) -> Profile:
    """A profile with everything in its order; what every boot opened is taken out of what follows.

    Where several kernels are traced, what the boot of the one kernel opens and that of another does not is part of an
    import if the other opens it then: whoever traces takes each kernel's boot out of what follows in that kernel.

    Args:
        environment: its name.
        kernels: by name, or the only one by whatever name.
        imports: see `Profile`.
        workloads: see `Profile`.
        failed: see `Profile`.
        submodules: see `Profile`.
    """
    starts = {name: opened_by(interpreter=kernels[name].interpreter, kernel=kernels[name].kernel) for name in kernels}
    # A kernel without a file system opens nothing, and imports nothing either.
    boots = [opened.boot for opened in starts.values() if opened.boot]
    everywhere = boots[0].intersection(*boots[1:]) if boots else frozenset()

    def rest(opened: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
        return {name: tuple(sorted(frozenset(opened[name]) - everywhere)) for name in sorted(opened)}

    return Profile(
        environment=environment,
        kernels={ANY: next(iter(starts.values()))} if len(starts) == 1 else dict(sorted(starts.items())),
        imports=rest(imports),
        workloads=rest(workloads),
        submodules=_besides(rest(submodules or {}), imports),
        failed=dict(sorted(failed.items())),
    )


def _besides(
    submodules: Mapping[str, tuple[str, ...]], imports: Mapping[str, Iterable[str]]
) -> dict[str, tuple[str, ...]]:
    """What submodules open besides their top-level modules; those are left out that open no more than what is above."""
    tops = {name: frozenset(files) for name, files in imports.items()}
    besides = {
        name: tuple(file for file in submodules[name] if file not in tops.get(name.partition(".")[0], ()))
        for name in submodules
    }
    return told_apart(besides, ())


def file_key(package: str | None, path: str) -> str:
    """How a profile names a file."""
    return f"{package or ''}:{path}"


def encode_profile(profile: Profile) -> str:
    """The profile as it is written: JSON with sorted keys, a line an entry, a final newline."""
    rest = {key: getattr(profile, key) for key in ("environment", "imports", "workloads", "failed")}
    rest["submodules"] = condense(profile.submodules)
    form: _OfOne | _OfSeveral
    if profile.kernels.keys() == {ANY}:
        only = profile.kernels[ANY]
        form = _OfOne(interpreter=only.interpreter, kernel=only.kernel, **rest)
    else:
        form = _OfSeveral(kernels=profile.kernels, **rest)
    document = msgspec.to_builtins(form)
    if profile.submodules:
        document["format"] = form.format.partition(".")[0] + _SUBMODULES
    else:
        # As profiles were before: who reads those reads this one.
        del document["submodules"]
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write_profile(profile: Profile, path: Path) -> None:
    """Write a profile in one step."""
    write_text(path, encode_profile(profile))


def read_profile(path: Path) -> Profile:
    """Read a profile.

    Raises:
        SpecError: the file cannot be read, or is not a profile.
    """
    try:
        data = read_bounded(path, Origin(what="the profile", error=SpecError, file=str(path)))
    except OSError as error:
        raise refusal(
            SpecError,
            "the profile cannot be read",
            error,
            file=path,
            absent="`lite-env trace PACK -o PROFILE` makes one",
        ) from error
    return parse_profile(data, file=str(path))


def parse_profile(data: bytes, *, file: str) -> Profile:
    """Read a profile; `file` is what it is called in errors.

    Raises:
        SpecError: it is not one.
    """
    hint = "make it anew with `lite-env trace PACK -o PROFILE`"
    origin = Origin(what="the profile", error=SpecError, file=file, hint=hint)
    document = parse_json(data, origin)
    version = document.get("format") if isinstance(document, dict) else None
    major = version.partition(".")[0] if isinstance(version, str) else None
    if major not in ("1", "2"):
        raise SpecError(
            f"the profile has the format {version!r}; this lite-env reads 1.x and 2.x", hint=hint, file=file
        )
    kernels, form = _decode(document, origin, of_one=major == "1")
    # Put in order again: people merge such files.
    return make_profile(
        form.environment,
        kernels=kernels,
        imports=form.imports,
        workloads=form.workloads,
        submodules=expand(form.submodules),
        failed=form.failed,
    )


def _decode(
    document: dict[str, Any], origin: Origin, *, of_one: bool
) -> tuple[Mapping[str, Opened], _OfOne | _OfSeveral]:
    if of_one:
        one = convert(document, _OfOne, origin)
        return {ANY: Opened(interpreter=one.interpreter, kernel=one.kernel)}, one
    several = convert(document, _OfSeveral, origin)
    return several.kernels, several
