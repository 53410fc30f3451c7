from __future__ import annotations

import base64
import errno
import json
import os
import threading
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lite_env.errors import DriveError, HostError
from lite_env.host import drive as drive_module
from lite_env.host import drive_stat, drive_ticket, drive_upload
from lite_env.host.drive import MAX_PIECE, FolderDrive, answer_request
from lite_env.host.drive_stat import BLOCK_SIZE, DIR_MODE, FILE_MODE

NEEDS_LINKS = pytest.mark.skipif(os.name == "nt", reason="needs the right to make symbolic links")
BYTES = bytes(range(256)) + b"\r\n\0\xff"


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "drive"
    folder.mkdir()
    (folder / "a.bin").write_bytes(BYTES)
    (folder / "sub").mkdir()
    (folder / "sub" / "grüße an\u00a0alle \N{SNOWMAN}.txt").write_text("hallo", "utf-8")
    return folder


@pytest.fixture
def drive(root):
    return FolderDrive(root)


def ask(drive, method, path, ticket=None, **data):
    """What the server answers: status and value."""
    request = {"method": method, "path": path, "requestId": "1"} | ({"data": data} if data else {})
    body = json.dumps({"data": request, "browsingContextId": "tab", "requestId": "1"} | (ticket or {})).encode()
    status, document = answer_request(drive, body)
    return int(status), json.loads(document)


def error_of(drive, method, path, **data):
    status, document = ask(drive, method, path, **data)
    assert document["error"]["message"]
    return status, document["error"]["code"]


def get(drive, path):
    status, answer = ask(drive, "get", path)
    assert status == 200
    assert answer["format"] == "base64"
    return base64.b64decode(answer["content"], validate=True)


def put(drive, path, content):
    return ask(drive, "put", path, format="base64", data=base64.b64encode(content).decode())


def test_a_folder_is_listed(drive):
    assert ask(drive, "readdir", "/") == (200, ["a.bin", "sub"])
    assert ask(drive, "readdir", "")[1] == ["a.bin", "sub"]
    assert ask(drive, "readdir", "name:")[1] == ["a.bin", "sub"]
    assert ask(drive, "readdir", "/", detail=True) == (
        200,
        [{"name": "a.bin", "mode": 0o100666}, {"name": "sub", "mode": 0o40777}],
    )
    assert ask(drive, "readdir", "/sub")[1] == ["grüße an\u00a0alle \N{SNOWMAN}.txt"]


def test_any_bytes_are_read(drive):
    assert get(drive, "/a.bin") == BYTES
    assert get(drive, "name:/sub/grüße an\u00a0alle \N{SNOWMAN}.txt") == b"hallo"


def test_what_is_no_file_is_read_as_jupyterlite_does(drive):
    assert ask(drive, "get", "/none") == (200, None)
    assert ask(drive, "get", "/a.bin/none") == (200, None)
    assert ask(drive, "get", "/sub") == (200, None)


def test_attributes_are_those_of_the_file(drive, root):
    os.utime(root / "a.bin", (1_000_000_000.25, 1_500_000_000.5))
    status, attributes = ask(drive, "getattr", "/a.bin")
    assert status == 200
    assert attributes["size"] == len(BYTES)
    assert attributes["atime"] == "2001-09-09T01:46:40.250Z"
    assert attributes["mtime"] == "2017-07-14T02:40:00.500Z"
    assert (attributes["blksize"], attributes["blocks"]) == (BLOCK_SIZE, 1)
    assert {key: attributes[key] for key in ("dev", "nlink", "uid", "gid", "rdev", "timestamp")} == {
        "dev": 1,
        "nlink": 1,
        "uid": 0,
        "gid": 0,
        "rdev": 0,
        "timestamp": 0,
    }
    assert datetime.fromisoformat(attributes["ctime"]).year >= 2024
    assert ask(drive, "getattr", "/sub")[1]["size"] == 0
    assert ask(drive, "getattr", "/")[0] == 200


def test_a_time_that_no_calendar_has_is_the_epoch(drive, root):
    assert drive_stat._iso(1e20) == "1970-01-01T00:00:00.000Z"
    assert drive_stat._iso(datetime(2024, 2, 29, tzinfo=UTC).timestamp()) == "2024-02-29T00:00:00.000Z"


def test_a_lookup_brings_mode_and_attributes(drive):
    found = ask(drive, "lookup", "/a.bin")[1]
    assert found == {"ok": True, "mode": FILE_MODE, "stat": ask(drive, "getattr", "/a.bin")[1], "pieces": MAX_PIECE}
    assert ask(drive, "lookup", "/sub")[1]["mode"] == DIR_MODE
    assert ask(drive, "lookup", "/none") == (200, {"ok": False})
    assert ask(drive, "lookup", "/a.bin/x") == (200, {"ok": False})
    assert ask(drive, "getmode", "/sub") == (200, DIR_MODE)
    assert ask(drive, "getmode", "/a.bin") == (200, FILE_MODE)


@pytest.mark.parametrize(
    ("form", "data", "expected"),
    [
        ("base64", base64.b64encode(BYTES).decode(), BYTES),
        ("base64", "", b""),
        ("text", "grüße\r\n", "grüße\r\n".encode()),
        ("json", '{"a": [1]}', b'{"a": [1]}'),
        ("text", None, b""),
    ],
)
def test_contents_are_written_in_every_format(drive, root, form, data, expected):
    assert ask(drive, "put", "/sub/new", format=form, data=data) == (200, None)
    assert (root / "sub" / "new").read_bytes() == expected
    assert ask(drive, "put", "/a.bin", format=form, data=data) == (200, None)
    assert get(drive, "/a.bin") == expected


@pytest.mark.skipif(os.name == "nt", reason="permission bits")
def test_a_file_keeps_its_permissions_when_it_is_written(drive, root):
    (root / "a.bin").chmod(0o751)
    put(drive, "/a.bin", b"new")
    assert (root / "a.bin").stat().st_mode & 0o777 == 0o751


def test_a_long_name_is_written(drive, root):
    name = "ü" * 120
    assert put(drive, f"/{name}", b"x") == (200, None)
    assert [path.name for path in root.iterdir() if path.name.startswith((".", "ü"))] == [name]


def test_nodes_are_made(drive, root):
    assert ask(drive, "mknod", "/new", mode=0o100644) == (200, None)
    assert (root / "new").read_bytes() == b""
    assert ask(drive, "mknod", "/folder", mode=DIR_MODE) == (200, None)
    assert (root / "folder").is_dir()
    assert ask(drive, "mknod", "/folder/plain") == (200, None)
    assert (root / "folder" / "plain").is_file()


def test_entries_are_renamed_and_replaced(drive, root):
    assert ask(drive, "rename", "/a.bin", newPath="name:/sub/b.bin") == (200, None)
    assert get(drive, "/sub/b.bin") == BYTES
    put(drive, "/c", b"old")
    assert ask(drive, "rename", "/sub/b.bin", newPath="/c") == (200, None)
    assert get(drive, "/c") == BYTES
    assert ask(drive, "rename", "/sub", newPath="/moved") == (200, None)
    assert (root / "moved").is_dir()
    assert not (root / "sub").exists()


def test_files_and_empty_folders_are_removed(drive, root):
    assert error_of(drive, "rmdir", "/sub") == (409, "ENOTEMPTY")
    (entry,) = ask(drive, "readdir", "/sub")[1]
    assert ask(drive, "rmdir", f"/sub/{entry}") == (200, None)
    assert ask(drive, "rmdir", "/sub") == (200, None)
    assert ask(drive, "rmdir", "/a.bin") == (200, None)
    assert list(root.iterdir()) == []


def test_what_the_host_does_is_seen_at_once(drive, root):
    (root / "late").write_bytes(b"1")
    assert get(drive, "/late") == b"1"
    (root / "late").write_bytes(b"22")
    assert ask(drive, "lookup", "/late")[1]["stat"]["size"] == 2
    (root / "late").unlink()
    assert ask(drive, "lookup", "/late")[1] == {"ok": False}


@pytest.mark.parametrize(
    ("request_", "data", "expected"),
    [
        (("getattr", "/none"), {}, (404, "ENOENT")),
        (("getmode", "/none"), {}, (404, "ENOENT")),
        (("readdir", "/none"), {}, (404, "ENOENT")),
        (("readdir", "/a.bin"), {}, (409, "ENOTDIR")),
        (("rmdir", "/none"), {}, (404, "ENOENT")),
        (("rmdir", "/"), {}, (403, "EACCES")),
        (("rmdir", "name:"), {}, (403, "EACCES")),
        (("rename", "/"), {"newPath": "/x"}, (403, "EACCES")),
        (("rename", "/a.bin"), {"newPath": "/"}, (403, "EACCES")),
        (("rename", "/a.bin"), {"newPath": "/../x"}, (403, "EACCES")),
        (("rename", "/a.bin"), {}, (400, "EINVAL")),
        (("rename", "/none"), {"newPath": "/x"}, (404, "ENOENT")),
        (("rename", "/a.bin"), {"newPath": "/none/x"}, (404, "ENOENT")),
        (("rename", "/a.bin"), {"newPath": "/sub"}, (409, "EISDIR")),
        (("rename", "/sub"), {"newPath": "/a.bin"}, (409, "ENOTDIR")),
        (("rename", "/sub"), {"newPath": "/sub/in"}, (400, "EINVAL")),
        (("mknod", "/a.bin"), {}, (409, "EEXIST")),
        (("mknod", "/sub"), {"mode": DIR_MODE}, (409, "EEXIST")),
        (("mknod", "/none/x"), {}, (404, "ENOENT")),
        (("mknod", "/"), {}, (409, "EEXIST")),
        (("put", "/sub"), {"format": "text", "data": ""}, (409, "EISDIR")),
        (("put", "/"), {"format": "text", "data": ""}, (409, "EISDIR")),
        (("put", "/none/x"), {"format": "text", "data": ""}, (404, "ENOENT")),
        (("put", "/a.bin/x"), {"format": "text", "data": ""}, (409, "ENOTDIR")),
        (("put", "/x"), {"format": "base64", "data": "not base64"}, (400, "EINVAL")),
        (("put", "/x"), {"format": "base64", "data": "QQ"}, (400, "EINVAL")),
        (("put", "/x"), {"format": "base64", "data": "ä"}, (400, "EINVAL")),
        (("put", "/x"), {"format": "yaml", "data": ""}, (400, "EINVAL")),
        (("put", "/x"), {}, (400, "EINVAL")),
        (("put", "/" + "x" * 300), {"format": "text", "data": ""}, (400, "EINVAL")),
        (("get", "/../x"), {}, (403, "EACCES")),
        (("get", "/a\0"), {}, (400, "EINVAL")),
        (("chmod", "/a.bin"), {}, (400, "EINVAL")),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="Windows has other error numbers")
def test_errors_have_a_code_and_a_status(drive, root, request_, data, expected):
    before = sorted(root.rglob("*"))
    assert error_of(drive, *request_, **data) == expected
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"{}",
        b'{"data": {"method": "get"}}',
        b'{"data": {"method": "get", "path": 1}}',
        b'{"data": {"method": "get", "path": "\xff"}}',
        b'{"data": {"method": "get", "path": "\\ud800"}}',
        b'{"data": {"method": "put", "path": "x", "data": {"data": 1}}}',
        b"[" * 100_000,
    ],
)
def test_a_malformed_request_is_refused(drive, body):
    status, document = answer_request(drive, body)
    assert status == 400
    assert json.loads(document)["error"]["code"] == "EINVAL"
    assert "the request is malformed" in json.loads(document)["error"]["message"]


def test_the_hosts_paths_are_not_told(drive, root):
    _, document = ask(drive, "readdir", "/none")
    assert document["error"]["message"] == "'none': No such file or directory"
    assert str(root) not in json.dumps(document)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, (507, "ENOSPC")),
        (errno.EDQUOT, (507, "ENOSPC")),
        (errno.EIO, (500, "EIO")),
        (errno.EROFS, (403, "EACCES")),
        (errno.EPERM, (403, "EACCES")),
        (errno.EXDEV, (500, "EIO")),
        (None, (500, "EIO")),
    ],
)
def test_failures_of_the_host_have_a_code(drive, root, monkeypatch, number, expected):
    def fail(*_, **__):
        raise OSError(number, "failed") if number else OSError

    monkeypatch.setattr(drive_module, "write_bytes", fail)
    assert error_of(drive, "put", "/a.bin", format="text", data="x") == expected
    assert (root / "a.bin").read_bytes() == BYTES


def test_a_failed_write_leaves_the_old_file_and_nothing_else(drive, root, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    assert error_of(drive, "put", "/a.bin", format="text", data="x") == (507, "ENOSPC")
    assert (root / "a.bin").read_bytes() == BYTES
    assert sorted(path.name for path in root.iterdir()) == ["a.bin", "sub"]


def test_a_write_protected_file_is_not_replaced(drive, root, monkeypatch):
    # The superuser may write to every file: what `access` says is what matters.
    monkeypatch.setattr(drive_module.os, "access", lambda path, mode: False)
    assert error_of(drive, "put", "/a.bin", format="text", data="x") == (403, "EACCES")
    assert (root / "a.bin").read_bytes() == BYTES


def test_a_file_longer_than_a_string_can_be_is_refused(drive, monkeypatch):
    monkeypatch.setattr(drive_module, "MAX_FILE", 10)
    status, document = ask(drive, "get", "/a.bin")
    assert (status, document["error"]["code"]) == (413, "EFBIG")
    assert document["error"]["message"] == f"'a.bin' has {len(BYTES)} bytes, more than 10"


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(HostError, match="is not a folder") as caught:
        FolderDrive(tmp_path / "none")
    assert "--drive" in caught.value.hint


@NEEDS_LINKS
def test_links_lead_nowhere_else(drive, root, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "up").symlink_to("..")
    (root / "in").symlink_to("a.bin")
    (root / "dead").symlink_to("nothing")
    (root / "loop").symlink_to("loop")
    assert ask(drive, "readdir", "/")[1] == ["a.bin", "in", "sub"]
    # Where a path arrives counts, not the way it takes.
    assert get(drive, "/up/drive/a.bin") == BYTES
    for path in ("/out", "/up", "/up/secret", "/up/drive-beside"):
        for method in ("get", "getattr", "getmode", "lookup", "readdir", "mknod"):
            assert error_of(drive, method, path) == (403, "EACCES")
        assert error_of(drive, "put", path, format="text", data="x") == (403, "EACCES")
    assert error_of(drive, "rename", "/a.bin", newPath="/up/a.bin") == (403, "EACCES")
    assert error_of(drive, "get", "/loop") == (400, "EINVAL")
    assert put(drive, "/in", b"through the link") == (200, None)
    assert (root / "in").is_symlink()
    assert get(drive, "/a.bin") == b"through the link"
    assert put(drive, "/dead", b"made") == (200, None)
    assert (root / "nothing").read_bytes() == b"made"
    assert ask(drive, "rmdir", "/out") == (200, None)
    assert ask(drive, "rmdir", "/up") == (200, None)
    assert (tmp_path / "secret").read_text() == "secret"


@NEEDS_LINKS
def test_a_link_that_a_rename_turns_outwards_is_not_followed(drive, root, tmp_path):
    (tmp_path / "x").write_text("secret")
    (root / "x").write_text("public")
    (root / "sub" / "link").symlink_to("../x")
    assert get(drive, "/sub/link") == b"public"
    assert ask(drive, "rename", "/sub/link", newPath="/link") == (200, None)
    assert error_of(drive, "get", "/link") == (403, "EACCES")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_blocks_nobody(drive, root):
    os.mkfifo(root / "pipe")
    assert "pipe" not in ask(drive, "readdir", "/")[1]
    for method in ("get", "lookup", "getattr"):
        assert error_of(drive, method, "/pipe") == (403, "EACCES")
    assert error_of(drive, "put", "/pipe", format="text", data="x") == (403, "EACCES")


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="names are text there")
def test_a_name_that_is_no_text_is_not_listed(drive, root):
    (root / os.fsdecode(b"\xff")).write_bytes(b"")
    assert ask(drive, "readdir", "/")[1] == ["a.bin", "sub"]


def test_requests_at_once_lose_nothing(drive, root):
    def work(number):
        for step in range(20):
            put(drive, f"/f{number}", bytes([number, step]) * 1000)
            ask(drive, "rename", f"/f{number}", newPath=f"/sub/f{number}")

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for number in range(4):
        assert (root / "sub" / f"f{number}").read_bytes() == bytes([number, 19]) * 1000


class TellingLock:
    """A lock that says when somebody comes to it."""

    def __init__(self, lock, met):
        self._lock = lock
        self._met = met

    def __enter__(self):
        self._met()
        return self._lock.__enter__()

    def __exit__(self, *error):
        return self._lock.__exit__(*error)


@NEEDS_LINKS
def test_what_another_request_moves_between_a_look_and_its_use_opens_no_way_out(drive, root, tmp_path, monkeypatch):
    """Where a path leads is decided, then the file is opened: no other request may change the path in between."""
    (tmp_path / "x").write_text("SECRET")
    (root / "d").mkdir()
    (root / "d" / "x").write_text("public")
    # Where it lies it leads to the drive's own folder; as `d` it leads to the one above.
    (root / "sub" / "way").symlink_to("..")
    met = threading.Event()

    def swap():
        ask(drive, "rename", "/d", newPath="/aside")
        ask(drive, "rename", "/sub/way", newPath="/d")
        met.set()

    swapper = threading.Thread(target=swap)
    decide = drive_module.locate
    mine: list[bool] = []

    def decide_and_pause(*args):
        found = decide(*args)
        mine.append(threading.current_thread() is threading.main_thread())
        # A `get` asks what it is, then where it is.
        if mine == [True, True]:
            swapper.start()
            # It has moved all it wants, or it has to wait for this request.
            assert met.wait(60)
        return found

    monkeypatch.setattr(drive, "_lock", TellingLock(drive._lock, lambda: swapper.ident is not None and met.set()))
    monkeypatch.setattr(drive_module, "locate", decide_and_pause)
    assert get(drive, "/d/x") == b"public"
    swapper.join()
    assert error_of(drive, "get", "/d/x") == (403, "EACCES")


METHODS = ("get", "getattr", "getmode", "lookup", "mknod", "put", "readdir", "rename", "rmdir")
NAMES = st.sampled_from(
    ["", ".", "..", "a", "b", "in", "out", "up", "dead", "over", "name:", "%2e%2e", "..%2f", "\\..", "a\0", "~", "..\\"]
)
PATHS = st.builds(
    lambda start, names, end: start + "/".join(names) + end,
    st.sampled_from(["", "/", "//", "name:", "name:/", "../", "C:\\", "file:///"]),
    st.lists(NAMES, max_size=5),
    st.sampled_from(["", "/"]),
)


@NEEDS_LINKS
@settings(max_examples=200, deadline=None)
@given(
    requests=st.lists(
        st.tuples(st.sampled_from(METHODS), PATHS, PATHS, st.sampled_from([0, DIR_MODE])), min_size=1, max_size=12
    )
)
def test_no_sequence_of_requests_reaches_anything_outside(tmp_path_factory, requests):
    base = tmp_path_factory.mktemp("outside")
    (base / "secret").write_text("SECRET")
    (base / "empty").mkdir()
    root = base / "drive"
    (root / "in").mkdir(parents=True)
    (root / "a").write_text("public")
    (root / "out").symlink_to(base / "secret")
    (root / "up").symlink_to("..")
    (root / "in" / "over").symlink_to("../in/../a")
    (root / "in" / "up").symlink_to("../../empty")
    (root / "dead").symlink_to("../new")
    drive = FolderDrive(root)
    for method, path, other, mode in requests:
        data = {"newPath": other, "mode": mode, "format": "text", "data": "WRITTEN"}
        status, document = answer_request(
            drive, json.dumps({"data": {"method": method, "path": path, "data": data}}).encode()
        )
        assert base64.b64encode(b"SECRET") not in document
        assert status in {200, 400, 403, 404, 409}
        if method == "readdir" and status == 200:
            assert not {"secret", "empty", "drive"} & set(json.loads(document))
    assert sorted(path.name for path in base.iterdir()) == ["drive", "empty", "secret"]
    assert (base / "secret").read_text() == "SECRET"
    assert list((base / "empty").iterdir()) == []
    assert root.is_dir()


@settings(max_examples=50, deadline=None)
@given(content=st.binary(max_size=3000), name=st.text(min_size=1, max_size=40))
def test_what_is_put_is_got(tmp_path_factory, content, name):
    drive = FolderDrive(tmp_path_factory.mktemp("put"))
    status, answer = put(drive, f"/{name}", content)
    if status == 200:
        assert get(drive, f"/{name}") == content
    else:
        assert answer["error"]["code"] in {"EACCES", "EINVAL", "EISDIR", "ENOENT"}


def test_a_drive_error_is_an_error_of_ours():
    assert isinstance(DriveError("EIO", "x"), HostError)


def pieces_of(drive, path, length):
    """A file read in pieces, and what its pieces said of the whole."""
    pieces, said = [], set()
    while True:
        status, answer = ask(drive, "get", path, offset=sum(map(len, pieces)), length=length)
        assert (status, answer["format"]) == (200, "base64")
        said.add((answer["size"], answer["version"]))
        pieces.append(base64.b64decode(answer["content"], validate=True))
        if not pieces[-1]:
            return b"".join(pieces), said


def upload(drive, path, pieces, *, name="one", size=None, ticket=None):
    """The statuses of an upload's pieces."""
    statuses, offset = [], 0
    for content in pieces:
        piece = {"upload": name, "offset": offset, "size": sum(map(len, pieces)) if size is None else size}
        data = base64.b64encode(content).decode()
        statuses.append(ask(drive, "put", path, ticket, format="base64", data=data, piece=piece)[0])
        offset += len(content)
    return statuses


def test_a_file_is_read_in_pieces(drive, root):
    content, said = pieces_of(drive, "/a.bin", 100)
    assert content == BYTES
    assert {size for size, _ in said} == {len(BYTES)}
    assert len(said) == 1
    (root / "a.bin").write_bytes(BYTES[::-1])
    assert pieces_of(drive, "/a.bin", 100)[1].isdisjoint(said)
    assert ask(drive, "get", "/none", offset=0, length=1) == (200, None)
    assert error_of(drive, "get", "/a.bin", offset=-1, length=1) == (400, "EINVAL")


def test_a_file_that_comes_in_pieces_is_there_with_the_last_one(drive, root):
    new = bytes(range(256)) * 40
    (root / "a.bin").chmod(0o640)
    pieces = [new[:4000], new[4000:8000], new[8000:]]
    for count in (1, 2):
        assert upload(drive, "/a.bin", pieces[:count], size=len(new)) == [200] * count
        assert (root / "a.bin").read_bytes() == BYTES
    assert {path.name for path in root.iterdir()} == {"a.bin", "sub"}
    assert upload(drive, "/a.bin", pieces) == [200, 200, 200]
    assert (root / "a.bin").read_bytes() == new
    if os.name != "nt":
        assert (root / "a.bin").stat().st_mode & 0o777 == 0o640
    assert upload(drive, "/new", [b""]) == [200]
    assert (root / "new").read_bytes() == b""


def test_pieces_that_do_not_belong_together_are_refused(drive, root):
    assert upload(drive, "/a.bin", [b"123"], size=6) == [200]
    piece = {"upload": "one", "offset": 4, "size": 6}
    assert error_of(drive, "put", "/a.bin", format="base64", data="MTI=", piece=piece) == (400, "EINVAL")
    piece = {"upload": "one", "offset": 3, "size": 6}
    assert error_of(drive, "put", "/a.bin", format="base64", data="MTIz", piece=piece) == (400, "EINVAL")
    assert upload(drive, "/a.bin", [b"1234"], name="two", size=3) == [400]
    assert error_of(drive, "put", "/sub", format="base64", data="", piece=piece | {"offset": 0}) == (409, "EISDIR")
    assert (root / "a.bin").read_bytes() == BYTES


def test_uploads_that_nobody_ends_are_given_up(drive, root):
    for number in range(drive_upload.MAX_UPLOADS + 1):
        assert upload(drive, f"/{number}", [b"begun"], name=str(number), size=9) == [200]
    last = {"offset": 5, "size": 9}
    assert error_of(drive, "put", "/0", format="base64", data="", piece={"upload": "0", **last}) == (400, "EINVAL")
    assert ask(drive, "put", "/1", format="base64", data="ZW5kLg==", piece={"upload": "1", **last})[0] == 200
    assert (root / "1").read_bytes() == b"begunend."


def test_a_file_is_made_or_left_where_only_its_being_there_matters(drive, root):
    assert ask(drive, "mknod", "/new", mode=FILE_MODE, exclusive=False) == (200, None)
    assert ask(drive, "mknod", "/a.bin", mode=FILE_MODE, exclusive=False) == (200, {"made": False})
    assert (root / "a.bin").read_bytes() == BYTES
    assert error_of(drive, "mknod", "/a.bin", mode=FILE_MODE) == (409, "EEXIST")
    assert error_of(drive, "mknod", "/a.bin", mode=FILE_MODE, exclusive=True) == (409, "EEXIST")
    assert error_of(drive, "mknod", "/sub", mode=FILE_MODE, exclusive=False) == (409, "EEXIST")


def text(drive, path, content, **ticket):
    """The status of writing a text."""
    return ask(drive, "put", path, ticket, format="text", data=content)[0]


def test_what_was_given_up_before_it_came_is_not_done(drive, root):
    now = datetime.now(UTC).timestamp() * 1000
    assert text(drive, "/a", "x", deadline=0) == 500
    assert text(drive, "/a", "x", deadline=now - 1) == 500
    # A browser's clock may be hours beside the server's.
    assert text(drive, "/a", "x", deadline=now + 9e6, sent=now + 9e6 + 1) == 500
    assert not (root / "a").exists()
    assert text(drive, "/a", "fast", deadline=now + 9e6, sent=now + 8.9e6) == 200
    assert text(drive, "/a", "slow", deadline=now - 9e6, sent=now - 9.1e6) == 200
    assert text(drive, "/a", "in time", deadline=now + 60_000) == 200
    assert (root / "a").read_text() == "in time"


def test_what_is_given_up_while_another_request_is_done_is_not_done(drive, root, monkeypatch):
    monkeypatch.setattr(drive, "_lock", SlowLock(seconds=0.3))
    now = datetime.now(UTC).timestamp() * 1000
    assert text(drive, "/a", "x", deadline=now + 200, sent=now) == 500
    assert not (root / "a").exists()
    assert text(drive, "/a", "x", deadline=now + 60_000, sent=now) == 200


class SlowLock:
    """A lock that others hold for a while."""

    def __init__(self, *, seconds):
        self.seconds = seconds

    def __enter__(self):
        time.sleep(self.seconds)

    def __exit__(self, *_):
        pass


def test_what_comes_late_of_a_kernel_that_was_restarted_is_not_done(drive, root):
    assert text(drive, "/a", "of the first", generation=1) == 200
    assert text(drive, "/a", "of the second", generation=2) == 200
    for request in (("put", "/a", {"format": "text", "data": "late"}), ("rmdir", "/a", {}), ("get", "/a", {})):
        method, path, data = request
        status, answer = ask(drive, method, path, {"generation": 1}, **data)
        assert (status, answer["error"]["code"]) == (500, "EIO")
    assert (root / "a").read_text() == "of the second"
    # Also one that had not asked anything before; other pages, and those that count no restarts, are not meant.
    assert text(drive, "/a", "late", generation=3, browsingContextId="x") == 200
    assert text(drive, "/a", "late", generation=2, browsingContextId="x") == 500
    assert text(drive, "/a", "of the second still", generation=2) == 200
    assert text(drive, "/a", "of JupyterLite") == 200


def test_contexts_that_are_silent_are_forgotten_first(drive, monkeypatch):
    monkeypatch.setattr(drive_ticket, "MAX_CONTEXTS", 2)
    for context in ("one", "two", "one", "three"):
        assert text(drive, "/a", "x", generation=2, browsingContextId=context) == 200
    assert [text(drive, "/a", "x", generation=1, browsingContextId=context) for context in ("one", "two")] == [500, 200]


@pytest.mark.parametrize("ticket", [{"generation": "1"}, {"deadline": "soon"}, {"browsingContextId": "x" * 201}])
def test_a_malformed_ticket_is_refused(drive, ticket):
    assert ask(drive, "lookup", "/", ticket)[1]["error"]["code"] == "EINVAL"


def open_uploads(drive):
    return len(drive._uploads._files)


def test_of_a_large_file_whose_kernel_ends_or_gives_up_nothing_stays(drive, root):
    old, new = {"generation": 1}, {"generation": 2}
    assert upload(drive, "/a", [b"begun"], name="given up", size=9, ticket=old) == [200]
    assert upload(drive, "/a", [b"begun"], name="ended", size=9, ticket=old) == [200]
    assert open_uploads(drive) == 1
    # Those of others go on.
    assert upload(drive, "/b", [b"begun"], name="another", size=9, ticket=old | {"browsingContextId": "x"}) == [200]
    assert upload(drive, "/c", [b"begun"], name="of JupyterLite", size=9) == [200]
    assert ask(drive, "lookup", "/", new)[0] == 200
    assert open_uploads(drive) == 2
    last = {"format": "base64", "data": "ZW5kLg=="}
    piece = {"upload": "another", "offset": 5, "size": 9}
    assert ask(drive, "put", "/b", old | {"browsingContextId": "x"}, piece=piece, **last)[0] == 200
    assert ask(drive, "put", "/c", piece=piece | {"upload": "of JupyterLite"}, **last)[0] == 200
    assert ((root / "b").read_text(), (root / "c").read_text()) == ("begunend.", "begunend.")
    assert open_uploads(drive) == 0
    assert upload(drive, "/d", [b"one", b"two", b"end"], ticket=new) == [200, 200, 200]
    assert (root / "d").read_text() == "onetwoend"


def test_of_a_large_file_that_is_refused_nothing_stays(drive, root):
    assert upload(drive, "/new", [b"begun"], size=9) == [200]
    (root / "new").mkdir()
    piece = {"upload": "one", "offset": 5, "size": 9}
    assert error_of(drive, "put", "/new", format="base64", data="ZW5kLg==", piece=piece) == (409, "EISDIR")
    assert open_uploads(drive) == 0
