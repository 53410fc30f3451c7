"""A site is replaced while people visit it: nobody misses a file, neither who comes in between nor who came before."""

from __future__ import annotations

import dataclasses
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle

import pytest
import requests

from lite_env.site import build as build_module
from lite_env.site.build import make_site
from lite_env.site.plan import SiteOptions
from tests.sites import make_pack, make_runtime
from tests.visitors import MissedError, arrive, by_folder, by_http, load, with_manifests

START = datetime(2026, 11, 27, tzinfo=UTC)
REPLACEMENTS = 20
STAYING = 3
PASSING = 2
DIFFERENT_PAGES = 4


class Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        """Nothing."""


@contextmanager
def static_host(folder):
    """What a host of files does: `http.server` over the folder."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Crowd:
    """Visitors who come all the time, and what they saw.

    Those who pass load all that they are told at once. Those who stay take the page, wait for builds, choose an
    environment, wait again, and load the rest then.
    """

    url: str
    builds: int = 0
    ends: bool = False
    passed: int = 0
    loaded: int = 0
    late: int = 0
    pages: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    ready: threading.Barrier = field(default_factory=lambda: threading.Barrier(PASSING + STAYING + 1))

    def wait_for_builds(self, count: int) -> None:
        until = self.builds + count
        while self.builds < until and not self.ends:
            time.sleep(0.005)

    def has_built(self) -> None:
        """Tell those who stay, and let at least one come and go."""
        self.builds += 1
        # Who is about to end has come before the build.
        until = self.passed + PASSING + 1
        deadline = time.monotonic() + 60
        while self.passed < until:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def visit(self, *, stays: bool) -> None:
        first = True
        with requests.Session() as session:
            get = by_http(self.url, session)
            while not self.ends or first:
                try:
                    visit = arrive(get)
                    self.pages.add(visit.page)
                    if first:
                        self.ready.wait(30)
                        first = False
                    if stays:
                        self.wait_for_builds(1)
                    visit = with_manifests(visit, get)
                    if stays:
                        self.wait_for_builds(1)
                        self.late += 1
                    self.loaded += load(visit, get)
                except (MissedError, ValueError, LookupError, requests.RequestException) as error:
                    self.failures.append(str(error))
                self.passed += not stays


@contextmanager
def crowd(url):
    """Visitors, of whom each has the page when the block begins."""
    found = Crowd(url)
    threads = [
        threading.Thread(target=found.visit, kwargs={"stays": stays}) for stays in [True] * STAYING + [False] * PASSING
    ]
    for thread in threads:
        thread.start()
    try:
        found.ready.wait(30)
        yield found
    finally:
        found.ends = True
        for thread in threads:
            thread.join()


@pytest.fixture(scope="module")
def variants(tmp_path_factory):
    """Sites of packs and runtimes that differ in all that can be another one."""
    folder = tmp_path_factory.mktemp("variants")
    demo = make_pack(folder / "demo", content="x" * 100_000)
    harder = make_pack(folder / "harder", content="x" * 100_000, level=19)
    other = make_pack(folder / "other", content="y" * 70_000, glue="var createXeusModule = 2;")
    second = make_pack(folder / "second", name="my env", content="x" * 100_000, order="packages")
    runtimes = [make_runtime(folder / f"dist{number}", worker=f"// {number}") for number in range(3)]
    return [
        ((demo,), runtimes[0]),
        ((harder,), runtimes[1]),
        ((other, second), runtimes[0]),
        ((second, demo), runtimes[2]),
        ((harder, second), runtimes[0]),
    ]


def replace(found, variants, output, *, keep=7 * 86400, seconds=0, times=REPLACEMENTS):
    """Build the site anew, so many times; what is in the folder after each."""
    sizes = []
    for number, (packs, runtime) in zip(range(times + 1), cycle(variants), strict=False):
        now = START + timedelta(seconds=number * seconds)
        make_site(packs, output, SiteOptions(keep=keep), runtime=runtime, now=now)
        sizes.append(sum(path.is_file() for path in output.rglob("*")))
        if found is not None:
            found.has_built()
    return sizes


def test_harder_compressed_archives_have_one_name_and_other_bytes(variants):
    """As the other tests here need it."""
    (demo,), (harder,) = variants[0][0], variants[1][0]
    archives = [{path.name: path.read_bytes() for path in (pack / "archives").iterdir()} for pack in (demo, harder)]
    assert archives[0].keys() == archives[1].keys()
    assert archives[0] != archives[1]


def test_twenty_replacements_and_nobody_misses_a_file(variants, tmp_path):
    output = tmp_path / "public"
    replace(None, variants, output, times=0)
    with static_host(output) as url, crowd(url) as found:
        replace(found, variants[1:] + variants[:1], output)
    assert found.failures == []
    assert found.builds > REPLACEMENTS
    assert len(found.pages) == DIFFERENT_PAGES
    assert found.late > STAYING
    # As many as `has_built` waits for, however fast the machine is; each loads at least one file.
    assert found.loaded > REPLACEMENTS * (PASSING + 1)


def test_who_stays_for_less_than_is_kept_misses_nothing_and_the_folder_does_not_grow(variants, tmp_path):
    """Each build comes 20 s after the one before; visitors stay for two of them, and 70 s are kept."""
    output = tmp_path / "public"
    replace(None, variants, output, times=0)
    with static_host(output) as url, crowd(url) as found:
        sizes = replace(found, variants[1:] + variants[:1], output, keep=70, seconds=20)
    assert found.failures == []
    assert found.late > STAYING
    assert max(sizes[10:]) == max(sizes[5:10])


def test_without_keeping_they_miss_files(variants, tmp_path):
    """The crowd sees what there is to see."""
    output = tmp_path / "public"
    replace(None, variants, output, times=0)
    with static_host(output) as url, crowd(url) as found:
        replace(found, variants[1:] + variants[:1], output, keep=0)
    assert any(failure.endswith(": 404") for failure in found.failures)


def visit_after_each_file(monkeypatch, output):
    """What visitors missed who came when one file more had been written: no moment between two is left out."""
    put = build_module._write
    get = by_folder(output)
    missed = []

    def written(target, file, staging):
        put(target, file, staging)
        try:
            load(with_manifests(arrive(get), get), get)
        except MissedError as error:
            missed.append(str(error))

    monkeypatch.setattr(build_module, "_write", written)
    return missed


def test_who_comes_between_any_two_files_misses_none(variants, tmp_path, monkeypatch):
    output = tmp_path / "public"
    replace(None, variants, output, times=0)
    missed = visit_after_each_file(monkeypatch, output)
    replace(None, variants[1:] + variants[:1], output, times=len(variants))
    assert missed == []


def test_in_another_order_they_miss_files(variants, tmp_path, monkeypatch):
    """Pages before what they name."""
    output = tmp_path / "public"
    replace(None, variants, output, times=0)
    real = build_module._write_files

    def backwards(plan, reporter):
        return real(dataclasses.replace(plan, files=plan.files[::-1]), reporter)

    monkeypatch.setattr(build_module, "_write_files", backwards)
    missed = visit_after_each_file(monkeypatch, output)
    replace(None, variants[1:] + variants[:1], output, times=len(variants))
    assert missed


def test_an_archive_of_other_bytes_and_the_same_name_lies_beside_the_one_that_visitors_know(variants, tmp_path):
    (demo, runtime), (harder, _) = ((packs[0], runtime) for packs, runtime in (variants[0], variants[1]))
    output = tmp_path / "public"
    get = by_folder(output)

    def build(pack, hours):
        now = START + timedelta(hours=hours)
        return make_site([pack], output, SiteOptions(keep=3600), runtime=runtime, now=now)

    build(demo, 0)
    before = with_manifests(arrive(get), get)
    build(harder, 1)
    after = with_manifests(arrive(get), get)
    assert load(before, get) == load(after, get)
    assert any(path.startswith("files/") for path in after.files)
    assert build(harder, 1.5).to_write == ()
    # Nobody knows the other ones any more: all is as the pack has it.
    for hours in (2, 4, 6):
        build(harder, hours)
    assert load(with_manifests(arrive(get), get), get) == len(after.files)
    assert not (output / "files").exists()
    alone = make_site([harder], tmp_path / "alone", SiteOptions(), runtime=runtime)
    assert (output / "lite-env-site.json").read_bytes() == (tmp_path / "alone" / "lite-env-site.json").read_bytes()
    assert alone.record.old == {}
