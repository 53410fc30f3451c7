from __future__ import annotations

import io
import json
import tarfile
import zipfile

import pytest
import zstandard

from lite_env.errors import RecipeError
from lite_env.recipe.normalise import normalise
from lite_env.recipe.testing.package import read_package

PLACEHOLDER = "/build/of/{}/host_env".ljust(255, "_")


def tar(files: dict[str, bytes], *, mtime: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.uid, member.uname = len(data), mtime, mtime % 1000, f"user{mtime}"
            # As the umask of one machine and of another has it.
            member.mode = (0o755 if name.startswith("bin/") else 0o644) & ~(0o022 if mtime % 2000 else 0o077)
            archive.addfile(member, io.BytesIO(data))
    return zstandard.ZstdCompressor().compress(buffer.getvalue())


def package(folder, *, moment: int, order: int = 1):
    """A package as two builds of the same recipe would make it: at another time, in another folder."""
    prefix = PLACEHOLDER.format(moment)[:255]
    site = "lib/python3.11/site-packages"
    payload = {
        f"{site}/a.py": b"x = 1\n",
        f"{site}/__pycache__/a.cpython-311.pyc": str(moment).encode(),
        f"{site}/a-1.dist-info/direct_url.json": str(folder).encode(),
        f"{site}/a-1.dist-info/RECORD": b"a.py,sha256=x,6\r\na-1.dist-info/direct_url.json,sha256=%d,1\r\n"
        b"__pycache__/a.cpython-311.pyc,,\r\n" % moment,
        "bin/a": f"#!{prefix}/bin/python\n".encode(),
    }
    paths = [{"_path": name, "sha256": "0", "size_in_bytes": len(data)} for name, data in payload.items()]
    paths[-1] |= {"file_mode": "text", "prefix_placeholder": prefix}
    index = {"name": "a", "version": "1", "build": "0", "timestamp": moment, "depends": ["z", "a >=1"][::order]}
    info = {
        "info/index.json": json.dumps(index).encode(),
        "info/about.json": json.dumps({"channels": [f"file://{folder}", "https://example.org/c"]}).encode(),
        "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}).encode(),
        "info/run_exports.json": b'{"weak": ["a"]}',
        "info/tests/tests.yaml": b"- python:\n    imports:\n    - a\n",
    }
    folder.mkdir()
    path = folder / "a-1-0.conda"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", '{"conda_pkg_format_version":2}')
        archive.writestr("info-a-1-0.tar.zst", tar(info, mtime=moment))
        archive.writestr("pkg-a-1-0.tar.zst", tar(dict(list(payload.items())[::order]), mtime=moment))
    return path


def read(path, part):
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.startswith(part))
        data = zstandard.ZstdDecompressor().stream_reader(archive.read(name)).read()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}


def test_two_builds_of_one_recipe_have_the_same_bytes(tmp_path):
    one, two = package(tmp_path / "one", moment=1000), package(tmp_path / "two", moment=2000, order=-1)
    normalise(one, tmp_path / "1.conda")
    normalise(two, tmp_path / "2.conda")
    assert (tmp_path / "1.conda").read_bytes() == (tmp_path / "2.conda").read_bytes()


def test_the_container_has_one_time_and_programs_stay_programs(tmp_path):
    normalise(package(tmp_path / "one", moment=2000), tmp_path / "1.conda")
    with zipfile.ZipFile(tmp_path / "1.conda") as archive:
        assert {part.date_time for part in archive.infolist()} == {(2026, 1, 1, 0, 0, 0)}
        name = next(name for name in archive.namelist() if name.startswith("pkg"))
        data = zstandard.ZstdDecompressor().stream_reader(archive.read(name)).read()
    with tarfile.open(fileobj=io.BytesIO(data)) as members:
        modes = {member.name: member.mode for member in members}
        assert {member.mtime for member in members} == {1767225600}
    assert modes["bin/a"] == 0o755
    assert modes["lib/python3.11/site-packages/a.py"] == 0o644


def test_what_tells_of_the_machine_is_gone_and_all_else_is_as_it_was(tmp_path):
    made = package(tmp_path / "one", moment=1000)
    normalise(made, tmp_path / "a-1-0.conda")
    payload, info = read(tmp_path / "a-1-0.conda", "pkg"), read(tmp_path / "a-1-0.conda", "info")
    assert not [name for name in payload if name.endswith((".pyc", "direct_url.json"))]
    assert payload["lib/python3.11/site-packages/a-1.dist-info/RECORD"] == b"a.py,sha256=x,6\r\n"
    assert b"/build/of" not in payload["bin/a"]
    paths = {entry["_path"]: entry for entry in json.loads(info["info/paths.json"])["paths"]}
    assert set(paths) == set(payload)
    assert all(entry["size_in_bytes"] == len(payload[name]) for name, entry in paths.items())
    assert paths["bin/a"]["prefix_placeholder"].encode() in payload["bin/a"]
    assert json.loads(info["info/about.json"])["channels"] == ["https://example.org/c"]
    assert json.loads(info["info/index.json"])["depends"] == ["a >=1", "z"]
    for name in ("info/run_exports.json", "info/tests/tests.yaml"):
        assert info[name] == read(made, "info")[name]
    assert read_package(tmp_path / "a-1-0.conda").tests == ({"python": {"imports": ["a"]}},)


def test_what_is_no_package_is_refused(tmp_path):
    path = tmp_path / "a-1-0.conda"
    path.write_bytes(b"no zip")
    with pytest.raises(RecipeError, match="is broken"):
        normalise(path, tmp_path / "b.conda")
    with pytest.raises(RecipeError, match="is broken"):
        read_package(path)
