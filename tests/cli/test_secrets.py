"""With secrets in play of each kind and at each place: none is in what any command writes or says."""

from __future__ import annotations

import base64
import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import requests

from lite_env.channel.index import index_channel
from tests.channel_server import serve_channel
from tests.command_line import Command, Ended, lite_env
from tests.conda_packages import TOY_KERNEL, make_package
from tests.leaks import leaks
from tests.wheel_index import WheelIndex, serving
from tests.wheels import make_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.channel_server import ChannelServer

FIRST, SECOND = "CHANTOKENSECRET", "KEPTTOKENSECRET"
LOGIN, INDEX_LOGIN = "CHANUSERSECRET:CHANPASSSECRET", "INDEXUSERSECRET:INDEXPASSSECRET"
HIDDEN = ("SECRET", *(base64.b64encode(each.encode()).decode()[:20] for each in (LOGIN, INDEX_LOGIN)))


class Project:
    """An environment with two private channels and a private index; each command has the same cache."""

    def __init__(self, folder: Path, first: ChannelServer, second: ChannelServer, index: WheelIndex) -> None:
        self.folder = folder
        self.ended: list[Ended] = []
        address = first.url(f"/t/{FIRST}/one", host=f"{LOGIN}@127.0.0.1")
        self.environment = folder / "environment.yml"
        self.environment.write_text(
            f"name: toys\nchannels: ['{address}', '{second.url('/two', host='localhost')}']\n"
            "dependencies: [xeus-toy, python, pip: [leaf]]\n"
        )
        keys = folder / "keys.json"
        keys.write_text(json.dumps({"localhost": {"CondaToken": SECOND}}))
        self.variables = {
            "HOME": str(folder / "home"),
            "LITE_ENV_CACHE_DIR": str(folder / "cache"),
            "RATTLER_AUTH_FILE": str(keys),
            "UV_DEFAULT_INDEX": index.url.replace("//", f"//{INDEX_LOGIN}@"),
        }

    def run(self, *arguments: object) -> Ended:
        self.ended.append(lite_env("--debug", *arguments, **self.variables))
        return self.ended[-1]

    def run_on_a_terminal(self, *arguments: object) -> str:
        """All that a person sees, progress among it, with a cold cache."""
        master, terminal = pty.openpty()
        variables = {**os.environ, **self.variables, "TERM": "xterm-256color"}
        variables["LITE_ENV_CACHE_DIR"] = str(self.folder / "cold")
        words = [sys.executable, "-m", "lite_env", *map(str, arguments)]
        with subprocess.Popen(words, stdin=terminal, stdout=terminal, stderr=terminal, env=variables) as process:
            os.close(terminal)
            shown = b""
            # At the end of the process reading fails, on Linux.
            with suppress(OSError):
                while piece := os.read(master, 1 << 16):
                    shown += piece
        os.close(master)
        assert process.returncode == 0, shown.decode()
        return shown.decode()

    def serve(self, pack: Path) -> Ended:
        command = Command("--debug", "serve", pack, "--port", "0", "--no-open", "--json", **self.variables)
        command.wait_for(lambda: command.out().strip().endswith("}"))
        address = json.loads(command.out())["url"].split("#")[0].split("?")[0]
        (self.folder / "page.html").write_text(requests.get(address, timeout=30).text)
        command.interrupt()
        self.ended.append(command.end())
        return self.ended[-1]


@pytest.mark.slow
def test_no_command_writes_or_says_a_secret(tmp_path, tmp_path_factory):
    served = tmp_path_factory.mktemp("served")
    make_package(served / "one", "xeus-toy", files=TOY_KERNEL, depends=["python"])
    make_package(served / "two", "python", "3.11.3", files={"bin/python3.11": ""})
    make_wheel(served / "index", "leaf", "1.0")
    for name in ("one", "two"):
        index_channel(served / name)
    with (
        serve_channel(served / "one", user=LOGIN, token=FIRST) as first,
        serve_channel(served / "two", token=SECOND) as second,
        serving(WheelIndex(folder=served / "index", user=INDEX_LOGIN)) as index,
    ):
        project = Project(tmp_path, first, second, index)
        run, environment, lock = project.run, project.environment, tmp_path / "conda-lock.yml"
        pack = tmp_path / "pack"
        done = [
            run("lock", environment),
            run("lock", "--json", environment),
            run("lock", "--check", environment),
            run("lock", "--upgrade", "--dry-run", environment),
            run("list", lock, "--json"),
            run("pack", environment, "-o", pack, "--dry-run", "--json", "--no-trace", "--no-bytecode", "--no-check"),
            run("pack", environment, "-o", pack, "--json", "--no-trace", "--no-bytecode", "--no-check"),
        ]
        flags = ("--no-trace", "--no-bytecode", "--no-check")
        shown = project.run_on_a_terminal("pack", environment, "-o", tmp_path / "pack3", *flags)
    # Progress was shown.
    assert "\x1b[" in shown
    assert "fetching" in shown
    assert not [secret for secret in HIDDEN if secret in shown]
    done += [
        run("install", lock, "--prefix", tmp_path / "prefix", "--offline"),
        run("pack", tmp_path / "prefix", "-o", tmp_path / "pack2", "--no-trace", "--no-bytecode", "--no-check"),
        run("lock", "--offline", environment),
        *(run(question, pack, *more) for question in ("list", "tree") for more in ((), ("--json",))),
        run("why", "python", pack, "--json"),
        run("diff", lock, pack, "--json"),
        *(run("report", pack, "-o", tmp_path / f"report.{ending}") for ending in ("json", "html", "md", "txt")),
        run("export", pack, "--format", "cyclonedx", "-o", tmp_path / "bill.json"),
        run("unpack", pack, "-o", tmp_path / "unpacked"),
        run("site", pack, "-o", tmp_path / "site", "--json"),
        run("labextension", pack, "-o", tmp_path / "extension", "--name", "@toys/toy", "--json"),
        project.serve(pack),
        *(run("cache", *words) for words in (("info",), ("info", "--json"), ("verify",), ("key", environment))),
        run("cache", "export", tmp_path / "cache.tar.zst", "--json"),
    ]
    assert [each.err for each in done if each.code] == []
    # The servers are gone: each refusal in turn.
    upgrade = ("lock", "--upgrade", environment)
    failed = [run(*upgrade), run(*upgrade, "--offline", "--channel", "x")]
    assert [each.code for each in failed] == [1, 1]
    assert leaks(tmp_path, HIDDEN, *project.ended, but=("environment.yml", "keys.json")) == []
    # What is looked for is found where it is.
    assert len(leaks(tmp_path, HIDDEN, *project.ended)) == 2
    assert {"cache.tar.zst", "bill.json", "page.html"} <= {file.name for file in tmp_path.iterdir()}
