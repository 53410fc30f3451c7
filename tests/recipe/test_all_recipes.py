"""All recipes of the project from nothing, twice: what one build made, another one makes again, elsewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from lite_env.progress import SILENT
from lite_env.recipe.toolchain.channel import prepare_toolchain
from lite_env.store.location import CACHE_VARIABLE
from tests.trees import tree

ROOT = Path(__file__).parents[2]
CHANNELS = [ROOT / "channels" / name for name in ("emscripten-forge-2023", "pyodide-0.27")]
TWENTY_MINUTES = 1200.0
HEAVY = ROOT / "recipes" / "pandas"
LIGHT = tuple(file.parent for file in sorted(ROOT.glob("recipes/*/recipe.yaml")) if file.parent != HEAVY)
# What upstream's own tests come to, in either engine; docs/recipes.md tells them.
SUITES = {
    "frozenlist": "90 passed",
    "markupsafe": "78 passed",
    "msgpack-python": "120 passed",
    "regex": "101 passed",
}

pytestmark = pytest.mark.slow


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """What `lite-env recipe build` made.

    Attributes:
        channel: its folder.
        recipes: what it says of each, by name.
        seconds: from its start to its end.
    """

    channel: Path
    recipes: dict[str, dict]
    seconds: float

    @property
    def how(self) -> set[str]:
        return {recipe["how"] for recipe in self.recipes.values()}


def build(channel: Path, *paths: Path, options: tuple[str, ...] = (), **environment: str) -> Built:
    """Build recipes as a user would, in a process of its own."""
    named = [part for folder in CHANNELS for part in ("--channel", str(folder))]
    command = [sys.executable, "-m", "lite_env", "recipe", "build", *map(str, paths), "--channel-dir", str(channel)]
    begun = time.monotonic()
    done = subprocess.run(
        [*command, *named, "--json", *options],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - begun
    assert done.returncode == 0, done.stderr
    recipes = {recipe["recipe"]: recipe for recipe in json.loads(done.stdout)["built"]}
    for recipe in recipes.values():
        print(f"{recipe['recipe']}: {recipe['how']}, {recipe['seconds']:.0f} s, {recipe['size'] / 1e6:.2f} MB")
    print(f"all of them: {seconds:.0f} s, {os.getloadavg()[1]:.1f} processes wanted a core meanwhile")
    return Built(channel=channel, recipes=recipes, seconds=seconds)


def elsewhere(folder: Path, *paths: Path) -> Path:
    """Another cache, another folder, another hash seed, another day as far as programs are told; the channel."""
    folder.mkdir()
    other = {"PYTHONHASHSEED": "7", "TMPDIR": str(folder), "SOURCE_DATE_EPOCH": "86400"}
    channel = folder / "a folder" / "of another name"
    build(channel, *paths, options=("--no-test", "--jobs", "1"), **{CACHE_VARIABLE: str(folder / "a cache")}, **other)
    return channel


def packages(channel: Path) -> dict[str, str]:
    """What is in a channel, but for logs."""
    return {
        f"{subdir}/{path}": digest
        for subdir in ("emscripten-wasm32", "noarch")
        for path, digest in tree(channel / subdir).items()
    }


@pytest.fixture(scope="module")
def light(tmp_path_factory) -> Built:
    """All recipes but the heavy one, from nothing but the toolchain."""
    prepare_toolchain(SILENT)
    return build(tmp_path_factory.mktemp("light") / "channel", *LIGHT)


@pytest.fixture(scope="module")
def heavy(tmp_path_factory, light) -> Built:
    """The heavy one, and what it needs."""
    return build(tmp_path_factory.mktemp("heavy") / "channel", HEAVY, *needed_by_the_heavy_one())


def needed_by_the_heavy_one() -> list[Path]:
    text = (HEAVY / "recipe.yaml").read_text("utf-8")
    return [folder for folder in LIGHT if f"- {folder.name} " in text]


def test_all_but_the_heavy_one_are_built_from_nothing_in_twenty_minutes(light):
    assert light.how == {"built"}
    assert set(light.recipes) == {folder.name for folder in LIGHT}
    for name in ("libxxhash-0.8.2", "liblz4-1.9.4"):
        # For both ABIs.
        assert len(list((light.channel / "emscripten-wasm32").glob(f"{name}-*.conda"))) == 2
    assert light.seconds < TWENTY_MINUTES


def test_a_second_run_does_nothing(light):
    before = packages(light.channel)
    assert build(light.channel, *LIGHT).how == {"there"}
    assert packages(light.channel) == before


@pytest.mark.parametrize("name", SUITES)
def test_upstreams_tests_come_to_what_they_came_to(light, name):
    log = (light.channel / ".logs" / f"{name}.log").read_text("utf-8")
    for engine in ("node", "chromium"):
        (said,) = re.findall(rf"^==> {name} in {engine}: pytest .*\n((?:(?!==> ).*\n)*)", log, re.MULTILINE)
        found = re.findall(r"^(\d+ \w+(?:, \d+ \w+)*) in [\d.]+s", said, re.MULTILINE)
        assert found == [SUITES[name]], said


def test_another_folder_on_another_day_makes_equal_bytes(light, tmp_path):
    assert packages(elsewhere(tmp_path / "b", *LIGHT)) == packages(light.channel)


def test_the_heavy_one_is_built_and_computes(heavy):
    assert heavy.recipes[HEAVY.name]["how"] == "built"
    log = (heavy.channel / ".logs" / f"{HEAVY.name}.log").read_text("utf-8")
    for engine in ("node", "chromium"):
        assert f"==> {HEAVY.name} in {engine}: python check.py" in log


def test_another_folder_makes_equal_bytes_of_the_heavy_one(heavy, tmp_path):
    assert packages(elsewhere(tmp_path / "b", HEAVY, *needed_by_the_heavy_one())) == packages(heavy.channel)
