"""Preloaded modules on the page: a second worker makes the snapshot that has them, and gets out of the way."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from lite_env.pack.reader import read_manifest
from tests.browser.conftest import make_site
from tests.browser.test_snapshots_in_chromium import KEPT, RESTORED, SHIPPED, Watched
from tests.host.test_preload import pack_that_preloads

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]
WITH_NUMPY = f"{KEPT} with numpy"
THERE = "import sys; print('numpy' in sys.modules, 'numpy' in globals())"
NUMPY = "import numpy; print(numpy.arange(3) @ numpy.ones(3), numpy.random.rand())"


@pytest.fixture(scope="module")
def site(playwright, numpy_pack, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("preload")
    return make_site(folder / "site", pack_that_preloads(numpy_pack, folder / "pack", "numpy"))


@pytest.fixture
def watched(context) -> Watched:
    return Watched(context)


def test_the_second_visit_has_numpy_and_the_first_was_left_alone(watched, serve, site):
    watched.open(serve(site).url)
    # No snapshot is made of a kernel that has run a cell.
    assert watched.text(THERE) == "False False\n"
    watched.wait_for(WITH_NUMPY)
    assert watched.text(THERE) == "False False\n"
    assert watched.kinds() == ["snapshot", "used"]
    drawn = set()
    for _ in range(2):
        watched.again()
        assert watched.said(RESTORED), watched.log
        assert watched.text(THERE) == "True False\n"
        result, number = watched.text(NUMPY).split()
        assert result == "3.0"
        drawn.add(number)
        assert watched.problems() == []
    assert len(drawn) == 2
    watched.page.wait_for_timeout(6000)
    assert not watched.said(KEPT), watched.log


def test_where_the_packs_own_has_numpy_the_first_visit_has_it_and_nobody_imports_it(
    watched, serve, playwright, loaded_pack, tmp_path
):
    server = serve(make_site(tmp_path / "site", loaded_pack))
    watched.open(server.url)
    assert watched.said(SHIPPED), watched.log
    asked = {path.rpartition("/")[2] for path in server.requests if "/archives/" in path}
    manifest = read_manifest(loaded_pack)
    (snapshot,) = manifest.snapshots
    # The libraries' own, and nothing else of what a start reads.
    assert asked == {manifest.archives[position].path.rpartition("/")[2] for position in snapshot.archives}
    watched.wait_for(WITH_NUMPY)
    assert watched.text(THERE) == "True False\n"
    assert watched.text(NUMPY).split()[0] == "3.0"
    watched.page.wait_for_timeout(6000)
    assert not watched.said("imported for the snapshot"), watched.log
    assert watched.problems() == []
    watched.again()
    assert watched.said(RESTORED), watched.log
    assert watched.text(THERE) == "True False\n"
    assert watched.text(NUMPY).split()[0] == "3.0"


def at(watched: Watched, text: str) -> int:
    return next(number for number, line in enumerate(watched.log) if text in line)


def test_what_cannot_be_imported_leaves_the_bare_one_and_is_not_tried_again(
    watched, serve, numpy_pack, playwright, tmp_path
):
    pack = pack_that_preloads(numpy_pack, tmp_path / "pack", "numpy", "no_such_module")
    watched.open(serve(make_site(tmp_path / "site", pack)).url)
    without = "the snapshot is one without numpy, no_such_module"
    watched.wait_for(without)
    # The first one was kept before anybody tried.
    watched.until(lambda: any(KEPT in line for line in watched.log[at(watched, without) :]))
    watched.again()
    assert watched.said(RESTORED)
    assert watched.text(THERE) == "False False\n"
    watched.page.wait_for_timeout(6000)
    assert not watched.said(KEPT), watched.log
