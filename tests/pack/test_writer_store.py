"""Archives kept in a store: compressed once, never taken for those of another form, checked when they are used."""

from __future__ import annotations

import pytest

from lite_env.pack import archive, press
from lite_env.pack.plan import plan_pack
from lite_env.pack.writer import write_pack
from lite_env.prefix.reader import read_prefix
from lite_env.store.local import LocalStore
from tests.fakes import MemoryStore
from tests.prefixes import kernel_package, make_prefix


@pytest.fixture
def plan(tmp_path):
    return plan_pack(read_prefix(make_prefix(tmp_path / "prefix", kernel_package())), level=3)


@pytest.fixture
def compressed(monkeypatch):
    """The levels of what is compressed."""
    levels = []
    original = archive.compress
    monkeypatch.setattr(press, "compress", lambda raw, level: levels.append(level) or original(raw, level))
    return levels


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_archives_come_out_of_the_store(plan, tmp_path, compressed):
    store = MemoryStore()
    write_pack(plan, tmp_path / "first", store=store)
    done = len(compressed)
    write_pack(plan, tmp_path / "second", store=store)
    assert len(compressed) == done > 0
    assert tree(tmp_path / "first") == tree(tmp_path / "second")
    assert {(entry.kind, entry.vouched) for entry in store.entries()} == {("archive", True)}


def test_archives_of_another_form_are_not_taken(plan, tmp_path, compressed, monkeypatch):
    store = MemoryStore()
    write_pack(plan, tmp_path / "first", store=store)
    done = len(compressed)
    other = archive.Frame(checksum=False)
    for module in (archive, press):
        monkeypatch.setattr(module, "FRAME", other)
    write_pack(plan, tmp_path / "second", store=store)
    assert len(compressed) == 2 * done
    write_pack(plan, tmp_path / "third")
    assert tree(tmp_path / "second") == tree(tmp_path / "third") != tree(tmp_path / "first")


def test_a_damaged_archive_in_the_store_is_made_anew(plan, tmp_path):
    store = LocalStore(tmp_path / "store")
    write_pack(plan, tmp_path / "first", store=store)
    for file in (path for path in (tmp_path / "store").rglob("*") if path.is_file()):
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data)
    write_pack(plan, tmp_path / "second", store=store)
    assert tree(tmp_path / "first") == tree(tmp_path / "second")
