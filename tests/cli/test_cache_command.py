"""``lite-env cache``."""

from __future__ import annotations

import json
import os
import time

import pytest
from filelock import FileLock

from lite_env.channel.index import index_channel
from lite_env.store.local import open_store
from lite_env.store.protocol import key_of
from lite_env.store.results import find_result, keep_result
from tests.command_line import Command
from tests.conda_packages import make_package

WORK = key_of("archive", 1)


def run(*words):
    return Command(*words).end()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_folder_is_printed(cache):
    assert run("cache", "dir").out.strip() == str(cache)


def test_what_is_there_is_told_by_kind(cache):
    keep_result(open_store(), WORK, b"x" * 100_000)
    (cache / "prefixes" / "abc").mkdir(parents=True)
    (cache / "prefixes" / "abc" / "file").write_bytes(b"y" * 50_000)
    parts = {part["name"]: part for part in json.loads(run("cache", "info", "--json").out)["parts"]}
    assert parts["archive"]["size"] == 100_000
    assert parts["prefixes"]["size"] == 50_000
    assert parts["records"]["items"] == 1
    text = run("cache", "info").out
    assert "0.1 MB       1  archive" in text
    assert "installed environments" in text


def test_nothing_goes_before_it_is_said_what():
    ended = run("cache", "prune")
    assert ended.code == 2
    assert "--older-than 30d" in ended.err


@pytest.mark.parametrize("word", ["5", "5x", "-1GB", "GB", "1e9"])
def test_what_is_no_size_or_time_is_told(word):
    ended = run("cache", "prune", "--older-than", word)
    assert ended.code == 2
    assert f"'{word}' is no duration: write 12h or 30d" in ended.err


def test_what_is_too_much_goes_and_a_dry_run_removes_nothing(cache):
    keep_result(open_store(), WORK, b"x" * 100_000)
    (cache / "packages" / "a-1-0").mkdir(parents=True)
    (cache / "packages" / "a-1-0" / "file").write_bytes(b"y" * 50_000)
    planned = json.loads(run("cache", "prune", "--max-size", "10kB", "--dry-run", "--json").out)
    assert planned["folders"] == 1
    assert planned["contents"] == 1
    assert find_result(open_store(), WORK) is not None
    done = json.loads(run("cache", "prune", "--max-size", "10kB", "--json").out)
    assert {**done, "dry_run": True} == planned
    assert find_result(open_store(), WORK) is None
    assert not (cache / "packages" / "a-1-0").exists()


def test_what_another_process_uses_stays_and_does_not_count_as_gone(cache):
    for name in ("used", "free"):
        (cache / "prefixes" / name).mkdir(parents=True)
        (cache / "prefixes" / name / "file").write_bytes(b"y" * 50_000)
    for age, name in ((0, "young"), (3600, "old")):
        folder = cache / "wheels" / "ab" / name
        folder.mkdir(parents=True)
        (folder / "a-1-py3-none-any.whl").write_bytes(b"z" * 10_000)
        os.utime(folder, (time.time() - age,) * 2)
    with FileLock(cache / "prefixes" / "used.lock"):
        done = json.loads(run("cache", "prune", "--max-size", "0kB", "--json").out)
    assert (done["folders"], done["size"], done["kept"]) == (2, 60_000, 60_000)
    assert [path.name for path in (cache / "prefixes").iterdir() if path.is_dir()] == ["used"]
    assert [path.name for path in (cache / "wheels" / "ab").iterdir()] == ["young"]


def test_what_is_damaged_is_an_answer_of_no(cache):
    digest = keep_result(open_store(), WORK, b"data")
    assert run("cache", "verify").code == 0
    path = cache / "store" / "content" / digest[:2] / digest
    path.write_bytes(path.read_bytes() + b"!")
    ended = run("cache", "verify")
    assert ended.code == 1
    assert f"content/{digest[:2]}/{digest}" in ended.err
    assert run("cache", "verify").code == 0


def test_a_cache_goes_to_another_machine_as_a_file(tmp_path, monkeypatch):
    keep_result(open_store(), WORK, b"data")
    assert run("cache", "export", tmp_path / "cache.tar.zst", "--used").code == 0
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "other"))
    assert json.loads(run("cache", "import", tmp_path / "cache.tar.zst", "--json", "--untrusted").out)["records"] == 0
    assert find_result(open_store(), WORK) is None
    assert json.loads(run("cache", "import", tmp_path / "cache.tar.zst", "--json").out)["records"] == 1
    assert find_result(open_store(), WORK) == b"data"


@pytest.mark.parametrize("content", [None, b"nonsense"])
def test_what_is_no_bundle_is_an_error(tmp_path, content):
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    ended = run("cache", "import", tmp_path / "file")
    assert ended.code == 1
    assert ended.err.startswith("error: ")
    assert "cache export" in ended.err


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "environment.yml").write_text("name: a\nchannels: [./channel]\ndependencies: [b]\n")
    return folder


def test_a_key_is_the_same_elsewhere_and_another_for_other_work(project, tmp_path):
    first = json.loads(run("cache", "key", project / "environment.yml", "--json").out)
    (tmp_path / "elsewhere").mkdir()
    copy = (project / "environment.yml").rename(tmp_path / "elsewhere" / "environment.yml")
    assert json.loads(run("cache", "key", copy, "--json").out) == first
    assert first["key"].startswith(first["restore_prefix"])
    assert run("cache", "key", copy, "--prefix").out.strip() == first["restore_prefix"]
    (tmp_path / "elsewhere" / "pyproject.toml").write_text("[tool.lite-env]\ntrace = ['a.py']\n")
    (tmp_path / "elsewhere" / "a.py").write_text("import b")
    assert json.loads(run("cache", "key", copy, "--json").out) != first


def test_without_a_lock_a_key_says_less_and_that_is_told(project):
    assert "has no lock" in run("cache", "key", project / "environment.yml").err


def test_a_lock_that_no_longer_answers_is_not_the_work(project):
    environment = project / "environment.yml"
    make_package(project / "channel", "b")
    make_package(project / "channel", "c")
    index_channel(project / "channel")
    assert run("lock", environment).code == 0
    first = run("cache", "key", environment)
    assert first.err == ""
    environment.write_text(environment.read_text().replace("[b]", "[b, c]"))
    second = run("cache", "key", environment)
    assert "has no lock that answers it" in second.err
    # Of a folder it is the environment.yml.
    assert run("lock", project).code == 0
    keys = {first.out, second.out, run("cache", "key", environment).out}
    assert len(keys) == 3
    # A lock by itself is what is packed.
    assert run("cache", "key", project / "conda-lock.yml").out in keys


def test_an_installed_environment_has_no_key(tmp_path):
    (tmp_path / "prefix" / "conda-meta").mkdir(parents=True)
    ended = run("cache", "key", tmp_path / "prefix")
    assert (ended.code, "an installed environment has no key" in ended.err) == (1, True)


def test_of_no_environment_there_is_no_key(tmp_path):
    ended = run("cache", "key", tmp_path / "no.yml")
    assert ended.code == 1
    assert "error: there is no" in ended.err
