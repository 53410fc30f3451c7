from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from lite_env.channel.index import index_channel
from lite_env.cli import install, pack, unpack
from lite_env.cli.main import cli
from lite_env.errors import ManifestError, PackError, SpecError
from tests.conda_packages import make_package
from tests.prefixes import WASM, kernel_package, make_prefix

FILES = {"lib/libtoy.a": "!<arch>\n" * 200_000, "share/man/man1/toy.1": "", "share/toy/data": "x" * 600_000}


@pytest.fixture
def prefix(tmp_path):
    return make_prefix(tmp_path / "toys", kernel_package(**FILES))


def run(module, *arguments):
    # The toy kernel starts nothing: there is nothing to trace.
    words = [str(word) for word in arguments] + ["--no-trace", "--no-check"] * (module is pack)
    return CliRunner().invoke(module.command, words, catch_exceptions=False)


def test_packing_ends_with_one_line_of_figures(prefix, tmp_path):
    answer = run(pack, prefix, "-o", tmp_path / "pack", "--level", "1")
    assert answer.stdout == ""
    assert answer.stderr == (
        "1 packages, 5 files, 0.6 MB, 0.0 MB packed (0.0 MB of it kernels), 1 archives; 2 files (1.6 MB) dropped\n"
    )


def test_a_dry_run_tells_what_each_rule_drops_and_writes_nothing(prefix, tmp_path):
    answer = run(pack, prefix, "-o", tmp_path / "pack", "--dry-run")
    steps = answer.stdout.splitlines()[:7]
    assert [line.partition(":")[0] for line in steps] == [
        "no lock",
        "no install",
        "compile",
        "no trace",
        "pack",
        "no start",
        "write",
    ]
    assert answer.stdout.splitlines()[7:] == [
        "    1.60 MB      1 files  static-libraries: linked when software is built, never opened by a kernel",
        "    0.00 MB      1 files  documentation: read by man, info and help viewers; `help()` and `?` read docstrings",
    ]
    assert "1 packages, 5 files, 0.6 MB, 1 archives" in answer.stderr
    assert not (tmp_path / "pack").exists()


def test_json_tells_the_whole_plan(prefix, tmp_path):
    plan = json.loads(run(pack, prefix, "-o", tmp_path / "pack", "--dry-run", "--json", "--name", "other").stdout)
    assert (plan["name"], plan["kernels"], plan["level"], plan["packages"]) == ("other", ["toy"], 19, 1)
    (archive,) = plan["archives"]
    assert archive["packages"] == {"xeus-toy": len(archive["files"])}
    assert "share/toy/data" in archive["files"]
    dropped = {file["path"]: file for file in plan["dropped"]}
    assert dropped["lib/libtoy.a"]["rule"] == "static-libraries"
    assert dropped["lib/libtoy.a"]["size"] == 1_600_000
    assert "manifest" not in plan
    done = json.loads(run(pack, prefix, "-o", tmp_path / "pack", "--json", "--level", "1").stdout)
    assert json.loads((tmp_path / "pack/manifest.json").read_bytes())["environment"]["name"] == done["name"] == "toys"
    assert done["manifest"] == str(tmp_path / "pack/manifest.json")


def test_filters_are_added(prefix, tmp_path):
    rules = tmp_path / "mine.yaml"
    rules.write_text("rules: [{id: mine, drop: share/toy/, reason: not used}]\n")
    answer = run(pack, prefix, "-o", tmp_path / "pack", "--filter", rules, "--dry-run")
    assert "0.60 MB      1 files  mine: not used" in answer.stdout
    assert "static-libraries" in answer.stdout


def test_without_a_source_the_environment_file_of_this_folder_is_packed(tmp_path, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    files = {
        "bin/xtoy.js": "var createXeusModule;",
        "bin/xtoy.wasm": WASM,
        "share/jupyter/kernels/toy/kernel.json": '{"argv": ["/bin/xtoy"], "language": "toy"}',
    }
    make_package(tmp_path / "channel", "xeus-toy", files=files)
    index_channel(tmp_path / "channel")
    (tmp_path / "environment.yml").write_text("name: e\nchannels: [./channel]\ndependencies: [xeus-toy]\n")
    answer = run(pack, "-o", "pack", "--level", "1")
    assert "locked 1 packages" in answer.stderr

    answer = run(install, "conda-lock.yml", "--prefix", "env")
    assert answer.stdout == ""
    assert answer.stderr == "1 packages, 3 files, 0.0 MB in 'env'; kernels: toy\n"
    told = json.loads(run(install, "conda-lock.yml", "--prefix", "env", "--offline", "--json").stdout)
    assert told == {
        "emscripten": None,
        "files": 3,
        "kernels": ["toy"],
        "name": "e",
        "packages": ["xeus-toy-1.0-0"],
        "prefix": "env",
        "python": None,
        "size": sum(map(len, files.values())),
    }


def test_unpacking_gives_the_environment_back(prefix, tmp_path):
    run(pack, prefix, "-o", tmp_path / "pack", "--level", "1")
    answer = run(unpack, tmp_path / "pack", "-o", tmp_path / "one")
    assert (answer.stdout, answer.stderr) == ("", "toys: 1 packages, 1 archives\n")
    told = json.loads(run(unpack, tmp_path / "pack", "-o", tmp_path / "two", "--json").stdout)
    assert (told["name"], told["packages"], told["archives"]) == ("toys", 1, 1)
    assert (tmp_path / "two/share/toy/data").read_text() == FILES["share/toy/data"]


def test_errors_reach_the_boundary(prefix, tmp_path):
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack/mine").touch()
    with pytest.raises(PackError, match="is not empty and not a pack"):
        run(pack, prefix, "-o", tmp_path / "pack")
    with pytest.raises(ManifestError, match="is not a pack"):
        run(unpack, tmp_path / "pack", "-o", tmp_path / "out")


def test_a_profile_and_no_trace_exclude_each_other(prefix, tmp_path):
    (tmp_path / "p.json").touch()
    answer = run(pack, prefix, "-o", tmp_path / "pack", "--profile", tmp_path / "p.json")
    assert answer.exit_code == 2
    assert "`--profile` and `--no-trace` exclude each other" in answer.stderr


def test_a_profile_that_is_none_is_told_before_anything_is_done(prefix, tmp_path):
    (tmp_path / "p.json").write_text("{}")
    words = [prefix, "-o", tmp_path / "pack", "--profile", tmp_path / "p.json"]
    with pytest.raises(SpecError, match="the profile has the format None"):
        CliRunner().invoke(pack.command, [str(word) for word in words], catch_exceptions=False)


def test_a_kernel_that_does_not_start_here_is_packed_in_a_static_order(prefix, tmp_path, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("LITE_ENV_NODE", str(tmp_path / "none"))
    words = [prefix, "-o", tmp_path / "pack", "--level", "1", "--json"]
    answer = CliRunner().invoke(pack.command, [str(word) for word in words], catch_exceptions=False)
    assert "packed without a traced order: " in answer.stderr
    manifest = json.loads((tmp_path / "pack/manifest.json").read_bytes())
    assert (manifest["profile"], manifest["bytecode"], manifest["imports"]) == (None, False, {})


@pytest.mark.parametrize("name", ["install", "pack", "trace", "unpack"])
def test_help_ends_with_an_example(name):
    answer = CliRunner().invoke(cli, [name, "--help"])
    assert f"Example:\n    lite-env {name} " in answer.output
