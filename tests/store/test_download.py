import hashlib
import subprocess
import sys
import threading
import time

import pytest

from lite_env.errors import FetchError
from lite_env.store.download import Retry, arrived, download, fetch_small
from lite_env.store.lock import held
from tests.channel_inputs import RecordingReporter, Served, serving
from tests.channel_server import serve_channel
from tests.origins import own_certificate

DATA = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def served():
    with serving(Served(files={"file.bin": DATA})) as server:
        yield server


@pytest.fixture
def waits():
    return []


@pytest.fixture
def retry(waits):
    return Retry(attempts=3, first=0.5, sleep=waits.append)


def test_a_file_is_downloaded_and_bytes_are_told(served, tmp_path, retry):
    reporter = RecordingReporter()
    target = tmp_path / "deep" / "file.bin"
    download(f"{served.url}/file.bin", target, sha256=SHA256, size=len(DATA), retry=retry, reporter=reporter)
    assert target.read_bytes() == DATA
    assert reporter.tasks == [("downloading file.bin", len(DATA), "B")]
    assert reporter.advanced["downloading file.bin"] == len(DATA)
    assert [path.name for path in target.parent.iterdir()] == ["file.bin"]


def test_a_broken_connection_is_continued_where_it_ended(served, tmp_path, retry, waits):
    served.cut = [131_072, 327_680]
    download(f"{served.url}/file.bin", tmp_path / "f", sha256=SHA256, retry=retry)
    assert (tmp_path / "f").read_bytes() == DATA
    assert [wanted for _, wanted in served.requests] == [None, "bytes=131072-", "bytes=327680-"]
    assert waits == [0.5, 1.0]


def test_an_earlier_run_is_continued(served, tmp_path, retry):
    partial = tmp_path / "partial"
    partial.write_bytes(DATA[:1234])
    download(f"{served.url}/file.bin", tmp_path / "f", sha256=SHA256, size=len(DATA), partial=partial, retry=retry)
    assert served.requests == [("/file.bin", "bytes=1234-")]
    assert (tmp_path / "f").read_bytes() == DATA
    assert not partial.exists()


def test_a_partial_file_of_other_content_does_no_harm(served, tmp_path, retry):
    partial = tmp_path / "partial"
    partial.write_bytes(b"something else")
    download(f"{served.url}/file.bin", tmp_path / "f", sha256=SHA256, size=len(DATA), partial=partial, retry=retry)
    assert (tmp_path / "f").read_bytes() == DATA
    assert [wanted for _, wanted in served.requests] == ["bytes=14-", None]


def test_a_partial_file_that_is_too_long_is_thrown_away(served, tmp_path, retry):
    partial = tmp_path / "partial"
    partial.write_bytes(DATA + b"more")
    download(f"{served.url}/file.bin", tmp_path / "f", sha256=SHA256, size=len(DATA), partial=partial, retry=retry)
    assert served.requests == [("/file.bin", None)]
    assert (tmp_path / "f").read_bytes() == DATA


def test_a_partial_file_beyond_the_end_starts_anew_when_no_size_is_known(served, tmp_path, retry):
    partial = tmp_path / "partial"
    partial.write_bytes(DATA + b"more")
    download(f"{served.url}/file.bin", tmp_path / "f", sha256=SHA256, partial=partial, retry=retry)
    assert [wanted for _, wanted in served.requests] == [f"bytes={len(DATA) + 4}-", None]
    assert (tmp_path / "f").read_bytes() == DATA


def test_a_whole_partial_file_needs_no_request(tmp_path, served, retry):
    partial = tmp_path / "partial"
    partial.write_bytes(DATA)
    download(f"{served.url}/file.bin", tmp_path / "f", sha256=SHA256, size=len(DATA), partial=partial, retry=retry)
    assert served.requests == []
    assert (tmp_path / "f").read_bytes() == DATA


def test_a_server_that_ignores_range_is_no_problem(served, tmp_path, retry):
    served.ignore_range = True
    partial = tmp_path / "partial"
    partial.write_bytes(DATA[:1234])
    download(f"{served.url}/file.bin", tmp_path / "f", sha256=SHA256, partial=partial, retry=retry)
    assert (tmp_path / "f").read_bytes() == DATA


def test_a_busy_server_is_asked_again(served, tmp_path, retry, waits):
    served.failures = 2
    download(f"{served.url}/file.bin", tmp_path / "f", sha256=SHA256, retry=retry)
    assert len(waits) == 2


def test_in_the_end_it_gives_up_and_keeps_what_was_received(served, tmp_path, retry):
    served.cut = [65_536, 131_072, 196_608]
    partial = tmp_path / "partial"
    with pytest.raises(FetchError, match=r"could not be downloaded: .*") as caught:
        download(f"{served.url}/file.bin", tmp_path / "f", sha256=SHA256, partial=partial, retry=retry)
    assert ("attempts", 3) in caught.value.context
    assert "goes on from there" in caught.value.hint
    assert partial.read_bytes() == DATA[:196_608]
    assert not (tmp_path / "f").exists()


def test_a_busy_server_is_named_in_the_error(served, tmp_path, retry):
    served.failures = 3
    with pytest.raises(FetchError, match="the server answered 503 Service Unavailable"):
        download(f"{served.url}/file.bin", tmp_path / "f", sha256=SHA256, retry=retry)


def test_a_missing_file_is_not_asked_for_twice(served, tmp_path, retry):
    with pytest.raises(FetchError, match="the server answered 404 Not Found") as caught:
        download(f"{served.url}/other.bin", tmp_path / "f", sha256=SHA256, retry=retry)
    assert caught.value.hint == "look whether the address is still right"
    assert len(served.requests) == 1


def test_another_file_than_expected_is_refused_and_not_kept(served, tmp_path, retry):
    served.files["file.bin"] = b"an error page"
    with pytest.raises(FetchError, match="is not the file that was expected") as caught:
        download(f"{served.url}/file.bin", tmp_path / "f", sha256=SHA256, retry=retry)
    context = dict(caught.value.context)
    assert context["found"] == f"sha256 {hashlib.sha256(b'an error page').hexdigest()}, 13 bytes"
    assert context["expected"] == f"sha256 {SHA256}"
    assert list(tmp_path.iterdir()) == []


def test_more_bytes_than_expected_are_not_taken(served, tmp_path, retry):
    served.files["file.bin"] = DATA * 40
    with pytest.raises(FetchError, match="is not the file that was expected") as caught:
        download(f"{served.url}/file.bin", tmp_path / "f", sha256=SHA256, size=len(DATA), retry=retry)
    found = int(dict(caught.value.context)["found"].split()[-2])
    assert found < 2 * len(DATA)


def test_nobody_there_is_a_clear_error(tmp_path, retry):
    with pytest.raises(FetchError, match="could not be downloaded: ConnectionError"):
        download("http://127.0.0.1:9/file.bin", tmp_path / "f", sha256=SHA256, retry=retry)


def test_an_address_that_is_none_is_a_clear_error(tmp_path, retry):
    with pytest.raises(FetchError, match="could not be downloaded: MissingSchema") as caught:
        download("file.bin", tmp_path / "f", sha256=SHA256, retry=retry)
    assert caught.value.hint == "check the address"


def test_retry_after_is_honoured_within_reason(waits, retry):
    retry.pause(1, "7")
    retry.pause(1, "7000")
    retry.pause(3, "Wed, 21 Oct 2015 07:28:00 GMT")
    assert waits == [7.0, 30.0, 2.0]


DOWNLOAD = """
import os, sys
from pathlib import Path
from lite_env.progress import SilentReporter
from lite_env.store.download import download
class Reporter(SilentReporter):
    def note(self, message, *, passing=False):
        Path(sys.argv[5], str(os.getpid())).touch()
download(sys.argv[1], Path(sys.argv[2]), sha256=sys.argv[3], size=int(sys.argv[4]), reporter=Reporter())
"""


def test_of_several_processes_one_downloads_and_the_others_take_it(served, tmp_path):
    notes, folder = tmp_path / "notes", tmp_path / "folder"
    notes.mkdir()
    served.go.clear()
    arguments = [f"{served.url}/file.bin", folder / "f", SHA256, str(len(DATA)), notes]
    runs = [subprocess.Popen([sys.executable, "-c", DOWNLOAD, *arguments]) for _ in range(3)]
    while len(list(notes.iterdir())) < 2 and len(served.requests) < 2:
        time.sleep(0.01)
    served.go.set()
    assert [run.wait() for run in runs] == [0, 0, 0]
    assert (folder / "f").read_bytes() == DATA
    assert len(served.requests) == 1
    assert [path.name for path in folder.iterdir()] == ["f"]


def test_who_waits_says_so_and_takes_what_came(served, tmp_path):
    reporter = RecordingReporter()
    with held(tmp_path / ".f.part.lock"):
        waiting = threading.Thread(
            target=lambda: download(f"{served.url}/file.bin", tmp_path / "f", sha256=SHA256, reporter=reporter)
        )
        waiting.start()
        while not reporter.notes:
            pass
        (tmp_path / "f").write_bytes(DATA)
    waiting.join()
    assert reporter.notes == ["waiting for another process that downloads file.bin"]
    assert served.requests == []


@pytest.fixture
def folder(tmp_path):
    """What a server has at `/noarch/file.bin`."""
    (tmp_path / "served" / "noarch").mkdir(parents=True)
    (tmp_path / "served" / "noarch" / "file.bin").write_bytes(DATA)
    return tmp_path / "served"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("kept", ["given", "netrc"])
def test_credentials_stay_at_their_server(host, kept, folder, tmp_path, monkeypatch, retry):  # noqa: PLR0917
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    # For the port of the other server there is nothing else in it: a .netrc knows hosts alone.
    name = "127.0.0.1" if host == "localhost" else "localhost"
    (tmp_path / "netrc").write_text(f"machine {name} login me password word\n")
    login = ("me", "word") if kept == "given" else None
    with (
        serve_channel(folder) as other,
        serve_channel(folder, user="me:word", redirect=other.url("PATH", host=host)) as server,
    ):
        download(server.url("/noarch/file.bin", host=name), tmp_path / "f", sha256=SHA256, login=login, retry=retry)
        assert [(asked.authorization, asked.headers.get("cookie")) for asked in other.asked] == [(None, None)]
        assert "referer" not in other.asked[0].headers
    assert (tmp_path / "f").read_bytes() == DATA


def test_no_redirect_leads_from_https_to_http(folder, tmp_path, monkeypatch, retry):
    certificate = own_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with serve_channel(folder, certificate=certificate) as server, serve_channel(folder) as other:
        url = server.url("/noarch/file.bin")
        download(url, tmp_path / "f", sha256=SHA256, retry=retry)
        server.redirect = other.url("PATH")
        with pytest.raises(FetchError, match="the server redirects from https to http"):
            download(url, tmp_path / "g", sha256=SHA256, retry=retry)
        assert other.asked == []


def test_what_is_signed_in_an_address_is_not_told(folder, tmp_path, retry):
    reporter = RecordingReporter()
    with serve_channel(folder) as server:
        url = server.url("/noarch/file.bin?sign=SECRET")
        download(url, tmp_path / "f", sha256=SHA256, retry=retry, reporter=reporter)
        server.redirect = "http://127.0.0.1:1/file.bin?sign=SECRET"
        with pytest.raises(FetchError) as caught:
            download(url, tmp_path / "g", sha256=SHA256, retry=retry)
    assert reporter.tasks == [("downloading file.bin", None, "B")]
    assert "SECRET" not in f"{caught.value.message} {caught.value.hint} {caught.value.context}"


def test_a_server_that_has_no_such_part_though_none_was_asked_for_is_a_clear_error(folder, tmp_path, retry, waits):
    with serve_channel(folder, status=416) as server, pytest.raises(FetchError, match="fewer bytes") as caught:
        download(server.url("/noarch/file.bin"), tmp_path / "f", sha256=SHA256, retry=retry)
    assert ("attempts", 3) in caught.value.context
    assert len(waits) == 2


def read_small(url):
    return fetch_small(url, limit=1 << 20, seconds=20)


@pytest.mark.parametrize("place", ["/t/SECRET/noarch/file.bin", "/noarch/file.bin?sign=SECRET"])
@pytest.mark.parametrize("redirected", [False, True])
def test_of_a_small_file_no_token_is_told(folder, place, redirected, monkeypatch):
    monkeypatch.setattr(Retry, "pause", lambda *_: None)
    with serve_channel(folder) as server:
        url = f"http://127.0.0.1:1{place}"
        if redirected:
            server.redirect = url
            url = server.url("/noarch/file.bin")
        with pytest.raises(FetchError, match="ConnectionError") as caught:
            read_small(url)
    assert "SECRET" not in f"{caught.value.message} {caught.value.hint} {caught.value.context}"


def test_of_a_small_file_no_redirect_leads_from_https_to_http(folder, tmp_path, monkeypatch):
    certificate = own_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with serve_channel(folder, certificate=certificate) as server, serve_channel(folder) as other:
        url = server.url("/noarch/file.bin")
        assert read_small(url) == DATA
        server.redirect = other.url("PATH")
        with pytest.raises(FetchError, match="the server redirects from https to http"):
            read_small(url)
        assert other.asked == []


def test_a_small_file_is_asked_for_again_when_the_connection_breaks(served):
    served.cut = [1000, 2000]
    assert read_small(f"{served.url}/file.bin") == DATA
    assert len(served.requests) == 3


def test_the_time_for_a_small_file_is_not_that_of_a_pause_the_server_asks_for(served, monkeypatch):
    monkeypatch.setattr(Retry, "pause", lambda *_: time.sleep(1))
    served.failures = 1
    assert fetch_small(f"{served.url}/file.bin", limit=1 << 20, seconds=0.9) == DATA


def test_what_arrives_is_counted_while_the_program_that_brings_it_moves_its_folders(tmp_path):
    for name in ("a.whl", "deep/b.whl", "log"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"12345")
    assert (arrived(tmp_path), arrived(tmp_path, ".whl")) == (15, 10)
    stop = threading.Event()

    def bring() -> None:
        while not stop.is_set():
            scratch = tmp_path / "scratch"
            scratch.mkdir()
            (scratch / "c.whl").write_bytes(b"")
            (scratch / "c.whl").unlink()
            scratch.rmdir()

    bringing = threading.Thread(target=bring)
    bringing.start()
    try:
        assert {arrived(tmp_path, ".whl") for _ in range(3000)} <= {10, None}
    finally:
        stop.set()
        bringing.join()
