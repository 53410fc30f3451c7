from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import chromium, context, playwright, serve  # noqa: F401 - fixtures
from tests.browser.jupyterlite.applications import make_lite
from tests.browser.jupyterlite.lab import Lab
from tests.lite_cores import BEFORE

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext


@pytest.fixture(scope="module")
def numpy_lite(tmp_path_factory, numpy_pack) -> Path:
    """JupyterLite with the numpy environment; no test changes it."""
    return make_lite(tmp_path_factory.mktemp("numpy-lite") / "site", numpy_pack)


@pytest.fixture(scope="module")
def older_lite(tmp_path_factory, numpy_pack) -> Path:
    """The same in the version of JupyterLite before."""
    return make_lite(tmp_path_factory.mktemp("older-lite") / "site", numpy_pack, version=BEFORE)


@pytest.fixture(scope="session")
def other_pack(numpy_pack, tmp_path_factory) -> Path:
    """The numpy environment under another name."""
    pack = shutil.copytree(numpy_pack, tmp_path_factory.mktemp("other") / "pack")
    manifest = pack / "manifest.json"
    manifest.write_text(manifest.read_text("utf-8").replace('"name": "numpy-demo"', '"name": "other"', 1), "utf-8")
    return pack


@pytest.fixture
def lab(context: BrowserContext):  # noqa: F811
    """Open JupyterLite of a server."""
    return lambda server: Lab(context.new_page(), server.url)
