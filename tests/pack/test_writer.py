from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from importlib.resources import files as resource_files

import jsonschema
import msgspec
import pytest
import zstandard

from lite_env.errors import PackError, WasmError
from lite_env.pack.plan import plan_pack
from lite_env.pack.reader import read_content, read_index, read_manifest
from lite_env.pack.restore import unpack
from lite_env.pack.schema import SCHEMA_FILE, schema_text
from lite_env.pack.writer import encode_manifest, write_pack
from lite_env.prefix.reader import read_prefix
from lite_env.store.digest import sha256_of_bytes, sha256_of_file
from tests.prefixes import SITE, WASM, Heard, Toy, kernel_package, make_prefix, put, side_module


def pack_of(prefix, output, **options):
    options.setdefault("level", 3)
    return write_pack(plan_pack(read_prefix(prefix), **options), output)


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def raw_index(pack, manifest):
    return zstandard.ZstdDecompressor().decompress((pack / manifest.index.path).read_bytes())


def test_a_pack_has_the_documented_files(prefix, tmp_path):
    manifest = pack_of(prefix, tmp_path / "pack")
    (kernel,) = manifest.kernels
    expected = {"manifest.json", manifest.index.path, *(archive.path for archive in manifest.archives)}
    expected |= {file.path for file in kernel.files}
    assert set(tree(tmp_path / "pack")) == expected
    assert read_manifest(tmp_path / "pack") == manifest


def test_every_name_is_the_hash_of_what_it_names(prefix, tmp_path):
    pack = tmp_path / "pack"
    manifest = pack_of(prefix, pack)
    for item in (*manifest.archives, manifest.index):
        data = (pack / item.path).read_bytes()
        raw = zstandard.ZstdDecompressor().decompress(data)
        assert (len(data), sha256_of_bytes(data)) == (item.size, item.sha256)
        assert (len(raw), sha256_of_bytes(raw)) == (item.raw_size, item.digest)
        assert item.digest in item.path
    for file in manifest.kernels[0].binaries:
        assert sha256_of_file(pack / file.path) == file.sha256
        raw = zstandard.ZstdDecompressor().decompress((pack / file.path).read_bytes())
        assert (len(raw), sha256_of_bytes(raw)) == (file.raw_size, file.digest)
        assert file.digest[:16] in file.path
        assert (prefix / file.source).read_bytes() == raw
    for file in (manifest.kernels[0].spec, *manifest.kernels[0].logos):
        assert sha256_of_file(pack / file.path) == file.sha256 == file.digest
        assert (pack / file.path).stat().st_size == file.size == file.raw_size
    assert all(logo.digest[:16] in logo.path for logo in manifest.kernels[0].logos)


def test_the_index_points_at_the_bytes_of_every_file(prefix, tmp_path):
    pack = tmp_path / "pack"
    manifest = pack_of(prefix, pack)
    entries = read_index(pack, manifest).entries
    seen = set()
    for number, archive in enumerate(manifest.archives):
        raw = zstandard.ZstdDecompressor().decompress((pack / archive.path).read_bytes())
        with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
            members = tar.getmembers()
        for member in members:
            seen.add(member.name)
            entry = entries[member.name]
            if member.issym():
                assert entry.target == (prefix / member.name).readlink().as_posix()
                continue
            assert (entry.archive, entry.offset, entry.size) == (number, member.offset_data, member.size)
            if not member.name.endswith("kernel.json"):
                assert raw[entry.offset : entry.offset + entry.size] == (prefix / member.name).read_bytes()
    assert seen == set(entries)


def test_needed_libraries_are_in_the_index(prefix, tmp_path):
    manifest = pack_of(prefix, tmp_path / "pack")
    needed = json.loads(raw_index(tmp_path / "pack", manifest))["needed"]
    assert needed == {f"{SITE}/numpy/core.so": ["libblas.so"], "lib/libxeus.so": ["libc++.so"]}


def test_manifest_and_index_follow_their_schemas(prefix, tmp_path):
    manifest = pack_of(prefix, tmp_path / "pack")
    schemas = resource_files("lite_env.pack")
    for data, name in (
        ((tmp_path / "pack/manifest.json").read_bytes(), SCHEMA_FILE),
        (raw_index(tmp_path / "pack", manifest), "index.schema.json"),
    ):
        schema = json.loads(schemas.joinpath(name).read_text("utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.Draft202012Validator(schema).validate(json.loads(data))


def test_the_shipped_schema_is_that_of_the_values():
    shipped = resource_files("lite_env.pack").joinpath(SCHEMA_FILE).read_text("utf-8")
    assert shipped == schema_text(), "run `python -m lite_env.pack.schema`"


def test_the_manifest_is_sorted_and_ends_with_a_newline(prefix, tmp_path):
    pack_of(prefix, tmp_path / "pack")
    text = (tmp_path / "pack/manifest.json").read_text("utf-8")
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def test_packing_again_gives_the_same_bytes_from_elsewhere_and_at_another_time(prefix, tmp_path):
    pack_of(prefix, tmp_path / "one")
    elsewhere = tmp_path / "else" / "where" / "prefix"
    shutil.copytree(prefix, elsewhere, symlinks=True)
    for path in elsewhere.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    pack_of(elsewhere, tmp_path / "two")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


@pytest.mark.parametrize(
    ("seed", "mask", "epoch"), [("1", 0o077, "0"), ("2", 0o000, "1700000000")], ids=["strict umask", "open umask"]
)
def test_hash_seed_umask_and_clock_do_not_matter(prefix, tmp_path, seed, mask, epoch):
    pack_of(prefix, tmp_path / "one")
    code = (
        "import sys; from pathlib import Path; from lite_env.pack.plan import plan_pack;"
        "from lite_env.pack.writer import encode_manifest, write_pack; from lite_env.prefix.reader import read_prefix;"
        "write_pack(plan_pack(read_prefix(Path(sys.argv[1])), level=3), Path(sys.argv[2]))"
    )
    environment = os.environ | {"PYTHONHASHSEED": seed, "SOURCE_DATE_EPOCH": epoch, "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    subprocess.run(
        [sys.executable, "-c", code, str(prefix), str(tmp_path / "two")], check=True, env=environment, umask=mask
    )
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_hard_links_are_packed_as_files(prefix, tmp_path):
    os.link(prefix / "lib/python3.11/abc.py", prefix / "lib/python3.11/abd.py")
    manifest = pack_of(prefix, tmp_path / "pack")
    entries = read_index(tmp_path / "pack", manifest).entries
    assert entries["lib/python3.11/abc.py"].size == entries["lib/python3.11/abd.py"].size == 6


@pytest.mark.parametrize(("mode", "executable"), [(0o600, False), (0o4711, True), (0o444, False), (0o777, True)])
def test_odd_modes_become_executable_or_not(prefix, tmp_path, mode, executable):
    (prefix / "lib/python3.11/abc.py").chmod(mode)
    manifest = pack_of(prefix, tmp_path / "pack")
    assert read_index(tmp_path / "pack", manifest).entries["lib/python3.11/abc.py"].executable == executable


def test_progress_is_in_bytes_and_ends_at_the_total(prefix, tmp_path):
    heard = Heard()
    write_pack(plan_pack(read_prefix(prefix), level=1), tmp_path / "pack", reporter=heard)
    assert heard.done["packing"] == heard.totals["packing"] > 0


def test_a_native_library_is_told(prefix, tmp_path):
    put(prefix, f"{SITE}/native/x.so", b"\x7fELF")
    heard = Heard()
    write_pack(plan_pack(read_prefix(prefix), level=1), tmp_path / "pack", reporter=heard)
    (warning,) = heard.warnings
    assert f"'{SITE}/native/x.so' is not WebAssembly" in warning


def test_a_broken_library_names_its_file_and_leaves_nothing(prefix, tmp_path):
    put(prefix, f"{SITE}/broken/x.so", side_module("liba.so")[:-3])
    with pytest.raises(WasmError, match=f"'{SITE}/broken/x.so' is not a sound WebAssembly module"):
        pack_of(prefix, tmp_path / "out" / "pack")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_kernel_that_is_no_webassembly_is_refused(prefix, tmp_path):
    put(prefix, "bin/xtoy.wasm", b"<!doctype html>")
    with pytest.raises(PackError, match=r"'bin/xtoy\.wasm' is not WebAssembly"):
        pack_of(prefix, tmp_path / "pack")


def test_what_several_kernels_have_lies_once(tmp_path):
    one = kernel_package("xeus-one", kernel="one", **{"share/jupyter/kernels/one/logo.svg": b"<svg/>"})
    two = kernel_package("xeus-two", kernel="two", **{"share/jupyter/kernels/two/logo.svg": b"<svg/>"})
    manifest = pack_of(make_prefix(tmp_path / "p", one, two), tmp_path / "pack")
    first, second = manifest.kernels
    assert (first.name, second.name) == ("one", "two")
    assert first.binaries == second.binaries
    assert (first.logos[1].path, first.logos[1].sha256) == (second.logos[1].path, second.logos[1].sha256)
    assert [kernel.logos[1].source for kernel in manifest.kernels] == [
        "share/jupyter/kernels/one/logo.svg",
        "share/jupyter/kernels/two/logo.svg",
    ]
    paths = {path for path in tree(tmp_path / "pack") if path.startswith("kernels/")}
    assert len(paths) == 7  # two kernel.json, one script, module and shared logo, two logos of their own
    assert {path for path in paths if path.startswith("kernels/two/")} == {second.spec.path, second.logos[0].path}
    unpack(tmp_path / "pack", tmp_path / "out")
    pack_of(tmp_path / "out", tmp_path / "again", name="p")
    assert tree(tmp_path / "again") == tree(tmp_path / "pack")


def test_what_a_kernel_has_of_no_bytes_is_packed_and_read(prefix, tmp_path):
    put(prefix, "bin/xtoy.data", b"")
    put(prefix, "share/jupyter/kernels/toy/logo-64x64.png", b"")
    manifest = pack_of(prefix, tmp_path / "pack")
    (data,) = manifest.kernels[0].of_role("data")
    (logo,) = manifest.kernels[0].logos
    assert (data.raw_size, logo.raw_size, logo.size) == (0, 0, 0)
    assert read_manifest(tmp_path / "pack") == manifest
    assert read_content(tmp_path / "pack", data) == read_content(tmp_path / "pack", logo) == b""
    unpack(tmp_path / "pack", tmp_path / "out")
    assert (tmp_path / "out/bin/xtoy.data").stat().st_size == 0


def test_a_logo_that_is_a_link_is_packed_as_a_file(prefix, tmp_path):
    put(prefix, "share/icons/toy.svg", "<svg/>")
    put(prefix, "share/jupyter/kernels/toy/logo-svg.svg", ("->", "../../../icons/toy.svg"))
    put(prefix, "share/jupyter/kernels/toy/logo-lost.svg", ("->", "nothing.svg"))
    pack = tmp_path / "pack"
    manifest = pack_of(prefix, pack)
    assert [logo.name for logo in manifest.kernels[0].logos] == ["logo-64x64.png", "logo-svg.svg"]
    assert read_content(pack, manifest.kernels[0].logos[1]) == b"<svg/>"
    entries = read_index(pack, manifest).entries
    assert entries["share/jupyter/kernels/toy/logo-svg.svg"].size == 6
    assert entries["share/jupyter/kernels/toy/logo-lost.svg"].target == "nothing.svg"
    unpack(pack, tmp_path / "out")
    assert (tmp_path / "out/share/jupyter/kernels/toy/logo-svg.svg").read_bytes() == b"<svg/>"
    pack_of(tmp_path / "out", tmp_path / "again")
    assert tree(tmp_path / "again") == tree(pack)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (Toy(name="numpy", record={"version": "1/2"}), r"packages\[\d\]\.version is '1/2'"),
        (Toy(name="python", version="three"), r"kernels\[0\]\.runtime\.python is 'three'"),
    ],
)
def test_what_no_reader_would_take_is_an_error_of_the_writer_and_leaves_nothing(tmp_path, change, fault):
    python = () if change.name == "python" else (Toy(name="python", version="3.11.3"),)
    prefix = make_prefix(tmp_path / "p", kernel_package(language="python"), change, *python)
    plan = plan_pack(read_prefix(prefix), level=1)
    with pytest.raises(PackError, match=f"nobody could read the pack: .*{fault}") as caught:
        write_pack(plan, tmp_path / "out" / "pack")
    assert type(caught.value) is PackError
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("limit", "named"),
    [("MAX_INDEX_SIZE", "index has"), ("MAX_STORED_SIZE", r"kernels\[0\]\.spec is stored"), ("MAX_RAW_SIZE", "size")],
)
def test_what_is_larger_than_a_reader_takes_is_an_error_of_the_writer(prefix, tmp_path, monkeypatch, limit, named):
    plan = plan_pack(read_prefix(prefix), level=1)
    monkeypatch.setattr(f"lite_env.pack.check.{limit}", 40)
    with pytest.raises(PackError, match=f"nobody could read the pack: .*{named}"):
        write_pack(plan, tmp_path / "pack")


def test_a_manifest_that_is_larger_than_a_reader_takes_is_an_error_of_the_writer(prefix, tmp_path, monkeypatch):
    monkeypatch.setattr("lite_env.pack.writer.MAX_MANIFEST_SIZE", 1000)
    with pytest.raises(PackError, match=r"the manifest has \d+ bytes, more than the 1000"):
        pack_of(prefix, tmp_path / "pack")


class TestOutput:
    def test_a_pack_is_replaced_and_its_archives_are_taken_over(self, prefix, tmp_path, monkeypatch):
        pack = tmp_path / "pack"
        pack_of(prefix, pack)
        put(prefix, "lib/python3.11/abc.py", "x = 2\n")
        levels = []
        original = __import__("lite_env.pack.press", fromlist=["compress"]).compress
        monkeypatch.setattr(
            "lite_env.pack.press.compress", lambda raw, level: levels.append(level) or original(raw, level)
        )
        manifest = pack_of(prefix, pack)
        assert len(levels) == 1  # the archive of the changed file; the index tells of the same sizes
        assert {path.name for path in (pack / "archives").iterdir()} == {
            archive.path.partition("/")[2] for archive in manifest.archives
        }

    def test_taken_over_archives_give_the_bytes_of_a_new_pack(self, prefix, tmp_path):
        pack_of(prefix, tmp_path / "pack", level=1)
        pack_of(prefix, tmp_path / "pack", level=9)
        pack_of(prefix, tmp_path / "new", level=9)
        assert tree(tmp_path / "pack") == tree(tmp_path / "new")

    def test_a_damaged_archive_is_not_taken_over(self, prefix, tmp_path):
        pack = tmp_path / "pack"
        manifest = pack_of(prefix, pack)
        whole = tree(pack)
        (pack / manifest.archives[0].path).write_bytes(b"damaged")
        (pack / manifest.archives[1].path).unlink()
        pack_of(prefix, pack)
        assert tree(pack) == whole

    def test_an_archive_that_is_not_what_its_name_says_is_not_taken_over(self, prefix, tmp_path):
        pack = tmp_path / "pack"
        manifest = pack_of(prefix, pack)
        whole = tree(pack)
        first, second = manifest.archives[:2]
        forged = msgspec.structs.replace(second, size=first.size, sha256=first.sha256)
        shutil.copyfile(pack / first.path, pack / second.path)
        changed = msgspec.structs.replace(manifest, archives=(first, forged, *manifest.archives[2:]))
        (pack / "manifest.json").write_bytes(encode_manifest(changed))
        pack_of(prefix, pack)
        assert tree(pack) == whole

    def test_an_empty_folder_is_filled(self, prefix, tmp_path):
        (tmp_path / "pack").mkdir()
        pack_of(prefix, tmp_path / "pack")
        assert (tmp_path / "pack/manifest.json").exists()

    def test_a_foreign_folder_is_refused_and_left_alone(self, prefix, tmp_path):
        put(tmp_path, "pack/thesis.tex", "years of work")
        with pytest.raises(PackError, match=r"is not empty and not a pack: it holds 'thesis\.tex'"):
            pack_of(prefix, tmp_path / "pack")
        assert set(tree(tmp_path / "pack")) == {"thesis.tex"}

    def test_a_pack_with_a_foreign_file_is_refused(self, prefix, tmp_path):
        pack_of(prefix, tmp_path / "pack")
        put(tmp_path, "pack/notes.txt", "mine")
        with pytest.raises(PackError, match=r"it holds 'notes\.txt'"):
            pack_of(prefix, tmp_path / "pack")

    def test_a_folder_without_manifest_is_refused(self, prefix, tmp_path):
        put(tmp_path, "pack/archives/x", "")
        with pytest.raises(PackError, match="is not empty and not a pack"):
            pack_of(prefix, tmp_path / "pack")

    def test_a_file_is_refused(self, prefix, tmp_path):
        put(tmp_path, "pack", "")
        with pytest.raises(PackError, match="is a file"):
            pack_of(prefix, tmp_path / "pack")

    @pytest.mark.parametrize("where", ["prefix", "prefix/pack", "."])
    def test_a_place_in_or_around_the_environment_is_refused(self, prefix, tmp_path, where):
        with pytest.raises(PackError, match="in or around the environment"):
            pack_of(prefix, tmp_path / where)


def test_a_kernel_json_keeps_what_it_has_but_the_build_folder(tmp_path):
    prefix = make_prefix(
        tmp_path / "p",
        kernel_package(argv=["/build/_h_env_placehold/bin/xtoy", "--lib", "/build/_h_env_placehold/share"]),
    )
    put(prefix, "bin/xtoy.wasm", WASM)
    manifest = pack_of(prefix, tmp_path / "pack")
    assert manifest.kernels[0].argv == ("/bin/xtoy", "--lib", "/share")
    document = json.loads((tmp_path / "pack/kernels/toy/kernel.json").read_text("utf-8"))
    assert document == {
        "argv": ["/bin/xtoy", "--lib", "/share"],
        "display_name": "Toy",
        "language": "toy",
        "metadata": {},
    }
