"""What the cache holds is verified at each use, and never shared with what a user may write to."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace

import pytest
from filelock import FileLock, Timeout

from lite_env.channel.index import index_channel
from lite_env.errors import PrefixError
from lite_env.lock.file import read_lock
from lite_env.prefix.installer import install
from lite_env.progress import SILENT
from lite_env.store.digest import sha256_of_file
from lite_env.store.protocol import FORGETFUL
from lite_env.workflow import pack as pack_module
from lite_env.workflow.install import cached_environment
from lite_env.workflow.lock import lock_environment
from lite_env.workflow.options import PackOptions
from tests.conda_packages import PLACEHOLDER, TOY_KERNEL, make_package
from tests.hostile_packages import build_package, file, listed
from tests.prefixes import Heard
from tests.trees import tree

KERNEL = {
    **TOY_KERNEL,
    "share/toy/data.txt": "data",
    "share/toy/place.txt": f"{PLACEHOLDER}/share",
}
OPTIONS = PackOptions(level=1, trace=False, bytecode=False, check=False)


def pack_environment(source, output, options, *, reporter=SILENT):
    """Always out of the environment: what was packed before is not known."""
    return pack_module.pack_environment(source, output, options, store=FORGETFUL, reporter=reporter)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    make_package(folder / "channel", "xeus-toy", files=KERNEL, links={"share/toy/link": "data.txt"})
    index_channel(folder / "channel")
    (folder / "environment.yml").write_text(
        "name: toys\nchannels: [./channel]\ndependencies: [xeus-toy]\nvariables: {TOY: '1'}\n"
    )
    return folder


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def test_who_edits_an_installed_environment_changes_no_later_pack(project, tmp_path, cache):
    pack_environment(project, tmp_path / "one", OPTIONS)
    lock = read_lock(project / "conda-lock.yml")
    install(lock, tmp_path / "env")
    mine = {(path.stat().st_dev, path.stat().st_ino) for path in files(tmp_path / "env")}
    assert mine.isdisjoint((path.stat().st_dev, path.stat().st_ino) for path in files(cache))
    for path in files(tmp_path / "env"):
        path.write_bytes(b"#" * path.stat().st_size)
    heard = Heard()
    pack_environment(project / "environment.yml", tmp_path / "two", OPTIONS, reporter=heard)
    shutil.rmtree(cache / "prefixes")
    pack_environment(project / "environment.yml", tmp_path / "three", OPTIONS, reporter=heard)
    assert tree(tmp_path / "one") == tree(tmp_path / "two") == tree(tmp_path / "three")
    assert heard.warnings == []


DAMAGE = {
    "share/toy/data.txt": lambda env: (env / "share/toy/data.txt").write_text("####"),
    "share/toy/place.txt": lambda env: (env / "share/toy/place.txt").write_text("######"),
    "share/jupyter/kernels/toy/kernel.json": lambda env: (env / "share/jupyter/kernels/toy/kernel.json").write_text(
        '{"argv": ["/bin/xtoy"], "language": "yot"}'
    ),
    "share/toy/more.txt": lambda env: (env / "share/toy/more.txt").write_text("more"),
    "the environment lacks 1 file": lambda env: (env / "share/toy/data.txt").unlink(),
    "records, links or permissions": lambda env: relink(env / "share/toy/link", "place.txt"),
    "records, links": lambda env: (env / "conda-meta/state").write_text('{"env_vars": {"TOY": "2"}, "version": 1}'),
    "links or permissions": lambda env: (env / "share/toy/data.txt").chmod(0o755),
    "is not JSON": lambda env: (env / "conda-meta/xeus-toy-1.0-0.json").write_text("{"),
}


def test_two_locks_of_the_same_files_that_say_other_things_of_them_are_two_environments(project, tmp_path):
    lock = lock_environment(project / "environment.yml").lock
    (package,) = lock.packages
    # As an `@EXPLICIT` list has it, whose packages spell what they need otherwise than their channel's list.
    said = replace(lock, packages=(replace(package, depends=("__unix 0",), license="MIT"),))
    for value, needs in ((lock, ()), (said, ("__unix 0",)), (lock, ())):
        with cached_environment(value) as prefix:
            assert prefix.packages[0].depends == needs


def relink(path, target):
    path.unlink()
    path.symlink_to(target)


@pytest.mark.parametrize("what", DAMAGE)
def test_a_cached_environment_that_was_changed_is_made_anew_and_said_to_be(project, tmp_path, cache, what):
    pack_environment(project, tmp_path / "one", OPTIONS)
    (environment,) = (path.parent for path in (cache / "prefixes").glob("*/conda-meta"))
    DAMAGE[what](environment)
    heard = Heard()
    pack_environment(project, tmp_path / "two", OPTIONS, reporter=heard)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    (warning,) = heard.warnings
    assert warning.startswith("the cached environment is damaged and made anew: ")
    assert what in warning
    again = Heard()
    pack_environment(project, tmp_path / "three", OPTIONS, reporter=again)
    assert again.warnings == []


def test_a_package_that_is_wrong_in_itself_is_one_answer_however_often_it_is_packed(project, tmp_path):
    build_package(project / "channel", "", [listed("share/a", sha256="0" * 64), file("share/a")])
    index_channel(project / "channel")
    environment = project / "environment.yml"
    environment.write_text(environment.read_text().replace("[xeus-toy]", "[xeus-toy, evil]"))
    for _ in range(2):
        heard = Heard()
        with pytest.raises(PrefixError, match=r"evil-1\.0-0\.conda is wrong in itself: .* 'share/a' is 0000"):
            pack_environment(environment, tmp_path / "pack", OPTIONS, reporter=heard)
        assert heard.warnings == []


def test_an_environment_that_was_not_finished_is_made_anew(project, tmp_path, cache):
    pack_environment(project, tmp_path / "one", OPTIONS)
    (sealed,) = (cache / "prefixes").glob("*.seal")
    sealed.unlink()
    (data,) = (cache / "prefixes").glob("*/share/toy/data.txt")
    data.write_text("####")
    pack_environment(project, tmp_path / "two", OPTIONS)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def is_taken(cache):
    (file,) = (cache / "prefixes").glob("*.lock")
    try:
        FileLock(file).acquire(blocking=False).lock.release()
    except Timeout:
        return True
    return False


def test_a_cached_environment_is_held_until_the_pack_has_read_it(project, tmp_path, cache, monkeypatch):
    held = []
    write = pack_module.write_pack

    def watched(*arguments, **options):
        held.append(is_taken(cache))
        return write(*arguments, **options)

    monkeypatch.setattr(pack_module, "write_pack", watched)
    pack_environment(project, tmp_path / "one", OPTIONS)
    assert held == [True]
    assert not is_taken(cache)


def test_an_environment_comes_with_the_digests_of_its_files(project, tmp_path):
    pack_environment(project, tmp_path / "one", OPTIONS)
    with cached_environment(read_lock(project / "conda-lock.yml")) as prefix:
        assert prefix.digests == {
            file.path: sha256_of_file(prefix.path / file.path) for file in prefix.files if file.link is None
        }
        assert set(prefix.digests) == set(KERNEL)


def test_changed_files_of_a_users_environment_are_packed_and_named(project, tmp_path):
    pack_environment(project, tmp_path / "one", OPTIONS)
    install(read_lock(project / "conda-lock.yml"), tmp_path / "env")
    heard = Heard()
    pack_environment(tmp_path / "env", tmp_path / "two", OPTIONS, reporter=heard)
    assert heard.warnings == []
    (tmp_path / "env/share/toy/data.txt").write_text("mine")
    (tmp_path / "env/share/toy/place.txt").write_text("mine")
    packed = pack_environment(tmp_path / "env", tmp_path / "three", OPTIONS, reporter=heard)
    (warning,) = heard.warnings
    assert warning.startswith("these files are not what their packages brought, and are packed as they are: ")
    assert warning.endswith(": share/toy/data.txt, share/toy/place.txt")
    assert {path for archive in packed.report.archives for path in archive.files} >= {"share/toy/data.txt"}
    assert tree(tmp_path / "two") != tree(tmp_path / "three")


def test_installing_again_names_what_was_changed_and_leaves_it(project, tmp_path):
    pack_environment(project, tmp_path / "one", OPTIONS)
    lock = read_lock(project / "conda-lock.yml")
    install(lock, tmp_path / "env")
    (tmp_path / "env/share/toy/data.txt").write_text("mine")
    heard = Heard()
    install(lock, tmp_path / "env", reporter=heard)
    (warning,) = heard.warnings
    assert "are left as they are: share/toy/data.txt (remove the folder to install it anew)" in warning
    assert (tmp_path / "env/share/toy/data.txt").read_text() == "mine"


def test_an_environment_that_lost_a_package_is_made_anew(project, tmp_path):
    make_package(project / "channel", "toylib", noarch="generic", files={"share/toylib.lua": "return 1"})
    index_channel(project / "channel")
    (project / "environment.yml").write_text("channels: [./channel]\ndependencies: [xeus-toy, toylib]\n")
    pack_environment(project, tmp_path / "one", OPTIONS)
    lock = read_lock(project / "conda-lock.yml")
    install(lock, tmp_path / "env")
    (tmp_path / "env/conda-meta/toylib-1.0-0.json").unlink()
    assert len(install(lock, tmp_path / "env").packages) == 2


def test_who_wants_an_environment_that_another_has_waits_and_says_so(project, tmp_path, cache):
    pack_environment(project, tmp_path / "one", OPTIONS)
    heard, done = Heard(), threading.Event()

    def pack():
        pack_environment(project, tmp_path / "two", OPTIONS, reporter=heard)
        done.set()

    with cached_environment(read_lock(project / "conda-lock.yml")):
        waiting = threading.Thread(target=pack)
        waiting.start()
        assert not done.wait(1)
    waiting.join()
    assert heard.notes == ["waiting for another lite-env that uses the same environment"]
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
