"""Start-up code of a kernel: a file of the environment that runs in the kernel before the first cell.

A ``kernel.json`` names it under ``metadata``, where the kernelspec's document has tools put their own keys below their
names (https://jupyter-client.readthedocs.io/en/stable/api/kernelspec.html)::

    "metadata": {"lite-env": {"startup": "share/jupyter/kernels/NAME/startup.py"}}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.errors import PrefixError

if TYPE_CHECKING:
    from collections.abc import Collection

    from lite_env.prefix.families.family import Candidate
    from lite_env.progress import Reporter

_TOOL = "lite-env"
_KEY = "startup"
_WHERE = f"metadata.{_TOOL}.{_KEY}"


def startup_of(candidate: Candidate, own: Collection[str], reporter: Reporter) -> str | None:
    """Where the start-up code of a kernelspec lies, relative to the prefix; None where it has none.

    Args:
        candidate: the kernelspec.
        own: paths of the kernel's own binaries, which no program could open.
        reporter: told of keys that mean nothing.

    Raises:
        PrefixError: it is not a file of the environment that is named by its path.
    """
    metadata = candidate.document.get("metadata")
    settings = metadata.get(_TOOL) if isinstance(metadata, dict) else None
    if settings is None:
        return None
    if not isinstance(settings, dict):
        raise PrefixError(
            f"'metadata.{_TOOL}' is not an object", hint=f'write {{"{_KEY}": "PATH"}}', file=candidate.path
        )
    for key in sorted(settings.keys() - {_KEY}):
        reporter.warn(f"'metadata.{_TOOL}.{key}' of {candidate.path} is not known, and means nothing")
    place = settings.get(_KEY)
    return None if place is None else _checked(place, candidate, own)


def _checked(place: object, candidate: Candidate, own: Collection[str]) -> str:
    example = f"{candidate.path.rpartition('/')[0]}/startup.py"
    if not isinstance(place, str) or place.startswith("/") or ".." in place.split("/"):
        raise PrefixError(
            f"'{_WHERE}' is {place!r}, and no path below the environment",
            hint=f'write it relative to the environment: "{example}"',
            file=candidate.path,
        )
    found = candidate.files.get(place)
    if found is None:
        owner = candidate.files[candidate.path].package
        raise PrefixError(
            f"the kernel '{candidate.name}' has its start-up code at '{place}', where no file is",
            hint=f"see '{_WHERE}', and which files {f'the package {owner}' if owner else 'its package'} brings",
            file=candidate.path,
        )
    if found.link is not None:
        raise PrefixError(
            f"'{_WHERE}' is '{place}', a symbolic link", hint="name the file that it means", file=candidate.path
        )
    if place in own:
        raise PrefixError(
            f"'{_WHERE}' is '{place}', which is a file of the kernel's program",
            hint=f'name the code: "{example}"',
            file=candidate.path,
        )
    return place
