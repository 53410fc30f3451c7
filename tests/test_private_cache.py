"""The tests leave the developer's cache alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lite_env.store.location import CACHE_VARIABLE, cache_directory

ROOT = Path(__file__).parents[1]
# Reads the place in the test's own process and in a child of it.
PROBE = """
import json, os, pathlib, subprocess, sys
import pytest

@pytest.mark.parametrize("number", range(4))
def test_probe(number):
    ask = "from lite_env.store.location import cache_directory; print(cache_directory('x').parent)"
    child = subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True, text=True)
    here = os.environ["LITE_ENV_CACHE_DIR"]
    pathlib.Path(here, "used").touch()
    said = {"here": here, "child": child.stdout.strip(), "worker": os.environ.get("PYTEST_XDIST_WORKER")}
    pathlib.Path(os.environ["PROBE_OUTPUT"], f"{number}.json").write_text(json.dumps(said))
"""


def test_this_session_has_a_cache_of_its_own():
    place = Path(os.environ[CACHE_VARIABLE])
    assert place.name.startswith("lite-env-tests-")
    assert place.parent == Path(tempfile.gettempdir())
    assert cache_directory("prefixes") == place / "prefixes"


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_and_children_of_a_session_share_one_cache_that_is_gone_at_its_end(tmp_path, workers):
    developers = tmp_path / "developers"
    (tmp_path / "test_probe.py").write_text(PROBE)
    environment = os.environ | {CACHE_VARIABLE: str(developers), "PROBE_OUTPUT": str(tmp_path)}
    environment.pop("PYTEST_XDIST_WORKER", None)
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(workers), "-p", "tests.conftest"]
    command += ["--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml"), str(tmp_path / "test_probe.py")]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    said = [json.loads(file.read_text()) for file in tmp_path.glob("*.json")]
    places = {place for each in said for place in (each["here"], each["child"])}
    assert len(said) == 4
    assert len(places) == 1
    assert {each["worker"] for each in said} == ({"gw0", "gw1"} if workers else {None})
    assert not Path(places.pop()).exists()
    assert not developers.exists()
