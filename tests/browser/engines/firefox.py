"""Gecko: Firefox over WebDriver BiDi (https://www.w3.org/TR/webdriver-bidi/), which it speaks without any driver."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any

from websocket import WebSocketTimeoutException, create_connection

from tests.browser.engines.engine import SECONDS, EngineError

if TYPE_CHECKING:
    from pathlib import Path

_NAMES = ("firefox-esr", "firefox")
_START_SECONDS = 120.0
_END_SECONDS = 30.0
# Firefox itself sets what tests want (no updates, no first-run pages) once somebody drives it by BiDi.
_PREFERENCES = {
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
}


def find_firefox() -> str:
    """The executable: of ``LITE_ENV_FIREFOX``, else the first on PATH."""
    for name in (os.environ.get("LITE_ENV_FIREFOX", ""), *_NAMES):
        if name and (found := shutil.which(name)):
            return found
    raise EngineError("there is no Firefox: tests/browser/install_engines.sh says how to get one")


class Firefox:
    """A headless Firefox."""

    name = "firefox"

    def __init__(self, profile: Path) -> None:
        profile.mkdir(parents=True, exist_ok=True)
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in _PREFERENCES.items())
        (profile / "user.js").write_text("".join(lines), encoding="utf-8")
        self._process = subprocess.Popen(
            [find_firefox(), "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port=0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "MOZ_CRASHREPORTER_DISABLE": "1"},
        )
        try:
            self._session = _Session(self._address(profile / "WebDriverBiDiServer.json"))
            self.version = self._session.begin()["capabilities"]["browserVersion"]
        except BaseException:
            self._end()
            raise

    def new_page(self) -> FirefoxPage:
        context = self._session.command("browsingContext.create", type="tab")["context"]
        return FirefoxPage(self._session, context)

    def close(self) -> None:
        try:
            self._session.command("browser.close")
        finally:
            self._session.close()
            self._end()

    def _address(self, file: Path) -> str:
        """Where it listens, which it writes into its profile."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                server = json.loads(file.read_bytes())
                return f"ws://{server['ws_host']}:{server['ws_port']}/session"
            except (OSError, ValueError):
                time.sleep(0.05)
        raise EngineError("Firefox does not start")

    def _end(self) -> None:
        try:
            self._process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class FirefoxPage:
    """A tab of it."""

    def __init__(self, session: _Session, context: str) -> None:
        self._session = session
        self._context = context

    def open(self, url: str) -> None:
        self._session.command("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def run(self, script: str) -> str:
        answer = self._session.command(
            "script.evaluate",
            expression=script,
            target={"context": self._context},
            awaitPromise=True,
            resultOwnership="none",
        )
        if answer["type"] == "exception":
            raise EngineError(answer["exceptionDetails"]["text"])
        return str(answer["result"]["value"])

    def screenshot(self, path: Path) -> None:
        answer = self._session.command("browsingContext.captureScreenshot", context=self._context)
        path.write_bytes(base64.b64decode(answer["data"]))

    def close(self) -> None:
        self._session.command("browsingContext.close", context=self._context)


class _Session:
    """Commands and answers of a BiDi session, one after the other; no events are asked for."""

    def __init__(self, url: str) -> None:
        # Firefox refuses connections that come from a page, which is what an Origin stands for.
        self._socket = create_connection(url, timeout=SECONDS, suppress_origin=True)
        self._ids = itertools.count(1)

    def begin(self) -> dict[str, Any]:
        return self.command("session.new", capabilities={})

    def command(self, method: str, **params: object) -> dict[str, Any]:
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            try:
                answer = json.loads(self._socket.recv())
            except WebSocketTimeoutException as error:
                raise EngineError(f"{method}: no answer within {SECONDS:.0f} s") from error
            if answer.get("id") == number:
                break
        if answer["type"] == "error":
            raise EngineError(f"{method}: {answer['error']}: {answer['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def close(self) -> None:
        self._socket.close()
