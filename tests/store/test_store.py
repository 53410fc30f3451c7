"""The contract of every store; and what holds of the one in a folder besides."""

from __future__ import annotations

import hashlib
import os
import random
import stat
import subprocess
import sys

import pytest

from lite_env.store.local import LocalStore, open_store
from lite_env.store.protocol import Key, key_of
from lite_env.store.results import find_result, keep_result
from tests.fakes import MemoryStore

HOUR = 3600.0


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self):
        self.now = 1_700_000_000.0

    def __call__(self):
        return self.now


class DamageableStore(LocalStore):
    def damage(self, digest):
        path = self._content(digest)
        path.write_bytes(path.read_bytes() + b"!")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["local", "memory"])
def store(request, tmp_path, clock):
    return DamageableStore(tmp_path / "store", clock) if request.param == "local" else MemoryStore(clock)


def files_of(store):
    return sorted(path for path in store.directory.rglob("*") if path.is_file())


@pytest.mark.parametrize("data", [b"", b"data", b"\n", bytes(range(256)) * 999], ids=len)
def test_what_is_written_is_read_by_its_digest(store, data):
    digest = store.write(data, kind="archive")
    assert digest == hashlib.sha256(data).hexdigest()
    assert store.read(digest) == data


@pytest.mark.parametrize("digest", [hashlib.sha256(b"").hexdigest(), "", "../../x", "A" * 64, "0" * 63])
def test_what_was_not_written_is_not_there(store, digest):
    assert store.read(digest) is None


def test_damaged_content_is_as_if_it_were_not_there_and_goes(store):
    digest = store.write(b"data", kind="archive")
    store.damage(digest)
    assert store.read(digest) is None
    assert list(store.entries()) == []


def test_damaged_content_is_written_anew(store):
    digest = store.write(b"data", kind="archive")
    store.damage(digest)
    store.write(b"data", kind="archive")
    assert store.read(digest) == b"data"


def test_entries_say_what_is_kept_in_the_order_of_digests(store, clock):
    digests = sorted(store.write(data, kind="bytecode") for data in (b"a", b"bb", b"ccc"))
    entries = list(store.entries())
    assert [entry.digest for entry in entries] == digests
    assert sorted((entry.size, entry.kind, entry.vouched, entry.used) for entry in entries) == [
        (size, "bytecode", False, clock.now) for size in (1, 2, 3)
    ]


def test_content_is_vouched_for_once_anybody_says_so_and_stays_of_its_kind(store):
    store.write(b"data", kind="archive")
    store.write(b"data", kind="source", vouched=True)
    store.write(b"data", kind="archive")
    (entry,) = store.entries()
    assert (entry.kind, entry.vouched) == ("archive", True)


def test_a_read_says_when_content_was_last_used(store, clock):
    digest = store.write(b"data", kind="archive")
    clock.now += 2 * HOUR
    store.read(digest)
    (entry,) = store.entries()
    assert entry.used == clock.now


def test_a_record_is_recalled_by_all_of_its_key(store):
    key = key_of("archive", "digest", {"level": 3})
    assert store.recall(key) is None
    store.record(key, {"b": "2", "a": "1"})
    assert store.recall(key) == {"a": "1", "b": "2"}
    for other in (key_of("archive", "digest", {"level": 4}), Key(kind="bytecode", digest=key.digest)):
        assert store.recall(other) is None
    store.record(key, {})
    assert store.recall(key) == {}


def test_keys_follow_from_all_they_are_made_of():
    assert key_of("x", "a", {"b": 1, "c": 2}) == key_of("x", "a", {"c": 2, "b": 1})
    keys = (key_of("x", "a", "b"), key_of("x", "ab"), key_of("x", ["a", "b"]), key_of("x", "a", "b", None))
    assert len({*keys, key_of("y", "ab")}) == 5


def test_a_result_is_found_until_its_bytes_are_damaged(store):
    key = key_of("trace", "job")
    assert find_result(store, key) is None
    digest = keep_result(store, key, b"data", vouched=True)
    assert find_result(store, key) == b"data"
    assert [entry.kind for entry in store.entries()] == ["trace"]
    store.damage(digest)
    assert find_result(store, key) is None
    store.record(key, {"other": digest})
    assert find_result(store, key) is None


# From here on the store in a folder.


def test_a_folder_is_touched_once_an_hour_at_most(tmp_path, clock):
    store = LocalStore(tmp_path, clock)
    digest = store.write(b"data", kind="archive")
    (file,) = files_of(store)
    os.utime(file, (clock.now, clock.now))
    clock.now += HOUR / 2
    store.read(digest)
    assert file.stat().st_mtime == clock.now - HOUR / 2


@pytest.mark.parametrize("damage", [b"", b"short", b"\0" * 99, b"{}\n", b'{"form":2,"kind":"a","vouched":true}\ndata'])
def test_a_damaged_file_is_removed(tmp_path, damage):
    store = LocalStore(tmp_path)
    key = key_of("archive")
    digest = keep_result(store, key, b"data")
    for file in files_of(store):
        file.write_bytes(damage)
    assert (store.read(digest), store.recall(key), list(store.entries())) == (None, None, [])
    assert files_of(store) == []


@pytest.mark.parametrize("kind", ["", "..", "a/b", "A", "x" * 65])
def test_only_a_word_is_a_kind(tmp_path, kind):
    store = LocalStore(tmp_path)
    with pytest.raises(ValueError, match="not a kind"):
        store.write(b"", kind=kind)
    with pytest.raises(ValueError, match="not a kind"):
        store.recall(key_of(kind))


def test_a_digest_that_is_none_reaches_no_file(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("mine")
    store = LocalStore(tmp_path / "store")
    store.write(b"", kind="archive")
    for digest in ("../../../outside", str(outside)):
        assert store.read(digest) is None
    assert outside.read_text() == "mine"


def test_a_store_that_cannot_be_written_is_no_failure(tmp_path):
    (tmp_path / "file").write_text("")
    store = LocalStore(tmp_path / "file")
    key = key_of("archive")
    digest = keep_result(store, key, b"data")
    assert digest == hashlib.sha256(b"data").hexdigest()
    assert (store.read(digest), store.recall(key), list(store.entries())) == (None, None, [])


def test_looking_makes_no_folder(tmp_path):
    store = LocalStore(tmp_path / "store")
    assert (find_result(store, key_of("archive")), list(store.entries())) == (None, [])
    assert list(tmp_path.iterdir()) == []


BUSY = """
import random, sys
from pathlib import Path
from lite_env.store.local import LocalStore
store, seed = LocalStore(Path(sys.argv[1])), int(sys.argv[2])
choose = random.Random(seed)
for _ in range(300):
    data = bytes([choose.randrange(8)]) * 5000
    digest = store.write(data, kind="archive")
    action = choose.randrange(4)
    if action == 0:
        path = store._content(digest)
        try:
            path.write_bytes(b"damaged")
        except OSError:
            pass
    else:
        assert store.read(digest) in (data, None)
    list(store.entries())
"""


def test_several_processes_write_read_and_damage_at_once(tmp_path):
    runs = [subprocess.Popen([sys.executable, "-c", BUSY, str(tmp_path), str(seed)]) for seed in range(3)]
    assert [run.wait() for run in runs] == [0, 0, 0]
    store = LocalStore(tmp_path)
    for value in range(8):
        data = bytes([value]) * 5000
        assert store.read(store.write(data, kind="archive")) == data
    assert len(files_of(store)) == 8


def test_any_bytes_in_the_place_of_a_file_are_an_answer(tmp_path):
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)
    choose = random.Random(seed)  # noqa: S311 - no secrets
    store = LocalStore(tmp_path)
    key = key_of("archive")
    for _ in range(300):
        digest = keep_result(store, key, b"data")
        for file in files_of(store):
            whole = bytearray(file.read_bytes())
            whole[choose.randrange(len(whole))] ^= 1 << choose.randrange(8)
            file.write_bytes(whole)
        assert store.recall(key) is None
        assert store.read(digest) in (None, b"data")  # a changed kind is not content
        list(store.entries())


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "deep" / "cache"))
    return tmp_path / "deep" / "cache"


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_the_users_store_is_in_the_cache(cache):
    digest = open_store().write(b"data", kind="archive")
    assert open_store().read(digest) == b"data"
    assert (cache / "store" / "content").is_dir()


@pytest.mark.skipif(os.name == "nt", reason="permission bits")
def test_nobody_else_may_enter_a_new_cache(cache):
    open_store()
    assert mode(cache) == 0o700


@pytest.mark.skipif(os.name == "nt", reason="permission bits")
def test_a_cache_that_others_may_enter_is_closed(cache):
    (cache / "repodata").mkdir(parents=True)
    cache.chmod(0o755)
    open_store()
    assert mode(cache) == 0o700


@pytest.mark.skipif(os.name == "nt", reason="permission bits")
def test_a_folder_with_other_things_in_it_stays_open_and_only_ours_is_closed(cache):
    (cache / "store").mkdir(parents=True)
    (cache / "documents").mkdir()
    for folder in (cache, cache / "store"):
        folder.chmod(0o755)
    open_store()
    assert (mode(cache), mode(cache / "store"), mode(cache / "documents")) == (0o755, 0o700, 0o755)


def test_a_cache_that_cannot_be_made_is_no_failure(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "file" / "cache"))
    store = open_store()
    assert store.read(store.write(b"data", kind="archive")) is None
