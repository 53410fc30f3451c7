"""Remote stores by fsspec: real servers on loopback, good ones, slow ones, hostile ones."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import pytest

from lite_env.spec.remotes import Remote
from lite_env.store import wire as wire_module
from lite_env.store.form import CONTENT, Head, content_file, content_place, done_place, record_file
from lite_env.store.layers import LayeredStore
from lite_env.store.local import LocalStore
from lite_env.store.protocol import key_of
from lite_env.store.remote import RemoteStore
from lite_env.store.results import find_result, keep_result
from lite_env.store.wire import FsspecWire, in_time
from lite_env.workflow.storage import Stores
from tests.prefixes import Heard
from tests.remote_stores import KEY, SECRET, folder_server, s3_server

WORK = key_of("archive", 1)
OTHER = content_file(Head(kind="archive", vouched=True), b"other")
SLOW = 0.5  # seconds that these tests give a request


@pytest.fixture(scope="module")
def s3():
    with s3_server() as server:
        yield server


@pytest.fixture
def aws(s3, monkeypatch):
    for name, value in s3.environ.items():
        monkeypatch.setenv(name, value)
    return s3


@pytest.fixture
def heard():
    return Heard()


def local(path):
    return LocalStore(path)


def layered(directory, url, heard, *, trusted=True, write=False, seconds=5.0):
    wire = FsspecWire(url, seconds=seconds)
    remote = RemoteStore(wire, label="there", trusted=trusted, reporter=heard)
    return LayeredStore(LocalStore(directory), [remote], written=[remote] if write else []), wire


@pytest.fixture(params=["s3", "file"])
def place(request, tmp_path):
    """A remote folder that can be written to."""
    if request.param == "file":
        return (tmp_path / "remote").as_uri()
    return f"{request.getfixturevalue('aws').url}/{tmp_path.name}"


@pytest.mark.parametrize("size", [0, 4, (1 << 20) - 44, (1 << 20) - 43, 3_000_000])
def test_what_one_machine_has_done_another_one_has(place, tmp_path, heard, size):
    data = bytes(range(256)) * (size // 256 + 1)
    one, _ = layered(tmp_path / "one", place, heard, write=True)
    keep_result(one, WORK, data[:size], vouched=True)
    one.share()
    two, wire = layered(tmp_path / "two", place, heard)
    assert find_result(two, WORK) == data[:size]
    asked = wire.requests
    assert find_result(two, WORK) == data[:size]
    assert (wire.requests, heard.warnings) == (asked, [])
    assert LocalStore(tmp_path / "two").recall(WORK) is not None


def test_nothing_is_written_unless_it_is_asked_for(tmp_path, heard):
    one, _ = layered(tmp_path / "one", (tmp_path / "remote").as_uri(), heard)
    keep_result(one, WORK, b"data")
    one.share()
    assert not (tmp_path / "remote").exists()


def test_what_is_there_already_is_not_sent_again(place, tmp_path, heard):
    one, _ = layered(tmp_path / "one", place, heard, write=True)
    keep_result(one, WORK, b"data")
    one.share()
    two, wire = layered(tmp_path / "two", place, heard, write=True)
    two.write(b"data", kind="archive")
    two.share()
    assert wire.requests == 1


def test_bytes_come_from_anybody_and_answers_only_from_who_is_trusted(place, tmp_path, heard):
    one, _ = layered(tmp_path / "one", place, heard, write=True)
    digest = keep_result(one, WORK, b"data", vouched=True)
    one.share()
    two, wire = layered(tmp_path / "two", place, heard, trusted=False)
    assert find_result(two, WORK) is None
    assert wire.requests == 0
    assert two.read(digest) == b"data"


def test_a_well_formed_answer_to_our_key_that_is_of_something_else(tmp_path, heard):
    """The remote has at our key a record that names a whole archive, of other work: a hash does not tell."""
    remote = LocalStore(tmp_path / "remote")
    foreign = remote.write(b"an archive of something else", kind="archive", vouched=True)
    remote.record(WORK, {"result": foreign})
    store, _ = layered(tmp_path / "local", (tmp_path / "remote").as_uri(), heard, trusted=False)
    assert find_result(store, WORK) is None
    assert LocalStore(tmp_path / "local").recall(WORK) is None
    believing, _ = layered(tmp_path / "other", (tmp_path / "remote").as_uri(), heard, trusted=True)
    assert find_result(believing, WORK) == b"an archive of something else"


@pytest.mark.parametrize("damage", [b"", b"x", OTHER])
def test_what_is_damaged_there_is_passed_over_with_a_warning(tmp_path, heard, damage):
    digest = LocalStore(tmp_path / "remote").write(b"data", kind="archive")
    (tmp_path / "remote" / content_place(digest)).write_bytes(damage)
    (tmp_path / "remote" / done_place(WORK)).parent.mkdir(parents=True)
    (tmp_path / "remote" / done_place(WORK)).write_bytes(record_file({"a": "b"})[:-1])
    store, _ = layered(tmp_path / "local", (tmp_path / "remote").as_uri(), heard, write=True)
    assert (store.read(digest), store.recall(WORK)) == (None, None)
    assert [text.partition(" has")[0] for text in heard.warnings] == ["the remote store there"] * 2
    store.write(b"data", kind="archive")
    store.share()
    assert LocalStore(tmp_path / "remote").read(digest) == b"data"


def test_a_folder_of_a_web_server_is_a_remote_store(tmp_path, heard):
    data = bytes(range(256)) * 9000
    keep_result(LocalStore(tmp_path / "remote"), WORK, data)
    with folder_server(tmp_path / "remote") as server:
        store, _ = layered(tmp_path / "local", server.url, heard)
        assert find_result(store, WORK) == data
        assert store.read("a" * 64) is None
        assert store.read("a" * 64) is None
        assert len([path for path in server.asked if "aaaa" in path]) == 1
    assert heard.warnings == []


@pytest.mark.parametrize("how", ["slow", "drip", "status 500", "status 403", "gone"])
def test_one_that_fails_is_asked_no_more_in_this_run(tmp_path, heard, how):
    digests = [LocalStore(tmp_path / "remote").write(bytes([n]), kind="archive") for n in range(20)]
    with folder_server(tmp_path / "remote") as server:
        store, wire = layered(tmp_path / "local", server.url, heard, seconds=SLOW)
        if how == "slow":
            server.seconds = 60
        elif how == "drip":
            server.drip = True
        elif how.startswith("status"):
            server.status = int(how.split()[1])
        else:
            server.server_close()
        begin = time.monotonic()
        threads = [threading.Thread(target=store.read, args=(digest,)) for digest in digests]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert time.monotonic() - begin < 4 * SLOW + 1
        asked = wire.requests
        assert asked <= 8
        assert store.read("a" * 64) is None
        assert wire.requests == asked
    assert len(heard.warnings) == 1
    assert "this run goes on without it" in heard.warnings[0]


def test_one_that_fails_while_it_is_written_to_ends_that_with_a_warning(tmp_path, heard):
    (tmp_path / "remote").write_text("a file")
    store, _ = layered(tmp_path / "local", (tmp_path / "remote").as_uri(), heard, write=True)
    for number in range(20):
        keep_result(store, key_of("archive", number), bytes([number]))
    store.share()
    assert len(heard.warnings) == 1


def test_a_bucket_that_refuses_us_is_told_without_our_secret(tmp_path, heard, monkeypatch):
    with s3_server(refusing=True) as server:
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        store, _ = layered(tmp_path / "local", server.url, heard)
        assert store.read("a" * 64) is None
    (warning,) = heard.warnings
    assert "this run goes on without it" in warning
    assert SECRET not in warning
    assert KEY not in warning


def test_no_such_bucket_is_told(aws, tmp_path, heard):
    store, _ = layered(tmp_path / "local", "s3://no-such-bucket/x", heard, write=True)
    store.write(b"data", kind="archive")
    store.share()
    assert len(heard.warnings) == 1


def test_two_machines_that_write_the_same_at_once_leave_it_whole(tmp_path, heard):
    place = (tmp_path / "remote").as_uri()  # moto has races of its own
    data = bytes(range(256)) * 20_000

    def work(number):
        store, _ = layered(tmp_path / str(number), place, heard, write=True)
        keep_result(store, WORK, data)
        store.share()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store, _ = layered(tmp_path / "new", place, heard)
    assert find_result(store, WORK) == data
    assert heard.warnings == []


def test_a_copy_of_a_local_store_is_a_remote_one(tmp_path, heard):
    keep_result(LocalStore(tmp_path / "one"), WORK, b"data")
    shutil.copytree(tmp_path / "one", tmp_path / "remote")
    store, _ = layered(tmp_path / "two", Path(tmp_path / "remote").as_uri(), heard)
    assert find_result(store, WORK) == b"data"


@pytest.mark.parametrize("size", [(1 << 20) - 1, 1 << 20, (1 << 20) + 1, (2 << 20) - 1, 2 << 20])
def test_a_file_that_ends_with_a_piece_is_whole(place, tmp_path, size):
    data = bytes(range(256)) * (size // 256 + 1)
    wire = FsspecWire(place)
    wire.put("a/file", data[:size])
    assert wire.get("a/file") == data[:size]


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 1])
def test_of_a_server_that_knows_no_ranges_it_is_whole_too(tmp_path, size):
    (tmp_path / "served").mkdir()
    data = (bytes(range(256)) * 5000)[:size]
    (tmp_path / "served" / "file").write_bytes(data)
    with folder_server(tmp_path / "served") as server:
        assert FsspecWire(server.url).get("file") == data


def test_a_failure_amid_a_file_is_a_failure_and_no_end(tmp_path, heard, monkeypatch):
    def piece(at, *, place, start):
        if start:
            raise ConnectionResetError("reset")
        return b"x" * (1 << 20)

    monkeypatch.setattr(wire_module, "_piece", piece)
    remote = RemoteStore(FsspecWire(tmp_path.as_uri()), label="there", trusted=False, reporter=heard)
    assert remote.find("0" * 64) is None
    assert remote.failed
    assert [warning for warning in heard.warnings if "reset" in warning]


def test_a_file_without_an_end_is_a_failure(tmp_path, monkeypatch):
    monkeypatch.setattr(wire_module, "_MOST", 3 << 20)
    monkeypatch.setattr(wire_module, "_piece", lambda at, *, place, start: b"x" * (1 << 20))
    with pytest.raises(OSError, match="has more bytes than"):
        FsspecWire(tmp_path.as_uri()).get("file")


def test_no_record_is_sent_before_the_bytes_that_it_names(tmp_path, heard):
    sent = []

    class Slow:
        def get(self, place):
            return None

        def has(self, place):
            return False

        def put(self, place, file):
            time.sleep(0.05 if place.startswith(CONTENT) else 0)
            sent.append(place)

    remote = RemoteStore(Slow(), label="there", trusted=True, reporter=heard)
    store = LayeredStore(LocalStore(tmp_path), [remote], written=[remote])
    for number in range(4):
        keep_result(store, key_of("archive", number), b"%d" % number)
    store.share()
    assert [place.startswith(CONTENT) for place in sent] == [True] * 4 + [False] * 4


def test_one_that_has_failed_stays_so_however_often_the_store_is_opened(tmp_path, heard, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "cache"))
    with folder_server(tmp_path) as server:
        gone = Remote(url=server.url, trusted=True)
    stores = Stores((gone,), reporter=heard)
    for _ in range(3):
        with stores() as store:
            assert store.recall(WORK) is None
    assert len(heard.warnings) == 1


def test_what_was_not_there_is_asked_for_anew_when_the_store_is_opened_again(tmp_path, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "cache"))
    stores = Stores((Remote(url=(tmp_path / "remote").as_uri(), trusted=True),))
    with stores() as store:
        assert store.recall(WORK) is None
        LocalStore(tmp_path / "remote").record(WORK, {})
        assert store.recall(WORK) is None, "a run does not ask twice"
    with stores() as store:
        assert store.recall(WORK) == {}


def test_what_takes_too_long_is_waited_for_no_longer():
    begin = time.monotonic()
    with pytest.raises(TimeoutError, match="no answer"):
        in_time(lambda: time.sleep(30), 0.1)
    assert time.monotonic() - begin < 5


def test_whatever_a_library_raises_is_an_error_of_the_system_without_credentials():
    def fail():
        raise RuntimeError("https://user:hunter2@host/x refused")

    with pytest.raises(OSError, match="RuntimeError") as caught:
        in_time(fail, 5)
    assert "hunter2" not in str(caught.value)


def test_a_kind_of_address_that_is_unknown_is_told(tmp_path, heard):
    store, _ = layered(tmp_path / "local", "nonsense://x/y", heard)
    assert store.read("a" * 64) is None
    assert "s3://BUCKET" in heard.warnings[0]
