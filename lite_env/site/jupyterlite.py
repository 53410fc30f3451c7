"""The kernels of packs as a part of a JupyterLite site, which somebody else builds.

::

    extensions/@lite-env/kernels/        registers the kernels; all that is loaded with the page
    lite-env/lite-env-site.json          what was written, so that the next build removes no other file
    lite-env/runtime/<digest>/           what runs them
    lite-env/api/site.json               which kernels there are, asked for anew when one starts
    lite-env/api/packs/<environment>/    the packs
    lite-env/api/files/                  what several of them have in common
    lite-env/notes.json                  what the build has said
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from lite_env.bootstrap import runtime_dir
from lite_env.errors import SiteError
from lite_env.site.build import write_site
from lite_env.site.environments import read_environments
from lite_env.site.extension import PACKAGE, extension_files
from lite_env.site.keep import KEEP, Keeping, current_time
from lite_env.site.lab_extensions import SITE_FOLDER
from lite_env.site.lite_kernels import FRESH, SITE_FILE, LiteSite, encode_lite_site, make_lite_site
from lite_env.site.plan import check_apart, compare, made_file, pack_files, runtime_files
from lite_env.site.record import RECORD, read_record
from lite_env.site.runtime import read_runtime
from lite_env.site.share import share
from lite_env.store.text import Origin, convert, parse_json, read_bounded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from lite_env.site.lite_kernels import LiteNote, Prefetch
    from lite_env.site.plan import SiteFile, SitePlan
    from lite_env.site.previous import Previous

ROOT = "lite-env/"
"""The folder of the site that is ours alone."""
RECORD_PATH = ROOT + RECORD
EXTENSION = f"extensions/{PACKAGE}/"
FOLDERS = (ROOT + FRESH, f"{ROOT}runtime/", SITE_FOLDER)
"""Where all lies that visitors of one deployment may ask another one for."""
LOCK = "lock.json"
"""In a pack's folder on the site: what an installation in a running kernel has to fit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LiteSiteOptions:
    """What the kernels of a site are to be; as the attributes of `LiteSite`, and `keep` as that of `SiteOptions`."""

    default_kernel: str | None = None
    prefetch: Prefetch = "none"
    snapshots: bool = True
    isolate: bool = False
    notes: tuple[LiteNote, ...] = ()
    keep: int = KEEP


def plan_lite_site(
    packs: Sequence[Path],
    output: Path,
    options: LiteSiteOptions,
    *,
    locks: Mapping[str, bytes] | None = None,
    beside: Sequence[SiteFile] = (),
    runtime: Path | None = None,
    previous: Previous | None = None,
    at_once: Callable[[str], bool] = lambda _: False,
    now: datetime | None = None,
) -> SitePlan:
    """Decide what it takes to have the kernels of `packs` in the JupyterLite site at `output`; nothing is written.

    Args:
        packs: in the order in which their kernels are offered.
        output: the site's folder.
        options: what they are to be.
        locks: by environment's name, what `LOCK` is to hold.
        beside: other files of the site that come with these kernels, and go with them.
        runtime: the built browser runtime; by default the one that is installed.
        previous: an earlier deployment that lies elsewhere, as of `plan_site`.
        at_once: as of `Keeping`.
        now: the time, as of `plan_site`.

    Raises:
        ManifestError: one of the packs is broken or incomplete.
        SiteError: the packs cannot be of one site, or an earlier build's record is damaged.
    """
    environments = read_environments(packs)
    check_apart(output, packs)
    directory = runtime_dir() if runtime is None else runtime
    browser = read_runtime(directory, "notebooks")
    before = read_record(output, RECORD_PATH)
    keeping = Keeping(seconds=options.keep, now=now or current_time(), previous=previous, at_once=at_once)
    sharing = share(environments, keeping.deployed(before, ROOT + FRESH))
    site = make_lite_site(
        environments,
        runtime=browser.folder,
        default=options.default_kernel,
        isolate=options.isolate,
        prefetch=options.prefetch,
        snapshots=options.snapshots,
        notes=options.notes,
        sharing=sharing,
    )
    # What is named by others comes before them.
    files = [
        *beside,
        *runtime_files(browser, ROOT),
        *_lock_files(locks or {}),
        *pack_files(environments, sharing, ROOT + FRESH),
        made_file(f"{ROOT}notes.json", _notes(options.notes)),
        made_file(ROOT + SITE_FILE, encode_lite_site(site)),
        *extension_files(site, folder=EXTENSION, content=ROOT, runtime=directory),
    ]
    return compare(
        output, files, before, build=site.build, environments=environments, keeping=keeping, record_path=RECORD_PATH
    )


def clear_lite_site(output: Path) -> tuple[str, ...]:
    """Remove what an earlier build has put into the site at `output`; the files, of which there may be none.

    Raises:
        SiteError: the record of that build is damaged, or a file cannot be removed.
    """
    before = read_record(output, RECORD_PATH)
    if before is None:
        return ()
    keeping = Keeping(seconds=0, now=current_time())
    plan = compare(output, (), before, build="", environments=(), keeping=keeping, record_path=RECORD_PATH)
    write_site(plan)
    with suppress(OSError):
        (output / RECORD_PATH).unlink()
        (output / ROOT).rmdir()
    return plan.stale


def read_lite_site(output: Path) -> LiteSite | None:
    """What the site at `output` says of its kernels; None where it has none of ours.

    Raises:
        SiteError: it cannot be read.
    """
    path = output / ROOT / SITE_FILE
    if not path.is_file():
        return None
    origin = Origin(what="the site's list of kernels", error=SiteError, file=str(path), hint="build the site again")
    return convert(parse_json(read_bounded(path, origin), origin), LiteSite, origin)


def _lock_files(locks: Mapping[str, bytes]) -> list[SiteFile]:
    return [made_file(f"{ROOT}{FRESH}packs/{name}/{LOCK}", content) for name, content in sorted(locks.items())]


def _notes(notes: Sequence[LiteNote]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(notes, order="sorted"), indent=2) + b"\n"
