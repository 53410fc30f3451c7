"""A site is served without a terminal, as an addon does it."""

from __future__ import annotations

import socket
import threading

import pytest
import requests

from lite_env.errors import HostError
from lite_env.site import live as live_module
from lite_env.site.live import open_site, serve, serving, site_as_json
from lite_env.store.local import LocalStore
from tests.prefixes import Heard

SECONDS = 30


@pytest.fixture
def application(tmp_path, pack, runtime):
    (tmp_path / "mine").mkdir()
    return open_site([pack], store=LocalStore(tmp_path / "store"), drive=tmp_path / "mine", runtime=runtime)


def test_it_is_served_until_the_event_is_set(application):
    stop, answers = threading.Event(), []

    def started(site):
        answers.append(requests.get(site.page, timeout=SECONDS))
        answers.append(site)
        stop.set()

    serve(application, stop=stop, port=0, started=started)
    page, site = answers
    assert '"kind": "server"' in page.text
    assert site_as_json(site) == {
        "drive": str(application.drive.root),
        "environments": ["demo"],
        "isolation": True,
        "page": f"{site.url}?token={application.token}",
        "token": application.token,
        "url": site.url,
    }
    assert site.summary == f"demo; /drive is {application.drive.root}"
    with pytest.raises(requests.ConnectionError):
        requests.get(site.url, timeout=SECONDS)


def test_encoded_files_are_kept_in_the_store_that_is_handed_in(application, tmp_path):
    with serving(application, port=0) as site:
        runtime = application.runtime
        answer = requests.get(
            f"{site.url}{runtime.folder}page.js", headers={"Accept-Encoding": "gzip"}, timeout=SECONDS
        )
    assert answer.headers["Content-Encoding"] == "gzip"
    assert [entry.kind for entry in LocalStore(tmp_path / "store").entries()] == ["encoded"]


def test_a_damaged_encoded_file_is_made_again(application, tmp_path):
    with serving(application, port=0) as site:
        url = f"{site.url}{application.runtime.folder}page.js"
        first = requests.get(url, headers={"Accept-Encoding": "gzip"}, timeout=SECONDS).text
        kept = [path for path in (tmp_path / "store" / "content").rglob("*") if path.is_file()]
        for path in kept:
            path.write_bytes(path.read_bytes()[:-9] + b"otherwise")
        assert requests.get(url, headers={"Accept-Encoding": "gzip"}, timeout=SECONDS).text == first
    assert kept


def test_without_a_folder_the_drive_is_the_browsers(tmp_path, pack, runtime):
    application = open_site([pack], store=LocalStore(tmp_path / "store"), runtime=runtime)
    with serving(application, port=0) as site:
        assert site.summary == "demo; /drive is the browser's storage"
        assert '"kind": "browser"' in requests.get(site.page, timeout=SECONDS).text


def test_a_drive_that_is_no_folder_is_refused(tmp_path, pack, runtime):
    with pytest.raises(HostError, match="is not a folder"):
        open_site([pack], store=LocalStore(tmp_path / "store"), drive=tmp_path / "none", runtime=runtime)


def test_the_usual_port_is_given_up_when_it_is_taken_another_is_not(application, monkeypatch):
    heard = Heard()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setattr(live_module, "DEFAULT_PORT", port)
        with serving(application, reporter=heard) as site:
            assert f":{port}/" not in site.url
        assert heard.notes == [f"port {port} is taken by another program; taking another one"]
        with pytest.raises(HostError, match=f"port {port} is taken"), serving(application, port=port):
            pass
