"""What is compressed for a pack is compressed once, and can be begun before the pack is planned."""

from __future__ import annotations

import threading

import pytest

from lite_env.pack import press as press_module
from lite_env.pack.archive import compress
from lite_env.pack.press import Press
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.protocol import FORGETFUL
from tests.fakes import MemoryStore

RAW = b"content " * 100
DIGEST = sha256_of_bytes(RAW)


class Slow:
    """Compresses when it is let."""

    def __init__(self, monkeypatch, error=None):
        self.asked, self.error = [], error
        self.begun, self.go = threading.Event(), threading.Event()
        monkeypatch.setattr(press_module, "compress", self)

    def __call__(self, raw, level):
        self.asked.append(raw)
        self.begun.set()
        assert self.go.wait(30)
        if self.error:
            raise self.error
        return compress(raw, level)


def test_who_wants_what_is_just_compressed_waits_for_it(monkeypatch):
    slow = Slow(monkeypatch)
    results = []
    with Press(FORGETFUL, 3) as press:
        press.ahead(lambda: RAW)
        assert slow.begun.wait(30)
        other = threading.Thread(target=lambda: results.append(press.compressed(DIGEST, RAW)))
        other.start()
        slow.go.set()
        other.join(30)
    assert results == [compress(RAW, 3)]
    assert slow.asked == [RAW]


def test_what_is_compressed_ahead_is_in_the_store(monkeypatch):
    store = MemoryStore()
    with Press(store, 3) as press:
        press.ahead(lambda: RAW)
    monkeypatch.setattr(press_module, "compress", None)
    assert Press(store, 3).compressed(DIGEST, RAW) == compress(RAW, 3)


def test_a_failure_ahead_is_told_to_who_needs_it_and_to_nobody_else(monkeypatch):
    slow = Slow(monkeypatch, MemoryError("no more"))
    slow.go.set()
    with Press(FORGETFUL, 3) as press:
        press.ahead(lambda: RAW)
        press.ahead(lambda: (_ for _ in ()).throw(OSError("it is gone")))
        with pytest.raises(MemoryError):
            press.compressed(DIGEST, RAW)
        slow.error = None
        assert press.compressed(DIGEST, RAW) == compress(RAW, 3), "another time it may work"


def test_once_it_is_settled_what_is_needed_nothing_more_is_begun(monkeypatch):
    slow = Slow(monkeypatch)
    with Press(FORGETFUL, 3) as press:
        press.ahead(lambda: RAW)
        assert slow.begun.wait(30)
        press.ahead(lambda: b"another")
        press.settle()
        press.ahead(lambda: b"a third")
        slow.go.set()
    assert slow.asked == [RAW]


def test_what_was_compressed_before_is_not_even_read_ahead():
    store, asked = MemoryStore(), []
    Press(store, 3).compressed(DIGEST, RAW)
    with Press(store, 3) as press:
        press.ahead(lambda: asked.append(DIGEST) or RAW, DIGEST)
    assert asked == []
    with Press(store, 4) as press:
        press.ahead(lambda: asked.append(DIGEST) or RAW, DIGEST)
    assert asked == [DIGEST]
