from __future__ import annotations

import shutil

import pytest

from tests.sites import make_pack, make_runtime


@pytest.fixture
def runtime(tmp_path):
    return make_runtime(tmp_path / "dist")


@pytest.fixture(scope="session")
def made_packs(tmp_path_factory):
    """Packs by name that no test changes."""
    folder = tmp_path_factory.mktemp("packs")
    return {name: make_pack(folder / name, name=name) for name in ("demo", "my env")}


@pytest.fixture
def pack(made_packs, tmp_path):
    return shutil.copytree(made_packs["demo"], tmp_path / "pack")
