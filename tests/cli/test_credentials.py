"""However a credential gets into an environment file: no file that is written and nothing that is said shows it.

The real commands, each in a process of its own, against a real server.
"""

from __future__ import annotations

import base64
import json
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import yaml

from lite_env.channel.index import index_channel
from lite_env.cli.pack import command as pack_command
from tests.channel_server import ChannelServer, serve_channel
from tests.command_line import Ended, lite_env
from tests.conda_packages import TOY_KERNEL, make_package

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER, PASSWORD, TOKEN = "USERSECRET", "PASS@/SECRET", "TOKSECRET"
Q = quote(PASSWORD, safe="")
BOTH = f"{USER}:{Q}@"
HIDDEN = ("SECRET", base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()[:24])


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to write a credential into an environment file.

    ``HOST`` stands for the server's ``127.0.0.1:PORT`` in every text, ``CLOSED`` for a port that nobody listens at.
    """

    channels: str
    dependency: str = "xeus-toy"
    more: str = ""
    server: dict[str, Any] = field(default_factory=dict)
    works: bool = False


def asks(channel: str, dependency: str = "xeus-toy", **server: Any) -> Way:
    """A way that works: the server wants the credentials and gets them."""
    return Way(channels=f'["{channel}"]', dependency=dependency, server=server, works=True)


def refused(channel: str) -> Way:
    return Way(channels=f'["{channel}"]')


LOGIN = {"user": f"{USER}:{PASSWORD}"}
PLAIN = '["http://HOST/chan"]'
WAYS = {
    # In a channel's address: used and never shown.
    "user and password": asks(f"http://{BOTH}HOST/chan", **LOGIN),
    "a user alone": asks(f"http://{USER}@HOST/chan", user=f"{USER}:"),
    "a password alone": asks(f"http://:{Q}@HOST/chan", user=f":{PASSWORD}"),
    "a token": asks(f"http://HOST/t/{TOKEN}/chan", token=TOKEN),
    "a token below a folder": asks(f"http://HOST/sub/t/{TOKEN}/chan", token=TOKEN),
    "a token at the end": asks(f"http://HOST/chan/t/{TOKEN}", token=TOKEN),
    "a capital T": asks(f"http://HOST/T/{TOKEN}/chan", token=TOKEN),
    "an encoded t": asks(f"http://HOST/%74/{TOKEN}/chan", token=TOKEN),
    "a t encoded twice": asks(f"http://HOST/sub/%2574/{TOKEN}/chan", token=TOKEN),
    "slashes doubled": asks(f"http://HOST//t//{TOKEN}//chan/", token=TOKEN),
    "a password with a quote": asks(f"http://{USER}:PASS'SECRET@HOST/chan", user=f"{USER}:PASS'SECRET"),
    "all of it": asks(f"http://{BOTH}HOST/t/{TOKEN}/chan", token=TOKEN, **LOGIN),
    "a scheme in capitals": asks(f"HTTP://{BOTH}HOST/chan", **LOGIN),
    "the channel in front of a package": asks(f"http://{BOTH}HOST/sub/chan", "chan::xeus-toy", **LOGIN),
    "its address in front of a package": asks(f"http://{BOTH}HOST/chan", "http://HOST/chan::xeus-toy", **LOGIN),
    # In what cannot be a channel's address: refused.
    "no scheme": refused(f"//{BOTH}HOST/chan"),
    "no scheme and no slashes": refused(f"{BOTH}HOST/chan"),
    "one slash": refused(f"http:/{BOTH}HOST/chan"),
    "three slashes": refused(f"http:///{BOTH}HOST/chan"),
    "backslashes": refused(rf"http:\\\\{BOTH}HOST/chan"),
    "an unknown scheme": refused(f"ftp://{BOTH}HOST/chan"),
    "a file with a host": refused(f"file://{BOTH}HOST/chan"),
    "a query": refused(f"http://HOST/chan?token={TOKEN}"),
    "a parameter": refused(f"http://HOST/chan;token={TOKEN}"),
    "a parameter of a folder": refused(f"http://HOST/api_key={TOKEN}/chan"),
    "an encoded query": refused(f"http://HOST/chan%3Ftoken={TOKEN}"),
    "a query encoded twice": refused(f"http://HOST/chan%253Ftoken%253D{TOKEN}"),
    "an encoded fragment": refused(f"http://HOST/chan%23{TOKEN}"),
    "a path with a token": refused(f"./t/{TOKEN}/chan"),
    "a path above with a token": refused(f"../sub/t/{TOKEN}"),
    "a path from the root with a token": refused(f"/t/{TOKEN}/chan"),
    "a fragment": refused(f"http://HOST/chan#{TOKEN}"),
    "a password with a slash": refused(f"http://{USER}:1/PASSSECRET@HOST/chan"),
    "a password with a question mark": refused(f"http://{USER}:1?PASSSECRET@HOST/chan"),
    "a password with a space": refused(f"http://{USER}:PASS SECRET@HOST/chan"),
    "an encoded slash": refused(f"http://HOST/%2Ft%2F{TOKEN}/chan"),
    "a broken port": refused(f"http://{BOTH}127.0.0.1:99999/chan"),
    "a broken bracket": refused(f"http://{BOTH}[::1/chan"),
    "a line break": refused(f"http://{USER}:\\nPASSSECRET@HOST/chan"),
    "no list": Way(channels=f'"http://{BOTH}HOST/chan"'),
    # Outside of a channel's address: refused.
    "a channel in a match spec": Way(channels=PLAIN, dependency=f"xeus-toy[channel=http://{BOTH}HOST/chan]"),
    "a token in a match spec": Way(channels=PLAIN, dependency=f"xeus-toy[channel='http://HOST/t/{TOKEN}/chan']"),
    "a URL in a match spec": Way(channels=PLAIN, dependency=f"xeus-toy[url='//{BOTH}HOST/x']"),
    "in front of a package": Way(channels=PLAIN, dependency=f"http://{BOTH}HOST/chan::xeus-toy"),
    "a token in front of a package": Way(channels=PLAIN, dependency=f"http://HOST/t/{TOKEN}/chan::xeus-toy"),
    "a named channel's token": Way(channels=PLAIN, dependency=f"t/{TOKEN}/chan::xeus-toy"),
    "a package's address": Way(channels=PLAIN, dependency=f"http://{BOTH}HOST/noarch/xeus-toy-1.0-0.conda"),
    "a variable": Way(channels=PLAIN, more=f'variables: {{INDEX: "https://{BOTH}HOST/simple"}}'),
    "a variable with a token": Way(channels=PLAIN, more=f'variables: {{INDEX: "https://HOST/x?api_token={TOKEN}"}}'),
    "an unknown section": Way(channels="[]", more=f'"http://{BOTH}HOST/chan": x\nname: ""'),
    # What goes wrong at the server.
    "a refused connection": Way(channels=f'["http://{BOTH}127.0.0.1:CLOSED/sub/t/{TOKEN}/refused"]'),
    "403": Way(channels=f'["http://{BOTH}HOST/sub/t/{TOKEN}/chan"]', server={"status": 403}),
    "500": Way(channels=f'["http://{BOTH}HOST/sub/%74/{TOKEN}/chan"]', server={"status": 500}),
    "404": Way(channels=f'["http://{BOTH}HOST/sub/t/{TOKEN}/chan"]', server={"status": 404}),
    "wrong JSON": Way(channels=f'["http://{BOTH}HOST/T/{TOKEN}/chan"]', server={"body": b'{"packages": 7'}),
    "a redirect": Way(
        channels=f'["http://{BOTH}HOST/t/{TOKEN}/chan"]',
        server={"redirect": f"http://127.0.0.1:1/?sign={TOKEN}"},
    ),
    "no solution": Way(channels=f'["http://{BOTH}HOST/sub/t/{TOKEN}/chan"]', dependency="xeus-toy >=7", server=LOGIN),
    "no such package": Way(channels=f'["http://{BOTH}HOST/t/{TOKEN}/chan"]', dependency="chan::nothing", server=LOGIN),
    "no sha256": Way(
        channels=f'["http://{BOTH}HOST/t/{TOKEN}/chan"]',
        server={
            "body": b'{"packages.conda": {"xeus-toy-1.0-0.conda": {"name": "xeus-toy", "version": "1.0", "build": "0", '
            b'"build_number": 0, "depends": [], "subdir": "emscripten-wasm32"}}}'
        },
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def channel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "chan"
    make_package(folder, "xeus-toy", files=TOY_KERNEL)
    index_channel(folder)
    return folder


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens at."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def write_environment(folder: Path, way: Way, server: ChannelServer, closed: int = 0) -> Path:
    def fill(text: str) -> str:
        return text.replace("HOST", f"127.0.0.1:{server.port}").replace("CLOSED", str(closed))

    folder.mkdir(exist_ok=True)
    file = folder / "environment.yml"
    name = "" if "name:" in way.more else "name: toys\n"
    file.write_text(fill(f'{name}channels: {way.channels}\ndependencies: ["{way.dependency}"]\n{way.more}\n'))
    return file


def run(*arguments: object, cache: Path, **environment: str) -> Ended:
    # With `--debug`, which shows each error that led to the one that is told.
    return lite_env("--debug", *arguments, LITE_ENV_CACHE_DIR=str(cache), **environment)


def pack(source: Path, output: Path, *, cache: Path) -> Ended:
    # The toy kernel starts nothing.
    flags = [flag for flag in ("--no-trace", "--no-bytecode", "--no-check") if known(flag)]
    return run("pack", source, "-o", output, "--level", "1", *flags, cache=cache)


def known(flag: str) -> bool:
    return any(flag in parameter.opts for parameter in pack_command.params)


def assert_hidden(folder: Path, *ended: Ended) -> None:
    """Nothing that was said or written below `folder`, but the environment file itself, has a secret in it."""
    for each in ended:
        for secret in HIDDEN:
            assert secret not in each.out
            assert secret not in each.err
    for file in folder.rglob("*"):
        if file.is_file() and file.name != "environment.yml":
            content = file.read_bytes()
            for secret in HIDDEN:
                assert secret.encode() not in content, file
                assert secret not in str(file)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_no_credential_is_written_or_said(way, channel, tmp_path, closed_port):
    with serve_channel(channel, **way.server) as server:
        environment = write_environment(tmp_path / "project", way, server, closed_port)
        assert "SECRET" in environment.read_text()
        locked = run("lock", environment, cache=tmp_path / "cache")
        assert_hidden(tmp_path, locked)
        if not way.works:
            assert (locked.code, "error: " in locked.err) == (1, True), locked.err
            assert "bug in lite_env" not in locked.err
            return
        assert locked.code == 0, locked.err
        packed = pack(environment, tmp_path / "pack", cache=tmp_path / "cache")
        assert packed.code == 0, packed.err
    assert_hidden(tmp_path, locked, packed)
    manifest = json.loads((tmp_path / "pack/manifest.json").read_text())
    assert [package["name"] for package in manifest["environment"]["packages"]] == ["xeus-toy"]
    # The package came from the server, and with what it wanted.
    assert any(asked.path.endswith("xeus-toy-1.0-0.conda") for asked in server.asked)


def test_a_lock_is_installed_with_the_credentials_that_rattler_knows(channel, tmp_path):
    """The lock holds none, so they come from where every tool built on rattler keeps them."""
    way = WAYS["user and password"]
    with serve_channel(channel, **way.server) as server:
        environment = write_environment(tmp_path / "project", way, server)
        assert run("lock", environment, cache=tmp_path / "cache").code == 0
        lock = environment.with_name("conda-lock.yml")
        refused = run("install", lock, "--prefix", tmp_path / "p", cache=tmp_path / "cache")
        assert (refused.code, "could not be fetched" in refused.err) == (1, True), refused.err
        keys = tmp_path / "keys" / "keys.json"
        keys.parent.mkdir()
        login = {"BasicHTTP": {"username": USER, "password": PASSWORD}}
        keys.write_text(json.dumps({"127.0.0.1": login}))
        done = run("install", lock, "--prefix", tmp_path / "p", cache=tmp_path / "cache", RATTLER_AUTH_FILE=str(keys))
        assert done.code == 0, done.err
    keys.unlink()
    assert_hidden(tmp_path, refused, done)


def test_credentials_go_to_their_own_channel_only(channel, tmp_path):
    with serve_channel(channel) as private, serve_channel(channel) as public:
        way = Way(channels=f'["http://{BOTH}HOST/t/{TOKEN}/a", "http://HOST/a2", "http://127.0.0.1:{public.port}/b"]')
        environment = write_environment(tmp_path / "project", way, private)
        locked = run("lock", environment, cache=tmp_path / "cache")
        assert locked.code == 0, locked.err
    assert {TOKEN in asked.path for asked in private.asked if asked.authorization} == {True}
    assert {asked.authorization for asked in public.asked} == {None}
    others = [asked for asked in private.asked if "/a2/" in asked.path]
    assert others
    assert not any(asked.authorization or TOKEN in asked.path for asked in others)
    assert_hidden(tmp_path, locked)


def test_a_channel_in_place_of_the_listed_ones_is_hidden_too(channel, tmp_path):
    with serve_channel(channel, **LOGIN) as server:
        environment = write_environment(tmp_path / "project", Way(channels="[./none]"), server)
        address = f"http://{BOTH}127.0.0.1:{server.port}/chan"
        good = run("lock", environment, "--channel", address, cache=tmp_path / "cache")
        bad = run("lock", environment, "--channel", f"{address}?{TOKEN}", cache=tmp_path / "cache")
    assert (good.code, bad.code) == (0, 1), good.err
    assert_hidden(tmp_path, good, bad)


def test_a_lock_of_another_tool_with_credentials_is_installed_and_shows_none(channel, tmp_path):
    with serve_channel(channel, **LOGIN) as server:
        environment = write_environment(tmp_path / "project", Way(channels="[./none]"), server)
        address = f"http://{BOTH}127.0.0.1:{server.port}/chan"
        assert run("lock", environment, "--channel", address, cache=tmp_path / "cache").code == 0
        path = environment.with_name("conda-lock.yml")
        document = yaml.safe_load(path.read_text())
        del document["metadata"]["custom_metadata"]
        document["metadata"]["channels"][0]["url"] = address
        for package in document["package"]:
            package["url"] = package["url"].replace("http://", f"http://{BOTH}")
        path.write_text(yaml.safe_dump(document))
        packed = pack(path, tmp_path / "pack", cache=tmp_path / "cache")
        path.unlink()
    assert packed.code == 0, packed.err
    assert_hidden(tmp_path, packed)
