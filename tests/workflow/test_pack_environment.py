from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lite_env.channel.index import index_channel
from lite_env.errors import HostError, PackError, SpecError
from lite_env.lock.file import is_lock, read_lock
from lite_env.pack.restore import unpack
from lite_env.prefix.installer import install
from lite_env.store.local import open_store
from lite_env.workflow.install import cached_environment
from lite_env.workflow.options import PackOptions
from lite_env.workflow.pack import plan_environment
from tests.conda_packages import TOY_KERNEL, make_package
from tests.packing import pack_environment
from tests.prefixes import Heard
from tests.trees import tree

KERNEL = {
    **TOY_KERNEL,
    "lib/libtoy.a": "!<arch>",
    "share/toy/data.txt": "data",
    "share/fonts/a.ttf": "font",
}
# The toy kernel starts nothing.
TOY_OPTIONS = PackOptions(level=1, trace=False, check=False)
ENVIRONMENT = """\
name: toys
channels:
  - ./channel
dependencies:
  - xeus-toy >=1
variables:
  TOY: '1'
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    make_package(folder / "channel", "xeus-toy", files=KERNEL, depends=["toylib"])
    make_package(folder / "channel", "toylib", noarch="generic", files={"share/toylib.lua": "return 1"})
    index_channel(folder / "channel")
    (folder / "environment.yml").write_text(ENVIRONMENT)
    return folder


def test_an_environment_file_its_lock_and_its_environment_give_equal_packs(project, tmp_path):
    options = TOY_OPTIONS
    packed = pack_environment(project / "environment.yml", tmp_path / "one", options)
    manifest = packed.manifest
    assert manifest.environment.name == "toys"
    assert manifest.environment.requested == ("xeus-toy >=1",)
    assert manifest.environment.variables == {"TOY": "1"}
    assert [file.rule for file in packed.report.dropped if file.path == "lib/libtoy.a"] == ["static-libraries"]

    lock_file = project / "conda-lock.yml"
    pack_environment(lock_file, tmp_path / "two", options)
    install(read_lock(lock_file), tmp_path / "env")
    pack_environment(tmp_path / "env", tmp_path / "three", options)
    unpack(tmp_path / "one", tmp_path / "unpacked")
    pack_environment(tmp_path / "unpacked", tmp_path / "four", options)
    pack_environment(project, tmp_path / "five", options)
    packs = [tree(tmp_path / name) for name in ("one", "two", "three", "four", "five")]
    assert all(pack == packs[0] for pack in packs)


def test_the_project_may_lie_elsewhere_and_the_cache_be_empty(project, tmp_path, monkeypatch):
    options = TOY_OPTIONS
    pack_environment(project, tmp_path / "one", options)
    elsewhere = tmp_path / "else" / "where"
    elsewhere.parent.mkdir()
    project.rename(elsewhere)
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "cache2"))
    pack_environment(elsewhere / "conda-lock.yml", tmp_path / "two", options)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_a_lock_that_still_answers_is_used_as_it_is(project, tmp_path):
    pack_environment(project, tmp_path / "one", TOY_OPTIONS)
    lock = (project / "conda-lock.yml").read_bytes()
    make_package(project / "channel", "xeus-toy", "2.0", files=KERNEL)
    index_channel(project / "channel")
    manifest = pack_environment(project, tmp_path / "one", TOY_OPTIONS).manifest
    assert {package.name: package.version for package in manifest.environment.packages}["xeus-toy"] == "1.0"
    assert (project / "conda-lock.yml").read_bytes() == lock


def test_a_lock_that_no_longer_answers_is_renewed(project, tmp_path):
    pack_environment(project, tmp_path / "one", TOY_OPTIONS)
    make_package(project / "channel", "xeus-toy", "2.0", files=KERNEL)
    index_channel(project / "channel")
    (project / "environment.yml").write_text(ENVIRONMENT.replace(">=1", ">=2"))
    heard = Heard()
    manifest = pack_environment(project, tmp_path / "one", TOY_OPTIONS, reporter=heard).manifest
    assert {package.name: package.version for package in manifest.environment.packages} == {"xeus-toy": "2.0"}
    assert any(note.startswith("locked 1 packages in") for note in heard.notes)


def test_a_dry_run_writes_neither_lock_nor_pack(project, tmp_path):
    decisions = plan_environment(project, tmp_path / "pack", TOY_OPTIONS, store=open_store())
    assert decisions.report is None, "it takes a solve and an installation to know it"
    assert [step.name for step in decisions.steps if step.taken][:2] == ["lock", "install"]
    assert not (tmp_path / "pack").exists()
    assert sorted(path.name for path in project.iterdir()) == ["channel", "environment.yml"]


def test_rules_of_the_project_and_of_files_are_added(project, tmp_path):
    (project / "pyproject.toml").write_text("[[tool.lite-env.filters]]\nid = 'data'\ndrop = 'share/toy/'\n")
    (tmp_path / "mine.yaml").write_text("rules: [{id: fonts, drop: share/fonts/, reason: none}]\n")
    options = replace(TOY_OPTIONS, filter_files=(tmp_path / "mine.yaml",))
    plan = pack_environment(project, tmp_path / "pack", options).report
    assert {file.path: file.rule for file in plan.dropped if file.path.startswith(("share/", "lib/"))} == {
        "lib/libtoy.a": "static-libraries",
        "share/fonts/a.ttf": "fonts",
        "share/toy/data.txt": "data",
    }


def test_the_environment_in_the_cache_depends_on_content_and_not_on_name_and_version(project, tmp_path, cache):
    pack_environment(project, tmp_path / "one", TOY_OPTIONS)
    make_package(project / "channel", "xeus-toy", files={**KERNEL, "share/toy/data.txt": "new"}, depends=["toylib"])
    index_channel(project / "channel")
    (project / "conda-lock.yml").unlink()
    pack_environment(project, tmp_path / "two", TOY_OPTIONS)
    unpack(tmp_path / "two", tmp_path / "unpacked")
    assert (tmp_path / "unpacked/share/toy/data.txt").read_text() == "new"
    assert len(list((cache / "prefixes").glob("*/conda-meta"))) == 2


def test_processes_that_want_the_same_environment_wait_for_each_other(project, tmp_path):
    pack_environment(project, tmp_path / "one", TOY_OPTIONS)
    code = (
        "import sys; from pathlib import Path; from lite_env.lock.file import is_lock, read_lock;"
        "from lite_env.workflow.install import cached_environment;"
        "cached_environment(read_lock(Path(sys.argv[1]))).__enter__(); sys.stdout.flush(); import os; os._exit(0)"
    )
    environment = os.environ | {"LITE_ENV_CACHE_DIR": str(tmp_path / "cache3")}
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(project / "conda-lock.yml")], env=environment)
        for _ in range(2)
    ]
    assert [process.wait() for process in started] == [0, 0]
    assert len(list((tmp_path / "cache3/prefixes").glob("*/conda-meta"))) == 1


def test_an_environment_in_the_cache_is_used_again(project, tmp_path, cache):
    pack_environment(project, tmp_path / "one", TOY_OPTIONS)
    lock = read_lock(project / "conda-lock.yml")
    with cached_environment(lock, offline=True) as first:
        before = (first.path / "conda-meta/state").stat().st_ino
    with cached_environment(lock, offline=True) as second:
        assert (second.path / "conda-meta/state").stat().st_ino == before


def test_a_kernel_that_does_not_start_is_an_error_and_what_stood_there_stays(project, tmp_path):
    pack_environment(project, tmp_path / "out" / "pack", TOY_OPTIONS)
    before = tree(tmp_path / "out")
    write = project / "environment.yml"
    write.write_text(ENVIRONMENT.replace("'1'", "'2'"))
    for options in (replace(TOY_OPTIONS, check=True), PackOptions(level=1)):
        for output in (tmp_path / "out" / "pack", tmp_path / "new" / "pack"):
            heard = Heard()
            with pytest.raises(HostError, match="the kernel 'toy' does not start: ") as caught:
                pack_environment(project, output, options, reporter=heard)
            assert not any(text.startswith("packed without") for text in heard.warnings)
            assert caught.value.hint.endswith("`--no-check` packs it all the same")
            assert not (tmp_path / "new").exists() or not list((tmp_path / "new").iterdir())
    assert tree(tmp_path / "out") == before


def test_without_a_check_such_a_pack_is_written_with_a_warning(project, tmp_path):
    heard = Heard()
    manifest = pack_environment(project, tmp_path / "pack", replace(TOY_OPTIONS, trace=True), reporter=heard).manifest
    assert manifest.profile is None
    assert any(text.startswith("packed without a traced order: the kernel 'toy' does not") for text in heard.warnings)


def test_a_source_that_is_not_there_is_told(tmp_path):
    with pytest.raises(PackError, match=r"there is no .*nothing\.yml"):
        pack_environment(tmp_path / "nothing.yml", tmp_path / "pack")
    with pytest.raises(SpecError, match=r"there is no environment\.yml here"):
        pack_environment(tmp_path, tmp_path / "pack")


def test_an_environment_file_is_no_lock_even_when_it_is_called_one(tmp_path):
    path = tmp_path / "conda-lock.yml"
    path.write_text(ENVIRONMENT)
    assert not is_lock(path)
    path.write_text("version: 1\nmetadata:\n  channels: []\npackage: []\n")
    assert is_lock(Path(path))
