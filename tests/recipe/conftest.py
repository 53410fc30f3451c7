"""The toolchain and the smallest recipe, each made once a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from lite_env.progress import SILENT
from lite_env.recipe.toolchain.channel import Toolchain, prepare_toolchain
from tests.recipe.builds import RECIPES, build

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    """What builds; unpacked once a session, for it takes longer than a command may."""
    return prepare_toolchain(SILENT)


@pytest.fixture(scope="session")
def markupsafe(shared_folder, toolchain) -> Path:
    """A channel with the smallest recipe, built, audited, and tested in Node.js and in Chromium; once a session."""
    channel = shared_folder / "markupsafe"
    with FileLock(shared_folder / "markupsafe.lock"):
        if not channel.exists():
            answer, found = build(RECIPES / "markupsafe", channel=channel)
            assert answer.code == 0, answer.err
            assert [(step["recipe"], step["how"]) for step in found["built"]] == [("markupsafe", "built")]
    return channel
