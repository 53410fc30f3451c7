"""The packs of a site: read, checked, and each with the folder it gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from lite_env.errors import SiteError
from lite_env.pack.path import name_fault
from lite_env.pack.reader import MANIFEST, read_manifest_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lite_env.pack.manifest import Manifest

_RENAME = "`lite-env pack --name NAME` gives it another one"


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteEnvironment:
    """One pack of a site: its folder, its manifest, and the bytes that this was read from."""

    pack: Path
    manifest: Manifest
    manifest_bytes: bytes

    @property
    def name(self) -> str:
        """The environment's name, which is also the name of its folder on the site."""
        return self.manifest.environment.name

    @property
    def folder(self) -> str:
        """Its folder on the site, with a final slash."""
        return f"packs/{self.name}/"

    @property
    def manifest_url(self) -> str:
        """The URL of its manifest, relative to the page."""
        return quote(self.folder + MANIFEST)


def read_environments(packs: Sequence[Path]) -> tuple[SiteEnvironment, ...]:
    """Read the packs of a site, in the order in which the page offers them.

    Raises:
        ManifestError: one of them is no pack, or a broken one.
        SiteError: there is none, a name cannot be that of a folder, or two packs have the same name.
    """
    if not packs:
        raise SiteError("a site needs at least one pack", hint="`lite-env pack ENVIRONMENT_YML -o DIR` makes one")
    found = tuple(_read(pack) for pack in packs)
    by_name: dict[str, SiteEnvironment] = {}
    for environment in found:
        name = environment.name
        # The folder may be copied to a system of another kind before it is served.
        fault = name_fault(name)
        if fault is not None:
            raise SiteError(
                f"the environment's name {name!r} cannot be that of a folder: {fault}",
                hint=_RENAME,
                file=str(environment.pack / MANIFEST),
            )
        # macOS and Windows do not tell upper case from lower.
        other = by_name.setdefault(name.casefold(), environment)
        if other is not environment:
            raise SiteError(
                f"two packs have the name '{name}'" + ("" if other.name == name else f" ('{other.name}')"),
                hint=f"each environment of a site needs a name of its own; {_RENAME}",
                first=str(other.pack),
                second=str(environment.pack),
            )
    return found


def _read(pack: Path) -> SiteEnvironment:
    manifest, data = read_manifest_file(pack)
    return SiteEnvironment(pack=pack, manifest=manifest, manifest_bytes=data)
