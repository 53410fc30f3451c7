"""Snapshots that packs bring: which of them have modules imported, and what is kept; real ones are in tests/host."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lite_env.channel.index import index_channel
from lite_env.pack.reader import read_manifest
from lite_env.pack.snapshots import MadeSnapshot
from lite_env.store.local import open_store
from lite_env.workflow.environment import locked_inputs
from lite_env.workflow.options import PackOptions
from lite_env.workflow.pack import key_of_pack, pack_inputs
from tests.conda_packages import TOY_KERNEL, make_package
from tests.prefixes import Heard

# The toy kernels start nothing.
OPTIONS = PackOptions(level=1, trace=False, bytecode=False, check=False, snapshot=True)
SPEC = {"argv": ["@PREFIX@/bin/xtoy"], "display_name": "Python", "language": "python"}
WHY = "there is no numpy"


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "project"
    make_package(
        folder / "channel", "xeus-toy", files={**TOY_KERNEL, "share/jupyter/kernels/xp/kernel.json": json.dumps(SPEC)}
    )
    make_package(folder / "channel", "python", "3.11.3", files={"bin/python3.11": ""})
    index_channel(folder / "channel")
    (folder / "environment.yml").write_text("name: toys\nchannels: [./channel]\ndependencies: [xeus-toy, python]\n")
    return folder


@pytest.fixture
def asked(monkeypatch):
    """With what snapshots were asked for: by kernel, whether with modules."""
    asked: list[tuple[str, bool]] = []

    def make(pack, kernel, *, modules):
        asked.append((kernel, modules))
        return MadeSnapshot(raw=f"{kernel} {modules}".encode(), archives=(0,) * modules, without=WHY * modules)

    monkeypatch.setattr("lite_env.workflow.snapshot.make_snapshot", make)
    return asked


def test_modules_that_settings_name_are_imported_and_no_others(project, asked, tmp_path):
    (project / "pyproject.toml").write_text("[tool.lite-env]\npreload = ['os']\n")
    store, heard = open_store(), Heard()
    inputs = locked_inputs(project, OPTIONS, store=store)
    # A guess of the same modules makes the same manifest, and another pack.
    guess = replace(inputs, preload=None)
    assert key_of_pack(inputs, OPTIONS) != key_of_pack(guess, OPTIONS)
    pack_inputs(inputs, tmp_path / "one", OPTIONS, store=store, reporter=heard)
    assert dict(asked) == {"toy": False, "xp": True}
    assert [text for text in heard.warnings if WHY in text] == [
        f"the snapshot of 'xp' is one without preloaded modules: {WHY}"
    ]
    assert {kernel.name: kernel.loaded for kernel in read_manifest(tmp_path / "one").kernels} == {"toy": (), "xp": (0,)}
    asked.clear()
    pack_inputs(guess, tmp_path / "two", OPTIONS, store=store)
    assert not any(modules for _, modules in asked)


def test_what_was_made_is_known_again_with_what_was_told_of_it(project, asked, tmp_path, monkeypatch):
    (project / "pyproject.toml").write_text("[tool.lite-env]\npreload = ['os']\n")
    store, heard = open_store(), Heard()
    inputs = locked_inputs(project, OPTIONS, store=store)
    pack_inputs(inputs, tmp_path / "one", OPTIONS, store=store)
    asked.clear()
    # The pack as a whole is not.
    monkeypatch.setattr("lite_env.workflow.pack.find_pack", lambda *_: None)
    pack_inputs(inputs, tmp_path / "two", OPTIONS, store=store, reporter=heard)
    assert asked == []
    assert any(WHY in text for text in heard.warnings)
    assert read_manifest(tmp_path / "two") == read_manifest(tmp_path / "one")
    # Another Node.js has another WebAssembly.
    monkeypatch.setattr("lite_env.workflow.snapshot.node_version", lambda: "99.0.0")
    pack_inputs(inputs, tmp_path / "three", OPTIONS, store=store)
    assert [kernel for kernel, _ in asked] == ["toy", "xp"]
