"""The example of a kernel of one's own: built, locked, packed and run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lite_env.progress import SILENT
from lite_env.recipe.toolchain.channel import prepare_toolchain
from tests.command_line import lite_env

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "custom-kernel"


@pytest.fixture(scope="module")
def pack(tmp_path_factory) -> Path:
    """The pack of the example, its channel made of its recipe."""
    # It takes longer than a command may.
    prepare_toolchain(SILENT)
    folder = tmp_path_factory.mktemp("example")
    project = folder / "examples" / "custom-kernel"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns("channel"))
    (folder / "channels").symlink_to(ROOT / "channels")
    channel = ROOT / "channels" / "emscripten-forge-2023"
    built = lite_env(
        *("recipe", "build", project / "recipes", "--channel-dir", project / "channel", "--channel", channel)
    )
    assert built.code == 0, built.err
    packed = lite_env("pack", project / "environment.yml", "-o", folder / "pack", "--no-bytecode")
    assert packed.code == 0, packed.err
    return folder / "pack"


def test_a_kernel_of_one_s_own_is_built_packed_and_run(pack):
    manifest = json.loads((pack / "manifest.json").read_bytes())
    assert {"lab", "xpython"} == {kernel["name"] for kernel in manifest["kernels"]}
    run = lite_env("run", pack, "--kernel", "lab", "-c", "print(round(fall(9.81), 6), In[-1][:5])")
    assert run.code == 0, run.err
    assert "Lab course: np" in run.out
    assert "1.414214 print" in run.out
