"""Drives JupyterLite in a browser by its own object ``window.jupyterapp``: steadier than clicks, and the same app."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

OPEN_MS = 60_000
CELL_MS = 60_000

# A cell is put behind the last one, run, and told of when the notebook says that it is done.
RUN = """async code => {
  const { content: notebook, context } = jupyterapp.shell.currentWidget;
  const at = notebook.model.sharedModel.cells.length;
  notebook.model.sharedModel.insertCell(at, { cell_type: 'code', source: code });
  notebook.activeCellIndex = at;
  await jupyterapp.commands.execute('notebook:run-cell');
  return at;
}"""
_OUTPUTS = "at => jupyterapp.shell.currentWidget.content.widgets[at].model.outputs.toJSON()"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """What a cell shows."""

    outputs: tuple[dict[str, Any], ...]

    def stream(self, name: str = "stdout") -> str:
        return "".join(
            _joined(output["text"])
            for output in self.outputs
            if output["output_type"] == "stream" and output["name"] == name
        )

    @property
    def error(self) -> dict[str, Any] | None:
        return next((output for output in self.outputs if output["output_type"] == "error"), None)

    @property
    def result(self) -> str | None:
        found = (output["data"] for output in self.outputs if output["output_type"] == "execute_result")
        return next((_joined(data["text/plain"]) for data in found), None)


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


class Lab:
    """A page of JupyterLite."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.faults: list[str] = []
        page.set_default_timeout(CELL_MS)
        # A notebook that was not saved asks whether the page may be left.
        page.on("dialog", lambda dialog: dialog.accept())
        page.on("pageerror", lambda error: self.faults.append(str(error)))

    def open(self, path: str | None = None, *, app: str = "lab") -> Lab:
        """Open an application, with the notebook at `path` or with nothing."""
        query = f"?path={quote(path)}" if path else "?reset" if app == "lab" else ""
        self.page.goto(f"{self.url}{app}/index.html{query}")
        self.page.wait_for_function("globalThis.jupyterapp?.started", timeout=OPEN_MS)
        self.page.evaluate("jupyterapp.restored")
        return self

    def notebook(self, kernel: str, folder: str = "") -> Lab:
        """A new notebook with that kernel, in front of all others."""
        self.page.evaluate(
            """async ([kernelName, cwd]) => {
              const panel = await jupyterapp.commands.execute('notebook:create-new', { kernelName, cwd });
              await panel.sessionContext.ready;
              while (jupyterapp.shell.currentWidget !== panel) {
                await new Promise(done => setTimeout(done, 20));  // It comes to the front a little later.
              }
            }""",
            [kernel, folder],
        )
        return self

    def run(self, code: str) -> Cell:
        """Run a cell behind the last one, until it is done."""
        at = self.page.evaluate(RUN, code)
        return self.cell(at)

    def begin(self, code: str) -> int:
        """Begin a cell; its position."""
        self.page.evaluate(f"code => {{ globalThis.begun = ({RUN})(code); }}", code)
        return self.page.evaluate("jupyterapp.shell.currentWidget.content.model.sharedModel.cells.length - 1")

    def cell(self, at: int) -> Cell:
        return Cell(outputs=tuple(self.page.evaluate(_OUTPUTS, at)))

    def text(self, code: str) -> str:
        """What a cell prints; it must succeed."""
        cell = self.run(code)
        assert cell.error is None, cell
        return cell.stream()

    def show(self, widget: str) -> None:
        """Bring the notebook to the front that `here` has named so."""
        self.page.evaluate("id => jupyterapp.shell.activateById(id)", widget)

    @property
    def here(self) -> str:
        """Id of the notebook in front."""
        return self.page.evaluate("jupyterapp.shell.currentWidget.id")

    @property
    def kernel(self) -> str | None:
        """Name of the kernel of the notebook in front."""
        return self.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.name")

    def answer(self, text: str) -> None:
        """Type into the box of a cell that calls `input()`."""
        box = self.page.locator(".jp-Stdin-input:visible")
        box.fill(text)
        box.press("Enter")

    def wait_for(self, at: int, text: str, ms: float = CELL_MS) -> Cell:
        """Wait until the cell shows `text`."""
        self.until(lambda: text in str(self.cell(at).outputs), ms)
        return self.cell(at)

    def restart(self) -> None:
        self.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")

    def interrupt(self) -> None:
        self.page.evaluate("jupyterapp.commands.execute('notebook:interrupt-kernel')")

    def shutdown(self) -> None:
        self.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.shutdown()")

    @property
    def status(self) -> str:
        return self.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.kernelDisplayStatus")

    @property
    def dialogs(self) -> list[str]:
        return self.page.evaluate("[...document.querySelectorAll('.jp-Dialog')].map(dialog => dialog.innerText)")

    def save(self, path: str, text: str) -> None:
        """Make a text file as the file browser does."""
        self.page.evaluate(
            """([path, content]) => jupyterapp.serviceManager.contents.save(
              path, { type: 'file', format: 'text', content })""",
            [path, text],
        )

    def folder(self, path: str) -> None:
        """Make a folder."""
        self.page.evaluate(
            "path => jupyterapp.serviceManager.contents.save(path, { type: 'directory' })",
            path,
        )

    def read(self, path: str) -> Any:
        """What the file browser shows of it: text, a notebook's object, or the models of a folder."""
        model = self.page.evaluate("path => jupyterapp.serviceManager.contents.get(path, { content: true })", path)
        content = model["content"]
        return base64.b64decode(content).decode() if model["format"] == "base64" else content

    def names(self, path: str = "") -> list[str]:
        return sorted(model["name"] for model in self.read(path))

    def until(self, condition: Callable[[], Any], ms: float = CELL_MS) -> Any:
        deadline = time.monotonic() + ms / 1000
        while not (found := condition()):
            assert time.monotonic() < deadline
            self.page.wait_for_timeout(50)
        return found
