"""The lazy tree against a plain copy, in the real kernel: every operation must give the same on both."""

from __future__ import annotations

import json
import os
import runpy
from pathlib import Path

import pytest
from filelock import FileLock

from lite_env.channel.index import index_channel
from lite_env.host.run import RunOptions, start_kernel
from lite_env.store.local import open_store
from lite_env.workflow.options import PackOptions
from lite_env.workflow.pack import pack_environment
from tests.conda_packages import make_package

SCRIPT = Path(__file__).with_name("file_operations.py")
CHANNEL = Path(__file__).parents[2] / "channels" / "emscripten-forge-2023"
OPERATIONS = 2_000
PROVE_ROUNDS = 50
LAZY, PLAIN = "/share/lazy", "/plain"


@pytest.fixture(scope="session")
def tree_pack(shared_folder: Path) -> Path:
    """A pack of the real Python kernel beside a package of a few thousand files."""
    folder = shared_folder / "file-tree"
    with FileLock(f"{folder}.lock"):
        if not (folder / "pack" / "manifest.json").exists():
            make_tree_pack(folder)
    return folder / "pack"


def make_tree_pack(folder: Path) -> None:
    script = runpy.run_path(str(SCRIPT))
    make_package(
        folder / "channel",
        "file-tree",
        files={f"{LAZY[1:]}/{path}": script["content"](path, size) for path, size in script["file_list"]().items()},
        links={f"{LAZY[1:]}/{path}": target for path, target in script["LINKS"].items()},
    )
    index_channel(folder / "channel")
    environment = folder / "environment.yml"
    environment.write_text(
        f"name: file-tree\nchannels: [{CHANNEL.as_uri()}, ./channel]\ndependencies: [xeus-python, file-tree]\n",
        encoding="utf-8",
    )
    pack_environment(environment, folder / "pack", PackOptions(level=1), store=open_store())


def compare_trees(pack: Path, seed: str) -> tuple[dict, int]:
    """Run the operations in a fresh kernel; the answer, and how many files were filled while it ran."""
    code = SCRIPT.read_text(encoding="utf-8").replace("from __future__ import annotations\n", "")
    with start_kernel(pack, options=RunOptions()) as running:
        before = running.ready.figures.files
        printed = []
        result = running.client.execute(
            f"{code}\nwrite_plain_copy({PLAIN!r})\nprint(json.dumps(run({LAZY!r}, {PLAIN!r}, {seed!r}, {OPERATIONS})))",
            on_output=lambda message: printed.append(message.content.get("text", "")),
            timeout=300,
        )
        assert result.status == "ok", "\n".join(result.traceback)
        return json.loads("".join(printed)), running.client.figures().files - before


def check(pack: Path, seed: str) -> None:
    print(f"seed {seed}")
    answer, filled = compare_trees(pack, seed)
    assert answer["difference"] is None, (seed, answer["difference"])
    assert answer["operations"] == OPERATIONS
    assert answer["met_unfilled"] >= OPERATIONS / 2
    assert filled > OPERATIONS / 2, "the operations and the last comparison open almost every file of the tree"


@pytest.mark.node
def test_operations_give_the_same_on_the_lazy_tree_and_on_a_plain_copy(tree_pack: Path):
    check(tree_pack, os.environ.get("LITE_ENV_SEED", "lite-env"))


@pytest.mark.slow
@pytest.mark.node
@pytest.mark.parametrize("number", range(PROVE_ROUNDS))
def test_a_hundred_thousand_operations_give_the_same(tree_pack: Path, number: int):
    check(tree_pack, f"prove-{number}")
