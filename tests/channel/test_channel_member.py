import pytest

from lite_env.channel.member import SourceArchive, read_archive
from lite_env.errors import ChannelError
from tests.channel_inputs import make_tar, make_zip


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_files_come_in_order_with_their_content(make):
    files = {"b/c": b"1", "a": b"22"}
    assert [(file.path, file.data) for file in read_archive(make(files), name="x")] == list(files.items())


def test_the_executable_bit_is_kept():
    data = make_tar({"a": b"", "b": b""}, executable=("b",))
    assert [file.executable for file in read_archive(data, name="x")] == [False, True]


@pytest.mark.parametrize("make", [make_tar, make_zip])
@pytest.mark.parametrize("path", ["../a", "/a", "a/../../b", "a\\b"])
def test_unsafe_paths_are_refused(make, path):
    with pytest.raises(ChannelError, match="the archive x holds") as caught:
        list(read_archive(make({path: b""}), name="x"))
    assert repr(path) in caught.value.message


def test_links_are_refused():
    with pytest.raises(ChannelError, match="it is a link or a device"):
        list(read_archive(make_tar({}, link="a"), name="x"))


@pytest.mark.parametrize("make", [make_tar, make_zip])
@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_a_truncated_archive_is_broken(make, keep):
    data = make({str(number): bytes(range(256)) * number for number in range(50)})
    with pytest.raises(ChannelError, match="the archive x is broken"):
        list(read_archive(data[: int(len(data) * keep)], name="x"))


def test_what_is_no_archive_is_broken():
    with pytest.raises(ChannelError, match="the archive x is broken"):
        list(read_archive(b"hello", name="x"))


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_members_of_a_source_are_read_below_its_root(make, tmp_path):
    (tmp_path / "s").write_bytes(make({"inner/a": b"1"}))
    source = SourceArchive(tmp_path / "s", name="things", root="inner")
    assert source.read("a") == b"1"
    with pytest.raises(ChannelError, match="the source things has no member b") as caught:
        source.read("b")
    assert dict(caught.value.context)["expected"] == "inner/b"
    source.close()


def test_a_damaged_member_is_named(tmp_path):
    data = bytearray(make_zip({"a": bytes(range(256)) * 40}))
    data[60:80] = bytes(20)
    (tmp_path / "s").write_bytes(data)
    source = SourceArchive(tmp_path / "s", name="things", root="")
    with pytest.raises(ChannelError, match="the member a of the source things is broken"):
        source.read("a")
    source.close()
