"""WebKit: WebKitGTK's MiniBrowser by its own WebDriver, on a virtual screen."""

from __future__ import annotations

import os
import shutil
import subprocess
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import WebKitGTK, WebKitGTKOptions
from selenium.webdriver.webkitgtk.service import Service

from tests.browser.engines.engine import SECONDS, EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator

_BROWSERS = ("*/webkit2gtk-4.1/MiniBrowser", "webkit2gtk-4.1/MiniBrowser", "webkitgtk-6.0/MiniBrowser")
_LIBRARIES = (Path("/usr/lib"), Path("/usr/libexec"))
_WIDTH, _HEIGHT = 960, 720
# The promise's value, or what went wrong with it, to selenium's callback.
_AWAIT = """
const [script, done] = arguments;
Promise.resolve().then(() => (0, eval)(script)).then(value => done([value]), error => done(String(error)));
"""


def find_minibrowser() -> Path:
    """The browser that comes with WebKitGTK's driver, in the folder of libraries that Debian puts it."""
    for folder in _LIBRARIES:
        for pattern in _BROWSERS:
            if found := sorted(folder.glob(pattern)):
                return found[0]
    raise EngineError("there is no MiniBrowser: tests/browser/install_engines.sh says how to get one")


def find_driver() -> str:
    """The driver's executable."""
    if found := shutil.which("WebKitWebDriver"):
        return found
    raise EngineError("there is no WebKitWebDriver: tests/browser/install_engines.sh says how to get one")


class WebKit:
    """A MiniBrowser. Under automation its profile is in memory: it ends with the session, whatever `profile` is."""

    name = "webkit"

    def __init__(self, profile: Path) -> None:
        options = WebKitGTKOptions()
        options.binary_location = str(find_minibrowser())
        options.add_argument("--automation")
        driver = find_driver()
        self._screen = _Screen()
        try:
            # Compositing stays on, though there is no GPU: without it a screenshot is never answered.
            service = Service(executable_path=driver, env={**os.environ, "DISPLAY": self._screen.name})
            with warnings.catch_warnings():
                # Selenium's own, of how its WebKitGTK calls its own base.
                warnings.simplefilter("ignore", DeprecationWarning)
                self._driver = WebKitGTK(options=options, service=service)
        except BaseException:
            self._screen.close()
            raise
        self._driver.set_script_timeout(SECONDS)
        self._driver.set_page_load_timeout(SECONDS)
        self._driver.set_window_size(_WIDTH, _HEIGHT)
        self._first = self._driver.current_window_handle
        self.version = str(self._driver.capabilities["browserVersion"])

    def new_page(self) -> WebKitPage:
        self._driver.switch_to.window(self._first)  # The one before may be closed.
        # A window, not a tab: what is behind another tab is not painted, and its timers are slow.
        self._driver.switch_to.new_window("window")
        return WebKitPage(self._driver, self._driver.current_window_handle)

    def close(self) -> None:
        try:
            self._driver.quit()
        finally:
            self._screen.close()


class WebKitPage:
    """A window of it; the driver is at one at a time."""

    def __init__(self, driver: WebKitGTK, handle: str) -> None:
        self._driver = driver
        self._handle = handle

    def open(self, url: str) -> None:
        self._come()
        self._driver.get(url)

    def run(self, script: str) -> str:
        self._come()
        try:
            answer = self._driver.execute_async_script(_AWAIT, script)
        except WebDriverException as error:
            raise EngineError(error.msg or type(error).__name__) from error
        if isinstance(answer, str):
            raise EngineError(answer)
        return str(answer[0])

    def screenshot(self, path: Path) -> None:
        self._come()
        path.write_bytes(self._driver.get_screenshot_as_png())

    def close(self) -> None:
        self._come()
        self._driver.close()

    def _come(self) -> None:
        self._driver.switch_to.window(self._handle)


@contextmanager
def plain_minibrowser(url: str, *, home: Path) -> Iterator[None]:
    """A MiniBrowser as a person has it: with a profile on disk, below `home`, and driven by nobody."""
    screen = _Screen()
    folders = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "XDG_DATA_HOME": str(home / "data")}
    process = subprocess.Popen(
        [find_minibrowser(), url],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **folders, "DISPLAY": screen.name},
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()
        screen.close()


class _Screen:
    """An X server without a screen, on a display number that it chooses."""

    def __init__(self) -> None:
        found = shutil.which("Xvfb")
        if found is None:
            raise EngineError("there is no Xvfb: tests/browser/install_engines.sh says how to get one")
        read, write = os.pipe()
        try:
            self._process = subprocess.Popen(
                [found, "-displayfd", str(write), "-screen", "0", f"{_WIDTH}x{_HEIGHT}x24", "-nolisten", "tcp"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[write],
            )
        finally:
            os.close(write)
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()
        if not number:
            self.close()
            raise EngineError("Xvfb does not start")
        self.name = f":{number}"

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
