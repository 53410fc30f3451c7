"""A browser of one profile, spoken to in the DevTools protocol.

Not through playwright: its own sessions make the browser keep every response's body and every logged object, which
would be measured too, and it does not let us reach the sessions of workers.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from websockets.asyncio.client import connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from websockets.asyncio.client import ClientConnection

Handler = "Callable[[Session, dict[str, Any]], None]"

_FLAGS = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-extensions",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-client-side-phishing-detection",
    # A second renderer that is started in advance would be taken for the page's process.
    "--disable-features=SpareRendererForSitePerProcess,OptimizationHints,MediaRouter",
)
_LAUNCH_SECONDS = 60.0
_CLOSE_SECONDS = 15.0


class ProtocolError(Exception):
    """The browser refused a command, or has gone."""


class Session:
    """One target: the browser itself, a page or a worker."""

    def __init__(self, browser: Browser, key: str | None, kind: str) -> None:
        self.browser = browser
        self.key = key
        self.kind = kind

    async def send(self, method: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Send a command and wait for its result."""
        return await self.browser.send(self, method, params)


class Browser:
    """A headless Chromium with a fresh profile, which is removed with it."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self._profile = Path(tempfile.mkdtemp(prefix="lite-env-bench-"))
        self._process: asyncio.subprocess.Process | None = None
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._pending: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._handlers: dict[str, list[Callable[[Session, dict[str, Any]], None]]] = defaultdict(list)
        self._sessions: dict[str | None, Session] = {}
        self.root = Session(self, None, "browser")
        self._sessions[None] = self.root

    async def __aenter__(self) -> Self:
        try:
            await self._launch()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    def on(self, method: str, handler: Callable[[Session, dict[str, Any]], None]) -> None:
        """Call `handler` with each event of that name, of whatever session."""
        self._handlers[method].append(handler)

    async def send(self, session: Session, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Send a command of a session and wait for its result.

        Raises:
            ProtocolError: the browser refused it, or has gone.
        """
        if self._socket is None:
            raise ProtocolError("the browser is closed")
        number = next(self._numbers)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._pending[number] = future
        message = {"id": number, "method": method, "params": params}
        if session.key is not None:
            message["sessionId"] = session.key
        await self._socket.send(json.dumps(message))
        return await future

    async def _launch(self) -> None:
        flags = [*_FLAGS, f"--user-data-dir={self._profile}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            flags.append("--no-sandbox")  # as root Chromium refuses to start with it
        silent = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(
            str(self._program),
            *flags,
            "about:blank",
            stdin=silent,
            stdout=silent,
            stderr=silent,
            start_new_session=True,
        )
        port, path = await asyncio.wait_for(self._endpoint(), _LAUNCH_SECONDS)
        self._socket = await connect(f"ws://127.0.0.1:{port}{path}", max_size=None, compression=None, proxy=None)
        self._reader = asyncio.create_task(self._read(self._socket))

    async def _endpoint(self) -> tuple[str, str]:
        file = self._profile / "DevToolsActivePort"
        while True:
            if self._process is not None and self._process.returncode is not None:
                raise ProtocolError(f"{self._program} ended at once with {self._process.returncode}")
            with contextlib.suppress(OSError, ValueError):
                port, path = file.read_text(encoding="utf-8").split("\n")
                return port, path
            await asyncio.sleep(0.02)

    async def _read(self, socket: ClientConnection) -> None:
        with contextlib.suppress(Exception):  # whatever ends the connection ends all that wait for it
            async for text in socket:
                self._take(json.loads(text))
        for future in self._pending.values():
            if not future.done():
                future.set_exception(ProtocolError("the browser has gone"))

    def _take(self, message: dict[str, Any]) -> None:
        if "id" in message:
            future = self._pending.pop(message["id"], None)
            if future is not None and not future.done():
                if "error" in message:
                    future.set_exception(ProtocolError(message["error"].get("message", "refused")))
                else:
                    future.set_result(message.get("result", {}))
            return
        method, params = message["method"], message.get("params", {})
        if method == "Target.attachedToTarget":
            key = params["sessionId"]
            self._sessions[key] = Session(self, key, params["targetInfo"]["type"])
        session = self._sessions.get(message.get("sessionId"), self.root)
        for handler in self._handlers[method]:
            handler(session, params)

    def session(self, key: str) -> Session:
        """The session of that name, of which ``Target.attachedToTarget`` has told."""
        return self._sessions[key]

    async def _close(self) -> None:
        with contextlib.suppress(Exception):  # one that is gone cannot be asked to go
            await asyncio.wait_for(self.root.send("Browser.close"), _CLOSE_SECONDS)
        if self._reader is not None:
            self._reader.cancel()
        if self._socket is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._socket.close(), _CLOSE_SECONDS)
        if self._process is not None:
            try:
                await asyncio.wait_for(self._process.wait(), _CLOSE_SECONDS)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        for _ in range(100):
            shutil.rmtree(self._profile, ignore_errors=True)
            if not self._profile.exists():
                return
            await asyncio.sleep(0.1)  # its helpers are still writing
