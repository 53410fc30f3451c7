"""A package index that wants a user and a password, for the pip section: by a real server, with the real commands."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from lite_env.channel.index import index_channel
from lite_env.lock.uv import login_for
from tests.cli.test_private_channels import run
from tests.conda_packages import make_package
from tests.leaks import leaks
from tests.wheel_index import WheelIndex, serving
from tests.wheels import make_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["run"]  # a fixture

WORD = "PASSSECRET"
LOGIN = f"USERSECRET:{WORD}"
HIDDEN = ("SECRET", base64.b64encode(LOGIN.encode()).decode()[:20])


@pytest.fixture
def index(tmp_path_factory) -> Iterator[WheelIndex]:
    folder = tmp_path_factory.mktemp("index")
    make_wheel(folder, "leaf", "1.0")
    with serving(WheelIndex(folder=folder, user=LOGIN)) as served:
        yield served


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """Its pip section asks whichever index is set."""
    make_package(tmp_path / "channel", "python", "3.11.3", files={"bin/python3.11": ""})
    index_channel(tmp_path / "channel")
    file = tmp_path / "environment.yml"
    file.write_text("name: x\nchannels: [./channel]\ndependencies: [python, pip: [leaf]]\n")
    return file


def netrc(folder: Path, password: str = WORD) -> dict[str, str]:
    folder.mkdir()
    (folder / ".netrc").write_text(f"machine 127.0.0.1 login USERSECRET password {password}\n")
    return {"HOME": str(folder)}


def named(index: WheelIndex, password: str = WORD) -> dict[str, dict[str, str]]:
    """The ways of uv's variables to name an index and what it wants."""
    address = index.url.replace("//", f"//USERSECRET:{password}@")
    return {
        "in its address": {"UV_DEFAULT_INDEX": address},
        "by its name": {
            "UV_INDEX": f"my-own={index.url}",
            "UV_INDEX_MY_OWN_USERNAME": "USERSECRET",
            "UV_INDEX_MY_OWN_PASSWORD": password,
        },
    }


@pytest.mark.parametrize("way", ["netrc", "in its address", "by its name"])
def test_a_private_index_is_locked_and_installed(way, index, environment, tmp_path, run):
    known = netrc(tmp_path / "home") | {"UV_DEFAULT_INDEX": index.url} if way == "netrc" else named(index)[way]
    lock = environment.with_name("conda-lock.yml")
    assert run("lock", environment, **known).code == 0, run.ended[-1].err
    assert f"{index.url.removesuffix('/simple')}/files/leaf-1.0-py3-none-any.whl" in lock.read_text()
    assert run("install", lock, "--prefix", tmp_path / "p", **known).code == 0, run.ended[-1].err
    assert run("export", lock, "--format", "cyclonedx").code == 0
    assert leaks(tmp_path, HIDDEN, *run.ended, but=(".netrc",)) == []


def test_a_refusal_says_which_index_and_how_to_log_in(index, environment, tmp_path, run):
    for variables in (
        {"UV_DEFAULT_INDEX": index.url},
        {"UV_DEFAULT_INDEX": index.url} | netrc(tmp_path / "home", "WRONGSECRET"),
        named(index, "WRONGSECRET")["in its address"],
    ):
        index.asked.clear()
        done = run("lock", environment, **variables)
        assert (done.code, len(index.asked) < 4, done.seconds < 20) == (1, True, True), done.err
        assert "an index of the pip section wants credentials, or others than it got (401 Unauthorized)" in done.err
        assert f"index: {index.url}\n" in done.err
        assert ".netrc" in done.err
    assert leaks(tmp_path, HIDDEN, *run.ended, but=(".netrc",)) == []


def test_a_wheel_that_wants_credentials_at_installation_says_so(index, environment, tmp_path, run):
    lock = environment.with_name("conda-lock.yml")
    assert run("lock", environment, **named(index)["in its address"]).code == 0, run.ended[-1].err
    index.asked.clear()
    done = run("install", lock, "--prefix", tmp_path / "p")
    assert (done.code, index.asked) == (1, ["/files/leaf-1.0-py3-none-any.whl"])
    assert "the server answered 401 Unauthorized" in done.err
    assert ".netrc" in done.err
    assert leaks(tmp_path, HIDDEN, *run.ended) == []


def test_credentials_of_an_index_stay_at_its_server(index, environment, tmp_path, run):
    with serving(WheelIndex(folder=index.folder)) as other:
        index.elsewhere = other.url.removesuffix("/simple")
        done = run("lock", environment, **named(index)["in its address"])
    assert done.code == 0, done.err
    assert other.asked
    assert not [headers for headers in other.headers if "authorization" in headers]


def test_logins_are_found_by_scheme_host_and_port():
    variables = {
        "UV_INDEX": "https://[bad/simple one=https://h/simple two=https://u:p%40@h:8443/simple",
        "UV_INDEX_ONE_PASSWORD": "word",
        "UV_EXTRA_INDEX_URL": "https://x:y@extra/simple https://open/simple",
        "UV_FIND_LINKS": "./here,https://f:g@links/page",
    }
    assert login_for("https://h/files/a.whl", variables) == ("", "word")
    assert login_for("https://h:8443/a.whl", variables) == ("u", "p@")
    assert login_for("https://extra/a.whl", variables) == ("x", "y")
    assert login_for("https://links/a.whl", variables) == ("f", "g")
    for other in ("http://h/a.whl", "https://h:1/a.whl", "https://open/a.whl", "https://h.example/a.whl", "file:///a"):
        assert login_for(other, variables) is None
