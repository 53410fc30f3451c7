"""A fresh folder gets what visitors of the earlier deployment may ask for, and believes nothing of it unseen."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lite_env.errors import SiteError
from lite_env.site import build as build_module
from lite_env.site.build import make_site
from lite_env.site.carry import AT_ONCE, bring
from lite_env.site.keep import current_time
from lite_env.site.plan import FOLDERS, SiteOptions, plan_site
from lite_env.site.previous import read_previous
from lite_env.site.record import RECORD, read_record
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.location import cache_directory
from tests.prefixes import Heard
from tests.remote_stores import folder_server
from tests.site_server import SiteServer
from tests.sites import make_pack, make_runtime
from tests.visitors import arrive, by_folder, load, with_manifests

START = datetime(2026, 11, 27, tzinfo=UTC)
DAY = timedelta(days=1)
SOON = 0.5


@pytest.fixture(scope="module")
def variants(tmp_path_factory):
    folder = tmp_path_factory.mktemp("variants")
    runtimes = [make_runtime(folder / f"dist{number}", worker=f"// {number}") for number in range(3)]
    return [
        ([make_pack(folder / "a", content="x" * 10_000), make_pack(folder / "gone", name="my env")], runtimes[0]),
        ([make_pack(folder / "b", content="x" * 10_000, level=19)], runtimes[1]),
        ([make_pack(folder / "c", content="z")], runtimes[2]),
    ]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "cache"))


def previous_of(place, *, patience=30.0, reporter=None):
    heard = reporter or Heard()
    return read_previous(str(place), RECORD, FOLDERS, patience=patience, reporter=heard)


def build(variant, output, *, previous=None, now=START, reporter=None, patience=30.0):
    packs, runtime = variant
    heard = reporter or Heard()
    found = None if previous is None else previous_of(previous, reporter=heard, patience=patience)
    return make_site(packs, output, SiteOptions(), runtime=runtime, now=now, previous=found, reporter=heard)


def plan_of(variant, output, previous):
    packs, runtime = variant
    return plan_site(packs, output, SiteOptions(), runtime=runtime, previous=previous, now=START + DAY)


def visitor(output):
    get = by_folder(output)
    return with_manifests(arrive(get), get)


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@contextmanager
def folder_itself(folder):
    yield folder


@contextmanager
def by_url(folder):
    server = SiteServer(folder)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


WAYS = pytest.mark.parametrize("way", [folder_itself, by_url], ids=["folder", "url"])


@WAYS
def test_who_holds_the_page_of_before_gets_all_of_it_from_a_fresh_folder(variants, tmp_path, cache, way):
    old, new = tmp_path / "old", tmp_path / "new"
    build(variants[0], old)
    before = visitor(old)
    page = arrive(by_folder(old))
    heard = Heard()
    with way(old) as place:
        plan = build(variants[1], new, previous=place, now=START + DAY, reporter=heard)
    assert heard.warnings == []
    assert load(before, by_folder(new)) == len(before.files)
    # The manifest of an environment that there is no more, too.
    assert load(with_manifests(page, by_folder(new)), by_folder(new))
    assert load(visitor(new), by_folder(new))
    size = sum(file.size for file in plan.leaving.carried)
    assert heard.done[f"carrying over from {place}"] == heard.totals[f"carrying over from {place}"] == size > 0
    assert not list(cache_directory("previous").glob("*"))


@WAYS
def test_a_chain_of_fresh_folders_is_what_one_folder_would_be(variants, tmp_path, cache, way):
    """Byte for byte: what is carried over, since when it is not needed, and what has gone after seven days."""
    one = tmp_path / "one"
    last = None
    for number in range(12):
        now = START + number * 2 * DAY
        variant = variants[number % 3]
        build(variant, one, now=now)
        fresh = tmp_path / f"fresh{number}"
        if last is None:
            build(variant, fresh, now=now)
        else:
            with way(last) as place:
                build(variant, fresh, previous=place, now=now)
            shutil.rmtree(last)
        assert contents(fresh) == contents(one), number
        last = fresh
    assert read_record(one).old
    assert all(START + 22 * DAY - file.since < 7 * DAY for file in read_record(one).old.values())


def test_a_plan_asks_for_the_record_alone_and_tells_until_when(variants, tmp_path):
    build(variants[0], tmp_path / "old")
    server = SiteServer(tmp_path / "old")
    server.start()
    try:
        plan = plan_of(variants[1], tmp_path / "new", previous_of(server.url))
    finally:
        server.stop()
    assert server.requests == [f"/{RECORD}"]
    assert not (tmp_path / "new").exists()
    assert {file.until for file in plan.leaving.carried} == {START + 8 * DAY}
    assert plan.leaving.old == ()


def test_what_is_long_not_needed_is_not_carried_over(variants, tmp_path):
    build(variants[0], tmp_path / "a")
    build(variants[1], tmp_path / "b", previous=tmp_path / "a", now=START + DAY)
    old = set(read_record(tmp_path / "b").old)
    build(variants[2], tmp_path / "c", previous=tmp_path / "b", now=START + 9 * DAY)
    third = read_record(tmp_path / "c")
    assert old
    assert old.isdisjoint(third.old)
    assert third.old


def test_a_time_to_come_does_not_keep_anything_longer(variants, tmp_path):
    build(variants[0], tmp_path / "a")
    build(variants[1], tmp_path / "b", previous=tmp_path / "a", now=START + 900 * DAY)
    build(variants[2], tmp_path / "c", previous=tmp_path / "b", now=START)
    assert {file.since for file in read_record(tmp_path / "c").old.values()} == {START}


# What becomes of a record, by what is wrong with it, and what is said.
RECORDS = {
    "not JSON": (lambda _: b"{", "is not JSON"),
    "nested": (lambda _: b"[" * 100_000, "nest"),
    "another version": (lambda data: data.replace(b'"format": 1', b'"format": 2'), "has format 2"),
    "a path that leads out": (
        lambda data: data.replace(b'"packs/demo/manifest', b'"../../manifest'),
        "names '../../m",
    ),
    "an absolute path": (lambda data: data.replace(b'"packs/demo/manifest', b'"/packs/manifest'), "names '/packs"),
    "too large": (lambda data: data + b" " * (1 << 24), "larger|more than"),
}


@WAYS
@pytest.mark.parametrize("fault", RECORDS)
def test_a_record_that_is_wrong_is_told_and_the_site_is_built(variants, tmp_path, cache, way, fault):
    change, reason = RECORDS[fault]
    build(variants[0], tmp_path / "old")
    path = tmp_path / "old" / RECORD
    path.write_bytes(change(path.read_bytes()))
    heard = Heard()
    with way(tmp_path / "old") as place:
        plan = build(variants[1], tmp_path / "new", previous=place, reporter=heard)
    assert plan.leaving.carried == ()
    build(variants[1], tmp_path / "alone")
    assert contents(tmp_path / "new") == contents(tmp_path / "alone")
    (warning,) = heard.warnings
    assert "nothing is carried over" in warning
    assert re.search(reason, warning), warning


def told(record, path, size=3, sha256=None):
    record["files"][path] = {"size": size, "sha256": sha256 or sha256_of_bytes(b"abc")}


# What a record may add, and why it is left out; None: without a word.
ADDED = {
    "another page": ("evil.html", None),
    "a page among packs": ("packs/demo/evil.html", "sites have no such files"),
    "a program": ("packs/demo/run.exe", "sites have no such files"),
    "a device of Windows": ("packs/demo/nul.json", "Windows takes it for a device"),
    "a stream of Windows": ("packs/demo/a:b.json", "Windows does not allow"),
    "many folders": (f"packs/{'d/' * 100}x.json", "more than 1024 bytes or 100 folders"),
    "a long path": (f"packs/{'/'.join(['y' * 190] * 6)}.json", "more than 1024 bytes or 100 folders"),
    "a long name": (f"packs/demo/{'x' * 210}.json", "more than 200 bytes"),
    "another script of a runtime": ("runtime/0123456789abcdef/evil.js", "is not named by what is in it"),
    "a shared file of another name": (f"files/{'0' * 64}.js.zst", "not named by its SHA-256"),
    "a picture that can be a page": ("packs/demo/kernels/toy/logo-svg.svg", None),
    "such a picture that is shared": (f"files/{sha256_of_bytes(b'abc')}.SVG", None),
    "a file in a folder's place": ("packs/demo.json", None),
    "other letters": ("packs/DEMO/manifest.json", None),
}


@WAYS
@pytest.mark.parametrize("added", ADDED)
def test_what_no_site_has_is_not_carried_over(tmp_path, variants, cache, way, added):
    path, reason = ADDED[added]
    old = tmp_path / "old"
    build(variants[0], old)
    record = json.loads((old / RECORD).read_bytes())
    told(record, path)
    (old / RECORD).write_text(json.dumps(record))
    (old / path).parent.mkdir(parents=True, exist_ok=True)
    (old / path).write_bytes(b"abc")
    heard = Heard()
    name = "demo.json" if added == "a file in a folder's place" else "demo"
    packs = [make_pack(tmp_path / "pack", name=name, content="other")]
    with way(old) as place:
        plan = build((packs, variants[1][1]), tmp_path / "new", previous=place, reporter=heard)
    assert path not in plan.record.old
    assert not (tmp_path / "new" / path).is_file()
    assert load(visitor(old), by_folder(tmp_path / "new"))
    assert [reason in warning for warning in heard.warnings] == ([True] if reason else [])


@pytest.mark.parametrize(
    ("size", "sha256"), [(-1, None), (1 << 40, None), (3, "../../../etc/passwd"), (3, "A" * 64), (0.5, None)]
)
def test_sizes_and_hashes_that_cannot_be_are_refused(tmp_path, variants, size, sha256):
    old = tmp_path / "old"
    build(variants[0], old)
    record = json.loads((old / RECORD).read_bytes())
    told(record, "packs/gone/manifest.json", size=size, sha256=sha256)
    (old / RECORD).write_text(json.dumps(record))
    heard = Heard()
    plan = build(variants[1], tmp_path / "new", previous=old, reporter=heard)
    assert "packs/gone/manifest.json" not in plan.record.old
    assert len(heard.warnings) == 1


def test_more_than_any_site_has_is_left_out(tmp_path, variants):
    old = tmp_path / "old"
    build(variants[0], old)
    record = json.loads((old / RECORD).read_bytes())
    for number in range(7):
        told(record, f"packs/huge/{number}.json", size=(1 << 32) - 1)
    (old / RECORD).write_text(json.dumps(record))
    heard = Heard()
    previous = previous_of(old, reporter=heard)
    assert len([path for path in previous.record.files if path.startswith("packs/huge/")]) == 3
    assert "more than 16 GiB" in heard.warnings[0]


def test_a_record_of_many_wrong_runtimes_takes_no_time(tmp_path):
    record = {"format": 1, "generator": "", "build": "", "files": {}}
    for number in range(30_000):
        told(record, f"runtime/{number:016x}/x.js", sha256="0" * 64)
    (tmp_path / RECORD).write_text(json.dumps(record))
    begun = time.process_time()
    assert previous_of(tmp_path).record.files == {}
    assert time.process_time() - begun < 5


FILES = {
    "gone": (lambda path: path.unlink(), "lacks|404"),
    "other bytes": (lambda path: path.write_bytes(bytes(path.stat().st_size)), "not the file that"),
    "shorter": (lambda path: path.write_bytes(path.read_bytes()[:-1]), "not the file that"),
    "longer": (lambda path: path.write_bytes(path.read_bytes() + b"x"), "not the file that"),
}


@WAYS
@pytest.mark.parametrize("fault", FILES)
def test_a_file_that_is_not_the_one_is_named_and_left_out(tmp_path, variants, cache, way, fault):
    change, reason = FILES[fault]
    old, new = tmp_path / "old", tmp_path / "new"
    build(variants[0], old)
    lost = next((old / "packs" / "demo").glob("archives/*"))
    path = lost.relative_to(old).as_posix()
    change(lost)
    heard = Heard()
    with way(old) as place:
        plan = build(variants[2], new, previous=place, reporter=heard)
    (warning,) = heard.warnings
    assert f"'{path}' of '{place}' cannot be carried over" in warning
    assert re.search(reason, warning), warning
    assert path not in plan.record.old
    assert path not in read_record(new).old
    assert set(contents(new)) == {RECORD, *read_record(new).files, *read_record(new).old}
    assert load(visitor(new), by_folder(new))
    assert not list(cache_directory("previous").glob("*"))


@pytest.mark.skipif(os.name == "nt", reason="needs the right to make symbolic links, and named pipes")
@pytest.mark.parametrize("kind", ["link", "linked folder", "pipe"])
def test_in_a_folder_no_link_is_followed(tmp_path, variants, kind):
    old, new = tmp_path / "old", tmp_path / "new"
    build(variants[0], old)
    archives = old / "packs" / "demo" / "archives"
    file = next(archives.iterdir())
    if kind == "link":
        shutil.move(file, tmp_path / "elsewhere")
        file.symlink_to(tmp_path / "elsewhere")
    elif kind == "linked folder":
        shutil.move(archives, tmp_path / "elsewhere")
        archives.symlink_to(tmp_path / "elsewhere")
    else:
        file.unlink()
        os.mkfifo(file)
    heard = Heard()
    build(variants[2], new, previous=old, reporter=heard)
    assert heard.warnings
    assert all("cannot be carried over" in warning for warning in heard.warnings)
    assert not (new / file.relative_to(old)).exists()


@pytest.mark.skipif(os.name == "nt", reason="needs the right to make symbolic links")
def test_a_record_that_is_a_link_is_not_read(tmp_path, variants):
    old = tmp_path / "old"
    build(variants[0], old)
    shutil.move(old / RECORD, tmp_path / "elsewhere")
    (old / RECORD).symlink_to(tmp_path / "elsewhere")
    heard = Heard()
    assert previous_of(old, reporter=heard) is None
    assert "symbolic link" in heard.warnings[0]


def test_where_there_is_nothing_it_is_a_first_deployment(tmp_path, variants):
    (tmp_path / "empty").mkdir()
    server = SiteServer(tmp_path / "empty")
    server.start()
    try:
        for place in (tmp_path / "none", tmp_path / "empty", server.url):
            heard = Heard()
            assert previous_of(place, reporter=heard) is None
            assert "at a first deployment nothing has to be" in heard.warnings[0]
    finally:
        server.stop()


@pytest.mark.parametrize("status", [403, 500, 302])
def test_a_server_that_does_not_tell_is_named_and_the_site_is_built(tmp_path, variants, status):
    build(variants[0], tmp_path / "old")
    server = SiteServer(tmp_path / "old")
    server.start()
    # Also from one place to the same one without end.
    headers = {"Location": f"{server.url}{RECORD}?again"} if status == 302 else {}
    server.faults[RECORD] = lambda answer: replace(answer, status=status, headers=headers)
    heard = Heard()
    try:
        build(variants[1], tmp_path / "new", previous=server.url, reporter=heard)
    finally:
        server.stop()
    (warning,) = heard.warnings
    assert str(status) in warning if status != 302 else "redirects" in warning
    assert (tmp_path / "new" / "index.html").is_file()


def test_a_server_that_cannot_be_reached_is_named_and_the_site_is_built(tmp_path, variants):
    server = SiteServer(tmp_path)
    server.start()
    server.stop()
    heard = Heard()
    build(variants[1], tmp_path / "new", previous=server.url, reporter=heard)
    assert "nothing is carried over" in heard.warnings[0]
    assert (tmp_path / "new" / "index.html").is_file()


@pytest.mark.parametrize("how", ["drip", "silence"])
@pytest.mark.parametrize("file", ["record", "files"])
def test_a_server_that_takes_its_time_is_not_waited_for(tmp_path, variants, cache, how, file):
    build(variants[0], tmp_path / "old")
    heard = Heard()

    def be_slow(server):
        server.drip = how == "drip"
        server.seconds = 0.0 if how == "drip" else 10.0

    with folder_server(tmp_path / "old") as server:
        if file == "record":
            be_slow(server)
            assert previous_of(server.url, patience=SOON, reporter=heard) is None
        else:
            previous = previous_of(server.url, patience=SOON, reporter=heard)
            be_slow(server)
            packs, runtime = variants[2]
            make_site(packs, tmp_path / "new", SiteOptions(), runtime=runtime, previous=previous, reporter=heard)
            assert load(visitor(tmp_path / "new"), by_folder(tmp_path / "new"))
            assert read_record(tmp_path / "new").old == {}
            assert len(previous.record.files) > 2 * AT_ONCE
            # The record, and what was asked for before so many had taken too long.
            assert len(server.asked) <= 2 * AT_ONCE
    assert "no answer within" in heard.warnings[0]
    assert len(heard.warnings) <= 6


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_who_interrupts_waits_for_no_server(tmp_path, variants, cache):
    build(variants[0], tmp_path / "old")

    with folder_server(tmp_path / "old") as server:
        previous = previous_of(server.url)
        server.seconds = 5.0
        files = bring(previous, plan_of(variants[2], tmp_path / "new", previous).leaving.carried, Heard())
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        begun = time.monotonic()
        with pytest.raises(KeyboardInterrupt), closing(files):
            next(files)
        assert time.monotonic() - begun < 3


def test_what_opens_a_site_is_not_shown(tmp_path, variants, cache):
    build(variants[0], tmp_path / "old")
    server = SiteServer(tmp_path / "old")
    server.start()
    server.faults[".tar.zst"] = lambda answer: replace(answer, status=404)
    heard = Heard()
    place = server.url.replace("//", "//user:secret@")
    try:
        plan = build(variants[2], tmp_path / "new", previous=place, reporter=heard)
    finally:
        server.stop()
    assert build(variants[2], tmp_path / "newer", previous=place, reporter=heard).leaving.carried == ()
    assert plan.record.old
    assert "cannot be carried over" in heard.warnings[0]
    assert heard.warnings[-1].startswith("nothing is carried over from 'http://***@127.0.0.1:")
    assert "secret" not in str([heard.warnings, heard.notes, list(heard.totals), plan])


def test_what_others_have_put_there_is_neither_replaced_nor_ever_removed(tmp_path, variants):
    old, new = tmp_path / "old", tmp_path / "new"
    build(variants[0], old)
    record = json.loads((old / RECORD).read_bytes())
    told(record, "files/data.json")
    (old / RECORD).write_text(json.dumps(record))
    for folder, content in ((old, b"abc"), (new, b"mine")):
        (folder / "files").mkdir(parents=True, exist_ok=True)
        (folder / "files" / "data.json").write_bytes(content)
    packs, runtime = variants[1]
    heard = Heard()
    for days in (0, 8, 16):
        options = SiteOptions(force=True)
        previous = previous_of(old) if not days else None
        now = START + days * DAY
        make_site(packs, new, options, runtime=runtime, previous=previous, now=now, reporter=heard)
        assert (new / "files" / "data.json").read_bytes() == b"mine"
        assert "files/data.json" not in read_record(new).old
    (warning,) = heard.warnings
    assert "'files/data.json'" in warning
    assert "no build has put there" in warning


def test_what_cannot_be_put_down_is_left_out(tmp_path, variants):
    """Where a folder is to be, others have a file."""
    old, new = tmp_path / "old", tmp_path / "new"
    build(variants[0], old)
    (new / "packs").mkdir(parents=True)
    (new / "packs" / "my env").write_bytes(b"mine")
    heard = Heard()
    packs, runtime = variants[1]
    options = SiteOptions(force=True)
    plan = make_site(packs, new, options, runtime=runtime, previous=previous_of(old), now=START, reporter=heard)
    assert (new / "packs" / "my env").read_bytes() == b"mine"
    assert heard.warnings
    assert all("'packs/my env" in warning for warning in heard.warnings[:5])
    assert not [path for path in plan.record.old if path.startswith("packs/my env/")]
    assert plan.record.old
    assert load(visitor(new), by_folder(new))


def test_a_full_disk_ends_the_build(tmp_path, variants, monkeypatch):
    """The system's own refusal, of the file that is carried over."""
    build(variants[0], tmp_path / "old")
    put = build_module._put

    def on_a_full_disk(growing, target):
        if "my env" not in target.parts:
            return put(growing, target)
        error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise build_module._unwritable(target, error) from error

    monkeypatch.setattr(build_module, "_put", on_a_full_disk)
    with pytest.raises(SiteError, match="No space left"):
        build(variants[1], tmp_path / "new", previous=tmp_path / "old")
    assert not (tmp_path / "new" / "index.html").exists()


@pytest.mark.skipif(os.name == "nt", reason="needs the right to make symbolic links")
def test_a_name_in_other_letters_is_the_same_file_on_some_systems(tmp_path):
    """Both names lead to one folder, as they do where `A` is not told from `a`."""
    runtime = make_runtime(tmp_path / "dist")
    output = tmp_path / "site"
    build(([make_pack(tmp_path / "one", name="Demo")], runtime), output)
    (output / "packs" / "Demo").rename(output / "packs" / "demo")
    (output / "packs" / "Demo").symlink_to("demo")
    small = ([make_pack(tmp_path / "two", name="demo")], runtime)
    for days in (1, 9, 17):
        build(small, output, now=START + days * DAY)
        assert load(visitor(output), by_folder(output))


@pytest.mark.parametrize("seconds", [253402300799, 1 << 70, -(1 << 70)])
def test_a_time_after_which_there_is_none_is_refused(monkeypatch, seconds):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(seconds))
    with pytest.raises(SiteError, match="which is no time"):
        current_time()


@pytest.mark.parametrize("place", ["s3://bucket/site", "file:///tmp/site"])
def test_another_kind_of_place_is_refused(place):
    with pytest.raises(SiteError, match="is no place of a previous site"):
        previous_of(place)


@pytest.mark.parametrize("place", ["https://", "https://example.org/?x=1", "https://example.org/#x", "https://[x/"])
def test_what_is_no_url_of_a_folder_is_refused(place):
    with pytest.raises(SiteError) as caught:
        previous_of(place)
    assert "name the folder as visitors do" in caught.value.hint
