"""`lite-env site` on a plain host of files, and `lite-env serve`, with real kernels in a real headless Chromium."""

from __future__ import annotations

import http.server
import json
import sys
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.command_line import Command, lite_env

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]
ALL_BYTES = bytes(range(256))
TOTAL = str(sum(ALL_BYTES))


class PlainHost(http.server.SimpleHTTPRequestHandler):
    """Files as they are, no special headers: what any host of files gives."""

    def log_message(self, *_):
        self.server.asked.append(self.path)


@contextmanager
def plain_host(folder: Path):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(PlainHost, directory=str(folder))) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", server.asked
        finally:
            server.shutdown()
            thread.join()


def test_a_static_site_runs_in_any_folder_of_a_plain_host(numpy_pack, lua_pack, tmp_path, console):
    ended = lite_env("site", numpy_pack, lua_pack, "-o", tmp_path / "docs" / "my demo")
    assert ended.code == 0, ended.err
    with plain_host(tmp_path) as (url, asked):
        console.open(f"{url}docs/my%20demo/")
        assert console.page.evaluate("crossOriginIsolated") is False
        assert console.text("import numpy; print(numpy.arange(3) * 2)").strip() == "[0 2 4]"
        code = "open('/drive/b.bin', 'wb').write(bytes(range(256))); print(sum(open('/drive/b.bin', 'rb').read()))"
        assert console.text(code).strip() == TOTAL
        assert console.problems() == []
        console.page.goto(f"{url}docs/my%20demo/#lua-demo")
        console.reload()
        assert console.text("print(6 * 7)").strip() == "42"
    assert {path.split("/docs/my%20demo/")[0] for path in asked} == {""}


def test_serve_shows_a_folder_of_the_host_as_the_drive(numpy_pack, tmp_path, console):
    folder = tmp_path / "host"
    (folder / "a folder").mkdir(parents=True)
    (folder / "a folder" / "in.bin").write_bytes(ALL_BYTES)
    (tmp_path / "secret").write_text("secret")
    (folder / "out").symlink_to(tmp_path / "secret")
    server = Command("serve", numpy_pack, "--drive", folder, "--port", "0", "--json")
    try:
        server.wait_for(lambda: server.out().endswith("}\n"))
        told = json.loads(server.out())
        console.open(told["page"])
        assert console.page.url == told["url"]
        assert console.page.evaluate("crossOriginIsolated") is True
        assert console.text("import os, numpy; print(sorted(os.listdir('/drive')))").strip() == "['a folder']"
        assert console.text("print(numpy.fromfile('/drive/a folder/in.bin', 'u1').sum())").strip() == TOTAL
        console.text("open('/drive/out.bin', 'wb').write(bytes(range(256))[::-1]); os.mkdir('/drive/made')")
        console.text("os.rename('/drive/out.bin', '/drive/made/out.bin'); os.remove('/drive/a folder/in.bin')")
        assert (folder / "made" / "out.bin").read_bytes() == ALL_BYTES[::-1]
        assert list((folder / "a folder").iterdir()) == []
        (folder / "late.txt").write_text("from the host")
        assert console.text("print(open('/drive/late.txt').read())").strip() == "from the host"
        refused = console.execute("os.stat('/drive/out')")
        assert "PermissionError" in refused["error"]["ename"], refused
        assert console.problems() == []
    finally:
        server.interrupt()
        ended = server.end()
    assert ended.code == 0, ended.err
