"""A site for the extension of jupyterlite-xeus: what is written for it, and what is taken away again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from lite_env.errors import SiteError
from lite_env.jupyterlite.lab import choose_extensions, collect, copy_extension, forget
from lite_env.site.lab_extensions import SITE_FOLDER
from lite_env.site.xeus_layout import pack_xeus, remove_xeus
from lite_env.store.atomic import new_directory, write_bytes
from lite_env.store.removal import remove_tree
from lite_env.store.text import Origin, convert, parse_json, read_bounded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lite_env.jupyterlite.places import Environment, Workplace
    from lite_env.progress import Reporter
    from lite_env.site.lab_extensions import LabExtension
    from lite_env.store.protocol import Store
    from lite_env.workflow.options import PackOptions


class _Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a build has put into the site, by name."""

    environments: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()


def write_for_xeus(
    environments: Sequence[Environment],
    place: Workplace,
    options: PackOptions,
    *,
    store: Store,
    reporter: Reporter,
    timestamp: Callable[[Path], None],
) -> None:
    """Write `environments`, and the lab extensions that they bring, into the site.

    Raises:
        LiteEnvError: of whichever step failed.
    """
    target = place.output / "xeus"
    written: list[str] = []
    for environment in environments:
        layout = pack_xeus(environment.source.path, target, options, store=store, reporter=reporter)
        written.append(layout.folder.name)
        timestamp(layout.folder)
        size = layout.size / 1_000_000
        reporter.note(f"'{layout.folder.name}' for jupyterlite-xeus: {layout.packages} archives, {size:.1f} MB")
    # Beside no pack: that of a native build before is of other packages, maybe.
    beside = [
        replace(environment, pack=environment.pack.with_name(f"{environment.pack.name}.xeus"))
        for environment in environments
    ]
    for environment in beside:
        collect(environment, options, sourcemaps=place.sourcemaps, store=store, reporter=reporter)
    choice = choose_extensions(beside, place)
    for note in choice.notes:
        reporter.warn(note)
    for extension in choice.copied:
        timestamp(_put_extension(extension, place.output / SITE_FOLDER))
    extensions = tuple(extension.name for extension in choice.copied)
    _clean(place, _Written(environments=tuple(sorted(written)), extensions=extensions))


def clean_for_xeus(place: Workplace) -> None:
    """Take out of the site what an earlier build has put into it for jupyterlite-xeus.

    Raises:
        SiteError: what is known of that build is damaged.
    """
    _clean(place, _Written())


def _put_extension(extension: LabExtension, folder: Path) -> Path:
    target = folder / extension.name
    with new_directory(target) as staging:
        copy_extension(extension, staging)
    return target


def _clean(place: Workplace, kept: _Written) -> None:
    """Remove what the build before has written and this one has not; note what there is now."""
    before = _read(place)
    remove_xeus(place.output / "xeus", set(before.environments) - set(kept.environments))
    gone = sorted(set(before.extensions) - set(kept.extensions))
    for name in gone:
        remove_tree(place.output / SITE_FOLDER / name)
    forget(place, [f"{SITE_FOLDER}{name}/package.json" for name in gone])
    if kept.environments:
        write_bytes(place.xeus_record, msgspec.json.encode(kept) + b"\n")
    else:
        place.xeus_record.unlink(missing_ok=True)


def _read(place: Workplace) -> _Written:
    record = place.xeus_record
    if not record.is_file():
        return _Written()
    hint = "remove it, and in the site what it would name: environments below 'xeus' that are no more"
    origin = Origin(what="what was written for jupyterlite-xeus", error=SiteError, file=str(record), hint=hint)
    return convert(parse_json(read_bounded(record, origin), origin), _Written, origin)
