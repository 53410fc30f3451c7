"""Which files a static site has, and what has to be done to a folder so that it is that site."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lite_env import __version__
from lite_env.bootstrap import runtime_dir
from lite_env.errors import ManifestError, SiteError
from lite_env.pack.reader import MANIFEST
from lite_env.site.environments import read_environments
from lite_env.site.headers import HEADERS_FILE, headers_file
from lite_env.site.page import make_page
from lite_env.site.record import Recorded, SiteRecord, read_record
from lite_env.site.runtime import SERVICE_WORKER, read_runtime
from lite_env.site.staging import INSIDE
from lite_env.store.digest import sha256_of_bytes, sha256_of_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lite_env.site.environments import SiteEnvironment
    from lite_env.site.runtime import SiteRuntime

INDEX = "index.html"
NO_JEKYLL = ".nojekyll"


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteOptions:
    """What a site is to be.

    Attributes:
        drive: where a kernel's `/drive` is.
        base: the path at which the folder will be served; used in ``_headers`` only.
        isolation: whether ``_headers`` asks for cross-origin isolation.
        force: also write into a folder that holds other files.
    """

    drive: Literal["browser", "none"] = "browser"
    base: str = "/"
    isolation: bool = True
    force: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteFile:
    """A file of the site, copied from `source` or made of `content`; size in bytes."""

    path: str
    size: int
    sha256: str
    source: Path | None = None
    content: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SitePlan:
    """A site and what its folder needs to become it.

    Attributes:
        output: the folder.
        environments: names, in the order of the page.
        files: in the order of writing: what is named by others comes before them, so that the folder is a working site
            all the time.
        kept: paths of files that are there already and equal.
        stale: paths that the last build has written and this one has not.
        before: what the last build has noted in the folder; None where there was none.
        record: what is noted in the folder.
    """

    output: Path
    environments: tuple[str, ...]
    files: tuple[SiteFile, ...]
    kept: frozenset[str]
    stale: tuple[str, ...]
    before: SiteRecord | None
    record: SiteRecord

    @property
    def size(self) -> int:
        """Bytes of the site."""
        return sum(file.size for file in self.files)

    @property
    def to_write(self) -> tuple[SiteFile, ...]:
        """The files that are not there yet."""
        return tuple(file for file in self.files if file.path not in self.kept)


def plan_site(packs: Sequence[Path], output: Path, options: SiteOptions, *, runtime: Path | None = None) -> SitePlan:
    """Decide what a site of `packs` at `output` takes; nothing is written.

    Args:
        packs: in the order in which the page offers them.
        output: the site's folder.
        options: what it is to be.
        runtime: the built browser runtime; by default the one that is installed.

    Raises:
        ManifestError: one of the packs is broken or incomplete.
        SiteError: the packs cannot be one site, or the folder cannot be it.
    """
    environments = read_environments(packs)
    _check_apart(output, packs)
    before = _check_output(output, force=options.force)
    browser = read_runtime(runtime_dir() if runtime is None else runtime)
    page = make_page(environments, browser, drive=options.drive)
    files = [*_runtime_files(browser)]
    for environment in environments:
        files += _pack_files(environment)
    rules = headers_file((file.path for file in files), base=options.base, isolation=options.isolation)
    files += [
        _made(NO_JEKYLL, b""),
        _made(HEADERS_FILE, rules.encode()),
        _made(INDEX, page.index),
        _made(SERVICE_WORKER, page.service_worker),
    ]
    record = SiteRecord(
        generator=f"lite-env {__version__}",
        build=page.build,
        files={file.path: Recorded(size=file.size, sha256=file.sha256) for file in files},
    )
    return SitePlan(
        output=output,
        environments=tuple(environment.name for environment in environments),
        files=tuple(files),
        kept=frozenset(file.path for file in files if _is_there(output / file.path, file)),
        stale=tuple(sorted(set(before.files) - set(record.files))) if before else (),
        before=before,
        record=record,
    )


def _check_apart(output: Path, packs: Sequence[Path]) -> None:
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


def _runtime_files(runtime: SiteRuntime) -> Iterator[SiteFile]:
    for file in runtime.files:
        yield SiteFile(path=runtime.folder + file.path, size=file.size, sha256=file.sha256, source=file.source)


def _pack_files(environment: SiteEnvironment) -> Iterator[SiteFile]:
    """The files of a pack that its manifest names, and the manifest behind them."""
    manifest = environment.manifest
    for file in manifest.contents:
        yield _of_pack(environment, file.path, file.size, file.sha256)
    yield _made(environment.folder + MANIFEST, _read(environment.pack, MANIFEST))


def _of_pack(environment: SiteEnvironment, path: str, size: int, sha256: str) -> SiteFile:
    source = environment.pack / path
    if not source.is_file():
        raise _lacking(environment.pack, path)
    return SiteFile(path=environment.folder + path, size=size, sha256=sha256, source=source)


def _read(pack: Path, path: str) -> bytes:
    try:
        return (pack / path).read_bytes()
    except OSError as error:
        raise _lacking(pack, path) from error


def _lacking(pack: Path, path: str) -> ManifestError:
    return ManifestError(f"the pack '{pack}' lacks '{path}'", hint="it was not copied completely", file=path)


def _made(path: str, content: bytes) -> SiteFile:
    return SiteFile(path=path, size=len(content), sha256=sha256_of_bytes(content), content=content)


def _is_there(target: Path, file: SiteFile) -> bool:
    return target.is_file() and target.stat().st_size == file.size and sha256_of_file(target) == file.sha256
