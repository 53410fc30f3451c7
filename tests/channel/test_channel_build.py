import json
import os
import subprocess
import sys
import tarfile
import threading
import zipfile
from io import BytesIO

import filelock
import pytest
import zstandard

from lite_env.channel import build as build_module
from lite_env.channel import catalog, is_unbuilt
from lite_env.channel.build import build_channel, plan_channel
from lite_env.channel.model import PREFIX_PLACEHOLDER
from lite_env.errors import ChannelError, FetchError
from tests.channel_inputs import (
    RecordingReporter,
    Served,
    definition_text,
    make_zip,
    packed,
    serving,
    source_zip,
    write_definition,
)
from tests.fakes import MemoryStore
from tests.store.test_atomic import deep_folder


@pytest.fixture
def served():
    with serving(Served(files={"things.zip": source_zip()})) as server:
        yield server


@pytest.fixture
def definition(tmp_path, served, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "cache"))
    return write_definition(tmp_path / "small", definition_text(f"{served.url}/things.zip"))


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (".lock", "channel.yaml")
    }


def package_part(path, part):
    """One half of a .conda file: path to (content, mode)."""
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.startswith(f"{part}-"))
        data = zstandard.ZstdDecompressor().stream_reader(archive.read(name)).read()
    with tarfile.open(fileobj=BytesIO(data)) as archive:
        return {member.name: (archive.extractfile(member).read(), member.mode) for member in archive}


def test_a_channel_is_built_in_place_and_indexed(definition):
    reporter = RecordingReporter()
    built = build_channel(definition, reporter=reporter)
    assert built.fresh
    assert built.url == definition.resolve().as_uri()
    assert [file.path for file in built.packages] == [
        "emscripten-wasm32/kernel-2.0-h1_3.conda",
        "noarch/pure-1.0-py_0.conda",
    ]
    assert [(label, unit) for label, _, unit in reporter.tasks] == [
        ("downloading things.zip", "B"),
        ("building small", "items"),
    ]
    assert reporter.advanced["building small"] == 2
    assert sorted(path.name for path in definition.iterdir()) == [
        ".lock",
        "channel.built.json",
        "channel.yaml",
        "emscripten-wasm32",
        "noarch",
    ]
    index = json.loads((definition / "noarch/repodata.json").read_bytes())
    record = index["packages.conda"]["pure-1.0-py_0.conda"]
    file = built.packages[1]
    assert (record["sha256"], record["size"]) == (file.sha256, file.size)
    expected = {
        "name": "pure",
        "version": "1.0",
        "build": "py_0",
        "build_number": 0,
        "subdir": "noarch",
        "noarch": "python",
        "license": "MIT",
        "depends": ["python >=3.5"],
        "constrains": ["other ==1.0"],  # as rattler writes it
        "timestamp": 1704164645000,
    }
    assert {key: record[key] for key in expected} == expected
    assert "indexed_timestamp" not in record


def test_a_package_has_its_files_its_prefix_and_its_link_json(definition):
    build_channel(definition)
    kernel = definition / "emscripten-wasm32/kernel-2.0-h1_3.conda"
    paths = json.loads(package_part(kernel, "info")["info/paths.json"][0])["paths"]
    assert [entry["_path"] for entry in paths] == sorted(package_part(kernel, "pkg"))
    prefixed = [entry for entry in paths if "prefix_placeholder" in entry]
    assert [(entry["_path"], entry["file_mode"], entry["prefix_placeholder"]) for entry in prefixed] == [
        ("share/jupyter/kernels/k/kernel.json", "text", PREFIX_PLACEHOLDER)
    ]
    assert "info/link.json" not in package_part(kernel, "info")
    pure = definition / "noarch/pure-1.0-py_0.conda"
    assert json.loads(package_part(pure, "info")["info/link.json"][0])["noarch"]["type"] == "python"
    assert package_part(pure, "pkg") == {
        "python-scripts/tool": (b"#!python\n", 0o755),
        "site-packages/pure/__init__.py": (b"x = 1\n", 0o644),
    }
    about = json.loads(package_part(pure, "info")["info/about.json"][0])
    assert (about["license"], about["summary"], about["home"]) == ("MIT", "pure Python", "https://example.org/pure")


def test_bytes_depend_on_neither_folder_nor_clock_nor_hash_seed_nor_umask(definition, tmp_path):
    first = tmp_path / "first"
    build_channel(definition, output=first)
    other = tmp_path / "another" / "folder"
    code = (
        "import os, time, sys; os.umask(0o077); real = time.time; time.time = lambda: real() + 1e8\n"
        "from pathlib import Path; from lite_env.channel import build_channel\n"
        "build_channel(Path(sys.argv[1]), output=Path(sys.argv[2])); sys.stdout.flush(); os._exit(0)"
    )
    environment = os.environ | {"PYTHONHASHSEED": "12345", "TZ": "Pacific/Auckland", "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code, str(definition), str(other)], env=environment, check=True, cwd="/")
    assert contents(first) == contents(other)


def test_a_second_call_does_nothing_and_needs_no_network(definition, served):
    first = build_channel(definition)
    before = {path: path.stat().st_mtime_ns for path in definition.rglob("*.*")}
    requests = len(served.requests)
    second = build_channel(definition)
    assert (second.fresh, second.packages, second.indexes) == (False, first.packages, first.indexes)
    assert {path: path.stat().st_mtime_ns for path in definition.rglob("*.*")} == before
    assert len(served.requests) == requests


def test_another_output_takes_the_sources_from_the_cache(definition, served, tmp_path):
    store = MemoryStore()
    build_channel(definition, store=store)
    build_channel(definition, output=tmp_path / "other", offline=True, store=store)
    assert len(served.requests) == 1


def test_force_builds_again_the_same_bytes(definition):
    build_channel(definition)
    before = contents(definition)
    assert build_channel(definition, force=True).fresh
    assert contents(definition) == before


@pytest.mark.parametrize("name", ["noarch/pure-1.0-py_0.conda", "noarch/repodata.json", "channel.built.json"])
@pytest.mark.parametrize("damage", ["remove", "change"])
def test_a_damaged_channel_is_built_again(definition, name, damage):
    build_channel(definition)
    whole = contents(definition)
    file = definition / name
    if damage == "remove":
        file.unlink()
    else:
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    assert is_unbuilt(definition)
    assert build_channel(definition).fresh
    assert contents(definition) == whole
    assert not is_unbuilt(definition)


def test_a_changed_definition_is_built_again(definition):
    build_channel(definition)
    file = definition / "channel.yaml"
    file.write_text(file.read_text().replace("- python >=3.5", "- python >=3.6"))
    assert is_unbuilt(definition)
    assert build_channel(definition).fresh
    assert "python >=3.6" in (definition / "noarch/repodata.json").read_text()


def test_a_package_that_left_the_definition_leaves_the_channel(definition):
    build_channel(definition)
    file = definition / "channel.yaml"
    text = file.read_text()
    file.write_text(text[: text.index("  - name: pure")] + text[text.index("  - name: kernel") :])
    build_channel(definition)
    assert not list((definition / "noarch").glob("*.conda"))


@pytest.mark.parametrize("force", [False, True])
def test_a_channel_of_somebody_else_is_not_replaced(definition, served, tmp_path, force):
    theirs = tmp_path / "out" / "noarch" / "their-1.0-0.conda"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"theirs")
    with pytest.raises(ChannelError, match="is there already, and was not built by lite_env") as caught:
        build_channel(definition, output=tmp_path / "out", force=force)
    assert "-o" in caught.value.hint
    assert theirs.read_bytes() == b"theirs"
    assert served.requests == []


def test_a_build_that_ended_while_it_was_put_in_place_is_done_again(definition, monkeypatch, tmp_path):
    output = tmp_path / "out"
    build_channel(definition, output=output)
    whole = contents(output)

    def fail(staging, path):
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(build_module, "replace_directory", fail)
        with pytest.raises(OSError, match="disk full"):
            build_channel(definition, output=output, force=True)
    assert plan_channel(definition, output=output).built is None
    assert build_channel(definition, output=output).fresh
    assert contents(output) == whole


def test_what_a_killed_build_left_is_removed(definition):
    (definition / ".build-killed" / "channel").mkdir(parents=True)
    deep_folder(definition / ".build-deep", 1_500)
    build_channel(definition)
    assert not list(definition.glob(".build-*"))


def test_a_folder_without_a_definition_is_not_unbuilt(tmp_path):
    assert not is_unbuilt(tmp_path)


def test_an_unbuilt_definition_is_unbuilt(definition):
    assert is_unbuilt(definition)


BROKEN = [
    ({"inner/static/pure-1.0-py_0.tar.gz": b"\x1f\x8bhello"}, "is broken"),
    ({"inner/static/pure-1.0-py_0.tar.gz": packed("pure", "1.0", "py_0", 0, {"../x": b""})}, "holds '../x'"),
    ({"other": b""}, "has no member"),
]


@pytest.mark.parametrize(("files", "message"), BROKEN)
def test_a_failed_build_leaves_what_was_there_and_nothing_half_made(definition, served, files, message, tmp_path):
    output = tmp_path / "out"
    build_channel(definition, output=output)
    before = contents(output)
    data = make_zip({"inner/static/kernel.js": b"", "inner/static/kernel.wasm": b"", **files})
    served.files["things.zip"] = data
    text = definition_text(f"{served.url}/things.zip", data)
    # Without the transformed file, so that the build comes as far as the second package.
    write_definition(definition, text[: text.index("      bin/glue.js:")] + text[text.index("    text:") :])
    with pytest.raises(ChannelError, match=message):
        build_channel(definition, output=output)
    assert contents(output) == before
    assert sorted(path.name for path in output.iterdir()) == [
        ".lock",
        "channel.built.json",
        "emscripten-wasm32",
        "noarch",
    ]


def test_a_wrong_hash_builds_nothing(definition, served):
    served.files["things.zip"] = source_zip() + b"x"
    with pytest.raises(FetchError, match="is not the file that was expected"):
        build_channel(definition)
    assert sorted(path.name for path in definition.iterdir()) == [".lock", "channel.yaml"]


def test_a_missing_download_builds_nothing(definition, served):
    served.files.clear()
    with pytest.raises(FetchError, match="the server answered 404"):
        build_channel(definition)
    assert sorted(path.name for path in definition.iterdir()) == [".lock", "channel.yaml"]


def test_a_record_that_conda_does_not_take_is_our_error(definition):
    file = definition / "channel.yaml"
    file.write_text(file.read_text().replace('version: "2.0"', 'version: "..."'))
    with pytest.raises(ChannelError, match=r"kernel-\.\.\.-h1_3\.conda could not be assembled"):
        build_channel(definition)


def test_without_the_assembler_nothing_is_fetched(definition, served, monkeypatch):
    monkeypatch.setattr("lite_env.channel.assemble.find_spec", lambda name: None)
    with pytest.raises(ChannelError, match="needs py-rattler-build") as caught:
        build_channel(definition)
    assert caught.value.hint == 'pip install "lite-env[channels]"'
    assert served.requests == []


def test_a_file_where_the_output_should_be_is_a_clear_error(definition, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ChannelError, match="the channel cannot be written") as caught:
        build_channel(definition, output=tmp_path / "file")
    assert "-o" in caught.value.hint


def test_processes_wait_for_each_other_and_build_once(definition, monkeypatch):
    reporter = RecordingReporter()
    results = []
    started = threading.Event()
    lock = filelock.FileLock(definition / ".lock")
    monkeypatch.setattr(reporter, "note", lambda text, *, passing: (reporter.notes.append(text), started.set()))
    with lock:
        waiting = threading.Thread(target=lambda: results.append(build_channel(definition, reporter=reporter)))
        waiting.start()
        assert started.wait(10)
        # The other process finishes its build meanwhile.
        plan = plan_channel(definition)
        build_module._build(plan.definition, plan.output, offline=False, store=MemoryStore(), reporter=reporter)
    waiting.join(20)
    assert reporter.notes == [f"waiting for another process that builds {definition}"]
    assert [built.fresh for built in results] == [False]


def test_a_plan_says_what_would_be_done_and_writes_nothing(definition):
    plan = plan_channel(definition)
    assert plan.built is None
    assert [source.file for source in plan.missing] == ["things.zip"]
    assert [path.name for path in definition.iterdir()] == ["channel.yaml"]
    store = MemoryStore()
    build_channel(definition, store=store)
    assert plan_channel(definition).built is not None
    assert plan_channel(definition, force=True).built is None
    assert plan_channel(definition, store=store).missing == ()


def test_the_installed_definitions_are_not_built_inside_the_package(tmp_path, monkeypatch, definition):
    package = tmp_path / "site-packages" / "lite_env" / "channel"
    write_definition(package / "definitions" / "small", definition_text())
    monkeypatch.setattr(catalog, "__file__", str(package / "catalog.py"))
    found = catalog.find_definition("small")
    assert found == package / "definitions" / "small"
    with pytest.raises(ChannelError, match="cannot be built inside the installed package") as caught:
        plan_channel(found)
    assert caught.value.hint == "say where: `lite-env channel build small -o DIR`"
    assert plan_channel(found, output=tmp_path / "out").definition.name == "small"


def test_definitions_are_found_by_path_and_by_name(definition):
    assert catalog.find_definition(str(definition)) == definition
    assert catalog.find_definition(str(definition / "channel.yaml")) == definition
    assert (catalog.find_definition("emscripten-forge-2023") / "channel.yaml").is_file()
    with pytest.raises(ChannelError, match="there is no channel definition nothing-like-it") as caught:
        catalog.find_definition("nothing-like-it")
    assert "emscripten-forge-2023" in caught.value.hint


def test_nothing_is_shipped_when_there_is_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "__file__", str(tmp_path / "a" / "b" / "c" / "catalog.py"))
    assert catalog.shipped_definitions() == {}
