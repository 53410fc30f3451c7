from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from http import HTTPStatus

import pytest
import requests
from click.testing import CliRunner

from lite_env.cli import serve as serve_module
from lite_env.cli.serve import command
from lite_env.errors import HostError
from lite_env.site import live as live_module
from tests.sites import make_pack, make_runtime

SECONDS = 30


@pytest.fixture(autouse=True)
def runtime(tmp_path, monkeypatch):
    folder = make_runtime(tmp_path / "dist")
    monkeypatch.setattr(live_module, "runtime_dir", lambda: folder)
    return folder


@pytest.fixture
def pack(tmp_path):
    return make_pack(tmp_path / "pack")


@pytest.fixture
def stop_at_once(monkeypatch):
    """The server is told to end as soon as it has told where it is."""

    @contextmanager
    def stopping():
        event = threading.Event()
        event.set()
        yield event

    monkeypatch.setattr(serve_module, "_stopping", stopping)


def run(*arguments):
    return CliRunner().invoke(command, list(map(str, arguments)), catch_exceptions=False)


@pytest.fixture
def serve(tmp_path, runtime):
    """Start `lite-env serve` as a process of its own; what is still running in the end is killed."""
    running = []
    # The process has the small runtime of these tests.
    main = (
        "import pathlib, sys; import lite_env.site.live as live; from lite_env.cli.main import main;"
        f"live.runtime_dir = lambda: pathlib.Path({str(runtime)!r}); main()"
    )

    def begin(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", main, "serve", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "LITE_ENV_CACHE_DIR": str(tmp_path / "cache")},
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_page_and_drive_until_it_is_told_to_end(serve, pack, tmp_path, number):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note.txt").write_text("hello")
    process = serve(pack, "--drive", tmp_path / "mine", "--port", "0")
    url, _, token = process.stdout.readline().strip().partition("?token=")
    assert url.startswith("http://127.0.0.1:")
    page = requests.get(url, params={"token": token}, timeout=SECONDS)
    assert '"kind": "server"' in page.text
    assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    answer = requests.post(
        f"{url}api/drive",
        json={"data": {"method": "get", "path": "/note.txt"}},
        headers={"X-Lite-Env-Token": token},
        timeout=SECONDS,
    )
    assert answer.json() == {"content": "aGVsbG8=", "format": "base64"}
    assert requests.post(f"{url}api/drive", json={}, timeout=SECONDS).status_code == HTTPStatus.FORBIDDEN
    process.send_signal(number)
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (0, "")
    assert f"demo; /drive is {(tmp_path / 'mine').resolve()}; Ctrl-C ends" in err
    assert err.rstrip().endswith("ended")
    assert "Traceback" not in err


def test_a_port_that_is_taken_ends_the_command(serve, pack):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        process = serve(pack, "--port", port)
        out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (1, "")
    assert err.startswith(f"error: port {port} is taken by another program")
    assert "hint: choose another one, or 0 for any that is free" in err


def test_the_usual_port_is_given_up_when_it_is_taken(pack, monkeypatch, stop_at_once):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setattr(live_module, "DEFAULT_PORT", port)
        result = run(pack)
        assert result.exit_code == 0
        assert f"port {port} is taken by another program; taking another one" in result.stderr
        assert f":{port}/" not in result.stdout
        with pytest.raises(HostError):
            run(pack, "--port", port)
    assert run(pack).stdout.startswith(f"http://127.0.0.1:{port}/?token=")


def test_json_tells_address_and_token(pack, tmp_path, stop_at_once):
    answer = json.loads(run(pack, "--json", "--port", "0").stdout)
    assert answer["page"] == f"{answer['url']}?token={answer['token']}"
    assert (answer["drive"], answer["environments"], answer["isolation"]) == (None, ["demo"], True)
    answer = json.loads(run(pack, "--json", "--port", "0", "--drive", tmp_path, "--no-isolation").stdout)
    assert (answer["drive"], answer["isolation"]) == (str(tmp_path.resolve()), False)


@pytest.mark.parametrize("opens", [True, False])
def test_a_browser_is_opened_when_asked(pack, monkeypatch, stop_at_once, opens):
    opened = []

    def open_page(url):
        opened.append(url)
        return opens

    monkeypatch.setattr(serve_module.webbrowser, "open", open_page)
    result = run(pack, "--port", "0", "--open")
    assert opened == [result.stdout.strip()]
    assert ("no browser could be opened" in result.stderr) is not opens
    run(pack, "--port", "0")
    assert len(opened) == 1


def test_without_a_folder_the_drive_is_the_browsers(pack, stop_at_once):
    assert "/drive is the browser's storage" in run(pack, "--port", "0").stderr


def test_a_drive_that_is_no_folder_is_refused(pack, tmp_path):
    with pytest.raises(HostError, match="is not a folder"):
        run(pack, "--drive", tmp_path / "none")


def test_signals_are_given_back():
    before = signal.getsignal(signal.SIGINT)
    with serve_module._stopping() as stop:
        assert signal.getsignal(signal.SIGINT) is not before
        signal.raise_signal(signal.SIGINT)
        assert stop.wait(SECONDS)
    assert signal.getsignal(signal.SIGINT) is before
