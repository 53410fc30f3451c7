"""All recipes of the project from nothing, twice: what one build made, another one makes again, elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lite_env.progress import SILENT
from lite_env.recipe.toolchain.channel import prepare_toolchain
from lite_env.store.location import CACHE_VARIABLE
from tests.trees import tree

ROOT = Path(__file__).parents[2]
CHANNELS = [ROOT / "channels" / name for name in ("emscripten-forge-2023", "pyodide-0.27")]
TWENTY_MINUTES = 1200.0

pytestmark = pytest.mark.slow


def build(channel: Path, *options: str, **environment: str) -> dict:
    """Build all recipes as a user would, in a process of its own."""
    named = [part for folder in CHANNELS for part in ("--channel", str(folder))]
    command = [
        sys.executable,
        "-m",
        "lite_env",
        "recipe",
        "build",
        str(ROOT / "recipes"),
        "--channel-dir",
        str(channel),
    ]
    done = subprocess.run(
        [*command, *named, "--json", *options],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {recipe["recipe"]: recipe for recipe in json.loads(done.stdout)["built"]}


def test_all_recipes_are_built_from_nothing_tested_in_the_kernel_and_equal_elsewhere(tmp_path):
    prepare_toolchain(SILENT)
    begun = time.monotonic()
    found = build(tmp_path / "channel")
    seconds = time.monotonic() - begun
    for recipe in found.values():
        print(f"{recipe['recipe']}: {recipe['seconds']:.0f} s, {recipe['size'] / 1e6:.2f} MB")
    print(f"all of them: {seconds:.0f} s")
    assert {recipe["how"] for recipe in found.values()} == {"built"}
    assert {"contourpy", "kiwisolver", "lz4", "msgpack-python", "regex", "ujson", "xxhash"} <= set(found)
    for name in ("libxxhash-0.8.2", "liblz4-1.9.4"):
        # For both ABIs.
        assert len(list((tmp_path / "channel" / "emscripten-wasm32").glob(f"{name}-*.conda"))) == 2
    again = build(tmp_path / "channel")
    assert {recipe["how"] for recipe in again.values()} == {"there"}
    # Another cache, another folder, another hash seed, another day as far as programs are told.
    elsewhere = tmp_path / "a folder" / "of another name"
    cache = tmp_path / "another cache"
    build(
        elsewhere,
        "--no-test",
        "--jobs",
        "1",
        **{CACHE_VARIABLE: str(cache), "PYTHONHASHSEED": "7", "TMPDIR": str(tmp_path), "SOURCE_DATE_EPOCH": "86400"},
    )
    for subdir in ("emscripten-wasm32", "noarch"):
        assert tree(elsewhere / subdir) == tree(tmp_path / "channel" / subdir)
    assert seconds < TWENTY_MINUTES
