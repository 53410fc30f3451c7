"""A machine that has nothing but what another one has left: in a remote store, or in a file."""

from __future__ import annotations

import shutil

import pytest

from lite_env.channel.index import index_channel
from lite_env.errors import FetchError
from lite_env.lock.file import read_lock
from lite_env.spec.remotes import REMOTE_VARIABLE, TRUST_VARIABLE, WRITE_VARIABLE
from lite_env.store.bundle import export_store, import_store
from lite_env.store.local import LocalStore, open_store
from lite_env.workflow.channels import channels_in_need
from lite_env.workflow.options import PackOptions
from lite_env.workflow.pack import pack_environment
from lite_env.workflow.storage import opened_store
from tests.channel_server import serve_channel
from tests.conda_packages import TOY_KERNEL, make_package
from tests.prefixes import Heard
from tests.remote_stores import folder_server
from tests.trees import tree

KERNEL = {
    **TOY_KERNEL,
    "share/toy/data.txt": "data",
}
# The toy kernel starts nothing.
OPTIONS = PackOptions(level=1, trace=False, bytecode=False, check=False)


@pytest.fixture
def channel(tmp_path):
    make_package(tmp_path / "channel", "xeus-toy", files=KERNEL, depends=["toylib"])
    make_package(tmp_path / "channel", "toylib", files={"share/lib.txt": "library"}, noarch="generic")
    index_channel(tmp_path / "channel")
    with serve_channel(tmp_path / "channel") as server:
        yield server


@pytest.fixture
def project(tmp_path, channel):
    folder = tmp_path / "project"
    folder.mkdir()
    address = f"http://127.0.0.1:{channel.port}"
    (folder / "environment.yml").write_text(f"name: toys\nchannels: [{address}]\ndependencies: [xeus-toy]\n")
    return folder


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """Work with a remote store, trusted and written to as it is said."""

    def use(*, trusted, write=False):
        monkeypatch.setenv(REMOTE_VARIABLE, (tmp_path / "remote").as_uri())
        monkeypatch.setenv(TRUST_VARIABLE, str(int(trusted)))
        monkeypatch.setenv(WRITE_VARIABLE, str(int(write)))

    return use


def pack(project, output, *, options=OPTIONS, reporter=None):
    with opened_store(project, offline=options.offline, **({"reporter": reporter} if reporter else {})) as store:
        return pack_environment(project, output, options, store=store)


def packages_asked(channel):
    return [asked.path for asked in channel.asked if asked.path.endswith(".conda")]


def test_a_trusted_remote_store_has_the_whole_pack(project, channel, machine, remote, tmp_path):
    remote(trusted=True, write=True)
    pack(project, tmp_path / "one")
    asked = len(channel.asked)
    machine("second")
    remote(trusted=True)
    heard = Heard()
    assert pack(project, tmp_path / "two", reporter=heard).again
    assert tree(tmp_path / "two") == tree(tmp_path / "one")
    assert [path for path in packages_asked(channel)[2:] if path] == []
    assert heard.warnings == []
    assert len(packages_asked(channel)) == 2
    assert asked >= 2


def test_of_another_remote_store_come_packages_alone(project, channel, machine, remote, tmp_path):
    remote(trusted=True, write=True)
    pack(project, tmp_path / "one")
    machine("second")
    remote(trusted=False)
    assert not pack(project, tmp_path / "two").again
    assert tree(tmp_path / "two") == tree(tmp_path / "one")
    assert len(packages_asked(channel)) == 2, "by the first machine"


def test_a_remote_store_with_a_foreign_answer_to_our_key_is_not_believed(project, machine, remote, tmp_path):
    """Each of our keys is mapped to well-formed results of something else."""
    remote(trusted=True, write=True)
    pack(project, tmp_path / "one")
    store = LocalStore(tmp_path / "remote")
    foreign = store.write(b"something else", kind="archive", vouched=True)
    for record in store.records():
        results = store.look_up(record.key)
        store.record(record.key, dict.fromkeys(results, foreign))
    machine("second")
    remote(trusted=False)
    pack(project, tmp_path / "two")
    assert tree(tmp_path / "two") == tree(tmp_path / "one")


def test_a_remote_store_that_is_gone_costs_a_warning(project, machine, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    with folder_server(tmp_path / "empty") as server:
        monkeypatch.setenv(REMOTE_VARIABLE, server.url)
        monkeypatch.setenv(TRUST_VARIABLE, "1")
    heard = Heard()
    pack(project, tmp_path / "one", reporter=heard)
    assert (tmp_path / "one" / "manifest.json").is_file()
    assert len(heard.warnings) == 1


def test_a_file_carries_all_that_an_offline_machine_needs(project, channel, machine, tmp_path):
    pack(project, tmp_path / "one")
    export_store(open_store(), tmp_path / "cache.tar.zst")
    asked = len(channel.asked)
    machine("second")
    import_store(open_store(), tmp_path / "cache.tar.zst")
    offline = PackOptions(level=1, trace=False, bytecode=False, check=False, offline=True)
    assert pack(project, tmp_path / "two", options=offline).again
    assert tree(tmp_path / "two") == tree(tmp_path / "one")
    # Another pack of the same packages, which nobody has made yet.
    other = PackOptions(level=2, name="other", trace=False, bytecode=False, check=False, offline=True)
    assert not pack(project, tmp_path / "three", options=other).again
    assert len(channel.asked) == asked


def test_offline_it_is_said_what_is_missing(project, machine, tmp_path):
    pack(project, tmp_path / "one")
    machine("second")
    offline = PackOptions(level=1, trace=False, bytecode=False, check=False, offline=True)
    with pytest.raises(FetchError) as caught:
        pack(project, tmp_path / "two", options=offline)
    assert "no cache has 2 of the locked packages (0.0 MB) whole: toylib-1.0-0.conda, xeus-toy-1.0-0.conda" in str(
        caught.value
    )
    assert "cache import" in caught.value.hint


def test_what_a_download_brought_is_kept_when_the_installation_fails(project, channel, machine, tmp_path):
    pack(project, tmp_path / "one")
    kinds = [entry.kind for entry in open_store().entries() if entry.vouched]
    assert kinds.count("package") == 2
    for name in ("packages", "prefixes"):
        shutil.rmtree(tmp_path / "machines" / "first" / name)
    other = PackOptions(level=2, trace=False, bytecode=False, check=False)
    pack(project, tmp_path / "two", options=other)
    assert len(packages_asked(channel)) == 2


def test_a_local_channel_that_was_never_built_is_not_needed_where_its_packages_are_kept(machine, tmp_path):
    folder = tmp_path / "local"
    paths = [make_package(folder, "xeus-toy", files=KERNEL)]
    index_channel(folder)
    (tmp_path / "environment.yml").write_text("name: toys\nchannels: [./local]\ndependencies: [xeus-toy]\n")
    pack(tmp_path, tmp_path / "one")
    lock = read_lock(tmp_path / "conda-lock.yml")
    assert channels_in_need(lock, store=open_store()) == lock.channels
    open_store().write(paths[0].read_bytes(), kind="package", vouched=True)
    assert channels_in_need(lock, store=open_store()) == ()
    # What is gone of the channel comes from the store.
    paths[0].unlink()
    for name in ("packages", "prefixes"):
        shutil.rmtree(tmp_path / "machines" / "first" / name)
    pack(tmp_path, tmp_path / "two", options=PackOptions(level=2, trace=False, bytecode=False, check=False))
