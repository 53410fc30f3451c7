"""The example, built as its readers build it, and used as they use it: by the mouse and the keyboard."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.browser.jupyterlite.applications import built_site, example_environment
from tests.conftest import EXAMPLES

pytestmark = [
    pytest.mark.browser,
    pytest.mark.network,
    pytest.mark.node,
    pytest.mark.slow,
]
EXAMPLE = EXAMPLES / "jupyterlite"
FAHRENHEIT = [52.7, 50.4, 64.0, 59.2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    lite = tmp_path_factory.mktemp("example") / "lite"
    shutil.copytree(EXAMPLE, lite, ignore=shutil.ignore_patterns("_output", ".cache", "conda-lock.yml"))
    (lite / "environment.yml").write_text(example_environment("jupyterlite"))
    return built_site(lite)


class Hands:
    """What a visitor does with JupyterLab."""

    def __init__(self, found) -> None:
        self.found = found
        self.page = found.page

    def item(self, name: str):
        """A file in the file browser."""
        return self.page.locator(".jp-DirListing-item", has=self.page.get_by_text(name, exact=True))

    def menu(self, *labels: str) -> None:
        """Choose of the menu bar."""
        self.page.locator(".lm-MenuBar-itemLabel").get_by_text(labels[0], exact=True).click()
        for label in labels[1:]:
            self.choose(label)

    def choose(self, label: str) -> None:
        """Choose of the menu that is open."""
        self.page.locator(".lm-Menu-itemLabel").get_by_text(label, exact=True).click()

    def context(self, name: str, label: str) -> None:
        """Choose of a file's context menu."""
        self.item(name).click(button="right")
        self.choose(label)

    def rename(self, name: str) -> None:
        """Type a name in place of the one that is being changed."""
        editor = self.page.locator("input.jp-DirListing-editor")
        editor.fill(name)
        editor.press("Enter")
        self.item(name).wait_for()


def test_its_notebook_is_run_from_the_menu_and_saved_and_its_files_are_those_of_the_file_browser(site, serve, lab):
    found = lab(serve(site, isolated=False)).open()
    hands = Hands(found)
    hands.item("temperatures.ipynb").dblclick()
    found.until(lambda: found.kernel == "xpython")
    assert found.dialogs == []
    hands.menu("Run", "Run All Cells")
    # What the kernel wrote appears, without anything being asked for.
    hands.item("fahrenheit.csv").wait_for()
    found.until(lambda: found.cell(2).stream())
    found.page.keyboard.press("Control+s")
    found.until(lambda: found.read("temperatures.ipynb")["cells"][2]["outputs"])
    assert found.read("temperatures.ipynb") == expected()
    notebook = found.here

    # A file that is made, filled, renamed and deleted in the file browser is that of the kernel.
    found.page.locator(".jp-DirListing-content").click(button="right", position={"x": 40, "y": 250})
    hands.choose("New File")
    hands.rename("notes.txt")
    hands.item("notes.txt").dblclick()
    found.page.locator(".jp-FileEditor .cm-content").click()
    found.page.keyboard.type("typed by hand")
    found.page.keyboard.press("Control+s")
    found.until(lambda: found.read("notes.txt") == "typed by hand")
    found.show(notebook)
    assert found.text("print(open('notes.txt').read())") == "typed by hand\n"
    hands.context("notes.txt", "Rename")
    hands.rename("renamed.txt")
    assert found.text("import os; print(os.path.exists('notes.txt'), open('renamed.txt').read())") == (
        "False typed by hand\n"
    )
    hands.context("renamed.txt", "Delete")
    found.page.locator(".jp-Dialog .jp-mod-accept").click()
    hands.item("renamed.txt").wait_for(state="detached")
    assert found.text("print(os.path.exists('renamed.txt'))") == "False\n"
    # And the other way round.
    assert found.text("os.rename('fahrenheit.csv', 'f.csv')") == ""
    hands.item("f.csv").wait_for()
    hands.item("fahrenheit.csv").wait_for(state="detached")
    assert found.faults == []


def expected() -> dict:
    """The example's notebook as it is after a run."""
    notebook = json.loads((EXAMPLE / "files" / "temperatures.ipynb").read_text("utf-8"))
    title, read, write = notebook["cells"]
    title["attachments"] = None
    for cell in (read, write):
        cell["source"] = "".join(cell["source"])
        cell["metadata"] = {"trusted": True}
    read |= {"execution_count": 1, "outputs": [result("13.65")]}
    printed = "".join(f"{value:.1f}\n" for value in FAHRENHEIT) + "\n"
    write |= {"execution_count": 2, "outputs": [{"name": "stdout", "output_type": "stream", "text": printed}]}
    notebook["metadata"] = {
        "kernelspec": {"display_name": "Python 3.11 (XPython)", "language": "python", "name": "xpython"},
        "language_info": {
            "file_extension": ".py",
            "mimetype": "text/x-python",
            "name": "python",
            "version": "3.11.3",
        },
    }
    return notebook


def result(text: str) -> dict:
    return {"data": {"text/plain": text}, "execution_count": 1, "metadata": {}, "output_type": "execute_result"}
