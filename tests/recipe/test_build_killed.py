"""Builds that are ended amid their work: nobody is left, nothing is half there, and the next run goes on from it."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from lite_env.store.digest import sha256_of_file
from lite_env.store.location import CACHE_VARIABLE
from tests.command_line import Command, lite_env
from tests.recipe.builds import CHANNEL, SLOW_SCRIPT, extension
from tests.trees import tree

pytestmark = pytest.mark.slow

KILLS = 10
SEED = 20261128


def command(recipe: Path, channel: Path) -> tuple[object, ...]:
    return ("recipe", "build", recipe, "--channel-dir", channel, "--channel", CHANNEL, "--json")


def left_in_the_cache() -> list[Path]:
    root = Path(os.environ[CACHE_VARIABLE]) / "builds"
    return [path for path in root.iterdir() if path.is_dir()] if root.is_dir() else []


def assert_sound(channel: Path) -> None:
    """No package is there in part, and none is named that is not there."""
    for file in channel.glob("*/repodata.json"):
        for name, record in json.loads(file.read_bytes())["packages.conda"].items():
            assert sha256_of_file(file.parent / name) == record["sha256"]


@pytest.mark.parametrize(
    ("number", "expected"),
    [(signal.SIGINT, (130, "interrupted")), (signal.SIGTERM, (143, "terminated"))],
    ids=["ctrl_c", "sigterm"],
)
@pytest.mark.parametrize("phase", ["script", "test"])
def test_ctrl_c_ends_a_build_at_once_and_leaves_nothing(toolchain, tmp_path, number, expected, phase):
    recipe = extension(tmp_path, "static long answer(void) { return 7; }", endless=phase)
    channel = tmp_path / "channel"
    run = Command(*command(recipe, channel))
    # The script sleeps for ten minutes, or the test in the kernel does.
    marks = {"script": SLOW_SCRIPT, "test": "node-host.mjs"}
    run.wait_for(lambda: any(marks[phase] in line for line in run.descendants().values()))
    if phase == "test":
        time.sleep(4)
    pressed = time.monotonic()
    run.process.send_signal(number)
    ended = run.end()
    assert time.monotonic() - pressed < 6
    assert (ended.code, ended.err.strip().splitlines()[-1]) == expected
    assert not list(channel.rglob("*.conda"))
    assert left_in_the_cache() == []


def test_a_build_whose_caller_is_killed_is_killed(toolchain, tmp_path):
    recipe = extension(tmp_path, "static long answer(void) { return 7; }", endless="script")
    run = Command(*command(recipe, tmp_path / "channel"))
    run.wait_for(lambda: any(SLOW_SCRIPT in line for line in run.descendants().values()))
    run.process.kill()
    # It asserts that nobody is left.
    assert run.end().code == -signal.SIGKILL


def test_after_a_kill_at_any_moment_the_next_run_uses_what_is_there(toolchain, tmp_path):
    recipe = extension(tmp_path, "static long answer(void) { return 7; }")
    whole = tmp_path / "whole"
    begun = time.monotonic()
    answer = lite_env(*command(recipe, whole))
    assert answer.code == 0, answer.err
    seconds = time.monotonic() - begun
    moments = random.Random(SEED).sample(range(1000), k=KILLS)  # noqa: S311 - to be the same every time
    channel = tmp_path / "channel"
    for number, moment in enumerate(moments):
        # Another one each time, so that the store has it not.
        with (recipe / "extension.c").open("a", encoding="utf-8") as stream:
            stream.write(f"/* {number} */\n")
        run = Command(*command(recipe, channel))
        time.sleep(seconds * moment / 1000)
        run.process.kill()
        ended = run.end()
        print(f"killed after {moment / 10:.0f} % of {seconds:.1f} s: {ended.code}")
        assert_sound(channel)
    answer = lite_env(*command(recipe, channel))
    assert answer.code == 0, answer.err
    assert_sound(channel)
    subdir = "emscripten-wasm32"
    # A comment changes no byte of what is compiled.
    assert tree(channel / subdir) == tree(whole / subdir)
    assert left_in_the_cache() == []
