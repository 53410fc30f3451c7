"""Locks as conda-lock writes them (of our own making, in ``locks/``), read for emscripten-wasm32."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lite_env.channel.index import index_channel
from lite_env.errors import LockError
from lite_env.lock.file import read_lock
from lite_env.store.digest import sha256_of_file
from lite_env.workflow.install import install_environment
from tests.conda_packages import make_package

LOCKS = Path(__file__).parent / "locks"
FORGE = "https://prefix.dev/emscripten-forge-4x"
ANACONDA = "https://conda.anaconda.org"

READ = {
    "conda_lock_multi": (
        (f"{ANACONDA}/emscripten-forge-4x", f"{ANACONDA}/conda-forge"),
        ("emscripten-wasm32", "linux-64", "osx-arm64"),
        [
            ("numpy", "2.0.1", "py313h7f3ba4f_3", 3, FORGE, ("python >=3.13,<3.14.0a0", "python_abi 3.13.* *_cp313")),
            ("tzdata", "2025b", "h78e105d_0", 0, f"{ANACONDA}/conda-forge", ()),
        ],
    ),
    "conda_lock_metadata": (
        ("https://conda.example.org/private", "https://conda.example.org/get/mirror"),
        ("emscripten-wasm32",),
        [
            ("libfoo", "1!1.2+local", "hf2a_12", 12, "https://conda.example.org/get/mirror", ()),
            ("libfoo-headers", "1.2", "12", 12, "https://conda.example.org/get/mirror", ()),
        ],
    ),
    "converted_from_pixi": (
        (FORGE, "https://prefix.dev/conda-forge"),
        ("linux-64", "emscripten-wasm32"),
        [
            ("emscripten-abi", "4.0.9", "h267e887_1", 1, FORGE, ()),
            ("xeus-lua", "0.7.4", "h2072262_1", 1, FORGE, ()),
        ],
    ),
}
REFUSED = {
    "refused_md5_only.yml": "`package[0].hash.sha256` is missing: an MD5 alone does not vouch for a file",
    "refused_pip.yml": "`package[0].url` is the address of a native wheel, which cannot be installed in the browser",
    "refused_other_platform.yml": "`metadata.platforms` lists linux-64, but not emscripten-wasm32",
    "refused_no_build.yml": "`package[0].url` is no package's address: it does not end in NAME-VERSION-BUILD.conda",
    "refused_other_name.yml": "`package[0].url` is the address of seven 1.16.0, not of six 1.16.0",
    "refused_credentials.yml": "`package[0].url` is no address",
}


@pytest.mark.parametrize("name", READ)
def test_a_lock_of_another_tool_is_read(name):
    lock = read_lock(LOCKS / f"{name}.yml")
    channels, platforms, packages = READ[name]
    assert (lock.channels, lock.platforms) == (channels, platforms)
    assert [(p.name, p.version, p.build, p.build_number, p.channel, p.depends) for p in lock.packages] == packages
    assert (lock.name, lock.is_own, lock.requested) == ("locks", False, ())
    # What stood in place of a variable's value is not sent to anybody.
    assert not any(channel.is_secret for channel in lock.addresses)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_told(name):
    with pytest.raises(LockError) as caught:
        read_lock(LOCKS / name)
    assert REFUSED[name] in caught.value.message
    assert "secret" not in f"{caught.value} {caught.value.hint} {caught.value.context}"
    # The way out does not lead back to this file.
    assert "`lite-env lock ENVIRONMENT_YML -o OTHER.conda-lock.yml`" in caught.value.hint


def test_where_nothing_is_to_be_chosen_the_choice_is_what_is_wrong():
    with pytest.raises(LockError, match="no environment 'docs' can be chosen") as caught:
        read_lock(LOCKS / "conda_lock_multi.yml", environment="docs")
    assert caught.value.hint == "leave out `--environment`"


def test_every_lock_is_tried():
    assert {path.name for path in LOCKS.iterdir()} == {f"{name}.yml" for name in READ} | set(REFUSED)


def test_a_lock_without_builds_is_installed(tmp_path):
    channel = tmp_path / "channel"
    files = [
        make_package(channel, "python", "3.11.3", build="h0_7", files={"lib/python3.11/abc.py": "x = 1"}),
        make_package(channel, "six", "1.16.0", build="py_0", noarch="python", files={"site-packages/six.py": "y = 2"}),
    ]
    index_channel(channel)
    packages = [
        {
            "name": file.name.split("-")[0],
            "version": file.name.split("-")[1],
            "manager": "conda",
            "platform": "emscripten-wasm32",
            "dependencies": {},
            "url": file.as_uri(),
            "hash": {"sha256": sha256_of_file(file)},
            "category": "main",
            "optional": False,
        }
        for file in files
    ]
    document = yaml.safe_load((LOCKS / "refused_md5_only.yml").read_text()) | {"package": packages}
    path = tmp_path / "conda-lock.yml"
    path.write_text(yaml.safe_dump(document))
    prefix = install_environment(read_lock(path), tmp_path / "prefix")
    assert [(package.name, package.build) for package in prefix.packages] == [("python", "h0_7"), ("six", "py_0")]
    assert (tmp_path / "prefix/lib/python3.11/site-packages/six.py").read_text() == "y = 2"
