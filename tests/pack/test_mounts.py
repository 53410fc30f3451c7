"""Files of this machine in a pack: which, where, and what is refused."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from lite_env.errors import PackError
from lite_env.host.run import RunOptions, start_kernel
from lite_env.pack.mounts import Mount, Mounted, parse_mount, read_mounts, refuse_overlaps
from lite_env.pack.plan import plan_pack
from lite_env.pack.restore import unpack
from lite_env.pack.selection import select_files
from lite_env.pack.writer import write_pack
from lite_env.prefix.reader import read_prefix
from lite_env.store.local import open_store
from lite_env.workflow.options import PackOptions
from lite_env.workflow.pack import plan_environment
from tests.command_line import lite_env
from tests.packing import pack_environment
from tests.prefixes import Heard, kernel_package, make_prefix, put

# The toy kernel starts nothing.
QUICK = PackOptions(level=1, trace=False, bytecode=False, check=False)


@pytest.fixture
def environment(tmp_path):
    return make_prefix(tmp_path / "env", kernel_package(**{"lib/toy/own.txt": b"own"}))


@pytest.fixture
def data(tmp_path):
    for name, content in {"a.csv": "1,2\n", "deep/b.csv": "3\n", "deep/link.csv": ("->", "../a.csv")}.items():
        put(tmp_path / "data", name, content)
    return tmp_path / "data"


def options(*mounts: str) -> PackOptions:
    return PackOptions(level=1, trace=False, bytecode=False, check=False, mounts=tuple(map(parse_mount, mounts)))


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("text", "source", "target"),
    [
        ("data:/data", "/base/data", "/data"),
        ("/srv/x.csv:/data/x.csv/", "/srv/x.csv", "/data/x.csv"),
        ("C:/data:/data", "/base/C:/data", "/data"),
        (".:/home/me", "/base", "/home/me"),
        ("files:/files", "/base/files", "/files"),
    ],
)
def test_the_last_colon_parts_what_is_here_from_where_it_appears(text, source, target):
    assert parse_mount(text, Path("/base")) == Mount(source=Path(source), target=target)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("data", "'data' is not a mount"),
        (":/data", "is not a mount"),
        ("data:", "is not a mount"),
        ("data:there", "has no absolute path after its last colon, but 'there'"),
        ("data:/", "cannot appear at '/'"),
        ("data:/a/../b", "cannot appear at '/a/../b'"),
        ("data:/a//b", "cannot appear at"),
        ("data:/a\\b", "cannot appear at"),
        ("data:/__proto__/b", "cannot appear at"),
        ("data:/drive", "kernels have '/drive' for something else"),
        ("data:/drive/data", "kernels have '/drive' for something else"),
        ("data:/dev/shm", "kernels have '/dev' for something else"),
        ("data:/Conda-Meta/x", "for something else"),
    ],
)
def test_a_mount_that_is_none_is_refused_with_what_to_write(text, told):
    with pytest.raises(PackError) as caught:
        parse_mount(text)
    assert told in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("others", [("/a",), ("/a/b",), ("/a-b", "/a/b/c")])
def test_mounts_that_overlap_are_refused_with_both(others):
    mounts = [Mount(source=Path("one"), target="/a"), *(Mount(source=Path("two"), target=other) for other in others)]
    for order in (mounts, mounts[::-1]):
        with pytest.raises(PackError, match=f"two mounts overlap: '/a' and '{others[-1]}'"):
            refuse_overlaps(order)
    refuse_overlaps([Mount(source=Path("one"), target="/a"), Mount(source=Path("one"), target="/ab")])


def test_a_file_that_is_not_there_is_named_with_its_mount(tmp_path):
    with pytest.raises(PackError, match=r"missing' cannot be mounted at '/data': No such file") as caught:
        read_mounts([parse_mount("missing:/data", tmp_path)])
    assert "must be there" in str(caught.value.hint)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")
@pytest.mark.parametrize("name", ["pipe", "folder/pipe"])
def test_what_is_neither_file_nor_folder_is_refused_and_not_waited_for(tmp_path, name):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / name)
    with pytest.raises(PackError, match="neither a file nor a folder"):
        read_mounts([parse_mount(f"{name.partition('/')[0]}:/data", tmp_path)])


@pytest.mark.parametrize("target", ["../outside.csv", "/etc", "deep/../../outside.csv"])
def test_a_link_that_leaves_what_is_mounted_is_refused(data, target):
    (data.parent / "outside.csv").touch()
    put(data, "leaving", ("->", target))
    with pytest.raises(PackError) as caught:
        read_mounts([Mount(source=data, target="/data")])
    assert f"cannot be mounted at '/data': the link 'leaving' leaves '{data}'" in caught.value.message


@pytest.mark.parametrize(
    ("target", "there"), [("/lib/toy", "lib/toy/own.txt"), ("/bin/xtoy.js", "bin/xtoy.js"), ("/lib", "lib/toy")]
)
def test_what_would_hide_a_file_of_the_environment_is_refused(environment, tmp_path, target, there):
    put(tmp_path, "here/own.txt", "mine")
    put(tmp_path, "here/toy", "a file where the environment has a folder")
    put(tmp_path, "one", "mine")
    source = tmp_path / ("one" if target.endswith(".js") else "here")
    mounted = read_mounts([Mount(source=source, target=target)])
    with pytest.raises(PackError, match=f"the environment has '/{there}' itself"):
        select_files(read_prefix(environment), mounted=mounted)
    below = read_mounts([Mount(source=tmp_path / "one", target="/lib/toy/own.txt/below")])
    with pytest.raises(PackError, match=r"the environment has '/lib/toy/own\.txt' itself, of the package xeus-toy"):
        select_files(read_prefix(environment), mounted=below)


def test_mounted_files_are_loaded_on_demand_and_no_package_has_them(environment, data, tmp_path):
    heard = Heard()
    pack_environment(
        environment, tmp_path / "pack", options(f"{data}:/data", f"{data}/a.csv:/b/one.csv"), reporter=heard
    )
    assert heard.warnings == []
    unpack(tmp_path / "pack", tmp_path / "unpacked")
    assert (tmp_path / "unpacked/data/deep/b.csv").read_text() == "3\n"
    assert (tmp_path / "unpacked/data/deep/link.csv").readlink() == Path("../a.csv")
    assert (tmp_path / "unpacked/b/one.csv").read_text() == "1,2\n"
    manifest = json.loads((tmp_path / "pack/manifest.json").read_bytes())
    (own,) = (archive for archive in manifest["archives"] if not archive["packages"])
    assert own["load"] == "demand"
    assert str(tmp_path) not in (tmp_path / "pack/manifest.json").read_text()


def test_a_pack_without_mounts_is_what_it_was(environment, data, tmp_path):
    pack_environment(environment, tmp_path / "plain", QUICK)
    pack_environment(environment, tmp_path / "mounted", options(f"{data}:/data"))
    plain, mounted = tree(tmp_path / "plain"), tree(tmp_path / "mounted")
    kept = {name for name in plain if name.startswith(("archives/", "kernels/"))}
    # What is mounted lies apart: it adds an archive, and changes those of no package.
    assert {name: mounted[name] for name in kept} == {name: plain[name] for name in kept}
    assert len(mounted) == len(plain) + 1
    write_pack(plan_pack(read_prefix(environment), level=1), tmp_path / "by hand")
    assert tree(tmp_path / "by hand") == plain


def test_the_same_mounts_are_copied_and_a_changed_file_is_packed(environment, data, tmp_path):
    mounts = options(f"{data}:/data")
    one = pack_environment(environment, tmp_path / "one", mounts)
    for path in data.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    again = pack_environment(environment, tmp_path / "two", mounts)
    assert (one.again, again.again) == (False, True)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    status = (data / "a.csv").stat()
    (data / "a.csv").write_text("9,9\n")
    os.utime(data / "a.csv", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not pack_environment(environment, tmp_path / "two", mounts).again
    unpack(tmp_path / "two", tmp_path / "unpacked")
    assert (tmp_path / "unpacked/data/a.csv").read_text() == "9,9\n"
    elsewhere = pack_environment(environment, tmp_path / "three", options(f"{data}:/else"))
    assert not elsewhere.again
    assert not pack_environment(environment, tmp_path / "four", QUICK).again


def test_a_file_that_changes_while_it_is_packed_is_an_error(environment, data):
    mounted = read_mounts([Mount(source=data, target="/data")])
    plan = plan_pack(read_prefix(environment), selection=select_files(read_prefix(environment), mounted=mounted))
    (data / "a.csv").write_text("9,9\n")
    with pytest.raises(PackError, match=r"a\.csv' was changed while it was packed"):
        plan.read("data/a.csv")
    (data / "deep/b.csv").unlink()
    with pytest.raises(PackError, match=r"b\.csv', which is mounted, cannot be read"):
        plan.read("data/deep/b.csv")


@pytest.mark.parametrize("output", ["data/pack", "."])
def test_a_pack_is_not_written_into_what_it_holds(environment, data, output):
    for pack in (pack_environment, plan_with_store):
        with pytest.raises(PackError, match="which is mounted at '/data'"):
            pack(environment, data.parent / output, options(f"{data}:/data"))


def plan_with_store(source: Path, output: Path, chosen: PackOptions) -> None:
    plan_environment(source, output, chosen, store=open_store())


def test_an_empty_folder_is_told(environment, tmp_path):
    (tmp_path / "empty").mkdir()
    heard = Heard()
    mounts = options(f"{tmp_path / 'empty'}:/data")
    for _ in range(2):
        pack_environment(environment, tmp_path / "pack", mounts, reporter=heard)
    assert heard.warnings == ["nothing is mounted at '/data': the folder holds no file"] * 2


def test_a_folder_may_have_names_that_an_environment_keeps_for_itself(tmp_path):
    put(tmp_path, "data/conda-meta/history", "x")
    mounted = read_mounts([Mount(source=tmp_path / "data", target="/data")])
    assert [file.path for file in mounted.files] == ["data/conda-meta/history"]
    assert Mounted().content == []


def test_the_command_takes_mounts(environment, data, tmp_path):
    flags = ("--no-trace", "--no-bytecode", "--no-check", "--level", "1", "-o", tmp_path / "pack", "--mount")
    done = lite_env("pack", environment, *flags, f"{data}:/data", "--mount", f"{data}:/more")
    assert done.code == 0, done.err
    unpack(tmp_path / "pack", tmp_path / "unpacked")
    assert (tmp_path / "unpacked/data/a.csv").read_text() == "1,2\n"
    assert (tmp_path / "unpacked/more/a.csv").read_text() == "1,2\n"
    refused = lite_env("pack", environment, *flags, f"{tmp_path}/missing:/data")
    assert refused.code == 1
    assert "missing' cannot be mounted at '/data'" in refused.err
    assert "hint: look at the spelling" in refused.err


@pytest.mark.node
@pytest.mark.network
def test_a_real_kernel_reads_a_mounted_file_when_it_is_opened(numpy_pack, tmp_path):
    put(tmp_path, "data/big.txt", "mounted" * 200_000)
    put(tmp_path, "data/tools.py", "ANSWER = 42\n")
    put(tmp_path, "data/deep/link.txt", ("->", "../big.txt"))
    prefix = numpy_pack.parent / "prefix"
    mounts = options(f"{tmp_path / 'data'}:/data", f"{tmp_path / 'data'}:/files")
    pack_environment(prefix, tmp_path / "pack", mounts)
    with start_kernel(tmp_path / "pack", options=RunOptions()) as running:

        def run(code: str) -> str:
            printed: list[str] = []
            result = running.client.execute(code, on_output=lambda told: printed.append(told.content.get("text", "")))
            assert result.status == "ok", result
            return "".join(printed)

        assert run("import os; print(sorted(os.listdir('/data')), os.path.getsize('/data/big.txt'))") == (
            "['big.txt', 'deep', 'tools.py'] 1400000\n"
        )
        before = running.client.figures().requests
        assert run("print(open('/data/deep/link.txt').read(7), len(open('/files/big.txt').read()))") == (
            "mounted 1400000\n"
        )
        assert running.client.figures().requests == before + 2, "each of two mounts has this file"
        assert run("import sys; sys.path.append('/data'); import tools; print(tools.ANSWER)") == "42\n"
        written = "open('/data/tools.py', 'w').write('mine'); open('/data/new.txt', 'w').write('x')"
        assert run(f"{written}; print(open('/data/tools.py').read(), len(os.listdir('/data')))") == "mine 5\n", (
            "tools.py's bytecode, too"
        )
    assert (tmp_path / "data/tools.py").read_text() == "ANSWER = 42\n"
