"""Snapshots that a pack brings with modules imported: those that its settings name."""

from __future__ import annotations

import shutil

import pytest

from lite_env.host.snapshot import make_snapshot
from lite_env.pack.reader import MANIFEST, read_content, read_manifest
from lite_env.pack.snapshots import without_snapshots
from lite_env.pack.writer import encode_manifest
from lite_env.report.budget import check_budget
from lite_env.report.size import measure
from lite_env.report.subject import read_subject
from tests.command_line import lite_env
from tests.host.test_preload import CELLS, answer, preload_of, printed
from tests.host.test_pyodide_preload import with_preload
from tests.host.test_shipped_snapshots import elsewhere, snapshot_of  # noqa: F401 - a fixture
from tests.host.test_snapshots import how, started

pytestmark = [pytest.mark.node, pytest.mark.slow]
IN_BROWSERS = 80_000_000


def test_the_first_start_has_numpy_imported_and_reads_what_is_counted(loaded_pack, tmp_path):
    manifest = read_manifest(loaded_pack)
    (kernel,) = manifest.kernels
    archives = snapshot_of(loaded_pack).archives
    assert archives
    log: list[str] = []
    with started(loaded_pack, tmp_path, log) as running:
        assert how(running) == ""
        figures = running.ready.figures
        assert figures.snapshot.shipped
        assert preload_of(running).done
        assert figures.files == 0
        assert figures.requests == 5 + len(archives)  # manifest, index, script, module, and it
        assert figures.bytes == manifest.start_size(kernel) + (loaded_pack / MANIFEST).stat().st_size
        there = "import sys; print('numpy' in sys.modules, 'numpy' in globals())"
        assert printed(running.client, there) == "True False"
        assert printed(running.client, "import numpy; print(numpy.arange(3) @ numpy.ones(3))") == "3.0"
    # Nobody imports it once more.
    assert not any("imported for the snapshot" in text for text in log), log
    assert not list(tmp_path.glob("*.snapshot"))
    report = measure(read_subject(loaded_pack))
    (boot,) = report.kernels
    needed = {file.path for file in boot.files if file.what == "restore"}
    assert needed == {manifest.archives[position].path for position in archives}
    assert boot.size == figures.bytes
    (answer,) = check_budget(report, 1).kernels
    assert sum(size for _, size in answer.contributors) == boot.size
    assert dict(answer.contributors)["numpy"] > 100_000


def test_two_first_starts_draw_different_numbers(loaded_pack, tmp_path):
    drawn = set()
    for name in ("one", "two"):
        with started(loaded_pack, tmp_path / name) as running:
            assert running.ready.figures.snapshot.shipped
            draw = "import numpy, random; print(numpy.random.rand(), random.random())"
            drawn.update(printed(running.client, draw).split())
    assert len(drawn) == 4


def test_it_answers_as_a_started_one(loaded_pack, tmp_path):
    with started(loaded_pack, None) as plain, started(loaded_pack, tmp_path) as shipped:
        assert preload_of(shipped).done
        for cell in CELLS:
            assert answer(shipped.client, cell) == answer(plain.client, cell), cell


def test_it_is_the_same_in_another_folder_at_another_time_with_another_seed(loaded_pack, tmp_path, elsewhere):  # noqa: F811
    pack = shutil.copytree(loaded_pack, tmp_path / "another pl\u00e4ce")
    manifest = read_manifest(pack)
    (pack / MANIFEST).write_bytes(encode_manifest(without_snapshots(manifest)))
    made = make_snapshot(pack, manifest.kernels[0].name, modules=True)
    assert made.raw == read_content(loaded_pack, snapshot_of(loaded_pack))
    assert (made.archives, made.without) == (snapshot_of(loaded_pack).archives, "")


@pytest.mark.parametrize(("pack", "module"), [("science_pack", "pandas"), ("newest_pack", "pydantic")])
def test_pyodides_are_the_same_too_and_small_enough_for_a_browser(request, tmp_path, monkeypatch, pack, module):
    pack = with_preload(request.getfixturevalue(pack), tmp_path / "pack", module)
    name = read_manifest(pack).kernels[0].name
    made = make_snapshot(pack, name, modules=True)
    assert made.without == ""
    assert made.archives
    assert len(made.raw) < IN_BROWSERS
    broken = with_preload(pack, tmp_path / "broken", module, "no_such_module")
    why = "'no_such_module' cannot be imported: ModuleNotFoundError: No module named 'no_such_module'"
    assert make_snapshot(broken, name, modules=True).without == why
    request.getfixturevalue("elsewhere")
    assert make_snapshot(shutil.copytree(pack, tmp_path / "another pl\u00e4ce"), name, modules=True) == made


def test_one_that_no_browser_would_keep_is_shipped_without_them(science_pack, tmp_path):
    pack = with_preload(science_pack, tmp_path / "pack", "scipy.stats")
    made = make_snapshot(pack, read_manifest(pack).kernels[0].name, modules=True)
    assert f"more than {IN_BROWSERS} are not kept" in made.without
    assert len(made.raw) < IN_BROWSERS


def test_what_cannot_be_imported_is_told_and_the_bare_one_is_shipped(loaded_pack, tmp_path):
    folder = tmp_path / "demo"
    shutil.copytree(loaded_pack.parent, folder, ignore=shutil.ignore_patterns("pack"))
    (folder / "pyproject.toml").write_text("[tool.lite-env]\npreload = ['numpy', 'no_such_module']\n")
    for _ in range(2):  # Once made, and once out of the store.
        packed = lite_env("pack", folder / "environment.yml", "-o", tmp_path / "pack", "--level", "3", "--snapshot")
        assert packed.code == 0, packed.err
        told = "the snapshot of 'xpython' is one without preloaded modules: 'no_such_module' cannot be imported"
        assert told in packed.err
        assert snapshot_of(tmp_path / "pack").archives == ()
    with started(tmp_path / "pack", tmp_path / "kept") as running:
        why = "'no_such_module' cannot be imported: ModuleNotFoundError: No module named 'no_such_module'"
        assert how(running) == ""
        assert running.ready.figures.snapshot.shipped
        assert preload_of(running).why == why
        assert not running.ready.figures.snapshot.wanted
        assert printed(running.client, "import numpy; print(numpy.ones(3).sum())") == "3.0"
