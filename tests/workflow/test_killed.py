"""A command that is killed at any moment: the same command once more gives the bytes of a clean run, and no litter."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from lite_env.channel import build_channel
from lite_env.store.digest import sha256_of_file

pytestmark = [pytest.mark.slow, pytest.mark.node]

ROOT = Path(__file__).parents[2]
SEED = 20261126
ENVIRONMENT = """\
name: killed
channels:
  - ../channel
dependencies:
  - xeus-lua
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A command, what it needs from the steps before it, and where it is killed how often."""

    words: tuple[str, ...]
    needs: tuple[str, ...]
    makes: str
    kills: int


STEPS = (
    Step(words=("lock", "environment.yml"), needs=("environment.yml",), makes="conda-lock.yml", kills=40),
    Step(
        words=("install", "conda-lock.yml", "--prefix", "prefix"), needs=("conda-lock.yml",), makes="prefix", kills=50
    ),
    Step(words=("pack", "environment.yml", "-o", "pack"), needs=("environment.yml",), makes="pack", kills=60),
    Step(words=("site", "pack", "-o", "public"), needs=("pack",), makes="public", kills=50),
)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A folder with the channel, and a folder `clean` in which every step was run to its end."""
    folder = tmp_path_factory.mktemp("killed")
    build_channel(ROOT / "channels" / "emscripten-forge-2023", output=folder / "channel")
    clean = folder / "clean"
    clean.mkdir()
    (clean / "environment.yml").write_text(ENVIRONMENT)
    for step in STEPS:
        # The same cache as later: an environment's records tell where it lies.
        assert start(step, clean, folder / "cache").wait() == 0
    return folder


def test_200_kills_are_made():
    assert sum(step.kills for step in STEPS) == 200


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.words[0])
def test_what_was_killed_at_any_moment_is_made_by_the_next_run(base, step, capsys):
    chance = random.Random(f"{SEED} {step.words[0]}")  # noqa: S311 - chance, not secrets
    wanted = tree(base / "clean" / step.makes)
    seconds = duration(base, step)
    killed = 0
    for number in range(step.kills):
        place, cache = folder_for(base, step, f"{step.words[0]}-{number}"), base / "cache"
        shutil.rmtree(cache, ignore_errors=True)
        # Every third kill meets a folder and a cache that a whole run has left.
        if number % 3 == 0:
            assert start(step, place, cache).wait() == 0
        before = {entry.name for entry in place.iterdir()} | {step.makes}
        killed += kill(start(step, place, cache), chance.uniform(0, seconds))
        assert start(step, place, cache).wait() == 0
        assert tree(place / step.makes) == wanted, f"seed {SEED}, kill {number}"
        # `pack` locks beside its environment file.
        assert {entry.name for entry in place.iterdir()} <= before | {"conda-lock.yml"}, f"seed {SEED}, kill {number}"
        assert litter(place) == litter(cache) == [], f"seed {SEED}, kill {number}"
        shutil.rmtree(place)
    with capsys.disabled():
        print(f"\n{step.words[0]}: {killed} of {step.kills} runs were killed before their end, seed {SEED}")
    assert killed > step.kills / 3


def folder_for(base: Path, step: Step, name: str) -> Path:
    """A folder beside the clean one with what the step needs, so that relative paths in it are the same."""
    place = base / name
    place.mkdir()
    for needed in step.needs:
        source = base / "clean" / needed
        if source.is_dir():
            shutil.copytree(source, place / needed, symlinks=True)
        else:
            shutil.copy(source, place / needed)
    return place


def start(step: Step, place: Path, cache: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "lite_env", "--quiet", *step.words],
        cwd=place,
        env={**os.environ, "LITE_ENV_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT)},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    )


def duration(base: Path, step: Step) -> float:
    place, cache = folder_for(base, step, "timed"), base / "timed-cache"
    began = time.monotonic()
    assert start(step, place, cache).wait() == 0
    seconds = time.monotonic() - began
    shutil.rmtree(place)
    shutil.rmtree(cache, ignore_errors=True)
    return seconds


def kill(process: subprocess.Popen[bytes], after: float) -> bool:
    """Whether the process was still at work when it was ended; what it has started sees its end, and ends as well."""
    try:
        process.wait(timeout=after)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def tree(path: Path) -> dict[str, tuple[str, int]]:
    """Content and permissions of a file, or of all that lies in a folder."""
    if path.is_file():
        return {"": (sha256_of_file(path), path.stat().st_mode)}
    return {
        found.relative_to(path).as_posix(): (
            f"-> {found.readlink()}" if found.is_symlink() else "" if found.is_dir() else sha256_of_file(found),
            found.lstat().st_mode,
        )
        for found in sorted(path.rglob("*"))
    }


def litter(folder: Path) -> list[Path]:
    """What was meant to be there for a moment."""
    return [found for found in folder.rglob("*") if found.name.endswith((".part", ".old")) or ".part-" in found.name]
