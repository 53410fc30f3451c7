"""Many environments, packed by threads and by processes that share nothing but a store."""

from __future__ import annotations

import errno
import json
import os
import pickle
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context

import pytest
from click.testing import CliRunner

from lite_env.channel.index import index_channel
from lite_env.cli.main import cli
from lite_env.errors import ExecutorError, FetchError, PackError
from lite_env.spec.remotes import Remote
from lite_env.workflow import crew, fleet
from lite_env.workflow.crew import Crew, dask_crew, led_crew
from lite_env.workflow.environment import locked_inputs
from lite_env.workflow.fleet import pack_environments
from lite_env.workflow.options import PackOptions
from lite_env.workflow.storage import Stores
from lite_env.workflow.task import Job
from lite_env.workflow.toolchain import Toolchain, this_toolchain
from tests.conda_packages import TOY_KERNEL, make_package
from tests.prefixes import Heard
from tests.trees import tree

# The toy kernel starts nothing.
OPTIONS = PackOptions(level=1, trace=False, bytecode=False, check=False)
NAMES = ("one", "two", "three")


@pytest.fixture
def sources(tmp_path, machine):
    """Three environments with the toy kernel, and a package of their own."""
    channel = tmp_path / "channel"
    make_package(channel, "xeus-toy", files=TOY_KERNEL)
    for name in NAMES:
        make_package(channel, f"lib{name}", files={f"share/{name}.txt": name * 1000}, noarch="generic")
    index_channel(channel)
    for name in NAMES:
        folder = tmp_path / "envs" / name
        folder.mkdir(parents=True)
        text = f"name: {name}\nchannels: [{channel.as_uri()}]\ndependencies: [xeus-toy, lib{name}]\n"
        (folder / "environment.yml").write_text(text)
    return [tmp_path / "envs" / name for name in NAMES]


def errors(outcomes):
    return [outcome.error and outcome.error.message for outcome in outcomes]


@contextmanager
def processes(remotes, cache, *, toolchain=None):
    """A crew of two processes with a cache of their own."""
    toolchain = toolchain or this_toolchain(OPTIONS.level)
    with (
        ProcessPoolExecutor(2, mp_context=get_context("spawn"), initializer=_be_at, initargs=(str(cache),)) as executor,
        led_crew(executor, 2, remotes, toolchain) as crew,
    ):
        yield crew


@contextmanager
def workers(submit, **options):
    """A crew elsewhere that does with its work what `submit` does."""
    yield Crew(submit=submit, width=2, elsewhere=True, **options)


def failed(error):
    future = Future()
    future.set_exception(error)
    return future


def _be_at(cache):
    os.environ["LITE_ENV_CACHE_DIR"] = cache


@pytest.fixture
def remotes(tmp_path):
    return (Remote(url=(tmp_path / "remote").as_uri(), trusted=True, write=True),)


def test_each_environment_has_a_folder_of_its_name(sources, machine, tmp_path):
    outcomes = pack_environments(sources, tmp_path / "packs", OPTIONS, stores=Stores())
    assert [outcome.name for outcome in outcomes] == list(NAMES)
    assert errors(outcomes) == [None] * 3
    for source, name in zip(sources, NAMES, strict=True):
        machine("alone")
        (alone,) = pack_environments([source], tmp_path / "alone" / name, OPTIONS, stores=Stores())
        assert alone.output == tmp_path / "alone" / name
    assert tree(tmp_path / "packs") == tree(tmp_path / "alone")


def test_processes_that_share_nothing_but_a_store_come_to_the_same(sources, machine, remotes, tmp_path):
    pack_environments(sources, tmp_path / "packs", OPTIONS, stores=Stores())
    machine("leader")
    outcomes = pack_environments(
        sources,
        tmp_path / "led",
        OPTIONS,
        stores=Stores(remotes),
        crew=processes(remotes, tmp_path / "machines" / "worker"),
    )
    assert errors(outcomes) == [None] * 3
    assert all(outcome.packed.again for outcome in outcomes)
    assert tree(tmp_path / "led") == tree(tmp_path / "packs")
    # Nothing was installed where the work was given away.
    assert not (tmp_path / "machines" / "leader" / "prefixes").exists()
    assert (tmp_path / "machines" / "worker" / "prefixes").exists()


def test_threads_share_out_what_several_have(sources, tmp_path, monkeypatch):
    monkeypatch.setattr(crew, "cores", lambda: 8)
    given = []
    original = crew.work
    monkeypatch.setattr(crew, "work", lambda job, store: given.append(job.packages) or original(job, store))
    outcomes = pack_environments(sources, tmp_path / "packs", OPTIONS, stores=Stores())
    assert all(outcome.packed.again for outcome in outcomes)
    assert given == [None, None, None], "there is no Python, so nobody compiles"


def test_a_repeated_run_gives_no_work_away(sources, tmp_path):
    stores = Stores()
    pack_environments(sources, tmp_path / "packs", OPTIONS, stores=stores)

    def refuse(job):
        raise AssertionError(job)

    outcomes = pack_environments(sources, tmp_path / "again", OPTIONS, stores=stores, crew=workers(refuse))
    assert all(outcome.packed.again for outcome in outcomes)


def test_one_that_fails_keeps_no_other_from_being_packed(sources, tmp_path):
    (sources[1] / "environment.yml").write_text("name: two\nchannels: []\ndependencies: [no-such]\n")
    outcomes = pack_environments(sources, tmp_path / "packs", OPTIONS, stores=Stores())
    assert [outcome.packed is not None for outcome in outcomes] == [True, False, True]
    assert errors(outcomes)[1]
    assert sorted(path.name for path in (tmp_path / "packs").iterdir()) == ["one", "three"]


def test_what_fails_for_one_environment_is_its_error(sources, machine, remotes, tmp_path):
    for source in sources:
        locked_inputs(source, OPTIONS, store=_store())
    (tmp_path / "channel" / "noarch" / "libtwo-1.0-0.conda").write_bytes(b"damaged")
    machine("leader")
    outcomes = pack_environments(
        sources,
        tmp_path / "led",
        OPTIONS,
        stores=Stores(remotes),
        crew=processes(remotes, tmp_path / "machines" / "worker"),
    )
    assert [error is None for error in errors(outcomes)] == [True, False, True]
    assert "libtwo-1.0-0.conda" in errors(outcomes)[1]


def _store():
    with Stores()() as store:
        return store


def test_two_environments_of_one_name_are_refused(sources, tmp_path):
    text = (sources[0] / "environment.yml").read_text().replace("name: one", "name: two")
    (sources[0] / "environment.yml").write_text(text)
    with pytest.raises(PackError, match="are both named 'two'"):
        pack_environments(sources, tmp_path / "packs", OPTIONS, stores=Stores())
    assert not (tmp_path / "packs").exists()


@pytest.mark.parametrize("name", ["..", "a/b", ""])
def test_a_name_that_leads_elsewhere_is_no_folder(sources, tmp_path, name):
    inputs = locked_inputs(sources[0], OPTIONS, store=_store())
    lock = replace(inputs.lock, name=name)
    with pytest.raises(PackError, match="no folder can have the name"):
        fleet._target(sources[0], replace(inputs, lock=lock), tmp_path.joinpath, OPTIONS)


def test_a_worker_with_another_lite_env_does_nothing_and_the_work_is_done_here(sources, machine, remotes, tmp_path):
    toolchain = replace(this_toolchain(OPTIONS.level), code="another")
    heard = Heard()
    outcomes = pack_environments(
        sources,
        tmp_path / "packs",
        OPTIONS,
        stores=Stores(remotes),
        crew=processes(remotes, tmp_path / "machines" / "worker", toolchain=toolchain),
        reporter=heard,
    )
    assert errors(outcomes) == [None] * 3
    assert not any(outcome.packed.again for outcome in outcomes)
    assert sum("lite-env of other code" in warning for warning in heard.warnings) == 3


def test_workers_that_die_leave_the_work_to_us(sources, remotes, tmp_path):
    heard = Heard()
    crew = workers(lambda _: failed(BrokenProcessPool("a process was ended")))
    outcomes = pack_environments(
        sources, tmp_path / "packs", OPTIONS, stores=Stores(remotes), crew=crew, reporter=heard
    )
    assert errors(outcomes) == [None] * 3
    assert sum("a process was ended" in warning for warning in heard.warnings) == 3


def test_an_executor_that_takes_nothing_more_leaves_the_work_to_us(sources, remotes, tmp_path):
    def refuse(job):
        raise BrokenProcessPool("it is broken")

    heard, crew = Heard(), workers(refuse)
    outcomes = pack_environments(
        sources, tmp_path / "packs", OPTIONS, stores=Stores(remotes), crew=crew, reporter=heard
    )
    assert errors(outcomes) == [None] * 3
    assert sum("it is broken" in warning for warning in heard.warnings) == 3


def test_threads_work_with_the_credentials_of_the_channels_addresses(sources, tmp_path, monkeypatch):
    monkeypatch.setattr(crew, "cores", lambda: 8)
    seen = []
    original = crew.work
    monkeypatch.setattr(crew, "work", lambda job, store: seen.append(job.inputs.lock.addresses) or original(job, store))
    pack_environments(sources, tmp_path / "packs", OPTIONS, stores=Stores())
    assert all(seen)
    assert len(seen) == 3


def test_what_a_worker_elsewhere_cannot_fetch_is_fetched_here(sources, remotes, tmp_path):
    crew = workers(lambda _: failed(FetchError("401: this worker has no credentials")))
    outcomes = pack_environments(sources, tmp_path / "packs", OPTIONS, stores=Stores(remotes), crew=crew)
    assert errors(outcomes) == [None] * 3


def test_what_the_system_refuses_one_pack_is_the_error_of_that_one(sources, tmp_path, monkeypatch):
    original = fleet.pack_inputs

    def full(inputs, *arguments, **options):
        if inputs.lock.name == "two":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "packs/two")
        return original(inputs, *arguments, **options)

    monkeypatch.setattr(fleet, "pack_inputs", full)
    outcomes = pack_environments(sources, tmp_path / "packs", OPTIONS, stores=Stores())
    assert errors(outcomes) == [None, f"'packs/two': {os.strerror(errno.ENOSPC)}", None]


def test_workers_that_never_answer_are_not_waited_for_without_end(sources, remotes, tmp_path, monkeypatch):
    monkeypatch.setattr(fleet, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(fleet, "_ABSENT_SECONDS", 0.2)

    heard, crew = Heard(), workers(lambda _: Future(), present=lambda: False)
    outcomes = pack_environments(
        sources, tmp_path / "packs", OPTIONS, stores=Stores(remotes), crew=crew, reporter=heard
    )
    assert errors(outcomes) == [None] * 3
    assert any("no worker is there any more" in warning for warning in heard.warnings)


def test_work_that_is_given_away_holds_no_credentials(sources, tmp_path):
    channel = (tmp_path / "channel").as_uri()
    folder = tmp_path / "secret"
    folder.mkdir()
    text = f"name: one\nchannels: [{channel}, 'https://me:s3cret@example.org/channel']\ndependencies: [xeus-toy]\n"
    (folder / "environment.yml").write_text(text)
    inputs = locked_inputs(sources[0], OPTIONS, store=_store())
    from lite_env.progress import SILENT  # noqa: PLC0415
    from lite_env.workflow.lock import read_spec  # noqa: PLC0415 - for this test

    spec = read_spec(folder / "environment.yml", (), SILENT)
    lock = replace(inputs.lock, addresses=spec.channels)
    job = Job(inputs=replace(inputs, lock=lock), options=OPTIONS).without_credentials()
    assert b"s3cret" not in pickle.dumps(job)


@pytest.mark.parametrize(
    "remote", [(), (Remote(url="file:///x", trusted=True),), (Remote(url="file:///x", write=True),)]
)
def test_workers_elsewhere_need_a_store_that_is_believed_and_written_to(remote):
    with (
        pytest.raises(ExecutorError, match="need a remote store") as caught,
        dask_crew("tcp://127.0.0.1:1", remote, 1, reporter=Heard()),
    ):
        pass
    assert "LITE_ENV_REMOTE_WRITE=1" in caught.value.hint


@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        (Toolchain(packer="p", code="c", node="v22"), []),
        (Toolchain(packer="q", code="d", node="v22"), ["q in place of p"]),
        (Toolchain(packer="p", code="d", node="v22"), ["lite-env of other code (d in place of c)"]),
        (Toolchain(packer="p", code="c", node=""), ["no Node.js in place of Node.js v22"]),
    ],
)
def test_it_is_told_what_a_worker_has_otherwise(theirs, told):
    assert Toolchain(packer="p", code="c", node="v22").differences(theirs) == told


def test_the_command_packs_several_and_its_exit_code_says_that_one_failed(sources, tmp_path):
    (sources[1] / "environment.yml").write_text("name: two\nchannels: []\ndependencies: [no-such]\n")
    words = ["pack", *map(str, sources), "-o", str(tmp_path / "packs"), "--json", "--no-trace", "--no-check"]
    answer = CliRunner().invoke(cli, [*words, "--no-bytecode", "--level", "1"])
    assert type(answer.exception).__name__ == "Answer"
    one, two, three = json.loads(answer.stdout)
    assert (one["manifest"], one["again"]) == (str(tmp_path / "packs" / "one" / "manifest.json"), False)
    assert two["source"] == str(sources[1])
    assert two["error"]
    assert three["name"] == "three"


def test_a_dry_run_of_several_says_of_each_what_would_be_done(sources, tmp_path):
    words = ["pack", *map(str, sources[:2]), "-o", str(tmp_path / "packs"), "--dry-run", "--no-trace"]
    answer = CliRunner().invoke(cli, words, catch_exceptions=False)
    lines = answer.stdout.splitlines()
    assert [line for line in lines if line.endswith(":")] == [f"{source}:" for source in sources[:2]]
    assert not (tmp_path / "packs").exists()


def test_a_name_or_a_profile_is_of_one_environment(sources, tmp_path):
    for options in (replace(OPTIONS, name="x"), replace(OPTIONS, profile=tmp_path / "p.json")):
        with pytest.raises(PackError):
            pack_environments(sources, tmp_path / "packs", options, stores=Stores())
