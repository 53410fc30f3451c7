"""``lite-env serve``: the page of a site, live, with a folder of this machine as the kernel's /drive."""

from __future__ import annotations

import signal
import sys
import threading
import webbrowser
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lite_env.bootstrap import runtime_dir
from lite_env.cli.console import print_json, reporter_of
from lite_env.errors import HostError
from lite_env.host.drive import FolderDrive
from lite_env.host.drive_api import new_token
from lite_env.host.loopback import LoopbackServer
from lite_env.site.encoding import EncodedFiles
from lite_env.site.environments import read_environments
from lite_env.site.page import make_page
from lite_env.site.runtime import read_runtime
from lite_env.site.server import SiteApplication
from lite_env.store.local import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lite_env.progress import Reporter

DEFAULT_PORT = 8901
"""The same each time: what a browser keeps of a page belongs to its port."""

_TICK = 0.5  # seconds; on Windows a wait without end cannot be interrupted


@click.command(name="serve")
@click.argument("packs", metavar="PACK...", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--drive",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder that kernels see as /drive, to read and to write; without it, the browser's storage.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"Port on 127.0.0.1; 0 for any that is free.  [default: {DEFAULT_PORT} if free]",
)
@click.option("--no-isolation", is_flag=True, help="Without cross-origin isolation: no SharedArrayBuffer in the page.")
@click.option("--open/--no-open", "open_browser", default=False, help="Open the page in the browser.")
@click.option("--json", "as_json", is_flag=True, help="Print the address and the token as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    packs: tuple[Path, ...],
    drive: Path | None,
    port: int | None,
    no_isolation: bool,
    open_browser: bool,
    as_json: bool,
) -> None:
    """Serve one PACK or several on a page with a console, until Ctrl-C.

    The address that is printed carries a token: pages without it cannot reach DIR. The server listens on this
    machine only. A pack that is made again is there when the page is loaded again.

    \b
    Example:
      lite-env serve build/numpy --drive notebooks --open
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    reporter = reporter_of(ctx)
    application = _application(packs, drive, isolation=not no_isolation)
    with _stopping() as stop, _serving(application, port, reporter) as server:
        url = f"{server.url}?token={application.token}"
        if as_json:
            print_json(_as_json(application, server.url, url))
        else:
            click.echo(url)
        # Whoever started us waits for this line.
        sys.stdout.flush()
        place = f"/drive is {application.drive.root}" if application.drive else "/drive is the browser's storage"
        reporter.note(f"{', '.join(item.name for item in application.environments)}; {place}; Ctrl-C ends")
        if open_browser and not webbrowser.open(url):
            reporter.warn("no browser could be opened: open the address by hand")
        while not stop.wait(_TICK):
            pass
    reporter.note("ended")


def _application(packs: tuple[Path, ...], drive: Path | None, *, isolation: bool) -> SiteApplication:
    environments = read_environments(packs)
    runtime = read_runtime(runtime_dir())
    return SiteApplication(
        environments=environments,
        runtime=runtime,
        page=make_page(environments, runtime, drive="browser" if drive is None else "server"),
        token=new_token(),
        drive=None if drive is None else FolderDrive(drive),
        isolation=isolation,
        encoded=EncodedFiles(store=open_store()),
    )


@contextmanager
def _serving(application: SiteApplication, port: int | None, reporter: Reporter) -> Iterator[LoopbackServer]:
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
        yield server
    finally:
        server.__exit__(None, None, None)


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that Ctrl-C and a request to terminate set: the orderly end of a server."""
    stop = threading.Event()
    previous = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _as_json(application: SiteApplication, url: str, page: str) -> dict[str, Any]:
    return {
        "drive": str(application.drive.root) if application.drive else None,
        "environments": [item.name for item in application.environments],
        "isolation": application.isolation,
        "page": page,
        "token": application.token,
        "url": url,
    }
