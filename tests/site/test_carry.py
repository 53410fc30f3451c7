"""Files of a server that is slow, busy or broken: what can be had is had, and no more is lost than has to be."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lite_env.site import carry as carry_module
from lite_env.site.carry import AT_ONCE, LostFile, bring
from lite_env.site.keep import OldFile
from lite_env.site.previous import Previous
from lite_env.site.record import SiteRecord
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.location import cache_directory
from tests.prefixes import Heard

NOW = datetime(2026, 11, 27, tzinfo=UTC)


@dataclass
class Slow:
    """What a server answers with.

    Attributes:
        files: by path.
        pause: seconds before each 64 KiB.
        silent: what it never sends.
        busy: seconds that it asks for at the first request for each file.
        location: where it sends everybody.
        asked: paths.
    """

    files: dict[str, bytes]
    pause: float = 0.0
    silent: frozenset[str] = frozenset()
    busy: int = 0
    location: str | None = None
    asked: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(slow):
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            """Nothing."""

        def do_GET(self):
            path = self.path.lstrip("/")
            first = path not in slow.asked
            slow.asked.append(path)
            if path in slow.silent:
                slow.over.wait(20)
                return
            if slow.location or (slow.busy and first):
                self.send_response(302 if slow.location else 503)
                self.send_header("Location", slow.location or "")
                self.send_header("Retry-After", str(slow.busy))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            content = slow.files[path]
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            for start in range(0, len(content), 1 << 16):
                slow.over.wait(slow.pause)
                self.wfile.write(content[start : start + (1 << 16)])

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            slow.over.set()
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "cache"))


def brought(slow, *, patience=0.6):
    """Content by path of what came, and why by path of what did not."""
    record = SiteRecord(generator="", build="", files={})
    files = [
        OldFile(path=path, size=len(content), sha256=sha256_of_bytes(content), since=NOW, until=NOW)
        for path, content in slow.files.items()
    ]
    came, lost = {}, {}
    with serving(slow) as url:
        for file in bring(Previous(place=url, root=url, record=record, patience=patience), files, Heard()):
            if isinstance(file, LostFile):
                lost[file.path] = file.why
            else:
                came[file.path] = file.source.read_bytes()
    assert not list(cache_directory("previous").iterdir())
    return came, lost


def small(count):
    return {f"{number}.js": f"{number}".encode() for number in range(count)}


@pytest.mark.slow
def test_what_comes_slowly_and_comes_is_not_lost(monkeypatch):
    """Each gets an eighth of a link that is fast enough for all."""
    monkeypatch.setattr(carry_module, "_SLOWEST", 1 << 21)
    files = {f"{number}.js": bytes([number]) * (15 << 16) for number in range(AT_ONCE)}
    assert brought(Slow(files, pause=0.2), patience=2) == (files, {})


def test_what_comes_too_slowly_is_lost(monkeypatch):
    monkeypatch.setattr(carry_module, "_SLOWEST", 1 << 30)
    came, lost = brought(Slow({"a.js": bytes(10 << 16)}, pause=0.2))
    assert came == {}
    assert lost == {"a.js": "it comes too slowly"}


def test_one_silence_loses_one_file():
    files = small(16 * AT_ONCE)
    # So that others are still to come then, and none of them takes nearly as long on a busy machine.
    came, lost = brought(Slow(files, silent=frozenset(["3.js"]), pause=0.3), patience=3)
    assert list(lost) == ["3.js"]
    assert "no answer within" in lost["3.js"]
    assert came.keys() | lost.keys() == files.keys()


def test_silence_of_all_is_not_waited_for_each_time():
    files = small(10 * AT_ONCE)
    slow = Slow(files, silent=frozenset(files))
    begun = time.monotonic()
    came, lost = brought(slow)
    assert time.monotonic() - begun < 5
    assert came == {}
    assert lost.keys() == files.keys()
    assert len(slow.asked) < 2 * AT_ONCE


@pytest.mark.slow
def test_a_pause_that_the_server_asks_for_is_no_silence():
    files = small(3)
    assert brought(Slow(files, busy=3), patience=2) == (files, {})


def test_equal_files_do_not_wait_for_each_other():
    files = dict.fromkeys(["a.js", "b.js", "c.js"], b"the same")
    assert brought(Slow(files, pause=1), patience=1.5) == (files, {})


def test_what_a_library_stumbles_over_loses_the_file_and_nobody_waits_for_ever():
    """An address that cannot be parsed is an error of no library's own."""
    files = small(2)
    came, lost = brought(Slow(files, location="http://[x/"))
    assert came == {}
    assert lost.keys() == files.keys()
    assert all(lost.values())


def test_what_a_reporter_stumbles_over_does_neither(monkeypatch):
    monkeypatch.setattr(carry_module, "_Watch", None)
    _, lost = brought(Slow(small(2)))
    assert all("TypeError" in why for why in lost.values())


KILLED = """
import os, sys
from lite_env.site.carry import _own_folder
with _own_folder() as folder:
    (folder / "file").write_bytes(b"x" * 1000)
    print(folder, flush=True)
    sys.stdin.read()
    os._exit(1)
"""


def test_what_a_killed_build_left_is_told_and_can_be_removed():
    from lite_env.workflow.cached import describe_cache, forget_unpacked, unpacked  # noqa: PLC0415

    run = subprocess.Popen(
        [sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ, text=True
    )
    folder = run.stdout.readline().strip()
    (part,) = [part for part in describe_cache() if part.name == "previous"]
    assert (part.items, part.size) == (1, 1000)
    # It still runs.
    assert forget_unpacked(unpacked()) == ()
    assert Path(folder).is_dir()
    run.communicate("")
    assert [str(item.path) for item in forget_unpacked(unpacked())] == [folder]
    assert not list(cache_directory("previous").iterdir())
