"""Where a build works, and where each of its environments lies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.store.digest import sha256_of_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.jupyterlite.settings import AddonSettings, Source

ROOT = "lite-env"
"""The folder of the site that is ours, and that of JupyterLite's cache."""

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Workplace:
    """Where a build works.

    Attributes:
        lite_dir: what the site is made of.
        output: the site.
        cache: what is kept from one build to the next.
        made_by: version of lite_env, and digest of its runtime's sources.
        has_node: whether kernels can be started here, to be traced and compiled for.
        lab_folders: where JupyterLite itself takes lab extensions from, each with a name for people; the last wins.
        sourcemaps: whether the site has source maps.
        contents: files of the site that JupyterLite makes of its contents.
    """

    lite_dir: Path
    output: Path
    cache: Path
    made_by: str
    has_node: bool
    lab_folders: tuple[tuple[str, Path], ...] = ()
    sourcemaps: bool = True
    contents: tuple[Path, ...] = ()

    @property
    def files(self) -> Path:
        """The folder of the site's contents."""
        return self.output / "files"

    @property
    def xeus_record(self) -> Path:
        """Names the environments that the last build wrote for jupyterlite-xeus; there is none where it wrote none."""
        return self.cache / ROOT / "xeus.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """One environment of the site: what it is made from, and where its pack lies.

    Attributes:
        source: of it.
        lock: beside an environment file; None for other sources.
        pack: folder of the pack.
        told: what was said while it was packed.
    """

    source: Source
    lock: Path | None
    pack: Path
    told: Path

    @property
    def manifest(self) -> Path:
        """Of the pack; it is written last."""
        return self.pack / "manifest.json"

    @property
    def locks(self) -> tuple[Path, ...]:
        """What it is packed from, if that is a lock: its channels and indexes are not all in the manifest."""
        return (self.lock,) if self.lock else (self.source.path,) if self.source.kind == "lock file" else ()

    @property
    def lab(self) -> Path:
        """Folder of the lab extensions that its packages bring."""
        return self.pack.with_name(f"{self.pack.name}.lab")

    @property
    def collected(self) -> Path:
        """Says of which packages they are."""
        return self.lab / "collected.json"


def environments_of(settings: AddonSettings, place: Workplace) -> tuple[Environment, ...]:
    """The environments of the site, each with a folder of its own in the cache."""
    return tuple(_environment(source, place) for source in settings.sources)


def _environment(source: Source, place: Workplace) -> Environment:
    from lite_env.lock.file import lock_path  # noqa: PLC0415 - it takes a while, and not every build has environments

    name = f"{_UNFIT.sub('-', source.label)[-40:]}-{sha256_of_bytes(source.label.encode())[:8]}"
    packs = place.cache / ROOT / "packs"
    return Environment(
        source=source,
        lock=lock_path(source.path) if source.kind == "environment file" else None,
        pack=packs / name,
        told=packs / f"{name}.told.json",
    )
