"""Blink: Chromium by playwright, with the executable that is installed here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from playwright.sync_api import Error, sync_playwright

from lite_env.host.find import find_chromium
from tests.browser.engines.engine import SECONDS, EngineError

if TYPE_CHECKING:
    from pathlib import Path

    from playwright import sync_api

_FLAGS = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
_VIEW = {"width": 960, "height": 720}


class Chromium:
    """A headless Chromium."""

    name = "chromium"

    def __init__(self, profile: Path) -> None:
        is_root = hasattr(os, "geteuid") and os.geteuid() == 0
        self._playwright = sync_playwright().start()
        try:
            self._context = self._playwright.chromium.launch_persistent_context(
                str(profile),
                executable_path=str(find_chromium()),
                args=[*_FLAGS],
                chromium_sandbox=not is_root,
                viewport=_VIEW,  # type: ignore[arg-type]
            )
        except BaseException:
            self._playwright.stop()
            raise
        self._context.set_default_timeout(SECONDS * 1000)
        browser = self._context.browser
        self.version = browser.version if browser else self._context.pages[0].evaluate("navigator.userAgent")

    def new_page(self) -> ChromiumPage:
        return ChromiumPage(self._context.new_page())

    def close(self) -> None:
        self._context.close()
        self._playwright.stop()


class ChromiumPage:
    """A tab of it."""

    def __init__(self, page: sync_api.Page) -> None:
        self._page = page

    def open(self, url: str) -> None:
        self._page.goto(url)

    def run(self, script: str) -> str:
        try:
            return str(self._page.evaluate(script))
        except Error as error:
            raise EngineError(error.message) from error

    def screenshot(self, path: Path) -> None:
        self._page.screenshot(path=path)

    def close(self) -> None:
        self._page.close()
