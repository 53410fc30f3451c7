import hashlib

import pytest

from lite_env.store.atomic import replace_directory
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


def test_a_folder_replaces_another_and_nothing_is_left(tmp_path):
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    replace_directory(tmp_path / "new", tmp_path / "old")
    assert [path.name for path in (tmp_path / "old").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_the_old_folder_comes_back_when_there_is_no_new_one(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "kept").write_text("kept")
    with pytest.raises(FileNotFoundError):
        replace_directory(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old" / "kept").read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
