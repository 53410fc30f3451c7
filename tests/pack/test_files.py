"""What a pack names is what lies in it: nothing is read through a link, and nothing but regular files."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from lite_env.errors import ManifestError, PackError
from lite_env.pack import files as files_module
from lite_env.pack.files import open_pack_file, pack_file_size, read_pack_file
from lite_env.pack.owners import read_owners
from lite_env.pack.plan import plan_pack
from lite_env.pack.reader import MANIFEST, read_content, read_index, read_manifest
from lite_env.pack.restore import unpack
from lite_env.pack.writer import write_pack
from lite_env.prefix.reader import read_prefix
from tests.frozen import PACKS
from tests.prefixes import put

LIMIT = 1000


@pytest.fixture
def pack(tmp_path):
    put(tmp_path, "pack/kernels/toy/kernel.json", "{}")
    put(tmp_path, "secret", "of the host")
    put(tmp_path, "folder/kernel.json", "of the host")
    return tmp_path / "pack"


@pytest.fixture(params=[True, False], ids=["by descriptor", "by name"])
def way(request, monkeypatch):
    """Both ways in which files are opened; the second is that of systems without `openat`."""
    if not request.param:
        monkeypatch.setattr(files_module.os, "supports_dir_fd", frozenset())


@pytest.mark.usefixtures("way")
class TestOpening:
    def test_a_file_is_read_and_has_a_size(self, pack):
        assert read_pack_file(pack, "kernels/toy/kernel.json", limit=2) == b"{}"
        assert pack_file_size(pack, "kernels/toy/kernel.json") == 2
        with open_pack_file(pack, "kernels/toy/kernel.json") as stream:
            assert stream.read() == b"{}"

    def test_the_pack_itself_may_be_reached_through_a_link(self, pack, tmp_path):
        (tmp_path / "link").symlink_to(pack)
        assert read_pack_file(tmp_path / "link", "kernels/toy/kernel.json", limit=LIMIT) == b"{}"

    def test_a_file_that_is_too_large_is_not_read(self, pack):
        with pytest.raises(ManifestError, match=r"'kernels/toy/kernel\.json' has 2 bytes, more than the 1"):
            read_pack_file(pack, "kernels/toy/kernel.json", limit=1)

    @pytest.mark.parametrize("path", ["nothing", "kernels/nothing/kernel.json", "kernels/toy/kernel.json/x"])
    def test_what_is_not_there_is_told(self, pack, path):
        with pytest.raises(ManifestError, match=f"the pack lacks '{path}'") as caught:
            read_pack_file(pack, path, limit=LIMIT)
        assert "copied" in caught.value.hint

    @pytest.mark.parametrize("path", ["/etc/passwd", "../secret", "kernels/../../secret", "", "kernels//toy", "a\0b"])
    def test_what_is_no_path_of_a_pack_is_refused(self, pack, path):
        with pytest.raises(ManifestError, match="is no path inside a pack"):
            read_pack_file(pack, path, limit=LIMIT)

    @pytest.mark.parametrize("target", ["../../../secret", "kernel.json", "nothing", "/etc/passwd"])
    def test_a_link_is_refused_wherever_it_leads(self, pack, target):
        (pack / "kernels/toy/link.json").symlink_to(target)
        with pytest.raises(ManifestError, match=r"'kernels/toy/link\.json' of the pack is, or lies behind, a symbolic"):
            read_pack_file(pack, "kernels/toy/link.json", limit=LIMIT)

    @pytest.mark.parametrize("target", ["../../folder", "toy"])
    def test_a_link_on_the_way_is_refused(self, pack, target):
        (pack / "kernels/other").symlink_to(target)
        with pytest.raises(ManifestError, match=r"'kernels/other/kernel\.json' of the pack is, or lies behind, a symb"):
            read_pack_file(pack, "kernels/other/kernel.json", limit=LIMIT)

    def test_a_folder_is_no_file(self, pack):
        with pytest.raises(ManifestError, match="'kernels/toy' of the pack is not a regular file"):
            read_pack_file(pack, "kernels/toy", limit=LIMIT)

    def test_a_fifo_is_not_opened(self, pack):
        os.mkfifo(pack / "fifo")
        opened = threading.Event()

        def wait_for_a_reader():
            with suppress(OSError), (pack / "fifo").open("wb"):
                opened.set()

        writer = threading.Thread(target=wait_for_a_reader, daemon=True)
        writer.start()
        with pytest.raises(ManifestError, match="'fifo' of the pack is not a regular file"):
            read_pack_file(pack, "fifo", limit=LIMIT)
        assert not opened.wait(0.05)
        # Let the writer end.
        os.close(os.open(pack / "fifo", os.O_RDONLY | os.O_NONBLOCK))
        writer.join(10)

    def test_a_fifo_that_takes_the_files_place_is_refused_and_not_waited_for(self, pack, monkeypatch):
        original = os.open

        def swapped(path, flags, *rest, **options):
            if Path(path).name == "kernel.json":
                (pack / "kernels/toy/kernel.json").unlink()
                os.mkfifo(pack / "kernels/toy/kernel.json")
            return original(path, flags, *rest, **options)

        if original in os.supports_dir_fd:
            monkeypatch.setattr(files_module.os, "supports_dir_fd", os.supports_dir_fd | {swapped})
        monkeypatch.setattr(files_module.os, "open", swapped)
        with pytest.raises(ManifestError, match=r"'kernels/toy/kernel\.json' of the pack changed while it was opened"):
            read_pack_file(pack, "kernels/toy/kernel.json", limit=LIMIT)


def parts(pack):
    return [MANIFEST, *(item.path for item in read_manifest(pack).contents)]


@pytest.fixture(params=["new", "1.0"])
def whole(request, prefix, tmp_path):
    """A pack of today, and one of format 1.0."""
    if request.param == "new":
        write_pack(plan_pack(read_prefix(prefix), level=1), tmp_path / "whole")
    else:
        shutil.copytree(PACKS / "1.0" / "python", tmp_path / "whole")
    return tmp_path / "whole"


def read_everything(pack, output):
    manifest = read_manifest(pack)
    read_index(pack, manifest)
    for item in manifest.contents:
        read_content(pack, item)
    read_owners(pack, manifest)
    unpack(pack, output)


@pytest.mark.parametrize("kind", ["link to a copy", "link to a folder of copies", "fifo", "device"])
def test_no_file_of_a_pack_is_read_but_from_the_pack(whole, tmp_path, kind):
    for path in parts(whole):
        work = tmp_path / "work"
        shutil.copytree(whole, work / "pack")
        shutil.copytree(whole, work / "copy")
        victim = work / "pack" / path
        if kind == "link to a folder of copies":
            if "/" not in path:
                shutil.rmtree(work)
                continue
            shutil.rmtree(victim.parent)
            victim.parent.symlink_to((work / "copy" / path).parent)
        else:
            victim.unlink()
            if kind == "fifo":
                os.mkfifo(victim)
            else:
                victim.symlink_to(work / "copy" / path if kind == "link to a copy" else "/dev/zero")
        with pytest.raises(ManifestError, match=r"symbolic link|not a regular file") as caught:
            read_everything(work / "pack", work / "out")
        assert path.partition("/")[0] in caught.value.message
        assert not (work / "out").exists()
        shutil.rmtree(work)


def test_what_lies_in_a_stranger_pack_is_unpacked_only_where_it_may(prefix, tmp_path):
    put(prefix, "share/Conda-Meta/x", "fine below another folder")
    write_pack(plan_pack(read_prefix(prefix), level=1), tmp_path / "pack")
    unpack(tmp_path / "pack", tmp_path / "out")
    assert (tmp_path / "out/share/Conda-Meta/x").exists()


@pytest.mark.parametrize("name", ["Conda-Meta", "CONDA-META", "conda-meta."])
def test_an_environment_with_a_folder_that_may_be_taken_for_its_records_is_refused(prefix, tmp_path, name):
    put(prefix, f"{name}/python.json", "{}")
    with pytest.raises(PackError, match=r"cannot be packed"):
        write_pack(plan_pack(read_prefix(prefix), level=1), tmp_path / "pack")
