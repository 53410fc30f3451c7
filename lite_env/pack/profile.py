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
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from lite_env.errors import SpecError
from lite_env.store.atomic import write_text
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.text import Origin, convert, parse_json, read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

FORMAT = "1.0"


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was opened when; files as ``package:path``, sorted.

    Attributes:
        environment: name of the environment that was traced.
        interpreter: until the interpreter was up; with `kernel` the *boot*.
        kernel: after that, up to the first cell that was run.
        imports: by top-level module, what ``import`` opened after the boot.
        workloads: by file name, what a user's program opened after the boot.
        failed: imports and workloads that ended with an error, and the error's last line.
        format: version of the form.
    """

    environment: str
    interpreter: tuple[str, ...]
    kernel: tuple[str, ...]
    imports: dict[str, tuple[str, ...]]
    workloads: dict[str, tuple[str, ...]] = {}
    failed: dict[str, str] = {}
    format: str = FORMAT

    @property
    def digest(self) -> str:
        """SHA-256 of the profile as it is written."""
        return sha256_of_bytes(encode_profile(self).encode())


def make_profile(
    environment: str,
    *,
    interpreter: Iterable[str],
    kernel: Iterable[str],
    imports: Mapping[str, Iterable[str]],
    workloads: Mapping[str, Iterable[str]],
    failed: Mapping[str, str],
) -> Profile:
    """A profile with everything in its order; what was opened before is taken out of what follows."""
    first = frozenset(interpreter)
    boot = first | frozenset(kernel)

    def rest(opened: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
        return {name: tuple(sorted(frozenset(opened[name]) - boot)) for name in sorted(opened)}

    return Profile(
        environment=environment,
        interpreter=tuple(sorted(first)),
        kernel=tuple(sorted(boot - first)),
        imports=rest(imports),
        workloads=rest(workloads),
        failed=dict(sorted(failed.items())),
    )


def file_key(package: str | None, path: str) -> str:
    """How a profile names a file."""
    return f"{package or ''}:{path}"


def encode_profile(profile: Profile) -> str:
    """The profile as it is written: JSON with sorted keys, a line an entry, a final newline."""
    return json.dumps(msgspec.to_builtins(profile), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


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
        raise SpecError(
            f"the profile '{path}' cannot be read: {error.strerror}",
            hint="`lite-env trace PACK -o PROFILE` makes one",
            file=str(path),
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
    if not isinstance(version, str) or version.partition(".")[0] != FORMAT.partition(".")[0]:
        raise SpecError(
            f"the profile has the format {version!r}; this lite-env reads {FORMAT.partition('.')[0]}.x",
            hint=hint,
            file=file,
        )
    profile = convert(document, Profile, origin)
    # Put in order again: people merge such files.
    return make_profile(
        profile.environment,
        interpreter=profile.interpreter,
        kernel=profile.kernel,
        imports=profile.imports,
        workloads=profile.workloads,
        failed=profile.failed,
    )
