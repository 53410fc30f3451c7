"""Channels that want credentials, by a real server that wants them, and the real commands.

What each is given by rattler's own store: a file, the file at home, .netrc; the keyring is in `test_keyring.py`.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from lite_env.channel.index import index_channel
from tests.channel_server import ChannelServer, serve_channel
from tests.command_line import Ended, lite_env
from tests.conda_packages import TOY_KERNEL, make_package
from tests.leaks import leaks
from tests.origins import own_certificate

if TYPE_CHECKING:
    from pathlib import Path

USER, PASSWORD, TOKEN = "USERSECRET", "PASSSECRET", "TOKENSECRET"
LOGIN = f"{USER}:{PASSWORD}"
HIDDEN = ("SECRET", base64.b64encode(LOGIN.encode()).decode()[:20])
KEPT = ("keys.json", "credentials.json", ".netrc")


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a server wants credentials, and where rattler finds them."""

    server: dict[str, Any]
    kept: dict[str, Any] | str
    file: str = "keys.json"
    host: str = "127.0.0.1"
    refusal: str = "401 Unauthorized"
    variables: dict[str, str] = field(default_factory=dict)

    def variables_for(self, folder: Path, wrong: str = "") -> dict[str, str]:
        """The variables of a process that knows them; `wrong` is added to each."""
        home = folder / f"home{wrong}"
        file = home / self.file
        file.parent.mkdir(parents=True, exist_ok=True)
        text = self.kept if isinstance(self.kept, str) else json.dumps(self.kept)
        file.write_text(text.replace("SECRET", f"SECRET{wrong}"))
        named = {"RATTLER_AUTH_FILE": str(file)} if self.file == "keys.json" else {}
        return {"HOME": str(home), **named}


BEARER = Way(server={"bearer": TOKEN}, kept={"127.0.0.1": {"BearerToken": TOKEN}})
CONDA_TOKEN = Way(server={"token": f"/t/{TOKEN}/"}, kept={"127.0.0.1": {"CondaToken": TOKEN}}, refusal="403 Forbidden")
BASIC = Way(server={"user": LOGIN}, kept={"127.0.0.1": {"BasicHTTP": {"username": USER, "password": PASSWORD}}})
WAYS = {
    "bearer": BEARER,
    "conda token": CONDA_TOKEN,
    "basic": BASIC,
    "netrc": Way(
        server={"user": LOGIN}, kept=f"machine 127.0.0.1 login {USER} password {PASSWORD}\n", file=".netrc"
    ),
    "at home": Way(
        server={"bearer": TOKEN}, kept={"127.0.0.1": {"BearerToken": TOKEN}}, file=".rattler/credentials.json"
    ),
    "of all hosts below": Way(
        server={"token": f"/t/{TOKEN}/"},
        kept={"*.localhost": {"CondaToken": TOKEN}},
        host="localhost",
        refusal="403 Forbidden",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def channel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "chan"
    make_package(folder, "xeus-toy", files=TOY_KERNEL)
    index_channel(folder)
    return folder


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    return own_certificate(tmp_path_factory.mktemp("certificate"))


def write(folder: Path, address: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "environment.yml"
    file.write_text(f'name: toys\nchannels: ["{address}"]\ndependencies: [xeus-toy]\n')
    return file


class Run:
    """Commands with a cold cache each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ended: list[Ended] = []

    def __call__(self, *arguments: object, **variables: str) -> Ended:
        cache = self._folder / f"cache{len(self.ended)}"
        nobody = {"HOME": str(self._folder / "nobody"), "NO_PROXY": "", **variables}
        self.ended.append(lite_env("--debug", *arguments, LITE_ENV_CACHE_DIR=str(cache), **nobody))
        return self.ended[-1]

    def pack(self, source: Path, output: Path, **variables: str) -> Ended:
        # The toy kernel starts nothing.
        flags = ("--no-trace", "--no-bytecode", "--no-check", "--level", "1")
        return self("pack", source, "-o", output, *flags, **variables)


@pytest.fixture
def run(tmp_path) -> Run:
    return Run(tmp_path)


@pytest.mark.parametrize(
    "way",
    [
        pytest.param(way, id=name, marks=() if name in {"bearer", "conda token", "netrc"} else pytest.mark.slow)
        for name, way in WAYS.items()
    ],
)
def test_a_private_channel_is_locked_installed_and_packed(way, channel, tmp_path, run):
    known = way.variables_for(tmp_path)
    with serve_channel(channel, **way.server) as server:
        environment = write(tmp_path / "project", server.url(host=way.host))
        lock = environment.with_name("conda-lock.yml")
        assert run("lock", environment, **known).code == 0, run.ended[-1].err
        assert run("install", lock, "--prefix", tmp_path / "prefix", **known).code == 0, run.ended[-1].err
        assert run.pack(environment, tmp_path / "pack", **known).code == 0, run.ended[-1].err
        assert run.pack(lock, tmp_path / "pack2", **known).code == 0, run.ended[-1].err
        assert sum(asked.path.endswith("xeus-toy-1.0-0.conda") for asked in server.asked) == 3
        assert server.url(host=way.host) in lock.read_text()
        for variables in ({}, way.variables_for(tmp_path, wrong="x")):
            server.asked.clear()
            refused = run("lock", "--upgrade", environment, **variables)
            assert_refused(refused, way, server)
            refused = run("install", lock, "--prefix", tmp_path / "none", **variables)
            assert_refused(refused, way, server)
            assert f"{server.url(host=way.host)}/emscripten-wasm32/xeus-toy-1.0-0.conda" in refused.err
    assert leaks(tmp_path, HIDDEN, *run.ended, but=KEPT) == []


def assert_refused(ended: Ended, way: Way, server: ChannelServer) -> None:
    assert ended.code == 1, ended.err
    assert f"error: {'xeus-toy-1.0-0.conda could not be fetched: ' if 'xeus-toy-1' in ended.err else ''}" in ended.err
    assert f"the server wants credentials, or others than it got ({way.refusal})" in ended.err
    assert f"channel: {server.url(host=way.host)}\n" in ended.err
    assert "rattler auth login" in ended.err
    # No refusal is asked again.
    assert ended.seconds < 20
    assert len(server.asked) <= 3
    server.asked.clear()


REDIRECTED = {
    "bearer": (BEARER, "/chan"),
    "basic": (BASIC, "/chan"),
    "conda token": (CONDA_TOKEN, "/chan"),
    "a token in the address": (Way(server={"token": TOKEN}, kept={}), f"/sub/t/{TOKEN}/chan"),
    "a user in the address": (Way(server={"user": LOGIN}, kept={}, host=f"{LOGIN}@127.0.0.1"), "/chan"),
    "all of it": (
        Way(server={"user": LOGIN, "token": TOKEN}, kept=BEARER.kept, host=f"{LOGIN}@127.0.0.1"),
        f"/t/{TOKEN}/chan",
    ),
}


@pytest.mark.parametrize("host", ["localhost", pytest.param("127.0.0.1", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("way", "path"), REDIRECTED.values(), ids=REDIRECTED.keys())
def test_a_redirect_carries_no_credentials_to_another_server(way, path, host, channel, run, tmp_path):  # noqa: PLR0917
    """Neither to another host nor to another port; the address that was asked, with its token, not either."""
    with serve_channel(channel) as other:
        # As servers do it that send what they were asked for somewhere else.
        with serve_channel(channel, **way.server, redirect=other.url("PATH", host=host)) as server:
            environment = write(tmp_path / "project", server.url(path, host=way.host))
            done = run.pack(environment, tmp_path / "pack", **way.variables_for(tmp_path))
        assert done.code == 0, done.err
        names = {asked.path.rpartition("/")[2] for asked in other.asked}
        assert names >= {"repodata.json", "xeus-toy-1.0-0.conda"}
        for asked in other.asked:
            assert asked.authorization is None
            assert not [text for text in (asked.path, *asked.headers.values()) if "SECRET" in text], asked
    assert leaks(tmp_path, HIDDEN, *run.ended, but=(*KEPT, "environment.yml")) == []


def test_a_redirect_whose_address_holds_the_token_elsewhere_is_not_followed(channel, tmp_path, run):
    with serve_channel(channel) as other:
        target = other.url(f"/chan/noarch/repodata.json?for={TOKEN}", host="localhost")
        with serve_channel(channel, token=TOKEN, redirect=target) as server:
            done = run("lock", write(tmp_path / "project", server.url(f"/t/{TOKEN}/chan")))
        assert (done.code, other.asked) == (1, [])
    assert "the server redirects to another one, with the token in the address" in done.err
    assert leaks(tmp_path, HIDDEN, done, but=("environment.yml",)) == []


def test_a_redirect_on_the_same_server_keeps_what_it_wants(channel, tmp_path, run):
    with serve_channel(channel, user=LOGIN) as server:
        seen: list[str] = []
        answer = server.answer

        def moved(path: str, headers: dict[str, str]) -> tuple[int, bytes]:
            seen.append(path)
            server.redirect = None if path.startswith("/new") else "/newPATH"
            return answer(path, headers)

        server.answer = moved  # type: ignore[method-assign]
        environment = write(tmp_path / "project", server.url(host=f"{LOGIN}@127.0.0.1"))
        done = run("lock", environment)
    assert done.code == 0, done.err
    assert any(path.startswith("/new/chan/") for path in seen)


def test_no_redirect_leads_from_https_to_http(channel, certificate, tmp_path, run):
    trusted = {"SSL_CERT_FILE": str(certificate)}
    with serve_channel(channel, token=TOKEN, certificate=certificate) as server, serve_channel(channel) as plain:
        environment = write(tmp_path / "project", server.url(f"/t/{TOKEN}/chan"))
        assert run("lock", environment, **trusted).code == 0, run.ended[-1].err
        server.redirect = plain.url("PATH")
        refused = run("lock", "--upgrade", environment, **trusted)
        assert (refused.code, plain.asked) == (1, [])
        server.redirect = None
        distrusted = run("lock", "--upgrade", environment)
    assert "the server redirects from https to what is not" in refused.err
    assert (distrusted.code, "SSLError" in distrusted.err) == (1, True), distrusted.err
    assert leaks(tmp_path, HIDDEN, *run.ended, but=("environment.yml",)) == []


def test_a_proxy_is_asked_for_the_channel_and_never_for_loopback(channel, tmp_path, run):
    with serve_channel(channel, token=TOKEN) as proxy:
        environment = write(tmp_path / "project", f"http://private.invalid/t/{TOKEN}/chan")
        address = proxy.url("")
        done = run("lock", environment, HTTP_PROXY=address, http_proxy=address)
    assert done.code == 0, done.err
    assert {asked.path.split("/chan/")[0] for asked in proxy.asked} == {f"http://private.invalid/t/{TOKEN}"}


def configured(folder: Path, text: str) -> dict[str, str]:
    """The variables of a process that has a configuration of rattler."""
    (folder / ".lite-env").mkdir(parents=True)
    (folder / ".lite-env" / "config.toml").write_text(text)
    return {"HOME": str(folder)}


def test_a_proxy_of_rattlers_configuration_is_asked_for_a_private_channel(channel, tmp_path, run):
    with serve_channel(channel, token=TOKEN) as proxy:
        environment = write(tmp_path / "project", f"http://private.invalid/t/{TOKEN}/chan")
        done = run("lock", environment, **configured(tmp_path / "home", f'[proxy-config]\nhttp = "{proxy.url("")}"\n'))
    assert done.code == 0, done.err
    assert {asked.path.split("/chan/")[0] for asked in proxy.asked} == {f"http://private.invalid/t/{TOKEN}"}


def test_certificates_that_rattlers_configuration_does_not_verify_are_not_verified(channel, certificate, tmp_path, run):
    with serve_channel(channel, token=TOKEN, certificate=certificate) as server:
        environment = write(tmp_path / "project", server.url(f"/t/{TOKEN}/chan"))
        done = run("lock", environment, **configured(tmp_path / "home", "tls-no-verify = true\n"))
    assert (done.code, "Warning" in done.err) == (0, False), done.err


def test_a_file_that_rattlers_configuration_names_is_read(channel, tmp_path, run):
    """For a channel beside one that has its own in its address."""
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"localhost": {"CondaToken": TOKEN}}))
    known = configured(tmp_path / "home", f'authentication-override-file = "{keys}"\n')
    with serve_channel(channel, user=LOGIN) as one, serve_channel(channel, token=f"/t/{TOKEN}/") as two:
        environment = write(tmp_path / "project", one.url(host=f"{LOGIN}@127.0.0.1"))
        other = two.url(host="localhost")
        done = run("lock", environment, "--channel", one.url(host=f"{LOGIN}@127.0.0.1"), "--channel", other, **known)
        assert done.code == 0, done.err
        assert one.asked
        assert two.asked
    assert leaks(tmp_path, HIDDEN, done, but=(*KEPT, "environment.yml")) == []


def test_channels_that_differ_in_port_and_credentials_only_are_asked_each_with_its_own(channel, tmp_path, run):
    with serve_channel(channel, user=LOGIN) as one, serve_channel(channel, user=f"OTHER{LOGIN}") as two:
        channels = [one.url(host=f"{LOGIN}@127.0.0.1"), two.url(host=f"OTHER{LOGIN}@127.0.0.1")]
        environment = write(tmp_path / "project", channels[0])
        done = run("lock", environment, *(word for each in channels for word in ("--channel", each)))
        assert done.code == 0, done.err
        for server in (one, two):
            assert any(asked.path.endswith("noarch/repodata.json") for asked in server.asked)
    assert leaks(tmp_path, HIDDEN, done, but=("environment.yml",)) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f'{{"127.0.0.1": {{"BasicHTTP": "{PASSWORD}"}}}}', "line 1 column 40"),
        (f'{{"127.0.0.1": {{"{TOKEN}": 1}}}}', "line 1 column"),
        (f'{{"127.0.0.1": {TOKEN}}}', "line 1 column"),
    ],
)
def test_a_file_of_credentials_that_cannot_be_read_is_named_and_not_repeated(text, place, tmp_path, run):
    keys = tmp_path / "keys.json"
    keys.write_text(text)
    done = run("lock", write(tmp_path / "project", "http://127.0.0.1:9/chan"), RATTLER_AUTH_FILE=str(keys))
    assert (done.code, f"file: {keys}\n" in done.err, place in done.err) == (1, True, True), done.err
    assert "bug in lite_env" not in done.err
    assert leaks(tmp_path, HIDDEN, done, but=KEPT) == []
