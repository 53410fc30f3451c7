"""Which files a static site has, and what has to be done to a folder so that it is that site."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO, Literal

from msgspec import structs

from lite_env import __version__
from lite_env.bootstrap import runtime_dir
from lite_env.errors import SiteError
from lite_env.host.files import IMMUTABLE, open_regular
from lite_env.pack.files import open_pack_file, pack_file_size
from lite_env.pack.reader import MANIFEST
from lite_env.site.environments import read_environments
from lite_env.site.headers import HEADERS_FILE, cache_control, headers_file
from lite_env.site.keep import KEEP, Keeping, current_time, plan_leaving
from lite_env.site.page import make_page
from lite_env.site.record import RECORD, Recorded, SiteRecord, read_record
from lite_env.site.runtime import SERVICE_WORKER, read_runtime
from lite_env.site.share import share
from lite_env.site.staging import INSIDE
from lite_env.store.digest import sha256_of_bytes, sha256_of_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime
    from pathlib import Path

    from lite_env.pack.manifest import Stored
    from lite_env.site.environments import SiteEnvironment
    from lite_env.site.keep import Leaving
    from lite_env.site.previous import Previous
    from lite_env.site.runtime import SiteRuntime
    from lite_env.site.share import Sharing

INDEX = "index.html"
NO_JEKYLL = ".nojekyll"
FOLDERS = ("files/", "packs/", "runtime/")
"""Where all lies that visitors of one deployment may ask another one for."""
_AT_THE_ROOT = (NO_JEKYLL, HEADERS_FILE, INDEX, SERVICE_WORKER)


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteOptions:
    """What a site is to be.

    Attributes:
        drive: where a kernel's `/drive` is.
        base: the path at which the folder will be served; used in ``_headers`` only.
        snapshots: whether kernels may be restored from snapshots that visitors' browsers keep.
        isolation: whether ``_headers`` asks for cross-origin isolation.
        force: also write into a folder that holds other files.
        keep: seconds for which what is not needed any more stays, for visitors of earlier builds.
    """

    drive: Literal["browser", "none"] = "browser"
    base: str = "/"
    snapshots: bool = True
    isolation: bool = True
    force: bool = False
    keep: int = KEEP


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteFile:
    """A file of the site: copied from `source`, or from the file `name` of a `pack`, or made of `content`."""

    path: str
    size: int
    sha256: str
    source: Path | None = None
    pack: Path | None = None
    name: str = ""
    content: bytes | None = None

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open what it is copied from; of a pack only what lies in it.

        Raises:
            ManifestError: the pack lacks the file, or it is none.
            OSError: it cannot be read.
        """
        if self.pack is not None:
            with open_pack_file(self.pack, self.name) as stream:
                yield stream
        elif self.source is not None:
            with open_regular(self.source) as stream:
                yield stream
        else:
            yield BytesIO(self.content or b"")

    def unexpected(self, found: str) -> SiteError:
        """The error that says that what was found is another file."""
        return SiteError(
            f"'{self.source if self.pack is None else self.pack / self.name}' is not the file that was expected",
            hint="it is truncated, or changes while it is read: make or copy the pack again",
            expected=f"sha256 {self.sha256}, {self.size} bytes",
            found=found,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class SitePlan:
    """A site and what its folder needs to become it.

    Attributes:
        output: the folder.
        environments: names, in the order of the page.
        files: in the order of writing: what is named by others comes before them, so that the folder is a working site
            all the time.
        kept: paths of files that are there already and equal.
        leaving: what earlier builds have written and this one has not: what stays, what is carried over, what goes.
        previous: where that lies which is carried over.
        now: the time of the build.
        before: what the last build has noted in the folder; None where there was none.
        record: what is noted in the folder.
        record_path: where, below `output`.
    """

    output: Path
    environments: tuple[str, ...]
    files: tuple[SiteFile, ...]
    kept: frozenset[str]
    leaving: Leaving
    previous: Previous | None
    now: datetime
    before: SiteRecord | None
    record: SiteRecord
    record_path: str = RECORD

    @property
    def size(self) -> int:
        """Bytes of the site."""
        return sum(file.size for file in self.files)

    @property
    def stale(self) -> tuple[str, ...]:
        """Paths of what earlier builds have written and this one removes."""
        return self.leaving.stale

    @property
    def to_write(self) -> tuple[SiteFile, ...]:
        """The files that are not there yet."""
        return tuple(file for file in self.files if file.path not in self.kept)

    def without(self, lost: AbstractSet[str]) -> SitePlan:
        """The same, but for files that cannot be carried over."""
        leaving = self.leaving.without(lost)
        return replace(self, leaving=leaving, record=structs.replace(self.record, old=leaving.recorded))


def plan_site(
    packs: Sequence[Path],
    output: Path,
    options: SiteOptions,
    *,
    runtime: Path | None = None,
    previous: Previous | None = None,
    now: datetime | None = None,
) -> SitePlan:
    """Decide what a site of `packs` at `output` takes; nothing is written.

    Args:
        packs: in the order in which the page offers them.
        output: the site's folder.
        options: what it is to be.
        runtime: the built browser runtime; by default the one that is installed.
        previous: an earlier deployment that lies elsewhere, whose visitors are not to miss anything either.
        now: the time; by default the clock's, or ``SOURCE_DATE_EPOCH``.

    Raises:
        ManifestError: one of the packs is broken or incomplete.
        SiteError: the packs cannot be one site, or the folder cannot be it.
    """
    environments = read_environments(packs)
    check_apart(output, packs)
    before = _check_output(output, force=options.force)
    keeping = Keeping(seconds=options.keep, now=now or current_time(), previous=previous)
    browser = read_runtime(runtime_dir() if runtime is None else runtime)
    page = make_page(environments, browser, drive=options.drive, snapshots=options.snapshots)
    sharing = share(environments, keeping.deployed(before))
    files = [*runtime_files(browser), *pack_files(environments, sharing)]
    paths = [file.path for file in files]
    leaving = plan_leaving(output, {*paths, *_AT_THE_ROOT}, before, keeping)
    rules = headers_file(
        paths, base=options.base, isolation=options.isolation, old=(file.path for file in leaving.files)
    )
    files += [
        made_file(NO_JEKYLL, b""),
        made_file(HEADERS_FILE, rules.encode()),
        made_file(INDEX, page.index),
        made_file(SERVICE_WORKER, page.service_worker),
    ]
    return compare(output, files, before, build=page.build, environments=environments, keeping=keeping)


def compare(
    output: Path,
    files: Sequence[SiteFile],
    before: SiteRecord | None,
    *,
    build: str,
    environments: Sequence[SiteEnvironment],
    keeping: Keeping,
    record_path: str = RECORD,
) -> SitePlan:
    """Compare what a site is to have with what is in its folder; nothing is written.

    Args:
        output: the folder.
        files: what the site is to have, in the order of writing.
        before: what the last build has noted.
        build: as `SiteRecord.build`.
        environments: of the site, in its order.
        keeping: what is to become of what is not needed any more.
        record_path: where the record lies, below `output`.
    """
    leaving = plan_leaving(output, {file.path for file in files}, before, keeping)
    record = SiteRecord(
        generator=f"lite-env {__version__}",
        build=build,
        files={file.path: Recorded(size=file.size, sha256=file.sha256) for file in files},
        old=leaving.recorded,
    )
    return SitePlan(
        output=output,
        environments=tuple(environment.name for environment in environments),
        files=tuple(files),
        kept=frozenset(file.path for file in files if _is_there(output / file.path, file)),
        leaving=leaving,
        previous=keeping.previous,
        now=keeping.now,
        before=before,
        record=record,
        record_path=record_path,
    )


def check_apart(output: Path, packs: Sequence[Path]) -> None:
    """Refuse a site inside one of its packs, and the other way round.

    Raises:
        SiteError: they lie in each other.
    """
    place = output.resolve()
    for pack in packs:
        other = pack.resolve()
        if place.is_relative_to(other) or other.is_relative_to(place):
            raise SiteError(
                f"the site's folder '{output}' and the pack '{pack}' lie in each other",
                hint="choose another folder with -o: the pack is copied into the site",
            )


def _check_output(output: Path, *, force: bool) -> SiteRecord | None:
    if output.exists() and not output.is_dir():
        raise SiteError(f"'{output}' is a file", hint="choose another folder with -o")
    before = read_record(output)
    if before is not None or force or not output.exists():
        return before
    foreign = min((entry.name for entry in output.iterdir() if entry.name != INSIDE), default=None)
    if foreign is not None:
        raise SiteError(
            f"'{output}' is not empty and was not made by `lite-env site`: it holds '{foreign}'",
            hint="choose another folder with -o; with --force the site is written beside what is there",
        )
    return None


def runtime_files(runtime: SiteRuntime, root: str = "") -> Iterator[SiteFile]:
    """The files of the runtime, below the folder `root` (with a final slash) of the site."""
    for file in runtime.files:
        yield SiteFile(path=root + runtime.folder + file.path, size=file.size, sha256=file.sha256, source=file.source)


def pack_files(environments: Sequence[SiteEnvironment], sharing: Sharing, root: str = "") -> Iterator[SiteFile]:
    """The files that the packs' manifests name, and behind those of all packs their manifests.

    Args:
        environments: in the order of the site.
        sharing: what they have in common.
        root: the folder of the site that they lie in, with a final slash.

    Raises:
        ManifestError: a pack lacks a file.
        SiteError: a file of a pack has another size than its manifest says.
    """
    for shared in sharing.files:
        yield _of_pack(root + shared.path, shared.environment, shared.item)
    fresh: list[SiteFile] = []
    for environment in environments:
        moved = sharing.moved.get(environment.name, {})
        for item in environment.manifest.contents:
            if item.path not in moved:
                file = _of_pack(root + environment.folder + item.path, environment, item)
                # What is not named by its hash, as `kernel.json`, is not to be newer than all that it goes with.
                if cache_control(file.path) == IMMUTABLE:
                    yield file
                else:
                    fresh.append(file)
        fresh.append(made_file(root + environment.folder + MANIFEST, sharing.manifest_of(environment)))
    yield from fresh


def _of_pack(path: str, environment: SiteEnvironment, item: Stored) -> SiteFile:
    file = SiteFile(path=path, size=item.size, sha256=item.sha256, pack=environment.pack, name=item.path)
    size = pack_file_size(environment.pack, item.path)
    if size != item.size:
        raise file.unexpected(f"{size} bytes")
    return file


def made_file(path: str, content: bytes) -> SiteFile:
    """A file of the site that is made of `content`."""
    return SiteFile(path=path, size=len(content), sha256=sha256_of_bytes(content), content=content)


def _is_there(target: Path, file: SiteFile) -> bool:
    return target.is_file() and target.stat().st_size == file.size and sha256_of_file(target) == file.sha256
