"""The server between rattler and what has a secret in its address, asked as rattler would ask it."""

from __future__ import annotations

import socket
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest
import requests

from lite_env.lock.relay import Network, Relay
from lite_env.lock.urls import origin_of
from lite_env.spec.address import Channel
from tests.channel_inputs import Served, serving
from tests.channel_server import serve_channel
from tests.origins import own_certificate, tls_of

if TYPE_CHECKING:
    from pathlib import Path

MARK = "tk-hunter2"
DATA = bytes(range(256)) * 2000


@pytest.fixture
def served():
    with serving(Served(files={"t/TOKEN/chan/noarch/x": DATA, "elsewhere": DATA})) as server:
        yield server


@pytest.fixture
def relay(served):
    channel = Channel.parse(f"{served.url}/t/TOKEN/chan")
    with Relay([served.url], [channel], Network()) as relay:
        relay.open()
        yield relay


def test_a_channel_is_asked_with_its_token(relay, served):
    answer = requests.get(f"{relay.address_of(served.url)}/chan/noarch/x", timeout=30)
    assert (answer.status_code, answer.content) == (200, DATA)
    part = requests.get(f"{relay.address_of(served.url)}/chan/noarch/x", headers={"Range": "bytes=511990-"}, timeout=30)
    assert (part.status_code, part.content) == (206, DATA[511990:])
    assert part.headers["Content-Range"] == "bytes 511990-511999/512000"
    assert requests.get(f"{relay.address_of(served.url)}/chan/noarch/y", timeout=30).status_code == 404
    assert served.requests[-1] == ("/t/TOKEN/chan/noarch/y", None)


def test_what_lies_beside_the_channel_is_asked_without(relay, served):
    assert requests.get(f"{relay.address_of(served.url)}/elsewhere", timeout=30).content == DATA
    assert requests.get(f"{relay.address_of(served.url)}/chan2/noarch/x", timeout=30).status_code == 404
    assert [path for path, _ in served.requests] == ["/elsewhere", "/chan2/noarch/x"]


def test_who_does_not_know_its_address_gets_nothing(relay, served):
    port = relay.address_of(served.url).split("/")[2]
    for path in ("/", "/0/chan/noarch/x", "/chan/noarch/x", "/x/0/chan/noarch/x", "//0/", "/?/0/chan", "/é/0/x"):
        assert requests.get(f"http://{port}{path}", timeout=30).status_code == 404
    assert served.requests == []


def test_what_ends_too_early_ends_too_early(relay, served):
    served.cut = [1000]
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(f"{relay.address_of(served.url)}/chan/noarch/x", timeout=30).content  # noqa: B018


@pytest.mark.parametrize("whole", [True, False])
def test_an_answer_without_a_length_is_whole_or_broken(whole):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.send_header("ETag", '"1"')
            self.end_headers()
            self.wfile.write(b"5\r\nhello\r\n" + (b"0\r\n\r\n" if whole else b""))
            self.close_connection = not whole

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        with Relay([url], [], Network()) as relay:
            relay.open()
            if whole:
                answer = requests.get(f"{relay.address_of(url)}/x", timeout=30)
                assert (answer.content, answer.headers["ETag"]) == (b"hello", '"1"')
            else:
                with pytest.raises(requests.exceptions.ChunkedEncodingError):
                    requests.get(f"{relay.address_of(url)}/x", timeout=30)
        server.shutdown()


@contextmanager
def connecting(certificate: Path | None = None):
    """The address of a proxy that joins two connections on loopback, and the hosts that it was asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self):
            asked.append(self.path)
            host, _, port = self.path.partition(":")
            with socket.create_connection((host, int(port))) as other:
                self.send_response(200)
                self.end_headers()
                back = Thread(target=copy, args=(other, self.connection))
                back.start()
                copy(self.connection, other)
                back.join()

        def log_message(self, *args):
            pass

    def copy(source, target):
        with suppress(OSError):
            while piece := source.recv(1 << 16):
                target.sendall(piece)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if certificate is not None:
            server.socket = tls_of(certificate).wrap_socket(server.socket, server_side=True)
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.mark.parametrize("way", ["direct", "http", "https"])
@pytest.mark.parametrize("trusted", [True, False])
def test_certificates_that_the_system_trusts_are_good_behind_a_proxy_too(tmp_path, monkeypatch, way, trusted):
    certificate = own_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    (tmp_path / "noarch").mkdir()
    (tmp_path / "noarch/x").write_bytes(DATA)
    with (
        serve_channel(tmp_path, token=MARK, certificate=certificate) as server,
        connecting(certificate if way == "https" else None) as (proxy, asked),
    ):
        network = Network(proxies={} if way == "direct" else {"https": proxy}, system_certificates=trusted)
        channel = Channel.parse(server.url(f"/t/{MARK}/chan"))
        with Relay([server.url("")], [channel], network) as relay:
            relay.open()
            answer = requests.get(f"{relay.address_of(server.url(''))}/chan/noarch/x", timeout=30)
            said = relay.explain("")
        if trusted:
            assert (answer.status_code, answer.content, said) == (200, DATA, "")
            assert asked == ([] if way == "direct" else [f"127.0.0.1:{server.port}"])
        else:
            # Of a proxy requests does not tell what is wrong with it.
            status, why = (502, "ProxyError: ") if way == "https" else (421, "SSLError: the server's certificate is")
            assert (answer.status_code, server.asked) == (status, [])
            assert why in said


def test_a_redirect_to_what_is_no_address_is_told(tmp_path):
    with serve_channel(tmp_path, redirect="https://[bad/x") as server, Relay([server.url("")], [], Network()) as relay:
        relay.open()
        assert requests.get(f"{relay.address_of(server.url(''))}/chan/noarch/x", timeout=30).status_code == 421
        assert relay.explain("") == " (the server redirects to what is no address)"


def test_a_server_that_is_not_there_is_said_without_its_token():
    with Relay(["http://127.0.0.1:1"], [Channel.parse("http://127.0.0.1:1/t/TOKEN/chan")], Network()) as relay:
        relay.open()
        address = f"{relay.address_of('http://127.0.0.1:1')}/chan/x"
        assert requests.get(address, timeout=30).status_code == 502
        text = relay.explain(f"502 for url ({address})")
    assert text == "502 for url (http://127.0.0.1:1/chan/x) (ConnectionError: the server cannot be reached)"


def test_what_rattler_has_for_a_server_is_learned_and_hidden():
    url = "https://private.invalid"
    with Relay([url, "https://other.invalid"], [], Network()) as relay:
        assert requests.get(f"{relay.address_of(url)}/t/KEPT/lite-env", timeout=30).status_code == 200
        assert requests.get(f"{relay.address_of('https://other.invalid')}/lite-env", timeout=30).status_code == 200
        assert (relay.has_token(url), relay.has_token("https://other.invalid")) == (True, False)
        said = relay.explain(f"{relay.address_of(url)}/t/KEPT/chan/x and {relay.address_of(url)}")
    assert said == "https://private.invalid/chan/x and https://private.invalid"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Me:pa@Host.Example:8443/t/x?y#z", "https://host.example:8443"),
        ("http://[::1]:80/x", "http://[::1]:80"),
        ("HTTP://h", "http://h"),
    ],
)
def test_the_origin_of_a_url_has_no_credentials(url, origin):
    assert origin_of(url) == origin
