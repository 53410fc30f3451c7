"""HTTP clients in a kernel, and what each has to do there; docs/network.md has them as a table.

The cells find `A`, the address of a server that lets pages of other origins read, `C`, where nobody listens, and
`LIVE`, whether answers are to come while they are sent; they raise where something is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).parents[1] / "docs" / "network.md"
_BEGIN = "<!-- made by tests/network_clients.py -->\n"
_END = "<!-- -->"


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """One row of the table.

    Attributes:
        name: as its users call it.
        wheels: what it needs from PyPI, besides what `ALONG` has; they are unpacked into a folder of their own.
        does: in words.
        code: the cell.
        engines: whether it is tried in Firefox and WebKit too.
        pyodide: whether it is tried in Pyodide too.
    """

    name: str
    wheels: tuple[str, ...] = ()
    does: str
    code: str
    engines: bool = False
    pyodide: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A kernel in an engine: a column of the table.

    Attributes:
        kernel: as its users call it.
        engine: likewise.
        live: whether answers come while they are sent: that takes shared memory.
    """

    kernel: str
    engine: str
    live: bool = True

    def tries(self, client: Client) -> bool:
        """Whether the tests run that row here."""
        if self.kernel != XEUS:
            return client.pyodide
        return client.engines or self.engine in {"Node", "Chromium"}


XEUS = "xeus-python"
PLACES = (
    Place(kernel=XEUS, engine="Node"),
    Place(kernel=XEUS, engine="Chromium"),
    Place(kernel=XEUS, engine="Firefox"),
    Place(kernel=XEUS, engine="WebKit", live=False),
    *(
        Place(kernel=f"Pyodide {version}", engine=engine)
        for version in ("0.27", "314")
        for engine in ("Node", "Chromium")
    ),
)

ALONG = ("certifi==2026.10.19.post1", "charset-normalizer==3.5.3", "idna==3.20", "typing-extensions==4.16.0")
"""What several need, of which only pure Python is taken."""

_REQUESTS = """
import requests
r = requests.get(A + "/redirect")
assert (r.text, r.url, [x.status_code for x in r.history]) == ("hello\\n", A + "/hello", [302])
assert requests.get(A + "/gzip").text == "zipped " * 1000
moved = requests.post(A + "/moved", json={"a": 1})
assert (moved.json()["method"], moved.json()["body"]) == ("POST", '{"a": 1}'), moved.text
assert requests.get(A + "/missing").status_code == 404
assert [line for line in requests.get(A + "/lines", stream=True).iter_lines()] == [b"line %d" % n for n in range(5)]
with requests.Session() as session:
    assert [session.get(A + "/hello").text for _ in range(3)] == ["hello\\n"] * 3
broken = requests.exceptions.ChunkedEncodingError if LIVE else requests.ConnectionError
for url, error in ((A + "/broken", broken), (C + "/x", requests.ConnectionError)):
    try:
        requests.get(url)
        assert False, url
    except error as e:
        assert url in str(e), e
try:
    requests.get(A + "/slow", timeout=0.5)
    assert False
except requests.ReadTimeout:
    pass
"""

CLIENTS = (
    Client(
        name="`urllib.request`",
        engines=True,
        does="redirects, gzip and 404, PUT, lines as they come, errors as `URLError`, `HTTPError`, `TimeoutError`",
        code="""
import json, time, urllib.error, urllib.request
ask = urllib.request.urlopen
with ask(A + "/redirect") as r:
    assert (r.url, r.read(), r.headers["X-Thing"]) == (A + "/hello", b"hello\\n", "thing")
put = json.load(ask(urllib.request.Request(A + "/echo", b"sent", {"X-Own": "own"}, method="PUT")))
headers = {name.lower(): value for name, value in put["headers"].items()}
assert (put["method"], put["body"], headers["x-own"]) == ("PUT", "sent", "own")
came = [(line, time.time()) for line in ask(A + "/lines")]
assert [line for line, _ in came] == [b"line %d\\n" % n for n in range(5)]
assert not LIVE or came[-1][1] - came[0][1] > 1, "the lines came at once"
for url, error in ((A + "/missing", urllib.error.HTTPError), (C + "/x", urllib.error.URLError)):
    try:
        ask(url)
        assert False, url
    except error as e:
        assert e.code == 404 if error is urllib.error.HTTPError else url in str(e)
try:
    ask(A + "/slow", timeout=0.5)
    assert False
except TimeoutError as e:
    assert A + "/slow" in str(e)
""",
    ),
    Client(
        name="`http.client`",
        engines=True,
        does="several requests over one connection, bodies in chunks",
        code="""
import http.client, json
c = http.client.HTTPConnection(A.removeprefix("http://"))
c.request("POST", "/echo", b"body")
assert json.load(c.getresponse())["body"] == "body"
c.request("PUT", "/echo", iter([b"a", b"b"]), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
assert json.load(c.getresponse())["body"] == "ab"
c.request("HEAD", "/hello")
assert c.getresponse().headers["Content-Length"] == "6"
""",
    ),
    Client(
        name="requests 2.34.2 on urllib3 2.8.0",
        engines=True,
        wheels=("requests==2.34.2", "urllib3==2.8.0"),
        does="redirects with history, 307 POST, gzip, sessions, streams, errors and time limits of its own",
        code=_REQUESTS,
    ),
    Client(
        name="requests 2.32.5 on urllib3 1.26.20",
        wheels=("requests==2.32.5", "urllib3==1.26.20"),
        does="the same",
        code=_REQUESTS,
    ),
    Client(
        name="httpx 0.28.1, sync",
        engines=True,
        wheels=("httpx==0.28.1", "httpcore==1.0.9", "h11==0.16.0", "anyio==4.16.0"),
        does="a client with several requests, gzip, errors and time limits of its own",
        code="""
import httpx
assert httpx.get(A + "/redirect", follow_redirects=True).text == "hello\\n"
with httpx.Client() as client:
    for _ in range(3):
        assert client.get(A + "/gzip").text == "zipped " * 1000
        assert client.post(A + "/echo", content=b"abc").json()["body"] == "abc"
for url, error in ((A + "/broken", httpx.ReadError), (C + "/x", httpx.NetworkError)):
    try:
        httpx.get(url)
        assert False, url
    except error as e:
        assert url in str(e), e
try:
    httpx.get(A + "/slow", timeout=0.5)
    assert False
except httpx.ReadTimeout:
    pass
""",
    ),
    Client(
        name="httpx 0.28.1, async",
        engines=True,
        wheels=("httpx==0.28.1", "httpcore==1.0.9", "h11==0.16.0", "anyio==4.16.0"),
        does="five streams at once with a top-level `await`, and with `asyncio.run`",
        code="""
import asyncio, httpx, time
async def several():
    async with httpx.AsyncClient() as client:
        assert (await client.get(A + "/hello")).text == "hello\\n"
        began = time.time()
        answers = await asyncio.gather(*(client.get(A + "/lines") for _ in range(5)))
        assert [len(r.text) for r in answers] == [35] * 5
        assert not LIVE or time.time() - began < 4, "one after the other"
        try:
            await client.get(C + "/x")
            assert False
        except httpx.NetworkError as e:
            assert C + "/x" in str(e), e
        try:
            await client.get(A + "/slow", timeout=0.5)
            assert not LIVE
        except httpx.ReadTimeout:
            pass
await several()
asyncio.run(several())
""",
    ),
    Client(
        name="aiohttp 3.14.5",
        engines=True,
        wheels=(
            "aiohttp==3.14.5",
            "aiohappyeyeballs==2.7.1",
            "aiosignal==1.4.0",
            "attrs==26.1.0",
            "frozenlist==1.8.0",
            "multidict==7.2.1",
            "propcache==0.5.4",
            "yarl==1.25.1",
        ),
        does="a session, 307 POST, five streams at once; `await` and `asyncio.run`",
        code="""
import asyncio, aiohttp, time
async def several():
    async with aiohttp.ClientSession() as session:
        async with session.post(A + "/moved", data=b"abc") as r:
            assert (await r.json(content_type=None))["body"] == "abc"
        async def lines():
            async with session.get(A + "/lines") as r:
                return [line async for line in r.content]
        began = time.time()
        assert await asyncio.gather(*(lines() for _ in range(5))) == [[b"line %d\\n" % n for n in range(5)]] * 5
        assert not LIVE or time.time() - began < 4, "one after the other"
        try:
            await session.get(C + "/x")
            assert False
        except aiohttp.ClientError as e:
            assert C + "/x" in str(e), e
await several()
asyncio.run(several())
""",
    ),
    Client(
        name="pooch 1.9.0",
        engines=True,
        wheels=("pooch==1.9.0", "platformdirs==4.14.8", "packaging==26.4", "requests==2.34.2", "urllib3==2.8.0"),
        does="a file, fetched, checked and kept",
        code="""
import pooch
SHA256 = "b9485148546419a0f6a85e8d708c923557c15d7f3c7d078ef1fa7f7c0f57d5a5"
for _ in range(2):
    assert open(pooch.retrieve(A + "/table", "sha256:" + SHA256, path="/tmp/pooch")).read() == "a,b\\n1,2\\n3,4\\n"
""",
    ),
    Client(
        name="fsspec 2026.9.0, http",
        wheels=(
            "fsspec==2026.9.0",
            "aiohttp==3.14.5",
            "aiohappyeyeballs==2.7.1",
            "aiosignal==1.4.0",
            "attrs==26.1.0",
            "frozenlist==1.8.0",
            "multidict==7.2.1",
            "propcache==0.5.4",
            "yarl==1.25.1",
        ),
        does="1 MB from the middle of 1 GB: two requests, and none when it is read again",
        code="""
import fsspec
with fsspec.filesystem("http").open(A + "/big") as file:
    for _ in range(2):
        file.seek(500_000_000)
        data = file.read(1_000_000)
        assert (len(data), int.from_bytes(data[:8], "big")) == (1_000_000, 500_000_000)
""",
    ),
    Client(
        name="pip 23.3.1, in the process",
        pyodide=False,
        does="installs a wheel from an index",
        code="""
from pip._internal.cli.main import main
said = ["--quiet", "--no-cache-dir", "--disable-pip-version-check", "--root-user-action", "ignore"]
assert main(["install", *said, "--target", "/tmp/installed", "--index-url", A + "/simple/", "thing"]) == 0
import sys
sys.path.insert(0, "/tmp/installed")
import thing
""",
    ),
)


def place(kernel: str, engine: str) -> Place:
    """That column."""
    return next(place for place in PLACES if (place.kernel, place.engine) == (kernel, engine))


def rows(kernel: str, *engines: str) -> tuple[Client, ...]:
    """What is run of the table in that kernel, in each of these engines."""
    places = [place(kernel, engine) for engine in engines]
    return tuple(client for client in CLIENTS if all(place.tries(client) for place in places))


def begin(place: Place, answers: str, silent: str) -> str:
    """The cell before a client's, with the addresses of a server and of none."""
    return f"A, C, LIVE = {answers!r}, {silent!r}, {place.live!r}\n"


def table() -> str:
    """The rows as the document has them."""
    lines = ["| client | what is tried | " + " | ".join(f"{place.kernel}, {place.engine}" for place in PLACES) + " |"]
    lines.append("|---" * (len(PLACES) + 2) + "|")
    for client in CLIENTS:
        marks = [("yes" if place.live else "whole") if place.tries(client) else "" for place in PLACES]
        lines.append(" | ".join([f"| {client.name} | {client.does}", *marks]) + " |")
    return "\n".join(lines) + "\n"


def written(document: str) -> str:
    """The document with the table in its place."""
    before, _, rest = document.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{table()}\n{_END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
