"""Requests that nobody should send, over raw sockets to the real server: each is answered, or its connection ends."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import threading
from http import HTTPStatus
from urllib.parse import urlsplit

import pytest

from lite_env.host import loopback as loopback_module
from lite_env.host import wire as wire_module
from lite_env.host.drive import FolderDrive
from lite_env.host.http_head import MAX_HEAD
from lite_env.host.loopback import LoopbackServer, Request, Response
from lite_env.site.environments import read_environments
from lite_env.site.page import make_page
from lite_env.site.runtime import read_runtime
from lite_env.site.server import SiteApplication
from tests.sites import make_pack, make_runtime

SECONDS = 20.0
TOKEN = "a token"  # noqa: S105 - of a server that lives for one test
SEED = 20261126


@pytest.fixture(scope="module")
def application(tmp_path_factory) -> SiteApplication:
    folder = tmp_path_factory.mktemp("hostile")
    environments = read_environments([make_pack(folder / "pack")])
    runtime = read_runtime(make_runtime(folder / "dist"))
    (folder / "drive").mkdir()
    return SiteApplication(
        environments=environments,
        runtime=runtime,
        page=make_page(environments, runtime, drive="server"),
        token=TOKEN,
        drive=FolderDrive(folder / "drive"),
        codings=(),
    )


@pytest.fixture
def server(application):
    with LoopbackServer(application) as running:
        yield running


def connect(server) -> socket.socket:
    place = urlsplit(server.url)
    return socket.create_connection((place.hostname, place.port), timeout=SECONDS)


def exchange(server, data: bytes) -> bytes:
    """All that is answered to `data`, until the connection ends."""
    with connect(server) as connection:
        # The server may have ended already, in the middle of what is sent: ENOTCONN is no ConnectionError.
        with contextlib.suppress(OSError):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(1 << 16):
                answer += piece
        return answer


def status_of(answer: bytes) -> int:
    assert answer.startswith(b"HTTP/1.1 "), answer[:80]
    return int(answer[9:12])


def get(server, *fields: str, first: str = "GET / HTTP/1.1", body: bytes = b"") -> bytes:
    lines = [first, f"Host: {urlsplit(server.url).netloc}", *fields, "", ""]
    return exchange(server, "\r\n".join(lines).encode("latin-1") + body)


def test_a_proper_request_is_answered(server):
    assert status_of(get(server)) == 200
    host = urlsplit(server.url).netloc
    assert status_of(exchange(server, f"GET http://{host}/ HTTP/1.1\r\nHost: other\r\n\r\n".encode())) == 200


@pytest.mark.parametrize(
    ("first", "fields", "status"),
    [
        ("GET http://[/ HTTP/1.1", (), 421),
        ("GET http://[::1 HTTP/1.1", (), 421),
        ("GET http://evil.example/ HTTP/1.1", (), 421),
        ("GET / HTTP/1.1", ("Host: evil.example",), 400),
        ("GET /", (), 400),
        ("GET /\0 HTTP/1.1", (), 400),
        ("GET /%00 HTTP/1.1", (), 404),
        ("GET /packs/demo/%00 HTTP/1.1", (), 404),
        ("GET /%zz HTTP/1.1", (), 404),
        ("GET /% HTTP/1.1", (), 404),
        ("GET /%ff%fe HTTP/1.1", (), 404),
        ("GET /%c0%ae%c0%ae/secret HTTP/1.1", (), 404),
        ("GET /packs/demo/..;/x HTTP/1.1", (), 404),
        (f"GET /packs/demo/{'a/' * 9000} HTTP/1.1", (), 404),
        (f"GET /packs/demo/{'a' * 9000} HTTP/1.1", (), 404),
        ("GET / HTTP/1.1", ("Range: bytes=0-0,1-1,-99999999999999999999",), 200),
        ("GET / HTTP/1.1", ("If-None-Match: " + '"x",' * 9000,), 200),
        ("GET / HTTP/1.1", (f"Accept-Encoding: {'gzip;q=0,' * 6000}",), 200),
        ("GET / HTTP/1.1", (f"X: {'x' * MAX_HEAD}",), 431),
        ("POST /api/drive HTTP/1.1", (f"Content-Length: {'9' * 5001}",), 413),
        ("POST /api/drive HTTP/1.1", ("Content-Length: -1",), 400),
        ("POST /api/drive HTTP/1.1", ("Transfer-Encoding: chunked",), 403),
        ("POST /api/drive HTTP/1.1", ("Transfer-Encoding: chunked", f"X-Lite-Env-Token: {TOKEN}"), 411),
        ("POST /api/drive HTTP/1.1", ("Content-Length: 999999999999999", f"X-Lite-Env-Token: {TOKEN}"), 413),
        ("POST /api/drive HTTP/1.1", ("Content-Length: 10", f"X-Lite-Env-Token: {TOKEN}"), 400),
        ("POST / HTTP/1.1", ("Expect: 100-continue", "Content-Length: 10"), 405),
        ("PUT / HTTP/1.1", (), 501),
        ("PRI * HTTP/2.0", (), 505),
    ],
)
def test_a_hostile_request_is_an_answer(server, capfd, first, fields, status):
    assert status_of(get(server, *fields, first=first)) == status
    assert status_of(get(server)) == 200
    assert capfd.readouterr().err == ""


def test_who_expects_it_is_told_to_go_on(server):
    body = b'{"data": {"method": "readdir", "path": "/"}}'
    fields = ("Expect: 100-continue", f"Content-Length: {len(body)}", f"X-Lite-Env-Token: {TOKEN}", "Connection: close")
    answer = get(server, *fields, first="POST /api/drive HTTP/1.1", body=body)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n[]")


def test_a_second_request_behind_the_first_is_answered_too(server):
    host = urlsplit(server.url).netloc
    one = f"HEAD / HTTP/1.1\r\nHost: {host}\r\n\r\n\r\n".encode()
    assert exchange(server, one * 3).count(b"HTTP/1.1 200 OK\r\n") == 3
    # What follows a body that nobody read could be that body's content.
    hidden = f"POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode() + one
    assert exchange(server, hidden).count(b"HTTP/1.1 ") == 1


@pytest.mark.skipif(os.name == "nt", reason="there are no named pipes in folders")
def test_a_pipe_in_the_place_of_a_file_is_not_opened(server, application):
    pack = application.environments[0].pack
    os.mkfifo(pack / "pipe.json")
    try:
        assert status_of(get(server, first="GET /packs/demo/pipe.json HTTP/1.1")) == 404
    finally:
        (pack / "pipe.json").unlink()


@pytest.mark.parametrize(("fault", "status"), [("gone", 404), ("pipe", 500)])
def test_a_file_that_is_none_any_more_is_an_answer(tmp_path, capfd, fault, status):
    if fault == "pipe":
        os.mkfifo(tmp_path / "file")
    with LoopbackServer(lambda _: Response(body=tmp_path / "file")) as server:
        assert status_of(get(server)) == status
    assert capfd.readouterr().err == ""


def test_a_file_that_may_not_be_read_is_an_answer_and_no_bug(capfd):
    def fail(_: Request) -> Response:
        raise PermissionError(13, "Permission denied", "/somewhere")

    with LoopbackServer(fail) as server:
        answer = get(server)
    assert answer.endswith(b"500 Internal Server Error: a file cannot be read: Permission denied\n")
    assert capfd.readouterr().err == ""


def test_so_much_is_sent_as_was_announced(tmp_path, monkeypatch):
    """A file that grows while it is sent would else put its end before the next answer."""
    (tmp_path / "file").write_bytes(b"x" * 10)
    real = wire_module.Wire.send

    def grow(self, data):
        (tmp_path / "file").write_bytes(b"x" * 20)
        real(self, data)

    monkeypatch.setattr(wire_module.Wire, "send", grow)
    with LoopbackServer(lambda _: Response(body=tmp_path / "file")) as server:
        assert get(server).partition(b"\r\n\r\n")[2] == b"x" * 10


def test_who_waits_holds_nobody_up(server, monkeypatch):
    """More idle connections than there is room for: who asks is answered, the longest idle are ended."""
    monkeypatch.setattr(loopback_module, "MAX_CONNECTIONS", 20)
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connect(server)) for _ in range(100)]
        for connection in idle[::2]:
            with contextlib.suppress(ConnectionError):
                connection.sendall(b"GET / HTTP/1.1\r\nHos")
        for _ in range(5):
            assert status_of(get(server)) == 200
        with contextlib.suppress(ConnectionError):
            assert idle[0].recv(1) == b""
        assert threading.active_count() < 60


def test_many_may_come_at_once(application):
    """A page opens all its connections together; none waits until an earlier one was taken."""
    server = loopback_module._Server(application, 0)
    with contextlib.ExitStack() as stack:
        stack.callback(server.server_close)
        for _ in range(100):
            # A connection for which there is no place is tried again after a second, and after two, and after four.
            stack.enter_context(socket.create_connection(server.server_address, timeout=3))


def test_without_a_thread_for_it_a_connection_ends_and_the_server_lives(server, monkeypatch, capfd):
    def fail(_):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        assert get(server) == b""
    assert status_of(get(server)) == 200
    assert capfd.readouterr().err == ""


def test_with_no_room_at_all_a_connection_ends_at_once(monkeypatch):
    monkeypatch.setattr(loopback_module, "MAX_CONNECTIONS", 1)
    asked, go_on = threading.Event(), threading.Event()

    def wait(_: Request) -> Response:
        asked.set()
        go_on.wait(SECONDS)
        return Response()

    with LoopbackServer(wait) as server, connect(server) as first:
        first.sendall(f"GET / HTTP/1.1\r\nHost: {urlsplit(server.url).netloc}\r\n\r\n".encode())
        assert asked.wait(SECONDS)
        with connect(server) as second, contextlib.suppress(ConnectionError):
            assert second.recv(1) == b""
        go_on.set()
        assert status_of(first.recv(1 << 16)) == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTT", 408),
        (b"POST /api/drive HTTP/1.1\r\nHost: {host}\r\nX-Lite-Env-Token: {token}\r\nContent-Length: 9\r\n\r\n{", 408),
        (b"", None),
    ],
    ids=["head", "body", "nothing"],
)
def test_who_does_not_go_on_is_not_waited_for(server, monkeypatch, sent, status):
    for name in ("IDLE_SECONDS", "HEAD_SECONDS", "BODY_SECONDS"):
        monkeypatch.setattr(wire_module, name, 0.2)
    host = urlsplit(server.url).netloc.encode()
    with connect(server) as connection:
        connection.sendall(sent.replace(b"{host}", host).replace(b"{token}", TOKEN.encode()))
        answer = b""
        while piece := connection.recv(1 << 16):
            answer += piece
    assert (status_of(answer) if answer else None) == status


def test_a_head_that_comes_byte_by_byte_for_ever_ends(monkeypatch):
    """Each byte comes in time; all of them do not."""
    now = 0.0

    class Drip:
        def settimeout(self, seconds):
            assert seconds > 0

        def recv(self, _):
            nonlocal now
            now += 3.0
            return b"x"

    wire = wire_module.Wire(Drip(), clock=lambda: now)
    with pytest.raises(wire_module.RequestError) as caught:
        wire.read_head()
    assert caught.value.status == HTTPStatus.REQUEST_TIMEOUT


def test_the_end_of_a_server_ends_its_connections(application):
    with LoopbackServer(application) as server:
        connection = connect(server)
        connection.sendall(f"HEAD / HTTP/1.1\r\nHost: {urlsplit(server.url).netloc}\r\n\r\n".encode())
        assert status_of(connection.recv(1 << 16)) == 200
    with connection:
        assert connection.recv(1) == b""


METHODS = ("GET", "HEAD", "POST", "PUT", "get", "", "G\0T", "OPTIONS", "CONNECT", "GET" * 99)
TARGETS = (
    "/", "/index.html", "/sw.js", "/packs/demo/manifest.json", "/api/drive", "/api/x", "http://[/", "http://[::1]:x/",
    "*", "//", "/..", "/packs/demo/../../x", "/%", "/%2", "/%zz", "/%ff", "/%00", "/a b", "/\0", "/\xe4", "?", "#",
    "http:", "http://", "https://x/", "/packs/demo/" + "a/" * 300, "/" + "%2e" * 200, "/?" + "x" * 500,
)  # fmt: skip
VERSIONS = ("HTTP/1.1", "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.", "HTTP/99999999999.1", "HTP/1.1", "")
LENGTHS = ("0", "2", "-1", "+1", "1e3", "9" * 18, "9" * 5001, "\xb2", "", " ", "0x2", "2, 2", "NaN")
FIELDS = (
    "Host: evil.example", "Host:", "Host: [", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked",
    "Connection: close", "Connection: keep-alive", "Connection: ,,,", "Expect: 100-continue", "Range: bytes=0-",
    "Range: bytes=9-1", "Accept-Encoding: gzip;q=x", "Accept-Encoding: ;;;,=,*;q=", "If-None-Match: *",
    "Origin: null", "Origin: \xff", f"X-Lite-Env-Token: {TOKEN}", "X-Lite-Env-Token: \xe4", "no colon", " folded", ":",
    "X: a\0b", "X: a\rb", "X:" + "y" * 2000, "Cookie: " + "a=b; " * 400, "Content-Type: application/json",
)  # fmt: skip
BODIES = (
    b"",
    b"{}",
    b"x" * 3000,
    b"5\r\nhello\r\n0\r\n\r\n",
    b"[" * 2000,
    b'{"data": {"method": "get", "path": "/"}}',
    b"\xff",
)


def a_request(numbers: random.Random, host: str) -> bytes:
    """A request that is wrong in some way, or in none."""
    first = " ".join((numbers.choice(METHODS), numbers.choice(TARGETS), numbers.choice(VERSIONS)))
    if numbers.random() < 0.5:
        first = f"{numbers.choice(METHODS[:3])} {numbers.choice(TARGETS)} HTTP/1.1"
    fields = [numbers.choice(FIELDS) for _ in range(numbers.choice((0, 1, 2, 3, 120)))]
    if numbers.random() < 0.8:
        fields.append(f"Host: {host}")
    body = numbers.choice(BODIES)
    if numbers.random() < 0.5:
        length = str(len(body)) if numbers.random() < 0.5 else numbers.choice(LENGTHS)
        fields.append(f"Content-Length: {length}")
    numbers.shuffle(fields)
    end = numbers.choice(("\r\n", "\r\n", "\r\n", "\n", "\r"))
    data = bytearray(end.join([first, *fields, "", ""]).encode("latin-1") + body)
    for _ in range(numbers.choice((0, 0, 0, 1, 5))):
        place = numbers.randrange(len(data))
        data[place : place + numbers.choice((0, 1, 4))] = numbers.randbytes(numbers.choice((0, 1, 4)))
    return bytes(data[: numbers.randrange(len(data) + 1)] if numbers.random() < 0.1 else data)


def send_many(server, seed: int, count: int) -> None:
    numbers = random.Random(seed)  # noqa: S311 - to be the same every time
    host = urlsplit(server.url).netloc
    for number in range(count):
        data = a_request(numbers, host)
        answer = exchange(server, data)
        # Nothing is answered to nothing, and to less than a head.
        assert not answer or status_of(answer) in set(HTTPStatus), (number, data)
        assert b"this is a bug" not in answer, (number, data)


def test_no_request_ends_in_a_traceback(server, capfd):
    send_many(server, SEED, 1000)
    assert status_of(get(server)) == 200
    assert capfd.readouterr().err == ""


@pytest.mark.slow
def test_no_request_of_many_ends_in_a_traceback(server, capfd):
    send_many(server, SEED + 1, 30_000)
    assert status_of(get(server)) == 200
    assert capfd.readouterr().err == ""
