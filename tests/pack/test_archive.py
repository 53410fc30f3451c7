from __future__ import annotations

import hashlib
import io
import tarfile

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from lite_env.errors import PackError
from lite_env.pack.archive import Entry, build_tar, compress, tar_offsets
from lite_env.pack.limits import MAX_RAW_SIZE

components = st.text(st.characters(exclude_characters="/\\\0", exclude_categories=["Cs"]), min_size=1, max_size=60)
paths = st.lists(components.filter(lambda part: part not in (".", "..")), min_size=1, max_size=6).map("/".join)
bodies = st.dictionaries(paths, st.binary(max_size=1500), max_size=8)
links = st.dictionaries(paths, paths, max_size=4)


@given(bodies, links)
def test_an_archive_is_a_tar_with_bodies_at_the_told_offsets(files, symlinks):
    entries = [Entry(path=path, size=len(body), executable=len(body) % 2 == 1) for path, body in files.items()]
    entries += [Entry(path=path, size=0, link=target) for path, target in symlinks.items() if path not in files]
    raw = build_tar(entries, lambda entry: files[entry.path])

    offsets, size = tar_offsets(entries)
    assert len(raw) == size
    with tarfile.open(fileobj=io.BytesIO(raw), encoding="utf-8", errors="strict") as tar:
        members = tar.getmembers()
        assert [member.name for member in members] == [entry.path for entry in entries]
        for entry, offset, member in zip(entries, offsets, members, strict=True):
            assert (member.mtime, member.uid, member.gid, member.uname, member.gname) == (0, 0, 0, "", "")
            if entry.link is None:
                assert member.isreg()
                assert member.mode == (0o755 if entry.executable else 0o644)
                assert raw[offset : offset + entry.size] == files[entry.path]
                assert tar.extractfile(member).read() == files[entry.path]
            else:
                assert member.issym()
                assert member.linkname == entry.link


@pytest.mark.parametrize(
    ("path", "pax"),
    [
        ("a" * 100, False),
        ("a" * 101, True),
        ("d" * 155 + "/" + "f" * 100, False),
        ("d" * 156 + "/" + "f" * 99, True),
        ("e/" + "f" * 101, True),
        ("caf\N{LATIN SMALL LETTER E WITH ACUTE}", True),
    ],
)
def test_a_pax_header_is_written_only_where_ustar_is_too_small(path, pax):
    raw = build_tar([Entry(path=path, size=1)], lambda _: b"x")
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        (member,) = tar
        assert member.name == path
        assert bool(member.pax_headers) == pax


def test_the_bytes_of_a_known_archive_do_not_change():
    entries = [
        Entry(path="bin/run", size=3, executable=True),
        Entry(path="lib/" + "x" * 120, size=0),
        Entry(path="lib/link", size=0, link="../bin/run"),
    ]
    raw = build_tar(entries, lambda entry: b"abc"[: entry.size])
    # Names of published archives are digests of these bytes: a change of them is a new format.
    assert hashlib.sha256(raw).hexdigest() == "e4dfdb2b788a4a8565c9c03ee330c127b301f1bb9df54f7ea01427d1263358d6"


def test_a_file_that_changed_meanwhile_is_an_error():
    with pytest.raises(PackError, match=r"'a' changed while it was packed: 3 bytes before, 4 now"):
        build_tar([Entry(path="a", size=3)], lambda _: b"abcd")


def test_a_file_that_no_tar_can_hold_is_an_error():
    with pytest.raises(PackError, match="no browser could open it"):
        tar_offsets([Entry(path="a", size=MAX_RAW_SIZE + 1)])


@given(st.binary(max_size=5000), st.sampled_from([1, 3, 19]))
def test_frames_tell_their_size_and_hold_a_checksum(raw, level):
    frame = compress(raw, level)
    parameters = zstandard.get_frame_parameters(frame)
    assert parameters.has_checksum
    assert zstandard.frame_content_size(frame) == len(raw)
    assert zstandard.ZstdDecompressor().decompress(frame) == raw
    assert compress(raw, level) == frame
