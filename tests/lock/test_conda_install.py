from __future__ import annotations

import hashlib
import json
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from lite_env.channel.index import index_channel
from lite_env.errors import ChannelError, FetchError
from lite_env.lock.conda.install import install_packages
from lite_env.lock.model import LockedPackage
from tests.conda_packages import PLACEHOLDER, make_package
from tests.prefixes import Heard


class Bytes:
    """A reporter that adds up what it is told."""

    def __init__(self):
        self.labels, self.total, self.done = [], None, 0

    def note(self, message, *, passing=False):
        """Nothing."""

    def warn(self, message, *, passing=False):
        """Nothing."""

    @contextmanager
    def task(self, label, total, unit):
        assert unit == "B"
        self.labels.append(label)
        self.total = total
        yield self

    def advance(self, amount):
        assert amount > 0
        self.done += amount


def locked(path: Path, *, base: str | None = None, sha256: str | None = None, **changes) -> LockedPackage:
    name, version, build = path.name.removesuffix(".conda").rsplit("-", 2)
    root = base or path.parent.parent.as_uri()
    data = path.read_bytes()
    fields = {
        "name": name,
        "version": version,
        "build": build,
        "build_number": 0,
        "subdir": path.parent.name,
        "file_name": path.name,
        "url": f"{root}/{path.parent.name}/{path.name}",
        "channel": root,
        "sha256": sha256 or hashlib.sha256(data).hexdigest(),
        "size": len(data),
    }
    return LockedPackage(**{**fields, **changes})


def damage(cache: Path, name: str) -> None:
    """Change a cached file without changing its size."""
    (victim,) = cache.glob(f"*/share/{name}")
    victim.write_bytes(b"#" * victim.stat().st_size)


def test_a_prefix_holds_the_files_with_an_empty_placeholder_and_its_links(channel, tmp_path):
    path = make_package(
        channel,
        "kernel",
        files={"share/k/kernel.json": f'{{"argv": ["{PLACEHOLDER}/bin/k"]}}', "bin/k": b"\x00asm"},
        links={"bin/link": "k"},
    )
    prefix = tmp_path / "prefix"
    install_packages(
        [locked(path)], prefix, cache=tmp_path / "cache", requested=["./channel::kernel >=1", "not a spec ["]
    )
    assert json.loads((prefix / "share/k/kernel.json").read_text()) == {"argv": ["/bin/k"]}
    assert (prefix / "bin/link").readlink() == Path("k")
    record = json.loads((prefix / "conda-meta/kernel-1.0-0.json").read_text())
    assert record["requested_specs"] == ["kernel >=1"]
    assert record["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_noarch_python_lands_in_site_packages(channel, tmp_path):
    python = make_package(channel, "python", "3.11.3", files={"bin/python": "x"})
    pure = make_package(channel, "pure", files={"site-packages/pure.py": "x = 1\n"}, noarch="python")
    install_packages([locked(pure, noarch="python"), locked(python)], tmp_path / "p", cache=tmp_path / "c")
    assert (tmp_path / "p/lib/python3.11/site-packages/pure.py").read_text() == "x = 1\n"


def test_link_scripts_never_run(channel, tmp_path):
    path = make_package(channel, "evil", files={"bin/.evil-post-link.sh": f"#!/bin/sh\ntouch {tmp_path}/ran\n"})
    install_packages([locked(path)], tmp_path / "p", cache=tmp_path / "c")
    assert (tmp_path / "p/bin/.evil-post-link.sh").exists()
    assert not (tmp_path / "ran").exists()


def test_a_second_install_with_fewer_packages_removes_the_rest(channel, tmp_path):
    a, b = (locked(make_package(channel, name, files={f"share/{name}": name})) for name in "ab")
    install_packages([a, b], tmp_path / "p", cache=tmp_path / "c")
    install_packages([b], tmp_path / "p", cache=tmp_path / "c")
    assert not (tmp_path / "p/share/a").exists()
    assert (tmp_path / "p/share/b").read_text() == "b"


def test_a_local_file_that_differs_from_the_lock_is_refused(channel, tmp_path):
    path = make_package(channel, "a", files={"share/a": "one"})
    package = locked(path)
    make_package(channel, "a", files={"share/a": "two"})
    with pytest.raises(FetchError, match=r"a-1\.0-0\.conda is not the file that was locked") as caught:
        install_packages([package], tmp_path / "p", cache=tmp_path / "c")
    context = dict(caught.value.context)
    assert context["expected_sha256"] == package.sha256
    assert context["found_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert not (tmp_path / "p").exists()


def test_a_remade_package_is_not_shadowed_by_the_cache(channel, tmp_path):
    one = locked(make_package(channel, "a", files={"share/a": "one"}))
    install_packages([one], tmp_path / "p1", cache=tmp_path / "c")
    two = locked(make_package(channel, "a", files={"share/a": "two"}))
    install_packages([two], tmp_path / "p2", cache=tmp_path / "c")
    assert (tmp_path / "p2/share/a").read_text() == "two"


@pytest.mark.parametrize("by", ["http", "file"])
def test_a_damaged_cache_entry_is_made_anew_and_its_files_are_named(by, channel, tmp_path, server):
    # A file with a placeholder too: what lies in the environment is another one then.
    files = {"share/a": "one", "share/b": f"at {PLACEHOLDER}/x", "share/c": "whole"}
    package = locked(make_package(channel, "a", files=files), base=server[0] if by == "http" else None)
    install_packages([package], tmp_path / "p1", cache=tmp_path / "c")
    damage(tmp_path / "c", "a")
    damage(tmp_path / "c", "b")
    heard = Heard()
    install_packages([package], tmp_path / "p2", cache=tmp_path / "c", reporter=heard)
    assert heard.warnings == ["the package cache's copy of a-1.0-0.conda is damaged and made anew: share/a, share/b"]
    assert (tmp_path / "p2/share/a").read_text() == "one"
    assert (tmp_path / "p2/share/b").read_text() == "at /x"
    again = Heard()
    install_packages([package], tmp_path / "p3", cache=tmp_path / "c", reporter=again)
    assert again.warnings == []


def test_a_cache_entry_whose_list_is_damaged_is_made_anew(channel, tmp_path):
    package = locked(make_package(channel, "a", files={"share/a": "one"}))
    install_packages([package], tmp_path / "p1", cache=tmp_path / "c")
    (tmp_path / "c/a-1.0-0/info/paths.json").write_text("{")
    heard = Heard()
    install_packages([package], tmp_path / "p2", cache=tmp_path / "c", reporter=heard)
    assert heard.warnings == ["the package cache's copy of a-1.0-0.conda is damaged and made anew: info/paths.json"]
    assert (tmp_path / "p2/share/a").read_text() == "one"


def test_no_file_of_a_prefix_is_shared_with_the_cache(channel, tmp_path):
    files = {"share/a": "one", "bin/a": b"\x00asm", "share/t": f"{PLACEHOLDER}/x"}
    package = locked(make_package(channel, "a", files=files, links={"l": "share/a"}))
    for prefix in ("p1", "p2"):
        install_packages([package], tmp_path / prefix, cache=tmp_path / "c")
    found = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent != tmp_path / "channel"]
    assert {path.stat().st_nlink for path in found} == {1}
    for path in found:
        if path.is_relative_to(tmp_path / "p1"):
            path.write_text("mine")
    heard = Heard()
    install_packages([package], tmp_path / "p3", cache=tmp_path / "c", reporter=heard)
    assert heard.warnings == []
    assert (tmp_path / "p3/share/a").read_text() == (tmp_path / "p2/share/a").read_text() == "one"


def test_a_missing_local_package_is_named(channel, tmp_path):
    path = make_package(channel, "a")
    package = locked(path)
    path.unlink()
    with pytest.raises(FetchError, match=r"a-1\.0-0\.conda is not in its local channel") as caught:
        install_packages([package], tmp_path / "p", cache=tmp_path / "c")
    assert "lite-env channel build" in caught.value.hint


def test_bytes_are_reported_exactly_once(channel, tmp_path, server):
    base, asked = server
    payload = bytes(range(256)) * 2000
    path = make_package(channel, "big", files={"share/big": payload})
    reporter = Bytes()
    install_packages([locked(path, base=base)], tmp_path / "p", cache=tmp_path / "c", reporter=reporter)
    assert reporter.done == reporter.total == path.stat().st_size
    assert asked == ["/emscripten-wasm32/big-1.0-0.conda"]
    again = Bytes()
    install_packages([locked(path, base=base)], tmp_path / "p2", cache=tmp_path / "c", reporter=again)
    assert again.done == again.total == 0
    assert len(asked) == 1


def test_an_http_file_that_differs_from_the_lock_is_refused(channel, tmp_path, server):
    path = make_package(channel, "a", files={"share/a": "one"})
    package = locked(path, base=server[0], sha256="0" * 64)
    with pytest.raises(FetchError, match="not the file that was locked"):
        install_packages([package], tmp_path / "p", cache=tmp_path / "c")
    assert not (tmp_path / "p/share/a").exists()


def test_an_http_file_that_is_gone_is_a_fetch_error(channel, tmp_path, server):
    path = make_package(channel, "a")
    package = locked(path, base=server[0])
    path.unlink()
    with pytest.raises(FetchError, match=r"could not be fetched: failed to fetch a-1\.0-0\.conda"):
        install_packages([package], tmp_path / "p", cache=tmp_path / "c")


def test_offline_installs_from_the_cache_without_a_connection(channel, tmp_path, server):
    base, asked = server
    package = locked(make_package(channel, "a", files={"share/a": "one"}), base=base)
    install_packages([package], tmp_path / "p1", cache=tmp_path / "c")
    asked.clear()
    install_packages([package], tmp_path / "p2", cache=tmp_path / "c", offline=True)
    assert (tmp_path / "p2/share/a").read_text() == "one"
    assert asked == []


def test_offline_names_what_the_cache_lacks(channel, tmp_path, server):
    base, asked = server
    packages = [locked(make_package(channel, name), base=base) for name in ("a", "b")]
    install_packages(packages[:1], tmp_path / "p", cache=tmp_path / "c")
    asked.clear()
    with pytest.raises(FetchError, match=r"no cache has 1 of the locked packages .* whole: b-1\.0-0\.conda"):
        install_packages(packages, tmp_path / "p", cache=tmp_path / "c", offline=True)
    assert asked == []


def test_offline_does_not_connect_even_when_the_cache_is_damaged(channel, tmp_path, server):
    base, asked = server
    package = locked(make_package(channel, "a", files={"share/a": "one"}), base=base)
    install_packages([package], tmp_path / "p1", cache=tmp_path / "c")
    damage(tmp_path / "c", "a")
    asked.clear()
    with pytest.raises(FetchError, match=r"no cache has 1 of the locked packages .* whole: a-1\.0-0\.conda"):
        install_packages([package], tmp_path / "p2", cache=tmp_path / "c", offline=True)
    assert asked == []


def test_it_works_inside_a_running_event_loop(channel, tmp_path):
    import asyncio  # noqa: PLC0415 - only here

    package = locked(make_package(channel, "a", files={"share/a": "one"}))

    async def notebook_cell():
        install_packages([package], tmp_path / "p", cache=tmp_path / "c")

    asyncio.run(notebook_cell())
    assert (tmp_path / "p/share/a").exists()


def test_an_index_knows_remade_packages(channel):
    make_package(channel, "a", files={"share/a": "one"})
    index_channel(channel)
    path = make_package(channel, "a", files={"share/a": "two"})
    index_channel(channel)
    repodata = json.loads((channel / "emscripten-wasm32/repodata.json").read_text())
    assert repodata["packages.conda"][path.name]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (channel / "noarch/repodata.json").exists()
    assert not (channel / ".tmp").exists()


def test_a_broken_package_stops_the_index(channel):
    (channel / "noarch").mkdir(parents=True)
    (channel / "noarch/broken-1.0-0.conda").write_bytes(b"PK not a zip")
    with pytest.raises(ChannelError, match="could not be indexed"):
        index_channel(channel)


def test_one_process_at_a_time_uses_the_package_cache(channel, tmp_path):
    package = locked(make_package(channel, "a", files={"share/a": "one"}))
    (tmp_path / "c").mkdir()
    done = threading.Event()

    def install():
        install_packages([package], tmp_path / "p", cache=tmp_path / "c")
        done.set()

    with FileLock(tmp_path / "c/.lite-env.lock"):
        waiting = threading.Thread(target=install)
        waiting.start()
        assert not done.wait(1)
        assert not (tmp_path / "p").exists()
    waiting.join()
    assert (tmp_path / "p/share/a").read_text() == "one"


def test_what_a_killed_process_was_fetching_is_gone_after_the_next(channel, tmp_path, server):
    package = locked(make_package(channel, "a", files={"share/a": "one"}), base=server[0])
    left = tmp_path / "c/.lite-env-fetched"
    left.mkdir(parents=True)
    (left / "a-1.0-0.conda").write_bytes(b"half")
    install_packages([package], tmp_path / "p", cache=tmp_path / "c")
    assert (tmp_path / "p/share/a").read_text() == "one"
    assert not left.exists()
