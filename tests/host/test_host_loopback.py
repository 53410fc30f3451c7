from __future__ import annotations

import contextlib
import http.client
import io
import socket
import time
from http import HTTPStatus
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_env.errors import HostError
from lite_env.host.files import cache_control, content_type, resolve_path
from lite_env.host.loopback import LoopbackServer, Request, Response, refusal

DIGEST = "0123456789abcdef" * 4


def ask(server, *, method="GET", path="/", body=None, headers=None):
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=10)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def echo(request: Request) -> Response:
    return Response(headers=(("Content-Type", "text/plain"),), body=request.method.encode() + b" " + request.read())


def test_a_body_is_read_when_it_is_asked_for():
    with LoopbackServer(echo) as server:
        assert ask(server, method="POST", body=b"content")[2] == b"POST content"
        assert ask(server)[2] == b"GET "


def test_a_body_nobody_reads_ends_the_connection_after_the_answer():
    with LoopbackServer(lambda _: refusal(HTTPStatus.FORBIDDEN, "no")) as server:
        status, headers, body = ask(server, method="POST", body=bytes(100_000))
        assert (status, headers["Connection"], body) == (403, "close", b"403 Forbidden: no\n")


def test_several_requests_use_one_connection():
    with LoopbackServer(echo) as server:
        place = urlsplit(server.url)
        connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=10)
        for text in (b"one", b"two"):
            connection.request("POST", "/", body=text)
            assert connection.getresponse().read() == b"POST " + text
        connection.close()


def test_the_query_is_not_part_of_the_path_and_the_origin_is_the_askers_name_for_us():
    seen = []

    def look(request: Request) -> Response:
        seen.append((request.path, request.own_origin))
        return Response()

    with LoopbackServer(look) as server:
        ask(server, path="/a%20b?token=1")
        assert seen == [("/a%20b", server.url.rstrip("/"))]


def test_a_bug_in_the_application_is_a_500_and_is_shown():
    def fail(_: Request) -> Response:
        raise ValueError("what went wrong")

    # pytest's own capture, read while another thread writes, loses what falls between.
    shown = io.StringIO()
    with contextlib.redirect_stderr(shown), LoopbackServer(fail) as server:
        assert ask(server)[::2] == (500, b"500 Internal Server Error: this is a bug in lite_env\n")
        # It is shown after the answer was sent, by the server's thread.
        deadline = time.monotonic() + 10
        while "ValueError: what went wrong" not in shown.getvalue():
            assert time.monotonic() < deadline, shown.getvalue()
            time.sleep(0.01)


def test_an_answer_without_content_has_no_length():
    with LoopbackServer(lambda _: Response(status=HTTPStatus.NOT_MODIFIED)) as server:
        status, headers, body = ask(server)
        assert (status, body) == (304, b"")
        assert "Content-Length" not in headers


def test_a_port_that_is_taken_is_named():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with (
            pytest.raises(HostError, match=f"port {port} is taken by another program") as caught,
            LoopbackServer(echo, port=port),
        ):
            pass
        assert "0 for any that is free" in caught.value.hint


def test_a_chosen_port_is_used_again_after_the_block():
    with LoopbackServer(echo) as first:
        port = urlsplit(first.url).port
    with LoopbackServer(echo, port=port) as second:
        assert second.url == first.url


def test_a_name_too_long_for_the_file_system_is_no_file(tmp_path):
    assert resolve_path("/pack/" + "x" * 5000, {"/pack/": tmp_path}) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.WASM", "application/wasm"),
        ("a.json.zst", "application/zstd"),
        ("a.json", "application/json"),
        ("page.html", "text/html; charset=utf-8"),
        ("a.data", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ],
)
def test_content_types(name, expected):
    assert content_type(name) == expected


@pytest.mark.parametrize(
    ("name", "immutable"),
    [
        (f"{DIGEST}.tar.zst", True),
        (f"index-{DIGEST}.json.zst", True),
        (f"xpython-{DIGEST[:16]}.wasm", True),
        ("kernel.json", False),
        ("manifest.json", False),
        ("worker.js", False),
        ("deadbeef.js", False),
        (f"x{DIGEST}.js", False),
    ],
)
def test_only_a_name_with_a_hash_is_immutable(name, immutable):
    assert ("immutable" in cache_control(name)) is immutable


@given(path=st.text(st.sampled_from("/.%2e5cf\\:\0ab"), max_size=24))
def test_no_path_leaves_its_mount(tmp_path_factory, path):
    base = tmp_path_factory.getbasetemp() / "mount"
    base.mkdir(exist_ok=True)
    (base / "a").write_text("")
    (base.parent / "b").write_text("")
    found = resolve_path("/pack/" + path, {"/pack/": base})
    assert found is None or found == (base / "a").resolve()
