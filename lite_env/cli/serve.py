"""``lite-env serve``: the page of a site, live, with a folder of this machine as the kernel's /drive."""

from __future__ import annotations

import signal
import sys
import threading
import webbrowser
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lite_env.cli.console import print_json, reporter_of
from lite_env.cli.signals import handling
from lite_env.site.live import DEFAULT_PORT, open_site, serve, site_as_json
from lite_env.store.local import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lite_env.site.live import LiveSite


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
    application = open_site(packs, store=open_store(), drive=drive, isolation=not no_isolation)

    def tell(site: LiveSite) -> None:
        if as_json:
            print_json(site_as_json(site))
        else:
            click.echo(site.page)
        # Whoever started us waits for this line.
        sys.stdout.flush()
        reporter.note(f"{site.summary}; Ctrl-C ends")
        if open_browser and not webbrowser.open(site.page):
            reporter.warn("no browser could be opened: open the address by hand")

    with _stopping() as stop:
        serve(application, stop=stop, port=port, started=tell, reporter=reporter)
    reporter.note("ended")


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that Ctrl-C and a request to terminate set: the orderly end of a server."""
    stop = threading.Event()
    with handling(lambda *_: stop.set(), signal.SIGINT, signal.SIGTERM):
        yield stop
