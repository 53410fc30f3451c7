import dataclasses
import hashlib
import sys
from functools import partial

import pytest

from lite_env.channel import registry
from lite_env.channel.member import SourceArchive
from lite_env.channel.model import Source
from lite_env.channel.sources import fetch_source as fetch_source_of
from lite_env.errors import FetchError
from lite_env.store.download import Retry
from tests.channel_inputs import RecordingReporter, Served, make_wheel, serving
from tests.fakes import MemoryStore

FILE, DATA = make_wheel("things", "1.0", {"things/a": b"1"})
SOURCE = Source(name="things", pip="things==1.0", file=FILE, sha256=hashlib.sha256(DATA).hexdigest(), size=len(DATA))
RETRY = Retry(attempts=2, sleep=lambda _: None)


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def downloads(tmp_path):
    return tmp_path / "downloads"


@pytest.fixture
def fetch_source(downloads):
    return partial(fetch_source_of, downloads=downloads)


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """The only place that pip looks at."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    (folder / FILE).write_bytes(DATA)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def test_pip_brings_a_wheel_into_the_store_once(fetch_source, store, wheels, downloads):
    reporter = RecordingReporter()
    data = fetch_source(SOURCE, store=store, retry=RETRY, reporter=reporter)
    assert data == DATA
    assert reporter.tasks == [(f"downloading {FILE}", len(DATA), "B")]
    assert reporter.advanced[f"downloading {FILE}"] == len(DATA)
    (wheels / FILE).unlink()
    assert fetch_source(SOURCE, store=store, offline=True) == DATA
    assert [(entry.digest, entry.kind, entry.vouched) for entry in store.entries()] == [(SOURCE.sha256, "source", True)]
    assert list(downloads.iterdir()) == []


def test_what_pip_brings_is_checked(fetch_source, store, wheels, downloads):
    (wheels / FILE).write_bytes(make_wheel("things", "1.0", {"things/a": b"2"})[1])
    with pytest.raises(FetchError, match=f"the file {FILE} from things==1.0 is not the one") as caught:
        fetch_source(SOURCE, store=store, retry=RETRY)
    context = dict(caught.value.context)
    assert context["expected"] == f"sha256 {SOURCE.sha256}, {len(DATA)} bytes"
    assert "nothing was built" in caught.value.hint
    assert not list(store.entries())
    assert list(downloads.iterdir()) == []


def test_pip_that_finds_nothing_says_so(fetch_source, store, wheels):
    (wheels / FILE).unlink()
    with pytest.raises(FetchError, match=r"`pip download things==1\.0` failed") as caught:
        fetch_source(SOURCE, store=store, retry=RETRY)
    assert "No matching distribution found" in dict(caught.value.context)["pip"]


def test_pip_without_a_network_says_why(fetch_source, store, monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_RETRIES", "1")
    for variable in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(FetchError, match=r"`pip download things==1\.0` failed") as caught:
        fetch_source(SOURCE, store=store, retry=RETRY)
    said = dict(caught.value.context)["pip"]
    assert "WARNING: Retrying" in said
    assert "No matching distribution" in said


def test_pip_that_brings_another_file_says_so(fetch_source, store, wheels):
    source = dataclasses.replace(SOURCE, file="other.whl")
    with pytest.raises(FetchError, match="gave another file") as caught:
        fetch_source(source, store=store, retry=RETRY)
    assert dict(caught.value.context) == {"found": FILE, "expected": "other.whl"}


def test_a_python_without_pip_says_how_to_get_it(fetch_source, store, wheels, monkeypatch, tmp_path):
    # -S -E with an empty folder first: a Python that cannot import pip, without touching this one.
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\nshift 2\nexec "{sys.executable}" -I -S -m pip "$@"\n')
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    with pytest.raises(FetchError, match="this Python has none") as caught:
        fetch_source(SOURCE, store=store, retry=RETRY)
    assert "-m ensurepip" in caught.value.hint


def test_a_failing_pip_is_asked_again_when_that_can_help(fetch_source, store, wheels, monkeypatch):
    calls = []

    def run(asked, wanted, file, folder, task):
        calls.append(wanted)
        (folder / "brought").mkdir(exist_ok=True)
        if len(calls) == 2:
            (folder / "brought" / FILE).write_bytes(DATA)
        return "ERROR: connection broken"

    monkeypatch.setattr(registry, "run_client", run)
    assert fetch_source(SOURCE, store=store, retry=RETRY) == DATA
    assert len(calls) == 2


@pytest.fixture
def npm_package(tmp_path):
    """A package that npm itself takes from a folder; as a source of the name that it gives its archive."""
    folder = tmp_path / "toy"
    folder.mkdir()
    (folder / "package.json").write_text('{"name": "@toys/one", "version": "1.0.0", "files": ["a.js"]}')
    (folder / "a.js").write_text("1;\n")
    return Source(name="toy", npm=str(folder), file="toys-one-1.0.0.tgz", sha256="0" * 64, size=1)


@pytest.mark.node
@pytest.mark.slow
def test_npm_brings_a_package_which_is_checked(fetch_source, store, npm_package):
    with pytest.raises(FetchError, match=r"the file toys-one-1\.0\.0\.tgz from .* is not the one") as caught:
        fetch_source(npm_package, store=store, retry=RETRY)
    _, sha256, size, _ = dict(caught.value.context)["found"].replace(",", "").split()
    source = dataclasses.replace(npm_package, sha256=sha256, size=int(size))
    data = fetch_source(source, store=store, retry=RETRY)
    archive = SourceArchive(data, name="toy", root="package")
    assert archive.read("a.js") == b"1;\n"
    assert fetch_source(source, store=store, offline=True) == data


def test_npm_that_fails_says_why(fetch_source, store, npm_package, monkeypatch, tmp_path):
    program = tmp_path / "npm"
    program.write_text("#!/bin/sh\necho 'npm error code E404' >&2\necho 'npm error 404 Not Found' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    source = dataclasses.replace(npm_package, npm="toy@1.0.0")
    with pytest.raises(FetchError, match=r"`npm pack toy@1\.0\.0` failed") as caught:
        fetch_source(source, store=store, retry=RETRY)
    assert dict(caught.value.context)["npm"] == "npm error code E404; npm error 404 Not Found"
    assert "npm config list" in caught.value.hint


def test_a_machine_without_npm_says_how_to_get_it(fetch_source, store, npm_package, monkeypatch):
    monkeypatch.setattr(registry.shutil, "which", lambda name: None)
    monkeypatch.setattr(registry.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FetchError, match="fetched with npm, and there is none") as caught:
        fetch_source(npm_package, store=store, retry=RETRY)
    assert "lite-env[node]" in caught.value.hint


@pytest.mark.parametrize(
    ("file", "target"),
    [
        ("a-1-py3-none-any.whl", ["--platform", "any"]),
        ("a-1.tar.gz", []),
        (
            "a-1-cp314-cp314-pyemscripten_2026_0_wasm32.whl",
            ["--platform", "pyemscripten_2026_0_wasm32", "--implementation", "cp", "--abi", "cp314"],
        ),
        (
            "a-1-cp311-abi3-pyemscripten_2026_0_wasm32.whl",
            ["--platform", "pyemscripten_2026_0_wasm32", "--implementation", "cp", "--abi", "abi3"],
        ),
    ],
)
def test_pip_is_asked_for_what_the_wheel_is_made_for(file, target, tmp_path):
    command = registry.PIP.command("a==1", file, tmp_path)
    assert command[-1] == "a==1"
    assert all(part in command for part in target)
    assert ("--platform" in command) == bool(target)


def test_urls_are_tried_after_pip_and_in_order(fetch_source, store, wheels):
    (wheels / FILE).unlink()
    with serving(Served(files={"good": DATA})) as served:
        source = dataclasses.replace(SOURCE, urls=(f"{served.url}/gone", f"{served.url}/good"))
        data = fetch_source(source, store=store, retry=RETRY)
    assert data == DATA
    assert [asked for asked, _ in served.requests] == ["/gone", "/good"]


def test_members_are_fetched_one_by_one_where_the_whole_cannot_be_had(fetch_source, store):
    files = {"one.js": b"1", "inner/two.bin": b"2"}
    wanted = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    heard = RecordingReporter()
    with serving(Served(files={f"full/{path}": data for path, data in files.items()})) as served:
        source = dataclasses.replace(SOURCE, pip=None, urls=(f"{served.url}/gone",), members=f"{served.url}/full/")
        source = dataclasses.replace(source, root="below")
        data = fetch_source(source, store=store, members=wanted, retry=RETRY, reporter=heard)
        archive = SourceArchive(data, name="things", root="below")
        assert {path: archive.read(path) for path in files} == files
        asked = len(served.requests)
        again = fetch_source(source, store=store, members=wanted, retry=RETRY)
        assert [path for path, _ in served.requests[asked:]] == ["/gone"]
    assert again == data
    assert any("one by one" in note for note in heard.notes)


def test_a_member_that_is_another_one_is_refused(fetch_source, store):
    with serving(Served(files={"full/one.js": b"changed"})) as served:
        source = dataclasses.replace(SOURCE, pip=None, urls=(f"{served.url}/gone",), members=f"{served.url}/full/")
        with pytest.raises(FetchError):
            fetch_source(source, store=store, members={"one.js": hashlib.sha256(b"1").hexdigest()}, retry=RETRY)
    assert not list(store.entries())


def test_when_no_place_has_it_each_is_named(fetch_source, store):
    with serving(Served()) as served:
        source = dataclasses.replace(SOURCE, pip=None, urls=(f"{served.url}/a", f"{served.url}/b"))
        with pytest.raises(FetchError, match="none of the 2 places has the source") as caught:
            fetch_source(source, store=store, retry=RETRY)
    context = dict(caught.value.context)
    assert "/a could not be downloaded" in context["place_1"]
    assert "/b could not be downloaded" in context["place_2"]


def test_offline_and_not_there_says_so(fetch_source, store):
    with pytest.raises(FetchError, match=f"offline, and the source {FILE} is not in the cache"):
        fetch_source(SOURCE, store=store, offline=True)
