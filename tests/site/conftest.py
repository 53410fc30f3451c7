from __future__ import annotations

import pytest

from tests.sites import make_pack, make_runtime


@pytest.fixture
def runtime(tmp_path):
    return make_runtime(tmp_path / "dist")


@pytest.fixture
def pack(tmp_path):
    return make_pack(tmp_path / "pack")
