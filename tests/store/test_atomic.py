from __future__ import annotations

import os

import pytest

from lite_env.store.atomic import write_bytes


def test_a_file_is_replaced_and_its_folder_made(tmp_path):
    target = tmp_path / "a" / "b"
    write_bytes(target, b"old")
    write_bytes(target, b"new", durable=True)
    assert target.read_bytes() == b"new"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.skipif(os.name == "nt", reason="permission bits")
def test_permissions_are_the_umasks_or_those_that_are_asked_for(tmp_path):
    before = os.umask(0o027)
    try:
        write_bytes(tmp_path / "usual", b"")
        write_bytes(tmp_path / "asked", b"", mode=0o751)
    finally:
        os.umask(before)
    assert (tmp_path / "usual").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "asked").stat().st_mode & 0o777 == 0o751


def test_a_name_as_long_as_the_file_system_allows_is_written(tmp_path):
    write_bytes(tmp_path / ("x" * 255), b"1")
    assert [len(path.name) for path in tmp_path.iterdir()] == [255]


def test_a_failure_leaves_the_old_file_alone(tmp_path, monkeypatch):
    target = tmp_path / "a"
    write_bytes(target, b"old")

    def fail(*_):
        raise OSError(28, "full")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="full"):
        write_bytes(target, b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]
