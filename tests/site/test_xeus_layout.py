"""What is written for jupyterlite-xeus is read by its own front-end code, in Node: `@emscripten-forge/mambajs-core`."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lite_env.bootstrap import runtime_dir
from lite_env.errors import PackError
from lite_env.host.find import find_node
from lite_env.pack.mounts import Mount, read_mounts
from lite_env.pack.selection import select_files
from lite_env.prefix.reader import read_prefix
from lite_env.prefix.record import read_origins
from lite_env.site.xeus_layout import write_xeus
from lite_env.site.xeus_plan import XeusEnvironment
from lite_env.store.local import open_store
from tests.command_line import lite_env
from tests.conftest import EXAMPLES
from tests.prefixes import (
    SITE,
    WASM,
    Heard,
    Toy,
    kernel_package,
    make_prefix,
    put,
    pyodide_package,
    python_package,
    side_module,
)
from tests.site_server import SiteServer
from tests.wheels import wheel_files

if TYPE_CHECKING:
    from pathlib import Path

RUNTIME = runtime_dir().parent
CHANNEL = "https://conda.example/emscripten-forge-4x"
LONG = "/".join(["folder" * 15] * 3) + "/" + "n" * 140 + ".py"
UMLAUTS = "\u00e4" * 110
KERNEL = "share/jupyter/kernels/toy"


def environment(path: Path, name: str = "demo", *packages: Toy, **local: Any) -> XeusEnvironment:
    kernel = kernel_package(
        metadata={"shared": {"libtoy.so": "lib/libtoy.so"}},
        **{"bin/xtoy.data": b"data", "lib/libtoy.so": side_module(), "lib/libxeus.so": WASM},
    )
    make_prefix(path, kernel, python_package(), *packages, **local)
    prefix = read_prefix(path)
    return XeusEnvironment(
        name=name, prefix=prefix, selection=select_files(prefix), channels=(CHANNEL,), origins=read_origins(path)
    )


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def wanted(environment: XeusEnvironment) -> dict[str, str]:
    """What is to lie in the kernel's file system, by the environment's own files; links are copies."""
    root, selection = environment.prefix.path, environment.selection
    libraries = [
        file.path for kernel in environment.prefix.kernels for file in kernel.binaries if file.role == "shared"
    ]
    found = {}
    for path in (*libraries, *(file.path for file in selection.kept)):
        place = root / path
        for below in sorted(place.iterdir()) if place.is_dir() else [place]:
            content = selection.contents.get(path)
            name = f"/{below.relative_to(root).as_posix()}"
            found[name] = sha256(below.read_bytes() if content is None else content)
    return found


@pytest.fixture(scope="session")
def front_end(tmp_path_factory) -> Path:
    """The script that does what the worker of jupyterlite-xeus does."""
    script = tmp_path_factory.mktemp("front-end") / "front-end.mjs"
    command = [str(find_node()), "build.mjs", "--script", "test/support/xeus-front-end.ts", str(script)]
    subprocess.run(command, cwd=RUNTIME, check=True)
    return script


def read(site: Path, front_end: Path) -> list[dict[str, Any]]:
    """What the front end makes of the site in the folder `site`, served on loopback."""
    server = SiteServer(site)
    server.start()
    try:
        wasm = RUNTIME / "node_modules" / "@emscripten-forge" / "mambajs-core" / "lib"
        done = subprocess.run(
            [str(find_node()), str(front_end)],
            input=json.dumps({"site": server.url, "wasm": str(wasm)}),
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    finally:
        server.stop()
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def packaged(files: dict[str, str]) -> dict[str, str]:
    return {path: digest for path, digest in files.items() if not path.startswith("/conda-meta/")}


ODD = Toy(
    name="odd",
    version="1!2.0+local",
    files={
        f"{SITE}/odd/__init__.py": "",
        f"{SITE}/odd/h\u00e4\u4e2d\u6587.txt": "behind it nothing may be lost",
        f"{SITE}/odd/{UMLAUTS}.txt": "u",
        f"{SITE}/{LONG}": "long",
        "share/odd/real/a.txt": "a",
        "share/odd/real/b.txt": "b",
        "share/other": ("->", "odd/real"),
        "share/odd/a.txt": ("->", "real/a.txt"),
        "share/libtoy.so": ("->", "../lib/libtoy.so"),
        "info/of-no-package.txt": "i",
        "site-packages/moved.txt": "s",
    },
)


@pytest.mark.node
def test_every_file_arrives_in_the_kernels_file_system_with_the_right_bytes(tmp_path, front_end):
    toy = environment(
        tmp_path / "prefix",
        "demo",
        ODD,
        Toy(name="empty", record={"channel": "https://user:secret@conda.example/conda-forge/"}),
        local={"data/of no package.csv": "1,2\n", **wheel_files("Toy.Pkg", files={"toy_pkg.py": "x = 1\n"})},
    )
    expected = wanted(toy)
    heard = Heard()
    written = write_xeus(toy, tmp_path / "site" / "xeus", reporter=heard)
    (got,) = read(tmp_path / "site", front_end)

    assert packaged(got["files"]) == expected
    assert f"/{SITE}/odd/h\u00e4\u4e2d\u6587.txt" in expected
    assert expected["/share/other/a.txt"] == expected["/share/odd/a.txt"] == sha256(b"a")
    assert (got["kernel"], got["env"]) == ("toy", "demo")
    root = tmp_path / "prefix"
    served = {"script": "bin/xtoy.js", "wasm": "bin/xtoy.wasm", "libtoy.so": "lib/libtoy.so"}
    served["logo-64x64"] = f"{KERNEL}/logo-64x64.png"
    assert got["served"] == {name: sha256((root / path).read_bytes()) for name, path in served.items()}
    assert (tmp_path / "site/xeus/demo/bin/xtoy.data").read_bytes() == b"data"
    assert (tmp_path / "site/xeus/demo/libxeus.so").read_bytes() == WASM
    assert sorted(got["packages"]) == ["empty 1.0", "odd 1!2.0+local", "python 3.11.3", "xeus-toy 1.0"]
    assert got["wheels"] == ["toy-pkg 1.0"]
    assert written.kernels == ("toy",)
    assert not heard.warnings
    assert heard.done["packing"] == heard.totals["packing"] == written.raw_size


def test_what_is_mounted_lies_with_the_files_of_no_package_and_links_are_copies(tmp_path):
    plain = environment(tmp_path / "prefix")
    links = {"real/b.csv": "2", "one.csv": ("->", "real/b.csv"), "folder": ("->", "real"), "lost": ("->", "nowhere")}
    for name, content in links.items():
        put(tmp_path / "data", name, content)
    mounted = read_mounts([Mount(source=tmp_path / "data", target="/data")])
    heard = Heard()
    selection = select_files(plain.prefix, mounted=mounted)
    write_xeus(replace(plain, selection=selection), tmp_path / "xeus", reporter=heard)
    with tarfile.open(tmp_path / "xeus/demo/kernel_packages/environment-files.tar.gz") as tar:
        found = {member.name: tar.extractfile(member).read() for member in tar.getmembers() if member.isfile()}
    names = ["data/folder/b.csv", "data/one.csv", "data/real/b.csv"]
    assert {name: found[name] for name in found if name.startswith("data/")} == dict.fromkeys(names, b"2")
    assert any("'data/lost' is left out" in warning for warning in heard.warnings)


def test_what_the_front_end_needs_is_said_and_no_secret_is(tmp_path):
    toy = environment(
        tmp_path / "prefix",
        "demo",
        Toy(name="theirs", depends=("python >=3.11",), record={"channel": "https://user:secret@conda.example/forge/"}),
        Toy(name="mine", record={"channel": (tmp_path / "channel").as_uri()}),
    )
    write_xeus(toy, tmp_path / "xeus")
    meta = json.loads((tmp_path / "xeus/demo/empack_env_meta.json").read_text())
    assert meta["prefix"] == "/"
    assert meta["channels"] == [CHANNEL, "https://conda.example/forge"]
    theirs = next(package for package in meta["packages"] if package["name"] == "theirs")
    assert theirs == {
        "name": "theirs",
        "version": "1.0",
        "build": "0",
        "channel": "https://conda.example/forge",
        "depends": ["python >=3.11"],
        "filename": "theirs-1.0-0.tar.gz",
        "filename_stem": "theirs-1.0-0",
        "subdir": "emscripten-wasm32",
    }
    assert next(package for package in meta["packages"] if package["name"] == "mine")["channel"] == CHANNEL
    everything = b"".join(path.read_bytes() for path in (tmp_path / "xeus").rglob("*.json"))
    assert b"secret" not in everything
    assert str(tmp_path).encode() not in everything
    spec = json.loads((tmp_path / "xeus/demo/toy/kernel.json").read_text())
    assert spec["argv"] == ["xeus/demo/bin/xtoy.js", "-f", "{connection_file}"]
    assert spec["resources"] == {"logo-64x64": "xeus/demo/toy/logo-64x64.png"}


def test_equal_environments_give_equal_bytes_and_the_second_time_nothing_is_compressed(tmp_path, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "cache"))
    for number in "12":
        toy = environment(tmp_path / number / "prefix", "demo", ODD)
        write_xeus(toy, tmp_path / number / "xeus", store=open_store())
        # What a Python that compresses in another way would do.
        monkeypatch.setattr("lite_env.site.xeus_archive._gzip", None)
    trees = [
        {path.relative_to(tmp_path / number / "xeus"): path.read_bytes() for path in files}
        for number in "12"
        if (files := [path for path in (tmp_path / number / "xeus").rglob("*") if path.is_file()])
    ]
    assert trees[0] == trees[1]
    assert all(data[4:8] == b"\0\0\0\0" for path, data in trees[0].items() if path.suffix == ".gz")


def test_environments_stand_beside_each_other_and_one_that_is_written_again_takes_its_place(tmp_path):
    xeus = tmp_path / "xeus"
    write_xeus(environment(tmp_path / "a", "a"), xeus)
    write_xeus(environment(tmp_path / "b", "b", ODD), xeus)
    write_xeus(environment(tmp_path / "c", "b"), xeus)
    kernels = json.loads((xeus / "kernels.json").read_text())
    assert kernels == [{"env_name": "a", "kernel": "toy"}, {"env_name": "b", "kernel": "toy"}]
    assert not list((xeus / "b" / "kernel_packages").glob("odd-*"))
    shutil.rmtree(xeus / "a")
    write_xeus(environment(tmp_path / "d", "b"), xeus)
    assert json.loads((xeus / "kernels.json").read_text()) == [{"env_name": "b", "kernel": "toy"}]


def test_what_is_no_environment_of_such_a_site_is_not_written_over(tmp_path):
    (tmp_path / "xeus" / "demo").mkdir(parents=True)
    (tmp_path / "xeus" / "demo" / "thesis.txt").write_text("mine")
    with pytest.raises(PackError, match="was not made by"):
        write_xeus(environment(tmp_path / "prefix"), tmp_path / "xeus")
    assert (tmp_path / "xeus" / "demo" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "reason"), [("node.js", r"the first `\.js`"), ("a/b", "single name"), ("kernels.json", "first `.js`")]
)
def test_a_name_that_the_front_end_would_take_for_something_else_is_refused(tmp_path, name, reason):
    with pytest.raises(PackError, match=reason):
        write_xeus(environment(tmp_path / "prefix", name), tmp_path / "xeus")


def test_a_python_kernel_that_it_cannot_start_is_told(tmp_path):
    make_prefix(
        tmp_path / "prefix", kernel_package("xeus-python", kernel="xpython", language="python"), python_package()
    )
    prefix = read_prefix(tmp_path / "prefix")
    heard = Heard()
    old = XeusEnvironment(name="old", prefix=prefix, selection=select_files(prefix), origins={})
    write_xeus(old, tmp_path / "xeus", reporter=heard)
    assert any("init_phase_1" in warning for warning in heard.warnings)
    assert any("%conda install" in warning for warning in heard.warnings)


def test_start_up_code_that_it_does_not_run_is_told(tmp_path):
    settings = {"lite-env": {"startup": "share/start.toy"}}
    make_prefix(tmp_path / "prefix", kernel_package(metadata=settings, **{"share/start.toy": b"x = 1"}))
    prefix = read_prefix(tmp_path / "prefix")
    heard = Heard()
    served = XeusEnvironment(name="e", prefix=prefix, selection=select_files(prefix), origins={"xeus-toy": "https://c"})
    write_xeus(served, tmp_path / "xeus", reporter=heard)
    assert heard.warnings == [
        "jupyterlite-xeus does not run the start-up code of the kernel 'toy', 'share/start.toy': the native layout does"
    ]


def test_a_kernel_of_another_family_is_refused(tmp_path):
    both = environment(tmp_path / "prefix", "demo", pyodide_package())
    with pytest.raises(PackError, match="cannot start the kernel 'python', of the family pyodide") as caught:
        write_xeus(both, tmp_path / "xeus")
    assert "native layout" in caught.value.hint


@pytest.mark.network
@pytest.mark.node
def test_a_real_environment_packed_by_the_command_line_arrives_whole(tmp_path, numpy_pack, front_end):
    prefix = numpy_pack.parent / "prefix"
    packed = lite_env("pack", prefix, "--layout", "xeus", "--name", "numpy-demo", "-o", tmp_path / "xeus", "--json")
    assert packed.code == 0, packed.err
    (got,) = read(tmp_path, front_end)
    found = read_prefix(prefix)
    real = XeusEnvironment(name="numpy-demo", prefix=found, selection=select_files(found), origins={})
    assert packaged(got["files"]) == wanted(real)
    assert len(got["files"]) == json.loads(packed.out)["files"]
    assert "numpy 1.25.2" in got["packages"]
    assert got["kernel"] == "xpython"


def test_what_that_layout_has_no_place_for_is_refused(tmp_path):
    packed = lite_env("pack", EXAMPLES / "lua", "--layout", "xeus", "--level", "3", "-o", tmp_path / "xeus")
    assert packed.code == 2
    assert "`--level` is of the native layout" in packed.err
