"""docs/custom-kernel.md, command by command: from recipes to a kernel of one's own in JupyterLite."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import tomllib
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from lite_env.progress import SILENT
from lite_env.recipe.toolchain.channel import prepare_toolchain
from tests.browser.jupyterlite.applications import expose
from tests.browser.jupyterlite.lab import Lab
from tests.conftest import EXAMPLES
from tests.lite_cores import NEWEST, core_python, jupyter_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.browser,
    pytest.mark.network,
    pytest.mark.node,
    pytest.mark.slow,
]
ROOT = EXAMPLES.parent
PAGE = ROOT / "docs" / "custom-kernel.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SERVER = "python -m http.server 8000 "
GREETING = "Lab course: np, GRAVITY, fall() and period() are there"
# Only where the site's files are: the kernel that packing tries has none.
CLOSED = '\nimport os\n\nif os.path.exists("lab.ipynb"):\n    raise RuntimeError("the lab is closed")\n'
STARTUP = "share/jupyter/kernels/lab/startup.py"


class Shell:
    """Types the commands of the page.

    Args:
        checkout: what a copy of the project is to the page.
        programs: folder with ``lite-env``, ``jupyter`` and ``python``.
    """

    def __init__(self, checkout: Path, programs: Path) -> None:
        self.folder = checkout
        self._environ = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}

    def type(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", command], cwd=self.folder, env=self._environ, capture_output=True, text=True, check=False
        )

    def follow(self, block: str) -> dict[str, str]:
        """Type each line, which must succeed; what was printed, by line. What serves is left out."""
        said = {}
        for line in block.strip().splitlines():
            if line.startswith("cd "):
                self.folder /= line.removeprefix("cd ")
            elif line.startswith("pip install "):
                assert_is_installed(line)
            elif not line.startswith(SERVER):
                done = self.type(line)
                assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
                said[line] = done.stdout
        return said

    def serve(self, line: str, port: int) -> subprocess.Popen[bytes]:
        words = shlex.split(line.replace(" 8000 ", f" {port} "))
        return subprocess.Popen(words, cwd=self.folder, env=self._environ, stderr=subprocess.DEVNULL)


def assert_is_installed(line: str) -> None:
    """The environment of the tests stands for what pip would install: each extra must be one of the project."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    named = re.search(r"\[(.+)\]", line)
    assert named
    assert set(named[1].split(",")) <= set(extras)


def blocks() -> list[str]:
    """What the page has to be typed, block by block."""
    return BLOCK.findall(PAGE.read_text("utf-8"))


def write_programs(folder: Path) -> Path:
    folder.mkdir()
    programs = {
        "lite-env": [sys.executable, "-m", "lite_env"],
        "jupyter": jupyter_command(core_python(NEWEST)),
        "python": [sys.executable],
    }
    for name, command in programs.items():
        file = folder / name
        # `jupyter lite …` is what jupyterlite-core has as a program of its own.
        shift = '[ "$1" = lite ] && shift\n' if name == "jupyter" else ""
        file.write_text(f'#!/bin/sh\n{shift}exec {shlex.join(map(str, command))} "$@"\n', "utf-8")
        file.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def shell(tmp_path_factory) -> Shell:
    """In a copy of the project, as far as the page needs one."""
    prepare_toolchain(SILENT)
    checkout = tmp_path_factory.mktemp("checkout")
    left_out = shutil.ignore_patterns("channel", "pack", "_output", ".cache", "*conda-lock.yml", ".jupyterlite.doit.db")
    shutil.copytree(EXAMPLES / "custom-kernel", checkout / "examples" / "custom-kernel", ignore=left_out)
    (checkout / "channels").symlink_to(ROOT / "channels")
    return Shell(checkout, write_programs(checkout / "programs"))


@pytest.fixture(scope="module")
def said(shell) -> dict[str, str]:
    """What the commands of the first three steps print."""
    said = {}
    for block in blocks()[:3]:
        said |= shell.follow(block)
    # So that the test can ask the application.
    expose(shell.folder)
    return said | shell.follow(blocks()[3])


@pytest.fixture(scope="module")
def url(shell, said) -> Iterator[str]:
    """Where the last command of the page's third step serves the site."""
    (line,) = (line for line in blocks()[3].splitlines() if line.startswith(SERVER))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = shell.serve(line, port)
    try:
        deadline = time.monotonic() + 30
        while not answers(port):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield f"http://localhost:{port}/"
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def opened(context, url: str) -> Lab:
    found = Lab(context.new_page(), url).open("lab.ipynb")
    found.until(lambda: found.page.evaluate("jupyterapp.shell.currentWidget?.sessionContext?.isReady"))
    return found


@contextmanager
def changed(recipe: Path, *, number: int, more: str) -> Iterator[None]:
    """The kernel's package has more start-up code and another build number for as long as the context lasts."""
    files = (recipe / "recipe.yaml", recipe / "kernel" / "startup.py")
    before = [file.read_text("utf-8") for file in files]
    text = before[0].replace("  number: 0\n", f"  number: {number}\n")
    assert text != before[0]
    for file, content in zip(files, (text, before[1] + more), strict=True):
        file.write_text(content, "utf-8")
    try:
        yield
    finally:
        for file, content in zip(files, before, strict=True):
            file.write_text(content, "utf-8")


def test_its_commands_build_the_packages_and_run_the_kernel(shell, said):
    (ran,) = (text for line, text in said.items() if line.startswith("lite-env run"))
    assert ran.splitlines() == [GREETING, "1.4142135623730951 2.3678419475762373"]
    packages = {path.name.rpartition("-")[0] for path in shell.folder.glob("channel/*/*.conda")}
    assert packages == {"pendulum-1.0", "lab-kernel-1.0"}
    log = (shell.folder / "channel" / ".logs" / "pendulum.log").read_text("utf-8")
    for engine in ("node", "chromium"):
        assert f"==> pendulum in {engine}: python check.py" in log


def test_jupyterlite_has_the_notebook_with_that_kernel_and_its_start_up_code_has_run(context, url):
    found = opened(context, url)
    assert found.dialogs == []
    assert found.kernel == "lab"
    assert found.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.kernelDisplayName") == "Lab course"
    found.page.evaluate("() => void jupyterapp.commands.execute('notebook:run-all-cells')")
    cells = "jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells"
    found.until(lambda: found.page.evaluate(cells)[-1].get("outputs"), 180_000)
    first, second = (cell["outputs"] for cell in found.page.evaluate(cells) if cell["cell_type"] == "code")
    assert "".join("".join(output["text"]) for output in first) == f"{GREETING}\n1.4142 s\n"
    assert "".join("".join(output["text"]) for output in second) == "2.3678 s\n"
    assert found.faults == []


def test_the_launcher_shows_its_name_and_its_picture(context, url):
    found = Lab(context.new_page(), url).open()
    found.page.evaluate("jupyterapp.commands.execute('launcher:create')")
    card = found.page.locator(".jp-LauncherCard[data-category='Notebook']", has_text="Lab course")
    card.wait_for()
    source = card.locator("img").get_attribute("src")
    shown = found.page.evaluate("async url => (await fetch(url)).text()", source)
    assert shown == (EXAMPLES / "custom-kernel/recipes/lab-kernel/kernel/logo-svg.svg").read_text("utf-8")


def test_a_start_up_file_that_fails_when_it_is_tried_ends_the_build(shell, said, url):
    with changed(shell.folder / "recipes" / "lab-kernel", number=1, more="\nundefined\n"):
        done = [shell.type(line) for line in blocks()[4].strip().splitlines()]
    assert [step.returncode for step in done] == [0, 0, 1], done
    assert f"NameError: name 'undefined' is not defined\n  file: {STARTUP}" in done[-1].stdout + done[-1].stderr


def test_one_that_fails_in_the_browser_is_shown_in_the_cell_that_waits(shell, context, url):
    with changed(shell.folder / "recipes" / "lab-kernel", number=2, more=CLOSED):
        shell.follow(blocks()[4])
    found = opened(context, url)
    error = found.run("fall(1.0)").error
    assert error["ename"] == "StartupFailed"
    traceback = "\n".join(error["traceback"])
    for part in ("RuntimeError: the lab is closed", f"File /{STARTUP}:", "what to do: mend the file"):
        assert part in traceback, traceback


def test_the_notebook_of_the_example_asks_for_the_kernel_of_the_example():
    notebook = json.loads((EXAMPLES / "custom-kernel/files/lab.ipynb").read_text("utf-8"))
    assert notebook["metadata"]["kernelspec"]["name"] == "lab"
