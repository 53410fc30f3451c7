"""The network layer's Python, run here: what clients write becomes requests, and answers become what clients read."""

from __future__ import annotations

import asyncio
import gc
import http.client
import importlib
import json
import re
import sys
import time
import types
import urllib.error
import urllib.request
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "lite_env" / "bootstrap" / "runtime" / "src" / "network" / "python"
# Alerts, formats of certificates, random numbers, and what the module `ssl` imports for itself.
LEFT_OUT_OF_SSL = re.compile(
    r"ALERT_|AlertDescr|PEM_|DER_|RAND_|SSL_?Error|SO|VERIFY_ALLOW|get_proto|wrap_s|(base64|errno|os|socket|sys|warnings)\Z",
    re.IGNORECASE,
)
DIGITS = b"0123456789"
NOTHING, HEAD, PIECE, END, FAILED, INTERRUPTED = range(6)


class Bridge(types.ModuleType):
    """A host that answers as it is told, and takes nothing that a real one would not be asked."""

    def __init__(self) -> None:
        super().__init__("lite_env_bridge")
        self.sent: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answers: list[list[tuple[int, bytes]]] = []
        self.under_way: dict[int, list[tuple[int, bytes]]] = {}
        self.closed: list[int] = []
        self.waited: list[int] = []
        self.signals = 0

    def will(self, *parts: tuple[int, object]) -> None:
        encoded = [(what, part if isinstance(part, bytes) else json.dumps(part).encode()) for what, part in parts]
        self.answers.append(encoded)

    def open(self, method: str, url: str, headers: str, body: bytes, limit: int) -> int:
        assert isinstance(body, bytes)
        assert limit >= 0
        self.sent.append((method, url, dict(json.loads(headers)), body))
        number = len(self.sent)
        self.under_way[number] = self.answers.pop(0)
        return number

    def wait(self, number: int, milliseconds: int) -> int:
        assert 0 <= milliseconds <= 50
        self.waited.append(milliseconds)
        parts = self.under_way[number]
        if self.signals:
            return INTERRUPTED
        if parts:
            return parts[0][0]
        time.sleep(milliseconds / 1000)
        return NOTHING

    def take(self, number: int) -> bytes:
        what, part = self.under_way[number].pop(0)
        assert what != NOTHING
        return part

    def close(self, number: int) -> None:
        self.closed.append(number)
        del self.under_way[number]

    def nap(self, milliseconds: int) -> None:
        assert 1 <= milliseconds <= 50
        time.sleep(milliseconds / 1000)

    def interrupted(self) -> bool:
        if self.signals:
            self.signals -= 1
            raise KeyboardInterrupt
        return False


@pytest.fixture
def bridge(monkeypatch):
    bridge = Bridge()
    monkeypatch.setitem(sys.modules, "lite_env_bridge", bridge)
    monkeypatch.syspath_prepend(str(SOURCES))
    for name in [name for name in sys.modules if name.startswith("lite_env_network")]:
        monkeypatch.delitem(sys.modules, name)
    yield bridge
    for name in [name for name in sys.modules if name.startswith("lite_env_network")]:
        del sys.modules[name]


def layer(name: str) -> types.ModuleType:
    return importlib.import_module(f"lite_env_network.{name}")


def head(status: int = 200, headers: dict[str, str] | None = None, **told: object) -> tuple[int, object]:
    pairs = list((headers or {}).items())
    whole = {"status": status, "reason": "Said", "headers": pairs, "url": "", "redirected": False, "decoded": False}
    return HEAD, {**whole, **told}


def connected(bridge: Bridge, timeout: float | None = 5) -> http.client.HTTPConnection:
    assert bridge is sys.modules["lite_env_bridge"]
    connection = http.client.HTTPConnection("there", 81, timeout=timeout)
    connection._create_connection = layer("functions").create_connection
    return connection


def requests_of(*pieces: bytes) -> list[tuple[str, str, bytes]]:
    parser = layer("wire").RequestParser()
    found = [parser.feed(piece) for piece in pieces]
    return [(request.method, request.target, request.body) for request in found if request is not None]


@pytest.mark.parametrize(
    ("written", "body"),
    [
        (b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde", b"abcde"),
        (b"POST /a HTTP/1.1\r\nContent-Length:5\r\n\r\n\r\n\r\n1", b"\r\n\r\n1"),
        (
            b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
            b"abc" + DIGITS,
        ),
        (b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nTrailer: t\r\n\r\n", b"a"),
        (b"\r\nPOST /a HTTP/1.1\r\nHost: x\r\n\r\n", b""),
    ],
)
@pytest.mark.usefixtures("bridge")
def test_a_request_is_whole_with_its_last_byte_however_it_is_cut(written, body):
    assert requests_of(written) == [("POST", "/a", body)]
    bytes_alone = [written[at : at + 1] for at in range(len(written))]
    assert requests_of(*bytes_alone[:-1]) == []
    assert requests_of(*bytes_alone) == [("POST", "/a", body)]


@pytest.mark.usefixtures("bridge")
def test_requests_follow_each_other():
    assert requests_of(b"GET /a HTTP/1.1\r\n\r\n", b"PUT /b HTTP/1.1\r\nContent-Length: 1\r\n\r\n", b"x") == [
        ("GET", "/a", b""),
        ("PUT", "/b", b"x"),
    ]


@pytest.mark.parametrize(
    "written",
    [
        b"\x16\x03\x01",
        b"220 hello\r\n",
        b"GET /a\r\n\r\n",
        b"GET / HTTP/1.1\r\nno header\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"A" * ((1 << 20) + 1),
    ],
)
@pytest.mark.usefixtures("bridge")
def test_what_is_no_http_is_refused_as_what_browsers_lack(written):
    sock = layer("functions").create_connection(("mail.example", 25), 5)
    with pytest.raises(OSError, match=r"no sockets in a browser, only HTTP requests: mail\.example:25 was sent"):
        sock.sendall(written)


@pytest.mark.usefixtures("bridge")
def test_a_receive_before_a_request_and_all_that_listens_are_refused():
    sockets, functions = layer("sockets"), layer("functions")
    for attempt in (
        lambda: functions.create_connection(("there", 21), 5).recv(1),
        lambda: sockets.Socket().bind(("", 0)),
        lambda: sockets.Socket().listen(),
        lambda: sockets.Socket().connect("/run/socket"),
        lambda: sockets.Socket(type=2).connect(("8.8.8.8", 80)),
        lambda: sockets.Socket(fileno=3),
        functions.refused("socketpair"),
    ):
        with pytest.raises(OSError, match="no sockets in a browser"):
            attempt()


def test_http_client_gets_heads_bodies_and_keeps_its_connection(bridge):
    connection = connected(bridge)
    bridge.will(head(headers={"Content-Length": "5", "X-Own": "own"}), (PIECE, b"he"), (PIECE, b"llo"), (END, b""))
    connection.request("POST", "/a?b=c", body=b"body", headers={"X-Mine": "mine"})
    first_socket = connection.sock
    answer = connection.getresponse()
    assert (answer.status, answer.reason, answer.headers["X-Own"], answer.read()) == (200, "Said", "own", b"hello")
    bridge.will(head(404), (PIECE, b"no"), (PIECE, b"pe"), (END, b""))
    connection.request("GET", "/b")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (404, b"nope")
    assert connection.sock is first_socket
    assert [sent[:2] for sent in bridge.sent] == [("POST", "http://there:81/a?b=c"), ("GET", "http://there:81/b")]
    assert bridge.sent[0][2]["X-Mine"] == "mine"
    assert bridge.sent[0][3] == b"body"


def test_headers_of_the_connection_are_not_sent(bridge):
    bridge.will(head(204), (END, b""))
    connection = connected(bridge)
    connection.request("GET", "/", headers={"Connection": "close", "Keep-Alive": "1", "Accept": "a/b"})
    assert connection.getresponse().read() == b""
    assert not {"Connection", "Keep-Alive"} & set(bridge.sent[0][2])
    assert bridge.sent[0][2]["Accept"] == "a/b"


def test_a_length_that_is_of_compressed_bytes_is_not_told(bridge):
    told = {"Content-Length": "3", "Content-Encoding": "gzip", "Content-Type": "a/b"}
    bridge.will(head(headers=told, decoded=True), (PIECE, b"much longer"), (END, b""))
    connection = connected(bridge)
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert answer.headers.keys() == ["Content-Type", "Transfer-Encoding"]
    assert answer.read() == b"much longer"
    bridge.will(head(headers=told, decoded=True), (END, b""))
    connection.request("HEAD", "/")
    assert connection.getresponse().headers["Content-Length"] == "3"


def test_a_redirect_that_was_followed_is_told_and_its_answer_is_for_who_asks_there(bridge):
    bridge.will(head(redirected=True, url="http://other/there"), (PIECE, b"body"), (END, b""))
    connection = connected(bridge)
    connection.request("POST", "/moved", body=b"x")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Location"], answer.read()) == (302, "http://other/there", b"")
    there = http.client.HTTPConnection("other", timeout=5)
    there._create_connection = layer("functions").create_connection
    there.request("GET", "/there")
    assert there.getresponse().read() == b"body"
    assert len(bridge.sent) == 1
    # For one use: who asks again asks the server.
    bridge.will(head(), (PIECE, b"new"), (END, b""))
    there.request("GET", "/there")
    assert there.getresponse().read() == b"new"
    assert len(bridge.sent) == 2


def test_an_answer_behind_a_redirect_that_nobody_wants_is_let_go(bridge):
    for number in range(6):
        bridge.will(head(redirected=True, url=f"http://there:81/{number}"))
        connection = connected(bridge)
        connection.request("GET", "/moved")
        assert connection.getresponse().status == 302
    assert bridge.closed == [1, 2]
    # After a change the answers of before are none any more.
    bridge.will(head(204), (END, b""))
    connection = connected(bridge)
    connection.request("DELETE", "/5")
    assert connection.getresponse().status == 204
    assert bridge.closed == [1, 2, 3, 4, 5, 6]


def test_what_other_headers_asked_for_is_not_the_answer_behind_a_redirect(bridge):
    bridge.will(head(redirected=True, url="http://there:81/there"))
    connection = connected(bridge)
    connection.request("GET", "/moved")
    assert connection.getresponse().read() == b""
    bridge.will(head(206), (PIECE, b"part"), (END, b""))
    connection.request("GET", "/there", headers={"Range": "bytes=0-3"})
    assert connection.getresponse().read() == b"part"


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("cors", "CorsError", "does not allow this page to read it (CORS)"),
        ("cors-or-unreachable", "NetworkError", "CORS, or the server cannot be reached"),
        ("mixed", "MixedContentError", "mixed content"),
        ("unreachable", "UnreachableError", "cannot be reached (why)"),
        ("not-granted", "NotGrantedError", "not granted"),
        ("policy", "NetworkError", "connect-src"),
    ],
)
def test_a_failure_is_said_when_it_is_sent_and_when_it_is_received(bridge, kind, name, words):
    bridge.will((FAILED, {"kind": kind, "detail": "why"}))
    sock = layer("functions").create_connection(("there", 80), 5)
    with pytest.raises(ConnectionError) as sending:
        sock.sendall(b"GET /a HTTP/1.1\r\n\r\n")
    with pytest.raises(ConnectionError) as receiving:
        sock.recv(10)
    for raised in (sending, receiving):
        assert type(raised.value).__name__ == name
        assert "GET http://there/a: " in str(raised.value)
        assert words in str(raised.value)


def test_a_failure_is_an_url_error(bridge, monkeypatch):
    monkeypatch.setattr("socket.create_connection", layer("functions").create_connection)
    bridge.will((FAILED, {"kind": "unreachable", "detail": ""}))
    with pytest.raises(urllib.error.URLError, match=r"http://there/a: the server cannot be reached"):
        urllib.request.urlopen("http://there/a", timeout=5)


def test_a_body_that_breaks_off_is_an_error_after_what_has_come(bridge):
    bridge.will(head(headers={"Content-Length": "9"}), (PIECE, b"abc"), (FAILED, {"kind": "broken", "detail": "x"}))
    connection = connected(bridge)
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert answer.read(3) == b"abc"
    with pytest.raises(ConnectionResetError, match="broke in the middle"):
        answer.read(3)


def test_a_time_limit_is_said_by_the_receive_and_waited_for_once(bridge):
    bridge.will()
    sock = layer("functions").create_connection(("there", 80), 0.2)
    began = time.monotonic()
    sock.sendall(b"GET /slow HTTP/1.1\r\n\r\n")
    with pytest.raises(TimeoutError, match=r"after 0\.2 s: GET http://there/slow"):
        sock.recv(1)
    assert 0.2 <= time.monotonic() - began < 0.39


def test_a_wait_is_in_slices_and_an_interrupt_ends_it(bridge):
    bridge.will()
    connection = connected(bridge, timeout=None)
    bridge.signals = 1
    with pytest.raises(KeyboardInterrupt):
        connection.request("GET", "/")
    assert bridge.waited == [50]
    connection.close()
    assert bridge.closed == [1]


def test_a_file_outlives_its_socket_and_closes_the_answer(bridge):
    bridge.will(head(headers={"Content-Length": "4"}), (PIECE, b"abcd"))
    sock = layer("functions").create_connection(("there", 80), 5)
    sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
    file = sock.makefile("rb")
    sock.close()
    assert file.readline() == b"HTTP/1.1 200 Said\r\n"
    assert bridge.closed == []
    file.close()
    assert bridge.closed == [1]
    with pytest.raises(OSError, match="Bad file descriptor"):
        sock.recv(1)


def test_what_a_program_forgets_is_closed(bridge):
    bridge.will(head(headers={"Content-Length": "4"}))
    sock = layer("functions").create_connection(("there", 80), 5)
    sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert bridge.closed == []
    del sock
    gc.collect()
    assert bridge.closed == [1]


def test_https_proxies_and_continue(bridge):
    functions = layer("functions")
    sock = layer("tls").create_default_context().wrap_socket(functions.create_connection(("there", 443), 5))
    bridge.will(head(204), (END, b""))
    sock.sendall(b"GET /a HTTP/1.1\r\n\r\n")
    proxied = functions.create_connection(("proxy", 3128), 5)
    proxied.sendall(b"CONNECT [::1]:8443 HTTP/1.1\r\n\r\n")
    assert proxied.recv(100).startswith(b"HTTP/1.1 200 ")
    proxied.tls = True
    bridge.will(head(204), (END, b""))
    proxied.sendall(b"GET /b HTTP/1.1\r\n\r\n")
    absolute = functions.create_connection(("proxy", 3128), 5)
    bridge.will(head(204), (END, b""))
    absolute.sendall(b"POST http://far/c HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
    assert absolute.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    absolute.sendall(b"x")
    assert [sent[1] for sent in bridge.sent] == ["https://there/a", "https://[::1]:8443/b", "http://far/c"]


def test_a_socket_that_never_waits_says_whether_anything_has_come(bridge):
    functions, watch = layer("functions"), layer("watch")
    sock = functions.create_connection(("there", 80), 0)
    bridge.will()
    sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(BlockingIOError):
        sock.recv(1)
    assert watch.select([sock], [sock], [], 0) == ([], [sock], [])
    poll = watch.Poll()
    poll.register(sock, 1)
    assert poll.poll(0) == []
    bridge.under_way[1] += [(HEAD, json.dumps(head()[1]).encode()), (END, b"")]
    assert watch.select([sock], [], [], 1) == ([sock], [], [])
    assert poll.poll(0) == [(sock.fileno(), 1)]
    assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert sock.recv(1000) == b"0\r\n\r\n"
    # The answer is over, and the connection is open and silent: clients ask that before they use it again.
    assert watch.select([sock], [], [], 0) == ([], [], [])


def test_other_descriptors_are_watched_as_before(bridge, tmp_path):
    functions, watch = layer("functions"), layer("watch")
    bridge.will()
    sock = functions.create_connection(("there", 80), 0)
    sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
    with (tmp_path / "file").open("w+") as file:
        assert watch.select([file], [], [], 0) == ([file], [], [])
        assert watch.select([file, sock], [], [], 1) == ([file], [], [])


def test_asyncio_run_reads_streams_at_once_and_leaves_no_task(bridge):
    loop = layer("loop")
    for _ in range(2):
        bridge.will(head(headers={"Content-Length": "2"}), (PIECE, b"ok"), (END, b""))

    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection("there", 80)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        answer = await reader.readuntil(b"ok")
        writer.close()
        await writer.wait_closed()
        return answer[-2:]

    async def main() -> list[bytes]:
        left.append(asyncio.ensure_future(asyncio.sleep(60)))
        return await asyncio.gather(ask(), ask())

    left: list[asyncio.Future[None]] = []
    assert loop.run(main()) == [b"ok", b"ok"]
    assert left[0].cancelled()


@pytest.mark.usefixtures("bridge")
def test_asyncio_run_within_a_running_loop_waits_itself_and_says_what_it_cannot_wait_for():
    loop = layer("loop")

    async def outer() -> str:
        before = asyncio.get_running_loop()
        assert loop.run(asyncio.sleep(0.01, 3)) == 3
        assert asyncio.get_running_loop() is before
        with pytest.raises(RuntimeError, match="only JavaScript can bring"):
            loop.run(never())
        return "done"

    async def never() -> None:
        await asyncio.get_running_loop().create_future()

    assert asyncio.run(outer()) == "done"


def test_an_interrupt_ends_a_loop_and_all_that_it_had_begun(bridge):
    loop = layer("loop")
    went_on = []

    async def main() -> None:
        try:
            bridge.signals = 1
            await asyncio.sleep(60)
        finally:
            went_on.append("ended")

    with pytest.raises(KeyboardInterrupt):
        loop.run(main())
    assert went_on == ["ended"]
    shared = loop.shared_loop()
    with pytest.raises(KeyboardInterrupt):
        loop.sync(shared, main)
    assert went_on == ["ended", "ended"]
    assert asyncio.all_tasks(shared) == set()
    assert loop.sync(shared, asyncio.sleep, 0, 3) == 3
    shared.close()


def test_an_error_of_the_network_ends_a_stream(bridge):
    loop = layer("loop")
    bridge.will((FAILED, {"kind": "cors", "detail": ""}))

    async def main() -> None:
        reader, writer = await asyncio.open_connection("there", 80)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        try:
            await reader.read()
        finally:
            writer.close()

    with pytest.raises(ConnectionError, match=r"http://there/: .*CORS"):
        loop.run(main())


@pytest.mark.usefixtures("bridge")
def test_the_stand_in_for_ssl_has_what_python_documents():
    import ssl  # noqa: PLC0415

    ours = layer("tls")
    lacking = [name for name in dir(ssl) if name[0] != "_" and not LEFT_OUT_OF_SSL.match(name)]
    assert [name for name in lacking if not hasattr(ours, name)] == []
    for name in ("CERT_NONE", "PROTOCOL_TLS_CLIENT", "OP_NO_SSLv3", "VERIFY_X509_STRICT"):
        assert getattr(ours, name) == getattr(ssl, name)
    context = ours.create_default_context()
    real = ssl.create_default_context()
    assert (context.check_hostname, context.verify_mode) == (real.check_hostname, real.verify_mode)
    with pytest.raises(AttributeError):
        _ = context.no_such_method
    with pytest.raises(OSError, match="no sockets in a browser"):
        context.load_cert_chain("file")
