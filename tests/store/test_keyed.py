from __future__ import annotations

import pytest

from lite_env.store.keyed import KeyedCache, key_of, user_cache


def test_what_was_kept_is_found(tmp_path):
    cache = KeyedCache(tmp_path / "cache")
    assert cache.find("key") is None
    cache.keep("key", b"data")
    cache.keep("other", b"")
    assert (cache.find("key"), cache.find("other")) == (b"data", b"")
    cache.keep("key", b"new")
    assert cache.find("key") == b"new"


@pytest.mark.parametrize("damage", [b"", b"short", b"\0" * 40])
def test_what_was_damaged_is_not_there(tmp_path, damage):
    cache = KeyedCache(tmp_path)
    cache.keep("key", b"data")
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    file.write_bytes(damage)
    assert cache.find("key") is None


def test_a_cache_that_cannot_be_written_is_no_failure(tmp_path):
    (tmp_path / "file").write_text("")
    cache = KeyedCache(tmp_path / "file")
    cache.keep("key", b"data")
    assert cache.find("key") is None


def test_keys_follow_from_all_they_are_made_of():
    assert key_of("a", {"b": 1, "c": 2}) == key_of("a", {"c": 2, "b": 1})
    assert len({key_of("a", "b"), key_of("ab"), key_of(["a", "b"]), key_of("a", "b", None)}) == 4


def test_the_users_cache_can_be_moved(tmp_path, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path))
    user_cache("traces").keep("key", b"data")
    assert (tmp_path / "traces" / "ke" / "key").is_file()
