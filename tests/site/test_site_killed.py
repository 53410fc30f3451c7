"""`site` is killed at any moment: no half of a file is in its folder, the next build leaves what a clean one does."""

from __future__ import annotations

import io
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lite_env.errors import SiteError
from lite_env.site import build as build_module
from lite_env.site import staging as staging_module
from lite_env.site.build import make_site
from lite_env.site.plan import SiteOptions
from lite_env.site.staging import INSIDE, beside
from tests.sites import make_pack, make_runtime
from tests.visitors import arrive, by_folder, load, with_manifests

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and locks of POSIX")

ROOT = Path(__file__).parents[2]
SEED = 20261126
MOMENTS = 12
# Builds a site and ends, without being asked, where it is about to touch the disk for the n-th time.
CHILD = """
import os, signal, sys
from pathlib import Path
from lite_env.site.build import make_site
from lite_env.site.plan import SiteOptions

moment, runtime, output, *packs = sys.argv[1:]
touched = 0

def look(event, arguments):
    global touched
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if writes or event in {"os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.unlink", "shutil.rmtree"}:
        touched += 1
        if touched == int(moment):
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(look)
options = SiteOptions(keep=int(os.environ.get("KEEP", "0")))
make_site([Path(pack) for pack in packs], Path(output), options, runtime=Path(runtime))
print(touched)
"""


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def build(packs, output, runtime):
    return make_site(packs, output, SiteOptions(keep=0), runtime=runtime)


def in_child(moment, packs, output, runtime, *, keep=0):
    return subprocess.run(
        env=os.environ | {"KEEP": str(keep)},
        args=[sys.executable, "-c", CHILD, *map(str, (moment, runtime, output, *packs))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_whenever_a_build_is_killed_the_next_one_leaves_a_clean_site(tmp_path, made_packs, runtime):
    old, new = [made_packs["demo"], made_packs["my env"]], [make_pack(tmp_path / "new", content="y")]
    build(new, tmp_path / "clean", runtime)
    wanted = contents(tmp_path / "clean")
    place = tmp_path / "place"
    output = place / "public"
    build(old, output, runtime)
    total = int(in_child(0, new, output, runtime).stdout)
    moments = random.Random(SEED).sample(range(1, total), MOMENTS)  # noqa: S311 - to be the same every time
    for moment in moments:
        build(old, output, runtime)
        assert in_child(moment, new, output, runtime).returncode == -signal.SIGKILL
        assert [path for path in output.rglob("*") if ".part" in path.name] == [], f"of {total}, {moment}"
        build(new, output, runtime)
        assert contents(output) == wanted, f"of {total}, {moment}"
        assert [path.name for path in place.iterdir()] == ["public"], f"of {total}, {moment}"


def test_whenever_a_build_is_killed_visitors_of_before_and_of_now_miss_nothing(tmp_path, made_packs, runtime):
    """Who has the page of before, who has its manifests too, and who comes now: to the old site or to the new one."""
    old, new = [made_packs["demo"], made_packs["my env"]], [make_pack(tmp_path / "new", content="y")]
    other = make_runtime(tmp_path / "other", worker="// other")
    clean = tmp_path / "clean"
    make_site(old, clean, SiteOptions(), runtime=runtime)
    get_clean = by_folder(clean)
    page = arrive(get_clean)
    stays = with_manifests(page, get_clean)
    make_site(new, tmp_path / "after", SiteOptions(), runtime=other)
    pages = [page.page, arrive(by_folder(tmp_path / "after")).page]
    output = tmp_path / "public"
    get = by_folder(output)
    shutil.copytree(clean, output)
    total = int(in_child(0, new, output, other, keep=3600).stdout)
    seen = set()
    for moment in random.Random(SEED).sample(range(1, total), MOMENTS):  # noqa: S311 - to be the same every time
        shutil.rmtree(output)
        shutil.copytree(clean, output)
        assert in_child(moment, new, output, other, keep=3600).returncode == -signal.SIGKILL
        comes = arrive(get)
        seen.add(pages.index(comes.page))
        for visit in (stays, with_manifests(page, get), with_manifests(comes, get)):
            assert load(visit, get), f"of {total}, {moment}"
        make_site(new, output, SiteOptions(keep=3600), runtime=other)
        assert arrive(get).page == pages[1]
        for visit in (stays, with_manifests(page, get), with_manifests(arrive(get), get)):
            assert load(visit, get), f"of {total}, {moment}"
        make_site(new, output, SiteOptions(keep=0), runtime=other)
        assert contents(output) == contents(tmp_path / "after"), f"of {total}, {moment}"
    assert seen == {0, 1}


def test_what_earlier_versions_left_when_they_were_killed_is_removed(tmp_path, pack, runtime):
    output = tmp_path / "public"
    build([pack], output, runtime)
    wanted = contents(output)
    archive = next((output / "packs/demo/archives").iterdir()).name
    for name in (f"packs/demo/archives/.{archive[:40]}.a1b2_c3d.part", ".index.html.abcdefgh.part"):
        (output / name).write_bytes(b"half")
    others = (".mine.abcdefgh.part", ".index.html.part", "packs/demo/.note.part")
    for name in others:
        (output / name).write_bytes(b"of somebody else")
    build([pack], output, runtime)
    assert contents(output) == wanted | dict.fromkeys(others, b"of somebody else")


@pytest.fixture
def nowhere_beside(monkeypatch, tmp_path):
    """As where the site's folder is a file system of its own: nothing beside it can be renamed into it."""
    monkeypatch.setattr(staging_module, "beside", lambda _: tmp_path / "none" / "none")


def test_where_nothing_can_be_beside_a_site_it_is_written_from_a_hidden_folder(tmp_path, pack, runtime, nowhere_beside):
    build([pack], tmp_path / "clean", runtime)
    output = tmp_path / "public"
    (output / INSIDE).mkdir(parents=True)
    (output / INSIDE / "file").write_bytes(b"half")
    build([pack], output, runtime)
    assert contents(output) == contents(tmp_path / "clean")


def test_what_a_failed_build_leaves_is_whole_files(tmp_path, pack, runtime, monkeypatch):
    output = tmp_path / "public"
    build([make_pack(tmp_path / "old", content="z")], output, runtime)
    names = sorted(path.name for path in tmp_path.iterdir())

    class Full(io.BytesIO):
        def write(self, _):
            raise OSError(28, "No space left on device")

    real = Path.open
    growing = beside(output) / "file"
    monkeypatch.setattr(Path, "open", lambda path, *a, **b: Full() if path == growing else real(path, *a, **b))
    with pytest.raises(SiteError, match="cannot be written: No space left on device"):
        build([pack], output, runtime)
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_two_builds_of_one_site_take_turns(tmp_path, made_packs, runtime, monkeypatch):
    """The second has planned before the first has written: it plans again, and its site is whole."""
    output = tmp_path / "public"
    output.mkdir()
    real_plan, real_write = build_module.plan_site, build_module._write_plan
    at_work, planned_again = threading.Event(), threading.Event()

    def plan(*arguments, **options):
        found = real_plan(*arguments, **options)
        if at_work.is_set():
            planned_again.set()
        return found

    def write(found, reporter):
        if not at_work.is_set():
            at_work.set()
            assert planned_again.wait(30)
        return real_write(found, reporter)

    monkeypatch.setattr(build_module, "plan_site", plan)
    monkeypatch.setattr(build_module, "_write_plan", write)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(build, [made_packs["demo"]], output, runtime)
        assert at_work.wait(30)
        second = pool.submit(build, [made_packs["my env"]], output, runtime)
        first.result(30)
        second.result(30)
    build([made_packs["my env"]], tmp_path / "clean", runtime)
    assert contents(output) == contents(tmp_path / "clean")
    assert not beside(output).exists()


def test_the_parts_of_names_of_any_length_have_a_place(tmp_path, pack, runtime):
    output = tmp_path / ("x" * 255)
    build([pack], output, runtime)
    assert (output / "index.html").is_file()


def test_who_waits_while_another_build_fails_finds_its_folder(tmp_path, monkeypatch):
    import fcntl  # noqa: PLC0415 - there is none on Windows

    output = tmp_path / "a/b"
    waits = threading.Event()
    lock = fcntl.flock

    def build_too():
        with staging_module.sole_writer(output):
            (output / "file").touch()

    def watched(descriptor, operation):
        if threading.current_thread() is waiting:
            waits.set()
        lock(descriptor, operation)

    def build_and_fail():
        with staging_module.sole_writer(output):
            waiting.start()
            waits.wait()
            raise KeyError

    waiting = threading.Thread(target=build_too)
    monkeypatch.setattr(fcntl, "flock", watched)
    with pytest.raises(KeyError):
        build_and_fail()
    waiting.join()
    assert (output / "file").is_file()


def test_a_build_that_fails_leaves_no_folder_and_no_other_build(tmp_path, made_packs, runtime):
    build([made_packs["demo"]], tmp_path / "public", runtime)
    before = contents(tmp_path / "public")
    with pytest.raises(KeyError), staging_module.sole_writer(tmp_path / "public"):
        raise KeyError
    assert contents(tmp_path / "public") == before
    with pytest.raises(KeyError), staging_module.sole_writer(tmp_path / "a/b"):
        raise KeyError
    assert not (tmp_path / "a").exists()
