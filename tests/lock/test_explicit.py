"""``@EXPLICIT`` lists become locks: packages from real channels on disk and on loopback tell what they are."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import pytest

from lite_env.channel.index import index_channel
from lite_env.errors import FetchError, LockError, PrefixError
from lite_env.lock.conda_lock import dump_lock
from lite_env.lock.conda_lock_reader import parse_lock
from lite_env.lock.explicit import dump_explicit
from lite_env.lock.explicit_fetch import with_index
from lite_env.lock.file import read_lock
from lite_env.progress import SILENT, Remembering
from lite_env.store.local import LocalStore
from lite_env.workflow.install import install_environment
from lite_env.workflow.lock import LockPolicy, check_lock, lock_environment, lock_for
from tests.channel_server import serve_channel
from tests.conda_packages import make_package
from tests.fakes import MemoryStore
from tests.locks import conda, science

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.lock.model import Lockfile


@pytest.fixture
def channel(tmp_path) -> Path:
    """A channel of four packages, of which two need each other."""
    folder = tmp_path / "channel"
    make_package(folder, "python", "3.11.3", build="h0_7", build_number=7, depends=["pip", "emscripten-abi 3.1.45.*"])
    make_package(folder, "pip", "23.3", build="pyhd8_0", noarch="python", depends=["python >=3.7"], constrains=["x >1"])
    make_package(folder, "emscripten-abi", "3.1.45", build="h1_2", build_number=2, noarch="generic", license="MIT")
    make_package(folder, "six", "1.16.0", build="pyh6_0", noarch="python", depends=["python"], files=SIX)
    index_channel(folder)
    return folder


SIX = {"site-packages/six.py": "y = 2"}


def solved(tmp_path: Path, channel: str | Path) -> Lockfile:
    environment = tmp_path / "environment.yml"
    environment.write_text(f"name: demo\nchannels: ['{channel}']\ndependencies: [six]\n")
    return lock_environment(environment).lock


def listed(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "explicit.txt"
    path.write_text("\n".join(("@EXPLICIT", *lines)) + "\n")
    return path


def read(path: Path, **how) -> Lockfile:
    return read_lock(path, **{"store": MemoryStore(), **how})


def told(path: Path, **how) -> tuple[Lockfile, list[str]]:
    reporter = Remembering(SILENT)
    lock = read(path, reporter=reporter, **how)
    return lock, [text for _, text in reporter.lines]


@contextmanager
def served(channel: Path, **how):
    with serve_channel(channel, **how) as server:
        yield server, f"http://127.0.0.1:{server.port}/c"


def line(url: str, file: Path, kind: str | None = None) -> str:
    mark = f"#{hashlib.new(kind, file.read_bytes()).hexdigest()}" if kind else ""
    return f"{url}/{file.parent.name}/{file.name}{mark}"


def test_a_list_comes_to_the_packages_that_the_solver_chose(tmp_path, channel):
    lock = solved(tmp_path, channel)
    path = tmp_path / "explicit.txt"
    path.write_text(dump_explicit(lock))
    again, warnings = told(path)
    # Everything: dependencies, licences, kinds, build numbers, times, sizes and both hashes.
    assert again.packages == lock.packages
    assert len(again.packages) == 4
    assert (again.channels, again.requested, again.is_own, warnings) == (lock.channels, (), False, [])


@pytest.mark.parametrize("folder", ["jän", "a  b", "%41%", "c#sharp", "where?", "$HOME", "t/x"])
def test_a_local_channel_is_read_back_whatever_its_folder_is_called(tmp_path, channel, folder):
    place = tmp_path / folder
    place.parent.mkdir(exist_ok=True)
    lock = solved(tmp_path, channel.rename(place))
    path = tmp_path / "explicit.txt"
    path.write_text(dump_explicit(lock))
    again = read(path)
    assert again.packages == lock.packages
    assert again.channels == (place.as_uri(),)


@pytest.mark.parametrize("kind", ["sha256", None])
def test_a_local_channel_whose_name_is_too_long_for_any_is_not_there(tmp_path, channel, kind):
    six = channel / "noarch/six-1.16.0-pyh6_0.conda"
    path = listed(tmp_path, line(f"{channel.as_uri()}/{'x' * 300}", six, kind))
    with pytest.raises(FetchError, match=r"six-1.16.0-pyh6_0.conda is not in its local channel"):
        install_environment(read(path), tmp_path / "prefix")


def test_a_folder_of_a_server_may_be_called_by_any_letters(tmp_path, channel):
    six = channel / "noarch/six-1.16.0-pyh6_0.conda"
    with served(channel) as (_, url):
        for name in ("j%C3%A4n", "jän", "%20%20"):
            lock = read(listed(tmp_path, line(f"{url}/{name}", six, "sha256")))
            assert lock.channels == (f"{url}/{quote(unquote(name))}",)


def test_a_package_stands_behind_what_it_needs(tmp_path, channel):
    text = dump_explicit(solved(tmp_path, channel))
    head, _, rest = text.partition("@EXPLICIT\n")
    assert "# platform: emscripten-wasm32\n" in head
    names = [each.rpartition("/")[2].rsplit("-", 2)[0] for each in rest.splitlines()]
    # pip and python need each other.
    assert names == ["emscripten-abi", "python", "pip", "six"]
    chain = [conda(name, "1", need) for name, need in zip("abcde", "bcdea", strict=True)]
    lock = replace(solved(tmp_path, channel), packages=tuple(chain))
    assert [each.rpartition("/")[2][0] for each in dump_explicit(lock).splitlines()[4:]] == list("edcba")


def test_a_list_of_the_network_is_fetched_once_and_then_is_in_the_store(tmp_path, channel):
    six = channel / "noarch/six-1.16.0-pyh6_0.conda"
    store = MemoryStore()
    with served(channel) as (server, url):
        path = listed(tmp_path, line(url, six, "sha256"))
        lock, warnings = told(path, store=store)
        assert warnings == []
        assert len(server.asked) == 1
        assert told(path, store=store, offline=True)[0] == lock
        assert len(server.asked) == 1
    (package,) = lock.packages
    assert (package.depends, package.noarch, package.size) == (("python",), "python", six.stat().st_size)
    assert all(entry.vouched for entry in store.entries())


@pytest.mark.parametrize(
    ("kind", "counted"),
    [(None, "1 of them no hash at all, 0 an MD5 alone"), ("md5", "0 of them no hash at all, 1 an MD5 alone")],
)
def test_without_a_sha256_what_comes_is_taken_told_and_pinned(tmp_path, channel, kind, counted):
    six = channel / "noarch/six-1.16.0-pyh6_0.conda"
    store = MemoryStore()
    with served(channel) as (server, url):
        path = listed(tmp_path, line(url, six, kind))
        lock, warnings = told(path, store=store)
        assert lock.packages[0].sha256 == hashlib.sha256(six.read_bytes()).hexdigest()
        assert [each for each in warnings if counted in each and "six-1.16.0-pyh6_0.conda" in each] == warnings
        assert len(warnings) == 1
        assert not any(entry.vouched for entry in store.entries())
        # What the address had stays what it has, on this machine.
        server.status = 404
        assert told(path, store=store)[0] == lock
        with pytest.raises(FetchError):
            read(path)
        # A lock of it is pinned.
        pinned = tmp_path / "conda-lock.yml"
        pinned.write_text(dump_lock(lock, folder=tmp_path))
        assert read_lock(pinned, store=store).packages == lock.packages


def test_what_is_remembered_is_forgotten_with_its_bytes(tmp_path, channel):
    six = channel / "noarch/six-1.16.0-pyh6_0.conda"
    store = LocalStore(tmp_path / "store")
    with served(channel) as (_, url):
        path = listed(tmp_path, line(url, six))
        first = read(path, store=store)
        make_package(channel, "six", "1.16.0", build="pyh6_0", noarch="python", depends=["python"], license="MIT")
        assert read(path, store=store) == first
        for entry in store.entries():
            store.forget(entry)
        with pytest.raises(FetchError, match="no cache has 1 of the locked packages whole"):
            read(path, store=store, offline=True)
        again = read(path, store=store)
        assert again.packages[0].sha256 == hashlib.sha256(six.read_bytes()).hexdigest() != first.packages[0].sha256
        assert read(path, store=store, offline=True) == again


def test_who_asks_for_locked_packages_is_told_before_anything_is_fetched(tmp_path, channel):
    six, pip = channel / "noarch/six-1.16.0-pyh6_0.conda", channel / "noarch/pip-23.3-pyhd8_0.conda"
    with served(channel) as (server, url):
        path = listed(tmp_path, line(url, pip, "sha256"), line(url, six, "md5"))
        with pytest.raises(LockError, match=r"1 of 2 packages have no sha256 in the list, .*: six-1.16.0") as caught:
            read(path, pinned=True)
        assert server.asked == []
    assert ("line", 3) in caught.value.context
    assert "`lite-env export --format conda-lock`" in caught.value.hint


@pytest.mark.parametrize("kind", ["sha256", "md5"])
@pytest.mark.parametrize("place", ["here", "there"])
def test_another_file_than_the_list_says_is_refused(tmp_path, channel, kind, place):
    six = channel / "noarch/six-1.16.0-pyh6_0.conda"
    store = MemoryStore()
    with served(channel) as (_, url):
        wrong = line(channel.as_uri() if place == "here" else url, six) + f"#{hashlib.new(kind, b'x').hexdigest()}"
        with pytest.raises(FetchError, match=f"six-1.16.0-pyh6_0.conda is not the file .* expected {kind} "):
            read(listed(tmp_path, wrong), store=store)
    assert list(store.entries()) == []


def test_a_package_that_says_it_is_another_is_refused(tmp_path, channel):
    six = channel / "noarch/six-1.16.0-pyh6_0.conda"
    other = six.rename(six.with_name("six-1.17.0-pyh6_0.conda"))
    with pytest.raises(PrefixError, match=r"says that its version is 1.16.0, and its address that it is 1.17.0"):
        read(listed(tmp_path, line(channel.as_uri(), other, "sha256")))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("noarch", "foo", r"is malformed: .*\$.noarch"),
        ("noarch", "", r"is malformed: .*\$.noarch"),
        ("timestamp", 1e300, r"says that its timestamp is 1e\+300"),
        ("timestamp", -1, "says that its timestamp is -1"),
        ("timestamp", 2**63, "says that its timestamp is 9223372036854775808, which is not from 0 to "),
        ("build_number", 10**20 - 1, "says that its build_number is 99999999999999999999"),
        ("build_number", -1, "says that its build_number is -1"),
    ],
)
def test_what_a_package_says_of_itself_has_bounds(key, value, said):
    index = {"name": "six", "version": "1.16.0", "build": "0", "build_number": 0, "subdir": "noarch"}
    package = conda("six", "1.16.0", build="0", subdir="noarch")
    with pytest.raises(PrefixError, match=rf"the `info/index.json` of six-1.16.0-0.conda {said}"):
        with_index(package, json.dumps(index | {key: value}).encode())


@pytest.mark.parametrize(
    ("told", "kind"),
    [(True, "generic"), (False, None), (None, None), ("generic", "generic"), ("python", "python")],
)
def test_the_kinds_of_packages_that_are_for_every_platform(told, kind):
    index = {"name": "six", "version": "1.16.0", "build": "0", "build_number": 2**63 - 1, "noarch": told}
    found = with_index(conda("six", "1.16.0", build="0", subdir="noarch"), json.dumps(index).encode())
    assert (found.noarch, found.build_number) == (kind, 2**63 - 1)


def test_what_is_no_package_is_refused(tmp_path):
    file = tmp_path / "c/noarch/six-1.16.0-0.conda"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"PK no package")
    with pytest.raises(PrefixError, match=r"six-1.16.0-0.conda cannot be read"):
        read(listed(tmp_path, file.as_uri()))


def test_offline_it_is_told_what_is_missing(tmp_path, channel):
    files = sorted((channel / "noarch").glob("*.conda"))
    with served(channel) as (server, url):
        path = listed(
            tmp_path, *(line(url, file, kind) for file, kind in zip(files, ("sha256", None, "md5"), strict=True))
        )
        with pytest.raises(
            FetchError,
            match=r"no cache has 3 of the locked packages whole: emscripten-abi-3.1.45-h1_2.conda, pip",
        ):
            read(path, offline=True)
        assert server.asked == []
    with pytest.raises(FetchError, match=r"emscripten-abi-3.1.45-h9_9.conda is not in its local channel"):
        read(listed(tmp_path, f"{channel.as_uri()}/noarch/emscripten-abi-3.1.45-h9_9.conda"), offline=True)


def test_credentials_are_used_and_never_written(tmp_path, channel):
    abi = channel / "noarch/emscripten-abi-3.1.45-h1_2.conda"
    with served(channel, user="me:hunter2-secret") as (server, url):
        path = listed(tmp_path, line(url.replace("//", "//me:hunter2-secret@"), abi, "sha256"))
        lock = read(path)
        assert [each.authorization for each in server.asked].pop().startswith("Basic ")
        # So they are when it is installed out of no cache.
        server.asked.clear()
        install_environment(lock, tmp_path / "prefix")
        assert [each.authorization is not None for each in server.asked] == [True]
        server.user = "someone:else"
        with pytest.raises(FetchError) as caught:
            read(path)
    assert "hunter2" not in f"{caught.value} {caught.value.hint} {caught.value.context} {lock!r}"
    for text in (dump_lock(lock, folder=tmp_path), dump_explicit(lock)):
        assert "hunter2" not in text
        assert f"{url}/noarch/emscripten-abi-3.1.45-h1_2.conda" in text


@pytest.mark.parametrize("secret", [{0}, {1}, {0, 1}])
def test_a_channel_has_the_credentials_of_any_of_its_lines(tmp_path, channel, secret):
    files = [channel / "noarch/pip-23.3-pyhd8_0.conda", channel / "noarch/six-1.16.0-pyh6_0.conda"]
    mark = "tk-hunter2"
    with served(channel, token=mark) as (server, url):
        urls = [url.replace("/c", f"/t/{mark}/c") if each in secret else url for each in range(2)]
        path = listed(tmp_path, *(line(each, file, "sha256") for each, file in zip(urls, files, strict=True)))
        lock = read(path)
        assert sorted(asked.path.split("/c/")[0] for asked in server.asked) == [f"/t/{mark}"] * 2
    assert lock.channels == (url,)
    assert len(lock.packages) == 2


def test_two_credentials_of_one_channel_are_refused_and_not_shown(tmp_path, channel):
    pip, six = channel / "noarch/pip-23.3-pyhd8_0.conda", channel / "noarch/six-1.16.0-pyh6_0.conda"
    with served(channel, user="me:hunter2") as (server, url):
        urls = url.replace("//", "//me:hunter2@"), url.replace("//", "//me:hunter3@")
        path = listed(tmp_path, line(urls[0], pip, "sha256"), line(urls[1], six, "sha256"))
        with pytest.raises(LockError, match=r"line 3 has other credentials for http://127.0.0.1:\d+/c than") as caught:
            read(path)
        assert server.asked == []
    assert "hunter" not in f"{caught.value} {caught.value.hint} {caught.value.context}"
    assert ("line", 3) in caught.value.context


def test_wheels_have_no_place(tmp_path):
    lock = read_lock(science(tmp_path / "conda-lock.yml"))
    with pytest.raises(LockError, match=r"@EXPLICIT has no place for wheels, .*: ipywidgets, ours, widgetsnbextension"):
        dump_explicit(lock)
    assert dump_explicit(replace(lock, packages=lock.conda)).count("https://") == len(lock.conda)


def test_a_lock_that_was_made_of_a_list_is_no_answer_to_anything(tmp_path, channel):
    lock = read(listed(tmp_path, line(channel.as_uri(), channel / "noarch/six-1.16.0-pyh6_0.conda", "sha256")))
    text = dump_lock(lock, folder=tmp_path)
    assert text.startswith("# Made by `lite-env export`; do not edit.")
    again = parse_lock(text, tmp_path / "conda-lock.yml")
    assert (again.packages, again.is_own, again.spec_digest) == (lock.packages, False, "")


def test_nothing_is_fetched_where_a_lock_has_to_answer_an_environment_file(tmp_path, channel):
    six = channel / "noarch/six-1.16.0-pyh6_0.conda"
    environment = tmp_path / "environment.yml"
    environment.write_text("name: demo\nchannels: ['./channel']\ndependencies: [six]\n")
    with served(channel) as (server, url):
        listed(tmp_path, line(url, six, "sha256")).rename(tmp_path / "conda-lock.yml")
        for ask in (lock_environment, check_lock):
            with pytest.raises(LockError, match="is an @EXPLICIT list, which answers no environment file"):
                ask(environment)
        with pytest.raises(LockError, match="is an @EXPLICIT list"):
            lock_for(environment, LockPolicy.FROZEN)
        assert server.asked == []
