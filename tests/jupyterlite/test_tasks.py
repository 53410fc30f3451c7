from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lite_env.jupyterlite.places import Workplace
from lite_env.jupyterlite.settings import AddonSettings, Source
from lite_env.jupyterlite.tasks import checks_of, last_tasks_of, tasks_of
from lite_env.pack.mounts import Mount
from tests.prefixes import kernel_package, make_prefix


@pytest.fixture
def place(tmp_path):
    return Workplace(
        lite_dir=tmp_path,
        output=tmp_path / "_output",
        cache=tmp_path / ".cache",
        made_by="1",
        has_node=True,
    )


def settings(place, *labels, kind="environment file", **options):
    sources = tuple(Source(kind=kind, path=place.lite_dir / label, label=label) for label in labels)
    return AddonSettings(sources=sources, **options)


def named(found) -> dict:
    return {task.name: task for task in found}


def test_each_environment_is_locked_and_packed_and_all_are_put_into_the_site(place):
    found = named(tasks_of(settings(place, "a.yml", "sub/b.yml"), place))
    assert list(found) == ["lock:a.yml", "pack:a.yml", "lock:sub/b.yml", "pack:sub/b.yml", "site"]
    for label, lock in (("a.yml", "a.conda-lock.yml"), ("sub/b.yml", "sub/b.conda-lock.yml")):
        assert found[f"lock:{label}"].reads == (place.lite_dir / label,)
        assert found[f"lock:{label}"].writes == (place.lite_dir / lock,)
        assert place.lite_dir / lock in found[f"pack:{label}"].reads
        # Channels and indexes that the site tells may change while the pack does not.
        assert place.lite_dir / lock in found["site"].reads
        assert set(found[f"pack:{label}"].writes) & set(found["site"].reads)
    folders = {task.environment.pack for task in found.values() if task.environment}
    assert len(folders) == 2


def test_what_is_mounted_decides_about_packs(place):
    data = place.lite_dir / "data"
    data.mkdir()
    (data / "a.csv").touch()
    contents = (place.output / "files" / "demo.ipynb",)
    mounts = (Mount(source=data, target="/data"),)
    for layout, name in (("native", "pack:a.yml"), ("xeus", "xeus")):

        def task(*, layout=layout, name=name, **options):
            site = replace(place, contents=contents)
            return named(tasks_of(settings(place, "a.yml", layout=layout, **options), site))[name]

        plain, before = task(), task(mounts=mounts)
        assert set(before.reads) - set(plain.reads) == {data / "a.csv"}
        (data / "b.csv").symlink_to("a.csv")
        after = task(mounts=mounts)
        assert (after.reads, after.state != before.state) == (before.reads, True)
        assert task(mounts=(replace(mounts[0], target="/else"),)).state != after.state
        assert set(task(mount_contents=True).reads) - set(plain.reads) == set(contents)
        # What is not there is told when it is packed.
        assert task(mounts=(Mount(source=data / "missing", target="/data"),)).reads == plain.reads
        (data / "b.csv").unlink()


def test_without_an_environment_there_is_nothing_to_do_but_to_take_away_what_was(place):
    nothing = settings(place)
    assert list(tasks_of(nothing, place)) == []
    (place.output / "lite-env").mkdir(parents=True)
    assert list(named(tasks_of(nothing, place))) == ["clean"]
    assert [*last_tasks_of(nothing), *checks_of(nothing, place)] == []


def test_a_lock_file_is_packed_as_it_is(place):
    found = named(tasks_of(settings(place, "x.conda-lock.yml", kind="lock file"), place))
    assert list(found) == ["pack:x.conda-lock.yml", "site"]
    assert found["pack:x.conda-lock.yml"].reads == (place.lite_dir / "x.conda-lock.yml",)


def test_an_installed_environment_is_packed_again_when_anything_in_it_changes(place):
    prefix = make_prefix(place.lite_dir / "env", kernel_package(kernel="toy"))
    wanted = settings(place, "env", kind="installed environment")
    before = named(tasks_of(wanted, place))["pack:env"].state
    assert named(tasks_of(wanted, place))["pack:env"].state == before
    (prefix / "new").write_text("x")
    assert named(tasks_of(wanted, place))["pack:env"].state != before


def test_what_lies_beside_an_environment_decides_about_its_pack(place):
    (place.lite_dir / "pyproject.toml").write_text('[tool.lite-env]\ntrace = ["warm.py"]\n')
    (place.lite_dir / "warm.py").write_text("")
    wanted = settings(place, "environment.yml", profiles={"environment.yml": place.lite_dir / "p.json"})
    reads = named(tasks_of(wanted, place))["pack:environment.yml"].reads
    assert {path.name for path in reads} == {"p.json", "conda-lock.yml", "pyproject.toml", "warm.py"}


@pytest.mark.parametrize(("layout", "name"), [("native", "pack:a.yml"), ("xeus", "xeus")])
def test_rules_of_what_is_left_out_decide_about_what_is_packed(place, layout, name):
    rules = place.lite_dir / "filters.yaml"
    wanted = settings(place, "a.yml", layout=layout, filters=(rules,))
    assert rules in named(tasks_of(wanted, place))[name].reads


@pytest.mark.parametrize(("layout", "name"), [("native", "site"), ("xeus", "xeus")])
def test_lab_extensions_of_jupyterlite_itself_decide_about_those_of_environments(place, tmp_path, layout, name):
    wanted = settings(place, "a.yml", layout=layout)
    folder = tmp_path / "labextensions" / "demo"
    folder.mkdir(parents=True)
    beside = replace(place, lab_folders=(("JupyterLite's Python", folder.parent),))

    def state(version: str) -> object:
        build = {"load": "remote.js"}
        document = {"name": "demo", "version": version, "jupyterlab": {"_build": build}}
        (folder / "package.json").write_text(json.dumps(document))
        return named(tasks_of(wanted, beside))[name].state

    assert state("1.0") == state("1.0") != state("2.0")


@pytest.mark.parametrize(
    "change",
    [{"locked": True}, {"channels": ("./c",)}, {"default_channels": ("./c",)}],
    ids=lambda change: next(iter(change)),
)
def test_a_setting_that_decides_about_a_lock_locks_again(place, change):
    wanted = settings(place, "environment.yml")
    before = named(tasks_of(wanted, place))["lock:environment.yml"].state
    assert named(tasks_of(replace(wanted, **change), place))["lock:environment.yml"].state != before


def test_a_wheel_of_the_pip_section_that_changes_locks_again(place):
    wheel = place.lite_dir / "mine-1.0-py3-none-any.whl"
    wheel.write_bytes(b"one")
    (place.lite_dir / "environment.yml").write_text(
        "name: demo\nchannels: [./c]\ndependencies:\n  - python\n  - pip:\n    - ./mine-1.0-py3-none-any.whl\n"
    )
    wanted = settings(place, "environment.yml")
    before = named(tasks_of(wanted, place))["lock:environment.yml"].state
    assert before.get("pip")
    wheel.write_bytes(b"two")
    assert named(tasks_of(wanted, place))["lock:environment.yml"].state != before


def test_the_layout_of_jupyterlite_xeus_is_one_task_and_has_no_extension(place):
    wanted = settings(place, "a.yml", "b.yml", layout="xeus")
    assert list(named(tasks_of(wanted, place))) == ["lock:a.yml", "lock:b.yml", "xeus"]
    assert list(last_tasks_of(wanted)) == []
    assert list(named(checks_of(wanted, place))) == ["lock:a.yml", "lock:b.yml"]
