from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import chromium, context, playwright, serve  # noqa: F401 - fixtures
from tests.browser.jupyterlite.applications import make_lite
from tests.browser.jupyterlite.lab import Lab

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext


@pytest.fixture(scope="module")
def numpy_lite(tmp_path_factory, numpy_pack) -> Path:
    """JupyterLite with the numpy environment; no test changes it."""
    return make_lite(tmp_path_factory.mktemp("numpy-lite") / "site", numpy_pack)


@pytest.fixture
def lab(context: BrowserContext):  # noqa: F811
    """Open JupyterLite of a server."""
    return lambda server: Lab(context.new_page(), server.url)
