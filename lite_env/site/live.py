"""A site served live on loopback: opened, served until it is told to end, described; without a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lite_env.bootstrap import runtime_dir
from lite_env.errors import HostError
from lite_env.host.drive import FolderDrive
from lite_env.host.drive_api import new_token
from lite_env.host.loopback import LoopbackServer
from lite_env.progress import SILENT
from lite_env.site.encoding import EncodedFiles
from lite_env.site.environments import read_environments
from lite_env.site.page import make_page
from lite_env.site.runtime import read_runtime
from lite_env.site.server import SiteApplication

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store

DEFAULT_PORT = 8901
"""The same each time: what a browser keeps of a page belongs to its port."""

_TICK = 0.5  # seconds; on Windows a wait without end cannot be interrupted


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveSite:
    """A site that is being served: the application and the address at which it answers."""

    application: SiteApplication
    url: str

    @property
    def page(self) -> str:
        """The page's address with the token, without which it cannot reach the drive."""
        return f"{self.url}?token={self.application.token}"

    @property
    def summary(self) -> str:
        """One line for people: which environments, and what their ``/drive`` is."""
        drive = self.application.drive
        place = "the browser's storage" if drive is None else str(drive.root)
        return f"{', '.join(item.name for item in self.application.environments)}; /drive is {place}"


def open_site(
    packs: Sequence[Path],
    *,
    store: Store,
    drive: Path | None = None,
    isolation: bool = True,
    runtime: Path | None = None,
) -> SiteApplication:
    """Make what answers the requests of a page with these packs.

    Args:
        packs: in the order in which the page offers them.
        store: where encoded forms of files are kept.
        drive: the folder that kernels see as ``/drive``; None for the browser's storage.
        isolation: whether the page gets SharedArrayBuffer.
        runtime: the built browser runtime; by default the one that is installed.

    Raises:
        ManifestError: one of them is no pack, or a broken one.
        SiteError: the packs cannot be one site.
        HostError: `drive` is no folder.
    """
    environments = read_environments(packs)
    browser = read_runtime(runtime_dir() if runtime is None else runtime)
    return SiteApplication(
        environments=environments,
        runtime=browser,
        page=make_page(environments, browser, drive="browser" if drive is None else "server"),
        token=new_token(),
        drive=None if drive is None else FolderDrive(drive),
        isolation=isolation,
        encoded=EncodedFiles(store=store),
    )


@contextmanager
def serving(
    application: SiteApplication, *, port: int | None = None, reporter: Reporter = SILENT
) -> Iterator[LiveSite]:
    """Serve on 127.0.0.1 until the block ends.

    Args:
        application: what answers.
        port: 0 for any that is free; None for the usual one, or any when that is taken.
        reporter: told when the usual port is taken.

    Raises:
        HostError: the port that was asked for is taken, or may not be used.
    """
    server = LoopbackServer(application, port=DEFAULT_PORT if port is None else port)
    try:
        server.__enter__()
    except HostError as error:
        if port is not None:
            raise
        reporter.note(f"{error.message}; taking another one")
        server = LoopbackServer(application)
        server.__enter__()
    try:
        yield LiveSite(application=application, url=server.url)
    finally:
        server.__exit__(None, None, None)


def serve(
    application: SiteApplication,
    *,
    stop: threading.Event,
    port: int | None = None,
    started: Callable[[LiveSite], None] | None = None,
    reporter: Reporter = SILENT,
) -> None:
    """Serve until `stop` is set; `started` is called once the site answers.

    Raises:
        HostError: as `serving`.
    """
    with serving(application, port=port, reporter=reporter) as site:
        if started is not None:
            started(site)
        while not stop.wait(_TICK):
            pass


def site_as_json(site: LiveSite) -> dict[str, Any]:
    """Where the site is and what it serves, as JSON values."""
    application = site.application
    return {
        "drive": str(application.drive.root) if application.drive else None,
        "environments": [item.name for item in application.environments],
        "isolation": application.isolation,
        "page": site.page,
        "token": application.token,
        "url": site.url,
    }
