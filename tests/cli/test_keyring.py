"""Private channels whose credentials are in the keyring: a real one (gnome-keyring), on a D-Bus of its own.

`make prove` installs it. Where it is missing these tests fail, and are not passed over.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.channel_server import serve_channel
from tests.cli.test_private_channels import (
    BASIC,
    BEARER,
    CONDA_TOKEN,
    HIDDEN,
    Run,
    Way,
    assert_refused,
    channel,
    run,
    write,
)
from tests.leaks import leaks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["channel", "run"]  # fixtures

pytestmark = pytest.mark.slow

HOST = "127.0.0.1"
_SESSION = """
printf password | gnome-keyring-daemon --unlock --foreground --components=secrets >/dev/null &
keyring=$!
echo "$DBUS_SESSION_BUS_ADDRESS"
cat >/dev/null
kill $keyring
"""
_OWNED = (
    *("dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/"),
    *("org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"),
)


class Keyring:
    """A keyring that is unlocked; `variables` are of a process that shall reach it."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.variables = variables

    def keep(self, host: str, credentials: dict[str, object]) -> None:
        """Keep what rattler keeps for a host: JSON under its own name and the host's."""
        subprocess.run(
            ["secret-tool", "store", "--label", "rattler", "service", "rattler", "username", host],
            input=json.dumps(credentials).encode(),
            env={**os.environ, **self.variables},
            check=True,
            timeout=30,
        )


@pytest.fixture
def keyring(tmp_path_factory) -> Iterator[Keyring]:
    missing = [name for name in ("dbus-run-session", "gnome-keyring-daemon", "secret-tool") if not shutil.which(name)]
    assert not missing, f"{missing} are missing: sh tests/cli/install_keyring.sh"
    home = tmp_path_factory.mktemp("keyring")
    (home / "run").mkdir(mode=0o700)
    variables = {
        "HOME": str(home),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_RUNTIME_DIR": str(home / "run"),
    }
    with (
        (home / "session.log").open("wb") as log,
        subprocess.Popen(
            ["dbus-run-session", "--", "sh", "-c", _SESSION],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **variables},
        ) as session,
    ):
        assert session.stdin is not None
        assert session.stdout is not None
        variables["DBUS_SESSION_BUS_ADDRESS"] = session.stdout.readline().decode().strip()
        _wait_for_owner(variables)
        yield Keyring(variables)
        session.stdin.close()
        session.wait(timeout=30)


def _wait_for_owner(variables: dict[str, str]) -> None:
    deadline = time.monotonic() + 30
    while True:
        done = subprocess.run(_OWNED, env={**os.environ, **variables}, capture_output=True, check=False, timeout=30)
        if b"boolean true" in done.stdout:
            return
        assert time.monotonic() < deadline, done.stderr.decode()
        time.sleep(0.05)


@pytest.mark.parametrize(
    "way", [BEARER, BASIC, CONDA_TOKEN], ids=["bearer", "basic", "conda token"]
)  # fmt: skip
def test_a_channel_by_credentials_of_the_keyring(way: Way, keyring: Keyring, channel: Path, tmp_path: Path, run: Run):
    assert isinstance(way.kept, dict)
    with serve_channel(channel, **way.server) as server:
        environment = write(tmp_path / "project", server.url())
        lock = environment.with_name("conda-lock.yml")
        assert_refused(run("lock", environment, **keyring.variables), way, server)
        keyring.keep(HOST, {name: "wrong" if isinstance(of, str) else of for name, of in way.kept[HOST].items()})
        if way is not BASIC:
            assert_refused(run("lock", environment, **keyring.variables), way, server)
        keyring.keep(HOST, way.kept[HOST])
        assert run("lock", environment, **keyring.variables).code == 0, run.ended[-1].err
        assert run("install", lock, "--prefix", tmp_path / "p", **keyring.variables).code == 0, run.ended[-1].err
        assert run.pack(environment, tmp_path / "pack", **keyring.variables).code == 0, run.ended[-1].err
        # Without the keyring there are none.
        server.asked.clear()
        away = {**keyring.variables, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path / 'none'}"}
        assert_refused(run("lock", "--upgrade", environment, **away), way, server)
    assert leaks(tmp_path, HIDDEN, *run.ended) == []


def test_a_redirect_carries_no_token_of_the_keyring(keyring: Keyring, channel: Path, tmp_path: Path, run: Run):
    keyring.keep(HOST, CONDA_TOKEN.kept[HOST])  # type: ignore[index]
    with (
        serve_channel(channel) as other,
        serve_channel(channel, **CONDA_TOKEN.server, redirect=other.url("PATH", host="localhost")) as server,
    ):
        environment = write(tmp_path / "project", server.url())
        done = run.pack(environment, tmp_path / "pack", **keyring.variables)
        assert done.code == 0, done.err
    assert any(asked.path.endswith("xeus-toy-1.0-0.conda") for asked in other.asked)
    assert not [text for asked in other.asked for text in (asked.path, *asked.headers.values()) if "SECRET" in text]
