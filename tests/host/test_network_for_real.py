"""Programs in Python kernels ask servers, in Node and in Chromium."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from lite_env.host.run import RunOptions, start_kernel
from tests.conftest import EXAMPLES, make_pack
from tests.host.test_third_kernel import ENGINES
from tests.network_clients import ALONG, XEUS, begin, place, rows
from tests.origins import Origin, closed_port, own_certificate, tls_of
from tests.wheels import make_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lite_env.host.client import KernelClient

TITLES = {"node": "Node", "chromium": "Chromium"}
ENVIRONMENT = """\
name: network
channels: [{channel}]
dependencies: [xeus-python, pip]
"""


@pytest.fixture(scope="module")
def pack(shared_folder) -> Path:
    environment = shared_folder / "network.yml"
    environment.write_text(ENVIRONMENT.format(channel=EXAMPLES.parent / "channels" / "emscripten-forge-2023"))
    return make_pack(environment, shared_folder / "network")


@pytest.fixture(scope="module")
def origin(tmp_path_factory) -> Iterator[Origin]:
    wheel = make_wheel(tmp_path_factory.mktemp("wheel"), "thing", "1.0")
    with Origin() as origin:
        origin.files["/simple/thing/"] = ("text/html", f'<a href="/files/{wheel.name}">{wheel.name}</a>'.encode())
        origin.files[f"/files/{wheel.name}"] = ("application/octet-stream", wheel.read_bytes())
        yield origin


@pytest.fixture(scope="module")
def secret() -> Iterator[Origin]:
    with Origin(cors=False) as origin:
        yield origin


@pytest.fixture(scope="module", params=ENGINES)
def engine(request) -> str:
    return request.param


@pytest.fixture
def client(engine, pack, origin) -> Iterator[KernelClient]:
    with start_kernel(pack, options=RunOptions(engine=engine)) as running:
        told = f"A, C = {origin.url!r}, {closed_port()!r}\n"
        assert running.client.execute(told).status == "ok"
        yield running.client


def prepare(client: KernelClient, kernel: str, engine: str, origin: Origin) -> None:
    """Let a client's cell find what it needs."""
    code = "import sys; sys.path.insert(0, '/drive')\n" + begin(
        place(kernel, TITLES[engine]), origin.url, closed_port()
    )
    assert client.execute(code).status == "ok"


def run(client: KernelClient, code: str, timeout: float = 60) -> str:
    """What a cell prints; one that fails fails the test with its traceback."""
    result = client.execute(code, timeout=timeout)
    assert result.status == "ok", "\n".join(result.traceback)
    return "".join(output.content.get("text", "") for output in result.outputs)


def error_of(client: KernelClient, code: str) -> str:
    """What a cell raises."""
    result = client.execute(code, timeout=60)
    assert result.status == "error"
    return f"{result.ename}: {result.evalue}"


def unpacked(wheels: tuple[str, ...], shared: Path) -> Path:
    """A folder with these wheels, of which only what is pure is taken."""
    folder = shared / f"wheels-{abs(hash(wheels))}"
    if not folder.exists():
        pure = ["--only-binary", ":all:", "--platform", "any", "--python-version", "3.11", "--no-deps", "--no-compile"]
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), *pure, *wheels, *ALONG]
        subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("row", rows(XEUS, *TITLES.values()), ids=lambda row: row.name)
def test_a_client_works(engine, pack, origin, row, tmp_path):
    folder = unpacked(row.wheels, tmp_path) if row.wheels else tmp_path
    origin.asked.clear()
    with start_kernel(pack, options=RunOptions(engine=engine, drive=folder)) as running:
        prepare(running.client, XEUS, engine, origin)
        run(running.client, row.code)
    if "fsspec" in row.name:
        assert [(method, path) for method, path, _ in origin.asked if method != "OPTIONS"] == [
            ("HEAD", "/big"),
            ("GET", "/big"),
        ]


@pytest.fixture(scope="module", params=[("Pyodide 0.27", "science_pack"), ("Pyodide 314", "newest_pack")])
def pyodide(request) -> tuple[str, Path]:
    name, pack = request.param
    return name, request.getfixturevalue(pack)


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("row", rows("Pyodide 314", *TITLES.values()), ids=lambda row: row.name)
def test_a_client_works_on_pyodide(engine, pyodide, origin, row, tmp_path):
    name, pack = pyodide
    folder = unpacked(row.wheels, tmp_path) if row.wheels else tmp_path
    with start_kernel(pack, options=RunOptions(engine=engine, drive=folder)) as running:
        prepare(running.client, name, engine, origin)
        run(running.client, row.code)


@pytest.mark.slow
@pytest.mark.network
def test_pandas_reads_a_table_from_a_server(engine, science_pack, origin):
    with start_kernel(science_pack, options=RunOptions(engine=engine)) as running:
        code = f"import pandas\nprint(pandas.read_csv({origin.url + '/table'!r}).sum().to_dict())"
        assert run(running.client, code) == "{'a': 4, 'b': 6}\n"


@pytest.mark.slow
@pytest.mark.parametrize("call", ["ask(A + '/slow')", "asyncio.run(asyncio.sleep(60))", "ask(A + '/lines').read()"])
def test_an_interrupt_ends_a_wait_at_once_and_the_kernel_asks_on(client, call):
    run(client, "import asyncio, time, urllib.request\nask = urllib.request.urlopen\n_ = ask(A + '/hello').read()")
    code = f"""
print("begun")
try:
    {call}
except KeyboardInterrupt:
    print(time.time())
"""
    pressed = 0.0

    def interrupt(output):
        nonlocal pressed
        if "begun" in output.content.get("text", ""):
            time.sleep(0.3)
            pressed = time.time()
            client.interrupt()

    result = client.execute(code, on_output=interrupt, timeout=20)
    said = "".join(output.content.get("text", "") for output in result.outputs).split()
    # A tenth is usual; other work on the machine may hold it up.
    assert float(said[1]) - pressed < 0.5
    assert run(client, "print(ask(A + '/hello').read())") == "b'hello\\n'\n"


@pytest.mark.slow
def test_an_interrupted_coroutine_does_not_go_on_in_a_later_cell(client):
    run(client, "import asyncio, urllib.request\nsteps = []")
    code = """
async def main():
    print("begun")
    while True:
        steps.append(1)
        await asyncio.sleep(0.05)
asyncio.run(main())
"""
    result = client.execute(
        code, on_output=lambda output: "begun" in output.content.get("text", "") and client.interrupt(), timeout=20
    )
    assert result.ename == "KeyboardInterrupt"
    count = run(client, "print(len(steps))")
    assert run(client, "await asyncio.sleep(0.3)\nasyncio.run(asyncio.sleep(0.3))\nprint(len(steps))") == count


@pytest.mark.slow
def test_a_promise_is_awaited_at_the_top_and_refused_within_a_loop_of_pythons_own(client):
    promise = "import asyncio, pyjs\nmake = pyjs.js.Function('return new Promise(r => setTimeout(() => r(5), 50))')\n"
    assert run(client, f"{promise}print(await make())") == "5\n"
    began = time.monotonic()
    error = error_of(client, "async def main(): return await make()\nasyncio.run(main())")
    assert "only JavaScript can bring" in error
    assert "use a top-level `await`" in error
    assert time.monotonic() - began < 10
    assert (
        run(
            client,
            "print(asyncio.run(asyncio.sleep(0, 7)), asyncio.new_event_loop().run_until_complete(asyncio.sleep(0, 8)))",
        )
        == "7 8\n"
    )


@pytest.mark.slow
def test_errors_tell_why(client, engine, secret):
    run(client, f"B = {secret.url!r}\nimport socket, urllib.request\nask = urllib.request.urlopen")
    assert "there are no sockets in a browser" in error_of(
        client, "socket.create_connection(('127.0.0.1', 22)).recv(1)"
    )
    assert "there are no sockets in a browser" in error_of(client, "ask('ftp://127.0.0.1/x')")
    assert "the connection broke in the middle" in error_of(client, "ask(A + '/broken').read()")
    unreachable = error_of(client, "ask(C + '/x')")
    assert unreachable.startswith("URLError")
    assert "/x: the server cannot be reached" in unreachable
    if engine == "chromium":
        assert "/hello: the server answers, but does not allow this page to read it (CORS)" in error_of(
            client, "ask(B + '/hello')"
        )
    else:
        assert run(client, "print(ask(B + '/hello').read())") == "b'hello\\n'\n"


@pytest.mark.slow
def test_the_host_trusts_certificates_or_says_that_it_does_not(pack, engine, tmp_path, monkeypatch):
    trusted = own_certificate(tmp_path)
    code = "import urllib.request\nprint(urllib.request.urlopen(A + '/redirect').read())"
    with Origin(tls=tls_of(trusted)) as origin:
        begin = f"A = {origin.url!r}\n"
        with start_kernel(pack, options=RunOptions(engine=engine)) as running:
            error = error_of(running.client, begin + code)
            if engine == "chromium":
                assert "/redirect: the server cannot be reached" in error
                return
            assert "URLError" in error
            assert "/redirect: the server's certificate is not trusted" in error
        monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(trusted))
        with start_kernel(pack, options=RunOptions(engine=engine)) as running:
            assert run(running.client, begin + code) == "b'hello\\n'\n"


@pytest.mark.slow
@pytest.mark.node
def test_only_granted_servers_are_asked(pack, origin, secret):
    code = f"""
import urllib.request
for url in {[origin.url, secret.url]!r}:
    try:
        print(urllib.request.urlopen(url + "/hello").status)
    except OSError as e:
        print(e)
"""
    with start_kernel(pack, options=RunOptions(network=(origin.url.removeprefix("http://"),))) as running:
        granted, refused = run(running.client, code).splitlines()
    assert granted == "200"
    assert "the network is not granted to this kernel (lite-env run --network 127.0.0.1)" in refused
    with start_kernel(pack, options=RunOptions(network=())) as running:
        assert run(running.client, code).count("not granted") == 2
