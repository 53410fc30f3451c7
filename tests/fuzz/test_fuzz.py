"""Hostile inputs for every parser: the outcome is our error or success, within time and memory, by a seed that is told.

``LITE_ENV_FUZZ_SEED`` repeats a run; `python -m tests.fuzz.child SEED COUNT PARSER` runs one parser by hand.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.inputs import Inputs
from tests.fuzz.parsers import make_parsers

ROOT = Path(__file__).parents[2]
NAMES = (
    *(
        "bytecode",
        "code",
        "definition",
        "envelope",
        "environment",
        "explicit",
        "filters",
        "index",
        "kernel",
        "lists",
        "lock",
    ),
    *(
        "manifest",
        "module",
        "notebook",
        "notes",
        "package",
        "packed",
        "pip",
        "pixi",
        "profile",
        "pylock",
        "recipe",
        "recipe_of_boa",
        "record",
        "report",
        "seen",
        "settings",
        "site",
        "state",
        "variants",
        "wheel",
        "words",
    ),
)
HALVES = (NAMES[::2], NAMES[1::2])
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits of time and memory are those of Linux")


def run_child(seed: int, count: int, names: tuple[str, ...]) -> None:
    print(f"seed {seed}")
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.child", str(seed), str(count), *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    lines = done.stdout.splitlines()
    assert done.stderr == "", f"seed {seed}: {done.stderr[:10_000]}"
    assert done.returncode == 0, f"seed {seed}: ended by {done.returncode} at {lines[-1:]}"
    assert sum(line.startswith("done ") for line in lines) == len(names)


def test_every_parser_is_in_the_list_and_reads_its_seeds(tmp_path):
    parsers = make_parsers(tmp_path)
    assert sorted(parsers) == sorted(NAMES)
    for parser in parsers.values():
        for seed in parser.seeds:
            parser.parse(seed)


@pytest.mark.parametrize("names", HALVES, ids=["first", "second"])
def test_a_thousand_hostile_inputs_are_answers(names):
    # The same ones each time: what other seeds find is for `make prove`.
    run_child(1, 50, names)


@pytest.mark.slow
@pytest.mark.parametrize("names", HALVES, ids=["first", "second"])
def test_a_hundred_thousand_hostile_inputs_are_answers(names):
    run_child(int(os.environ.get("LITE_ENV_FUZZ_SEED") or random.SystemRandom().randrange(10**9)), 5000, names)


def test_a_seed_gives_the_same_inputs():
    def some() -> list[bytes]:
        inputs = Inputs([b'{"a": [1]}'], "json", "7")
        return [inputs.next() for _ in range(50)]

    assert some() == some()
    assert len(set(some())) > 40
