from __future__ import annotations

import gzip
import threading

import brotli
import pytest

from lite_env.site import encoding
from lite_env.site.encoding import EncodedFiles, choose_coding, encode, is_worth_encoding, known_codings
from lite_env.store.local import LocalStore
from tests.fakes import MemoryStore

BOTH = ("br", "gzip")
DATA = b"a text that can be made smaller\n" * 100


@pytest.mark.parametrize(
    ("accepted", "known", "expected"),
    [
        ("", BOTH, None),
        ("gzip, deflate, br, zstd", BOTH, "br"),
        ("gzip, deflate, br, zstd", ("gzip",), "gzip"),
        ("GZIP", BOTH, "gzip"),
        ("gzip;q=0.5, br;q=0", BOTH, "gzip"),
        ("br; q=0.000 , gzip ; q=0", BOTH, None),
        ("br;q=0.001", BOTH, "br"),
        ("*", BOTH, "br"),
        ("*;q=0, gzip", BOTH, "gzip"),
        ("br;q=0, *", BOTH, "gzip"),
        ("identity", BOTH, None),
        ("deflate", BOTH, None),
        ("xgzip", BOTH, None),
    ],
)
def test_a_coding_is_chosen_by_what_is_accepted(accepted, known, expected):
    assert choose_coding(accepted, known) == expected


def test_brotli_is_known_where_its_library_is(monkeypatch):
    assert known_codings() == BOTH
    monkeypatch.setattr(encoding.importlib.util, "find_spec", lambda _: None)
    assert known_codings() == ("gzip",)


def test_encoding_is_undone_by_the_codings_own_tool_and_is_the_same_every_time():
    assert gzip.decompress(encode(DATA, "gzip")) == DATA
    assert brotli.decompress(encode(DATA, "br")) == DATA
    # The bytes 4 to 8 of gzip are a time.
    assert encode(DATA, "gzip")[4:8] == bytes(4)


@pytest.mark.parametrize(
    ("path", "size", "expected"),
    [
        ("a.wasm", 2000, True),
        ("a/b.MJS", 2000, True),
        ("manifest.json", 2000, True),
        ("manifest.json", 200, False),
        ("index-0.json.zst", 2000, False),
        ("logo.png", 2000, False),
    ],
)
def test_only_what_gets_smaller_is_encoded(path, size, expected):
    assert is_worth_encoding(path, size) is expected


def test_an_encoded_file_is_made_once(monkeypatch):
    calls = []

    def count(data, coding):
        calls.append(coding)
        return encode(data, coding)

    monkeypatch.setattr(encoding, "encode", count)
    store = MemoryStore()
    files = EncodedFiles(store=store)
    found = []
    workers = [threading.Thread(target=lambda: found.append(files.find(DATA, "gzip"))) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(set(found)) == 1
    assert gzip.decompress(found[0]) == DATA
    EncodedFiles(store=store).find(DATA, "gzip")
    assert calls == ["gzip"]
    assert files.find(DATA, "br") != found[0]
    assert files.find(DATA + b"x", "gzip") != found[0]


def test_an_encoded_file_that_was_damaged_in_the_store_is_made_anew(tmp_path):
    store = LocalStore(tmp_path)
    whole = EncodedFiles(store=store).find(DATA, "gzip")
    for file in (path for path in tmp_path.rglob("*") if path.is_file()):
        file.write_bytes(file.read_bytes().replace(whole, encode(b"something else", "gzip")))
    assert EncodedFiles(store=store).find(DATA, "gzip") == whole


def test_without_a_store_nothing_is_kept():
    assert gzip.decompress(EncodedFiles().find(DATA, "gzip")) == DATA
