"""What is published: the wheel that is built from the sdist, in an environment that has nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.network, pytest.mark.node]

ROOT = Path(__file__).parents[1]
ENVIRONMENT = """\
name: lua
channels:
  - ./channel
dependencies:
  - xeus-lua
"""


@pytest.fixture(scope="module")
def clean_environment(tmp_path_factory) -> Path:
    """A folder of programs: an environment with the wheel of the sdist, and not a file of this checkout."""
    folder = tmp_path_factory.mktemp("distribution")
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder / "sdist", cwd=ROOT)
    (sdist,) = (folder / "sdist").glob("*.tar.gz")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder / "wheel", sdist, cwd=folder)
    (wheel,) = (folder / "wheel").glob("*.whl")
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    run(programs / "python", "-m", "pip", "install", "--quiet", f"{wheel}[channels,node]", cwd=folder)
    return programs


def test_the_wheel_of_the_sdist_builds_its_channel_packs_and_starts_a_kernel(clean_environment, tmp_path):
    def lite_env(*words: object) -> str:
        # Nothing of this process leads back to the checkout.
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
        clean |= {"PATH": str(clean_environment), "HOME": str(tmp_path), "NO_COLOR": "1"}
        return run(clean_environment / "lite-env", *words, cwd=tmp_path, env=clean)

    lite_env("channel", "build", "emscripten-forge-2023", "-o", "channel")
    (tmp_path / "environment.yml").write_text(ENVIRONMENT)
    lite_env("pack", "environment.yml", "-o", "pack", "--level", "3")
    assert lite_env("run", "pack", "-c", "print(6 * 7)").split() == ["42"]
    # What it draws with is in the wheel, too.
    lite_env("report", "pack", "-o", "report.html")
    assert "squarify" in (tmp_path / "report.html").read_text("utf-8")
    lite_env("site", "pack", "-o", "public")
    assert (tmp_path / "public" / "index.html").is_file()


@pytest.mark.slow
def test_installed_beside_jupyterlite_it_makes_a_site(clean_environment, tmp_path):
    folder = clean_environment.parents[1]
    (wheel,) = (folder / "wheel").glob("*.whl")
    run(clean_environment / "python", "-m", "pip", "install", "--quiet", f"{wheel}[jupyterlite]", cwd=folder)
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV", "JUPY"))}
    clean |= {"PATH": f"{clean_environment}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    run(clean_environment / "lite-env", "channel", "build", "emscripten-forge-2023", "-o", "channel", cwd=tmp_path)
    (tmp_path / "environment.yml").write_text(ENVIRONMENT)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "notes.md").write_text("# Notes\n")
    run(clean_environment / "jupyter", "lite", "build", cwd=tmp_path, env=clean)
    site = json.loads((tmp_path / "_output/lite-env/api/site.json").read_text("utf-8"))
    assert [kernel["name"] for kernel in site["kernels"]] == ["xlua"]
    assert (tmp_path / "_output/files/notes.md").is_file()


def run(*words: object, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run([str(word) for word in words], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
    return done.stdout
