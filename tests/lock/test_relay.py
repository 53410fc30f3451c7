"""The server between rattler and what has a secret in its address, asked as rattler would ask it."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import requests

from lite_env.lock.relay import Network, Relay
from lite_env.lock.urls import origin_of
from lite_env.spec.address import Channel
from tests.channel_inputs import Served, serving

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
