"""A store as one file."""

from __future__ import annotations

import io
import random
import tarfile

import pytest
import zstandard

from lite_env.errors import StoreError
from lite_env.store.bundle import export_store, import_store
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.form import Head, content_file, content_place, done_place, record_file
from lite_env.store.local import LocalStore
from lite_env.store.protocol import key_of
from lite_env.store.results import find_result, keep_result

NOW = 1_700_000_000.0
HOUR = 3600.0
KEY = key_of("archive", 1)


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path / "store", lambda: NOW)


@pytest.fixture
def other(tmp_path):
    return LocalStore(tmp_path / "other", lambda: NOW)


def contents(store):
    return {
        path.relative_to(store.directory).as_posix(): path.read_bytes()
        for path in store.directory.rglob("*")
        if path.is_file()
    }


def bundle_of(path, *members, kind=tarfile.REGTYPE):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size, member.type, member.linkname = len(data), kind, "/etc/passwd"
            tar.addfile(member, io.BytesIO(data))
    path.write_bytes(zstandard.compress(raw.getvalue()))
    return path


def test_what_is_exported_is_imported(store, other, tmp_path):
    for number in range(20):
        keep_result(store, key_of("archive", number), b"data" * 1000 * number, vouched=True)
    carried = export_store(store, tmp_path / "cache.tar.zst")
    assert (carried.entries, carried.records) == (20, 20)
    assert import_store(other, tmp_path / "cache.tar.zst") == carried
    assert contents(other) == contents(store)
    assert next(iter(other.entries())).vouched


def test_the_same_is_the_same_file(store, tmp_path):
    keep_result(store, KEY, b"data")
    for item in (*store.entries(), *store.records()):
        store.used_at(item, NOW)
    for name in ("one", "two"):
        export_store(store, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_only_what_was_used_lately(store, other, tmp_path):
    digests = [store.write(bytes([number]), kind="archive") for number in range(3)]
    for entry in store.entries():
        store.used_at(entry, NOW - [0.5, 5, 50][digests.index(entry.digest)] * HOUR)
    export_store(store, tmp_path / "cache", used_within=6 * HOUR)
    import_store(other, tmp_path / "cache")
    assert [other.read(digest) is not None for digest in digests] == [True, True, False]


def test_what_is_imported_is_as_old_as_it_was_and_never_of_the_future(store, other, tmp_path):
    for data, used in ((b"old", NOW - 99 * HOUR), (b"future", NOW + 99 * HOUR)):
        digest = store.write(data, kind="archive")
        store.used_at(next(entry for entry in store.entries() if entry.digest == digest), used)
    export_store(store, tmp_path / "cache")
    import_store(other, tmp_path / "cache")
    assert sorted(entry.used for entry in other.entries()) == [NOW - 99 * HOUR, NOW]


def test_of_strangers_only_contents_are_taken(store, other, tmp_path):
    digest = keep_result(store, KEY, b"data")
    export_store(store, tmp_path / "cache")
    carried = import_store(other, tmp_path / "cache", records_too=False)
    assert (carried.entries, carried.records) == (1, 0)
    assert (other.read(digest), find_result(other, KEY)) == (b"data", None)


def test_what_is_damaged_here_is_not_exported(store, other, tmp_path):
    digest = store.write(b"data", kind="archive")
    (file,) = (path for path in store.directory.rglob("*") if path.is_file())
    file.write_bytes(file.read_bytes() + b"!")
    assert export_store(store, tmp_path / "cache").entries == 0
    assert import_store(other, tmp_path / "cache").entries == 0
    assert other.read(digest) is None


@pytest.mark.parametrize(
    "name",
    ["../../evil", "/etc/evil", "content/ab/../../../evil", f"content/ab/{'a' * 64}", f"done/x/ab/{'b' * 64}", "notes"],
)
def test_what_no_store_may_have_there_ends_the_import(other, tmp_path, name):
    bundle = bundle_of(tmp_path / "cache", (name, b'{"form":1,"kind":"a","vouched":true}\ndata'))
    with pytest.raises(StoreError, match="no whole bundle of a cache"):
        import_store(other, bundle)
    assert not list(tmp_path.rglob("evil"))
    assert not other.directory.exists() or contents(other) == {}


def test_a_link_is_no_member(other, tmp_path):
    name = done_place(KEY)
    bundle = bundle_of(tmp_path / "cache", (name, b""), kind=tarfile.SYMTYPE)
    with pytest.raises(StoreError, match="no whole bundle"):
        import_store(other, bundle)


def test_a_wrong_content_is_refused(other, tmp_path):
    right = b'{"form":1,"kind":"archive","vouched":true}\ndata'
    with pytest.raises(StoreError, match="damaged"):
        import_store(other, bundle_of(tmp_path / "cache", (content_place("a" * 64), right)))


@pytest.mark.parametrize("part", [0, 0.01, 0.3, 0.9])
def test_half_a_bundle_is_told_and_what_came_is_whole(store, other, tmp_path, part):
    for number in range(50):
        keep_result(store, key_of("archive", number), random.Random(number).randbytes(9000))  # noqa: S311 - no secrets
    export_store(store, tmp_path / "cache")
    data = (tmp_path / "cache").read_bytes()
    (tmp_path / "cache").write_bytes(data[: int(len(data) * part)])
    with pytest.raises(StoreError, match="no whole bundle"):
        import_store(other, tmp_path / "cache")
    assert contents(other).items() <= contents(store).items() if other.directory.exists() else True


def test_what_is_no_bundle_at_all_is_told(other, tmp_path):
    (tmp_path / "cache").write_bytes(b"PK\x03\x04 a zip file")
    with pytest.raises(StoreError) as caught:
        import_store(other, tmp_path / "cache")
    assert "cache export" in caught.value.hint


def test_what_cannot_be_written_is_told(store, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be exported"):
        export_store(store, tmp_path / "file" / "cache")


def test_a_record_is_carried_as_it_is(other, tmp_path):
    file = record_file({"result": "c" * 64})
    import_store(other, bundle_of(tmp_path / "cache", (done_place(KEY), file)))
    assert other.recall(KEY) == {"result": "c" * 64}


@pytest.mark.parametrize(("mtime", "refused"), [("nan", True), ("inf", True), ("1e300", False), ("-5", False)])
def test_a_time_that_is_none_ends_the_import_and_any_other_is_brought_into_ours(other, tmp_path, mtime, refused):
    file, digest = content_file(Head(kind="archive", vouched=True), b"data"), sha256_of_bytes(b"data")
    member = tarfile.TarInfo(content_place(digest))
    member.size, member.pax_headers = len(file), {"mtime": mtime}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(member, io.BytesIO(file))
    (tmp_path / "b.tar.zst").write_bytes(zstandard.compress(buffer.getvalue()))
    if refused:
        with pytest.raises(StoreError, match="no whole bundle"):
            import_store(other, tmp_path / "b.tar.zst")
    else:
        import_store(other, tmp_path / "b.tar.zst")
    assert (other.read(digest) is None) == refused
