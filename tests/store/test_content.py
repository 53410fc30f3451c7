import hashlib

import pytest

from lite_env.store.content import ContentStore

SHA256 = hashlib.sha256(b"content").hexdigest()


@pytest.fixture
def store(tmp_path):
    return ContentStore(tmp_path / "store")


def adopt(store, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"content")
    return store.adopt(file, SHA256)


def test_an_adopted_file_is_found_by_its_content(store, tmp_path):
    assert store.find(SHA256) is None
    path = adopt(store, tmp_path)
    assert path.read_bytes() == b"content"
    assert store.find(SHA256) == path == store.path(SHA256)
    assert not (tmp_path / "file").exists()
    assert [entry.name for entry in path.parent.iterdir()] == [SHA256]


def test_a_damaged_file_is_not_found_and_goes(store, tmp_path):
    path = adopt(store, tmp_path)
    path.write_bytes(b"damaged")
    assert store.find(SHA256) is None
    assert not path.exists()


def test_looking_makes_no_folder(store):
    store.find(SHA256)
    assert not store.directory.exists()
