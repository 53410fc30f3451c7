"""The Chromium engine: the packed kernel in a page of a headless browser, driven by playwright.

playwright's asyncio loop lives in a thread of its own; the page is served by our own server on loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import threading
from typing import TYPE_CHECKING

import msgspec

from lite_env.errors import HostError, LiteEnvError
from lite_env.host.choose import choose_kernel
from lite_env.host.drive_api import DriveApi, link_to, new_token
from lite_env.host.engine import Incoming, Log, Outgoing, Start, encode_envelope
from lite_env.host.files import ISOLATION
from lite_env.host.find import find_chromium
from lite_env.host.mailbox import Mailbox
from lite_env.host.server import StaticServer
from lite_env.pack.reader import read_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Browser, Page, Playwright

    from lite_env.host.drive import FolderDrive
    from lite_env.host.network import Network

PAGE_SCRIPT = "page-host.js"
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>lite_env</title>
<link rel="icon" href="data:,">
<script src="/runtime/page-host.js" data-worker="{worker}"></script>
</html>
"""
_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_LAUNCH_SECONDS = 60.0
_CLOSE_SECONDS = 10.0


class ChromiumEngine:
    """Runs a pack in a headless Chromium with a fresh profile."""

    def __init__(self, pack: Path, *, runtime: Path, chromium: Path | None = None) -> None:
        self._chromium = chromium
        self._pack = pack
        self._server = StaticServer(mounts={"/pack/": pack, "/runtime/": runtime})
        self._mailbox = Mailbox()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._outbox: asyncio.Queue[str | None] = asyncio.Queue()
        self._session: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None
        self._closing = False

    def start(
        self,
        *,
        kernel: str | None,
        env: dict[str, str],
        trace: bool = False,
        drive: FolderDrive | None = None,
        network: Network = "all",
        startup: bool = True,
        snapshots: Path | None = None,  # noqa: ARG002 - its profile is a fresh one, which has none
    ) -> None:
        """Start server, browser and page; see `Engine.start`."""
        if network != "all":
            raise HostError(
                "a kernel in Chromium asks as a page does: its network cannot be limited",
                hint="run it in Node.js, which `--engine node` does, or leave `--network` away",
            )
        if importlib.util.find_spec("playwright") is None:
            raise HostError("the package `playwright` is not installed", hint="`pip install 'lite-env[chromium]'`")
        program = self._chromium or find_chromium()
        self._server.pages["/"] = PAGE.format(worker=_kind_of_worker(self._pack, kernel)).encode()
        token = new_token()
        if drive is not None:
            self._server.api = DriveApi(token=token, drive=drive, headers=ISOLATION)
        self._server.__enter__()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(self._loop, program), daemon=True)
        self._thread.start()
        manifest = f"{self._server.url}pack/manifest.json"
        waits = drive is not None
        self.post(
            Start(
                manifest=manifest,
                kernel=kernel,
                env=env,
                trace=trace,
                awaits_drive=waits,
                startup=startup,
                snapshots=False,
            )
        )
        if drive is not None:
            self.post(link_to(self._server.url, token))

    def post(self, envelope: Outgoing) -> None:
        """Queue an envelope for the page; see `Engine.post`."""
        self._put(encode_envelope(envelope))

    def receive(self, timeout: float) -> Incoming | None:
        """Take the next envelope; see `Engine.receive`."""
        return self._mailbox.take(timeout)

    def close(self) -> None:
        """Close the browser, which ends its processes and drops its profile, then the server."""
        self._closing = True
        thread, loop = self._thread, self._loop
        # Ctrl-C may have come before the thread was started.
        if thread is not None and loop is not None and thread.is_alive():
            self._put(None)
            thread.join(timeout=_CLOSE_SECONDS)
            if thread.is_alive() and self._session is not None:
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(self._session.cancel)
                thread.join(timeout=_CLOSE_SECONDS)
        self._server.__exit__(None, None, None)
        self._thread = None

    def _put(self, item: str | None) -> None:
        # RuntimeError: the loop has ended with the browser, which the mailbox reports.
        with contextlib.suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._outbox.put_nowait, item)

    def _run(self, loop: asyncio.AbstractEventLoop, program: Path) -> None:
        death = HostError("the browser was closed")
        try:
            self._session = loop.create_task(self._drive(program))
            loop.run_until_complete(self._session)
        except asyncio.CancelledError:
            death = HostError("the browser did not close in time")
        except HostError as error:
            death = error
        except Exception as error:  # noqa: BLE001 - whatever playwright raises ends here as our error
            reason = _first_lines(error)
            death = HostError(f"Chromium could not be driven: {reason}", hint=_hint(reason), file=str(program))
        finally:
            self._mailbox.die(death)
            loop.close()

    async def _drive(self, program: Path) -> None:
        from playwright.async_api import async_playwright  # noqa: PLC0415 - an extra, and slow to import

        async with async_playwright() as playwright:
            browser = await self._launch(playwright, program)
            try:
                browser.on("disconnected", lambda _browser: self._die("Chromium has ended unexpectedly"))
                await self._carry(await self._open(browser))
            finally:
                with contextlib.suppress(Exception):  # a browser that is gone cannot be closed
                    await browser.close()

    async def _launch(self, playwright: Playwright, program: Path) -> Browser:
        is_root = hasattr(os, "geteuid") and os.geteuid() == 0
        return await playwright.chromium.launch(
            executable_path=str(program),
            headless=True,
            args=list(_FLAGS),
            # As root Chromium refuses to start with its sandbox.
            chromium_sandbox=not is_root,
            # Ctrl-C belongs to the kernel first.
            handle_sigint=False,
            timeout=_LAUNCH_SECONDS * 1000,
        )

    async def _open(self, browser: Browser) -> Page:
        page = await browser.new_page()
        page.on("crash", lambda _page: self._die("the page of the kernel has crashed"))
        page.on("pageerror", lambda error: self._log(str(error)))
        await page.expose_function("liteEnvEmit", self._mailbox.deliver)
        await page.goto(self._server.url)
        if not await page.evaluate("typeof globalThis.liteEnvHost === 'object'"):
            raise HostError("the page's script did not start", file=PAGE_SCRIPT)
        return page

    async def _carry(self, page: Page) -> None:
        while (text := await self._outbox.get()) is not None:
            await page.evaluate("text => { globalThis.liteEnvHost.post(text) }", text)

    def _log(self, text: str) -> None:
        self._mailbox.deliver(msgspec.json.encode(Log(level="error", text=text)))

    def _die(self, what: str) -> None:
        if not self._closing:
            self._mailbox.die(HostError(what, hint="it may have run out of memory, or have been ended from outside"))


def _kind_of_worker(pack: Path, kernel: str | None) -> str:
    """What the kernel's worker runs: it is made before it reads the manifest, and tells what is wrong there."""
    with contextlib.suppress(LiteEnvError):
        return choose_kernel(read_manifest(pack), kernel).runtime.worker
    return "classic"


def _first_lines(error: Exception, count: int = 8) -> str:
    lines = [line.rstrip() for line in str(error).splitlines() if line.strip()]
    return "\n    ".join(lines[:count]) or type(error).__name__


def _hint(reason: str) -> str | None:
    if "sandbox" in reason.lower():
        return "Chromium's sandbox is not available to this user; run where user namespaces are allowed, or as root"
    return None
