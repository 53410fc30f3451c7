"""What the tests of three browser engines see of one: pages of one profile, driven by JavaScript alone."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 300.0
"""How long a page may take for anything; a machine may be busy with other things."""
_POLL_SECONDS = 0.1


class EngineError(Exception):
    """The engine could not do what it was asked for, or the page's script threw."""


class Page(Protocol):
    """A page (a tab) of a browser."""

    def open(self, url: str) -> None:
        """Load a URL, and wait until it is loaded."""

    def run(self, script: str) -> str:
        """The text that a JavaScript expression, or the promise that it is, gives; throws `EngineError`."""

    def screenshot(self, path: Path) -> None:
        """Write what is to be seen as a PNG."""

    def close(self) -> None:
        """Close this page; others live on."""


class Browser(Protocol):
    """A browser with a profile of its own that ends with it.

    Attributes:
        name: of the engine.
        version: of the browser, as it tells it.
    """

    name: str
    version: str

    def new_page(self) -> Page:
        """Another page in the same profile."""

    def close(self) -> None:
        """End the browser and all its processes."""


def evaluate(page: Page, expression: str) -> Any:
    """The value of an expression or of the promise that it is, as JSON carries it."""
    # In the form of text: each engine has its own idea of what else a value may be.
    return json.loads(page.run(f"(async () => JSON.stringify((await ({expression})) ?? null))()"))


def call(page: Page, function: str, *args: object) -> Any:
    """What a JavaScript function gives for these arguments."""
    return evaluate(page, f"({function})({', '.join(json.dumps(arg) for arg in args)})")


def wait_for(page: Page, expression: str, seconds: float = SECONDS) -> Any:
    """Wait until an expression is true, and give its value; a page that loads anew meanwhile is no error."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if value := evaluate(page, expression):
                return value
            trouble = "it is not"
        except EngineError as error:
            trouble = str(error)
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {expression}: {trouble}")
        time.sleep(_POLL_SECONDS)
