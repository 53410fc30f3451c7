"""Machines that share nothing but what is carried from one to another."""

from __future__ import annotations

import pytest


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Be on the machine of that name."""

    def be(name):
        monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "machines" / name))

    be("first")
    return be
