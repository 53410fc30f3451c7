"""What keeps a store small and sound."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from lite_env.store.care import plan_prune, prune, verify
from lite_env.store.local import LocalStore
from lite_env.store.protocol import key_of
from lite_env.store.results import find_result, keep_result

NOW = 1_700_000_000.0
DAY = 86_400.0


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path / "store", lambda: NOW)


def age(store, days, *things):
    for item in (*store.entries(), *store.records()):
        if (getattr(item, "digest", None) or getattr(item, "key", None)) in things:
            store.used_at(item, NOW - days * DAY)


def kept(store, data, days):
    key = key_of("archive", data.decode())
    digest = keep_result(store, key, data)
    age(store, days, digest, key)
    return key


def files_of(store):
    return sorted(path.name for path in store.directory.rglob("*") if path.is_file())


@dataclass(frozen=True)
class Folder:
    size: int
    used: float


def test_what_was_not_used_for_long_goes_with_what_names_it(store):
    old, new = kept(store, b"old", 40), kept(store, b"new", 3)
    pruned = plan_prune(store, older_than=30 * DAY)
    assert (len(pruned.entries), len(pruned.records)) == (1, 1)
    prune(store, pruned)
    assert (find_result(store, old), find_result(store, new)) == (None, b"new")
    assert len(files_of(store)) == 2


def test_a_record_goes_with_the_bytes_that_it_names_however_young_it_is(store):
    key = kept(store, b"data", 40)
    age(store, 0, key)
    prune(store, plan_prune(store, older_than=30 * DAY))
    assert files_of(store) == []


def test_down_to_a_size_goes_what_was_used_longest_ago(store):
    keys = [kept(store, bytes([65 + number]) * 1000, 9 - number) for number in range(5)]
    pruned = plan_prune(store, max_size=3000)
    prune(store, pruned)
    assert [find_result(store, key) is not None for key in keys] == [False, False, False, True, True]
    assert pruned.kept == sum(path.stat().st_size for path in store.directory.rglob("*") if path.is_file()) - 2 * len(
        b'{"form":1,"kind":"archive","vouched":false}\n'
    )


def test_what_lies_beside_counts_and_goes_in_its_turn(store):
    key = kept(store, b"young", 1)
    old, young = Folder(10_000, NOW - 9 * DAY), Folder(10, NOW)
    pruned = plan_prune(store, (young, old), max_size=5000)
    assert pruned.others == (old,)
    assert (pruned.entries, pruned.size) == ((), 10_000)
    assert find_result(store, key) == b"young"


def test_planning_removes_nothing_and_uses_nothing(store):
    kept(store, b"data", 40)
    before = {path: path.stat().st_mtime for path in store.directory.rglob("*") if path.is_file()}
    plan_prune(store, older_than=DAY)
    assert {path: path.stat().st_mtime for path in store.directory.rglob("*") if path.is_file()} == before


def test_what_killed_processes_left_goes(store):
    kept(store, b"data", 1)
    for folder in (store.directory / "content" / "ab", store.directory / "done" / "archive" / "cd"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".lite-env-0123456789abcdef.part").write_bytes(b"half")
    prune(store, plan_prune(store, older_than=30 * DAY))
    assert [name for name in files_of(store) if name.endswith(".part")] == []
    assert len(files_of(store)) == 2


def test_what_is_whole_is_counted_and_stays_as_old_as_it_is(store):
    kept(store, b"data", 40)
    verified = verify(store)
    assert (verified.whole, verified.damaged) == (2, ())
    assert verified.size == sum(path.stat().st_size for path in store.directory.rglob("*") if path.is_file())
    assert len(plan_prune(store, older_than=30 * DAY).entries) == 1


@pytest.mark.parametrize("part", ["content", "done"])
@pytest.mark.parametrize("damage", [b"", b"x", b'{"form":1,"kind":"archive","vouched":false}\nother'])
def test_what_is_damaged_is_named_and_removed(store, part, damage):
    kept(store, b"data", 1)
    (path,) = (path for path in (store.directory / part).rglob("*") if path.is_file())
    path.write_bytes(damage)
    assert verify(store).damaged == (path.relative_to(store.directory).as_posix(),)
    assert not path.exists()
    assert verify(store).damaged == ()


def test_a_file_that_no_store_has_is_damage_and_one_that_is_being_written_is_not(store):
    kept(store, b"data", 1)
    folder = next((store.directory / "content").iterdir())
    (folder / "notes.txt").write_bytes(b"mine")
    (folder / ".lite-env-0123456789abcdef.part").write_bytes(b"half")
    assert verify(store).damaged == (f"content/{folder.name}/notes.txt",)
    assert (folder / ".lite-env-0123456789abcdef.part").is_file()
