"""The section ``XeusAddon`` of a ``jupyter_lite_config.json`` that was written for jupyterlite-xeus.

What means the same here is read; what does not is named, with what takes its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lite_env.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

# Of that program's settings, the trait that takes its place.
_READ = {
    "environment_file": "environment_files",
    "prefix": "prefixes",
    "default_channels": "channels",
    "mounts": "mounts",
    "mount_jupyterlite_content": "mount_contents",
}
_REPLACED = {
    "empack_config": (
        "rules for what is packed stand in `[tool.lite-env]` of a pyproject.toml, or in files that "
        "`LiteEnvAddon.filters` names; see docs/filters.md"
    ),
    "package_url_factory": (
        "archives are named by their content and lie on the site: serve the folder `lite-env/api/` "
        "from a CDN to have them elsewhere"
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """What was read of it.

    Attributes:
        environment_files: paths.
        prefixes: paths.
        default_channels: of environment files that list none.
        mounts: ``HOST:/PATH``.
        mount_contents: whether kernels see the site's contents at ``/files``; None where that is not said.
        notes: what was read from here.
        warnings: what was not, and what takes its place.
    """

    environment_files: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    default_channels: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    mount_contents: bool | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_section(section: Mapping[str, Any]) -> Section:
    """Read the section.

    Raises:
        SpecError: a value is of a kind that jupyterlite-xeus does not take either.
    """
    notes = tuple(
        f"`XeusAddon.{name}` is read; lite-env's own name for it is `LiteEnvAddon.{ours}`"
        for name, ours in _READ.items()
        if section.get(name) not in (None, "", [], ())
    )
    warnings = [
        f"`XeusAddon.{name}` is not used: {replacement}"
        for name, replacement in _REPLACED.items()
        if section.get(name) not in (None, "", [], (), False)
    ]
    warnings += [
        f"`XeusAddon.{name}` is not known to lite-env and is not used"
        for name in sorted(section)
        if name not in _READ and name not in _REPLACED
    ]
    return Section(
        environment_files=_texts(section, "environment_file"),
        prefixes=_texts(section, "prefix"),
        default_channels=_texts(section, "default_channels"),
        mounts=_texts(section, "mounts"),
        mount_contents=_truth(section, "mount_jupyterlite_content"),
        notes=notes,
        warnings=tuple(warnings),
    )


def _texts(section: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts; that program takes one text for a list of one on its command line."""
    value = section.get(name)
    if value is None:
        return ()
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list | tuple) or not all(isinstance(each, str) for each in values):
        raise _fault(name, value, "a list of texts")
    return tuple(values)


def _truth(section: Mapping[str, Any], name: str) -> bool | None:
    value = section.get(name)
    if value is not None and not isinstance(value, bool):
        raise _fault(name, value, "true or false")
    return value


def _fault(name: str, value: object, expected: str) -> SpecError:
    return SpecError(
        f"`XeusAddon.{name}` is not {expected}",
        hint=f"mend it in jupyter_lite_config.json, or use `LiteEnvAddon.{_READ[name]}`",
        found=repr(value),
    )
