from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from lite_env.channel.index import index_channel
from lite_env.cli.main import cli
from lite_env.store.location import CACHE_VARIABLE
from tests.audit.test_rules import LICENSE, make_channel
from tests.channel_server import serve_channel
from tests.command_line import lite_env
from tests.conda_packages import make_package
from tests.frozen import PACKS
from tests.kernel_channel import make_kernel_channel, package_that_imports
from tests.side_modules import library

PACK = PACKS / "2.0/kernels"


def test_a_pack_above_its_budget_is_exit_1_with_what_the_bytes_go_to():
    ended = lite_env("check", PACK, "--budget", "1kB")
    assert ended.code == 1
    assert "above the budget of 1.0 kB" in ended.out
    assert "xeus-python" in ended.out
    assert ended.out.splitlines()[-1].startswith("counted: ")
    assert ended.err == ""
    within = lite_env("check", PACK, "--budget", "1 MB")
    assert (within.code, within.out.count("within the budget of 1.00 MB")) == (0, 3)


def test_json_tells_it_to_programs():
    ended = lite_env("check", PACK, "--budget", "1kB", "--json")
    answer = json.loads(ended.out)
    assert (ended.code, answer["ok"]) == (1, False)
    (check,) = answer["checks"]
    assert (check["check"], check["budget"], check["ok"]) == ("budget", 1000, False)
    for kernel in check["kernels"]:
        assert kernel["over"] == max(kernel["size"] - 1000, 0)
        assert sum(each["size"] for each in kernel["contributors"]) == kernel["size"]


@pytest.mark.parametrize("words", [["--budget", "1MB", "--runtime", "x"], ["--budget", "much"]])
def test_what_is_not_a_question_is_a_usage_error(words):
    answer = CliRunner().invoke(cli, ["check", str(PACK), *words])
    assert answer.exit_code == 2
    assert "--budget" in answer.output


def test_a_pack_that_was_not_traced_is_an_error_and_no_yes():
    ended = lite_env("check", PACKS / "2.0/lua", "--budget", "1GB")
    assert ended.code == 1
    assert "it is not known what the start of xlua loads" in ended.err
    assert "\nhint: " in ended.err


def test_every_question_has_an_answer_in_a_process_of_its_own(tmp_path):
    assert "emscripten-abi" in lite_env("list", PACK.parent / "python").out
    unknown = lite_env("why", "pythn", PACK)
    assert (unknown.code, unknown.out) == (1, "")
    assert unknown.err == "error: there is no package 'pythn' here\n\nhint: did you mean 'python' or 'xeus-python'?\n"
    page = tmp_path / "deep" / "report.html"
    ended = lite_env("report", PACK, "--format", "html", "-o", page)
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert page.read_text("utf-8").startswith("<!doctype html>")
    gone = lite_env("report", tmp_path / "gone")
    assert gone.code == 1
    assert "there is no '" in gone.err


@pytest.fixture
def channel(tmp_path):
    """With a package that has an error and one that has a warning only."""
    folder = make_channel(tmp_path / "channel")
    abi = ["emscripten-abi 3.1.45.*"]
    broken = library(imports={"env.__wasm_setjmp": "function viii"})
    make_package(folder, "broken", files={"lib/libx.so": broken} | LICENSE, depends=abi)
    make_package(folder, "bare", files={"lib/liby.so": library()}, depends=abi)
    index_channel(folder)
    return folder


def test_a_package_with_an_error_is_exit_1_with_what_to_do(channel):
    ended = lite_env("check", channel / "emscripten-wasm32" / "broken-1.0-0.conda")
    assert ended.out == (
        "broken-1.0-0.conda\n"
        "  error exceptions\n"
        "    lib/libx.so: it is compiled for setjmp as LLVM 19 and later compile it, which xtoy.wasm lacks:"
        " '__wasm_setjmp'\n"
        "    hint: compile with the Emscripten version of the runtime, or link the functions into the library\n"
        "1 package, 1 shared library, held against xtoy.wasm: 1 error, 0 warnings\n"
    )
    assert (ended.code, ended.err) == (1, "")


def test_a_warning_is_told_and_exit_0(channel):
    ended = lite_env("check", channel / "emscripten-wasm32" / "bare-1.0-0.conda")
    assert (ended.code, ended.err) == (0, "")
    assert "  warning license\n" in ended.out
    assert ended.out.endswith("1 package, 1 shared library, held against xtoy.wasm: 0 errors, 1 warning\n")


def test_a_channel_is_checked_package_by_package(channel):
    ended = lite_env("check", channel, "--json")
    answer = json.loads(ended.out)
    assert (ended.code, answer["ok"]) == (1, False)
    (check,) = answer["checks"]
    assert (check["check"], check["ok"], check["errors"], check["warnings"]) == ("audit", False, 1, 1)
    assert (len(check["packages"]), check["libraries"], check["runtimes"]) == (5, 2, ["xtoy.wasm"])
    assert [(each["package"], each["rule"]) for each in check["findings"]] == [
        ("bare-1.0-0.conda", "license"),
        ("broken-1.0-0.conda", "exceptions"),
    ]
    assert {*check["findings"][0]} == {"rule", "severity", "package", "file", "message", "hint"}


def test_what_cannot_be_checked_is_said(channel, tmp_path):
    needing = library(needed=("libz.so",), imports={"env.deflate": "function ii"})
    package = make_package(tmp_path, "alone", files={"lib/libx.so": needing} | LICENSE, depends=["emscripten-abi"])
    package = package.rename(tmp_path / package.name)
    ended = lite_env("check", package)
    assert (ended.code, ended.err) == (0, "")
    assert "note: not checked: whether the runtime has what libraries import;" in ended.out
    assert "(--runtime names one)" in ended.out
    assert "whether 'libz.so' will be there" in ended.out
    ended = lite_env("check", package, "--runtime", channel)
    assert (ended.code, ended.err) == (1, "")
    assert "it needs 'libz.so', which neither the package nor what it depends on brings" in ended.out
    assert "note: " not in ended.out


@pytest.fixture
def remote(tmp_path):
    """The address of a channel on another machine with a kernel and a library, and what that machine was asked."""
    folder = make_kernel_channel(tmp_path / "remote")
    with serve_channel(folder) as server:
        yield server


def test_a_package_is_held_against_the_kernel_of_a_channel_on_another_machine(remote, tmp_path):
    sound = package_that_imports(tmp_path, "sound", "deflate", "strlen")
    broken = package_that_imports(tmp_path, "broken", "deflate", "inflate")
    cache = {CACHE_VARIABLE: str(tmp_path / "cache")}
    ended = lite_env("check", sound, "--channel", remote.url(), **cache)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith("1 shared library, held against xtoy.wasm: 0 errors, 0 warnings\n")
    assert any(asked.path.endswith(".conda") for asked in remote.asked)
    remote.asked.clear()
    # What was fetched and installed is in the cache that `install` has.
    ended = lite_env("check", broken, "--channel", remote.url(), **cache)
    assert ended.code == 1
    assert "'inflate'" in ended.out
    assert not any(asked.path.endswith(".conda") for asked in remote.asked)
    remote.asked.clear()
    ended = lite_env("check", broken, "--channel", remote.url(), "--offline", **cache)
    assert (ended.code, remote.asked) == (1, [])


def test_a_channel_without_what_the_package_needs_is_told(remote, tmp_path):
    package = make_package(tmp_path, "alone", files={"lib/libx.so": library()}, depends=["nowhere >=2"])
    ended = lite_env("check", package, "--channel", remote.url())
    assert (ended.code, ended.out) == (1, "")
    assert "there is no environment with what alone-1.0-0.conda needs and a kernel" in ended.err
    assert "nowhere" in ended.err


@pytest.mark.parametrize(
    "words",
    [
        [str(PACK), "--channel", "https://example.org/c"],
        ["a-1-0.conda", "--channel", "https://example.org/c", "--runtime", "x"],
        ["a-1-0.conda", "--channel", "https://example.org/c", "--budget", "1MB"],
        ["a-1-0.conda", "--offline"],
    ],
)
def test_a_channel_goes_with_a_package_alone(words):
    answer = CliRunner().invoke(cli, ["check", *words])
    assert answer.exit_code == 2
    assert "--channel" in answer.output


def test_a_place_where_nothing_is_to_be_checked_is_an_error(tmp_path):
    for path, message in (
        (tmp_path, "is no package, channel, pack or environment"),
        (tmp_path / "gone", "there is no '"),
        (tmp_path / "a-1-0.conda", "there is no package '"),
    ):
        ended = lite_env("check", path)
        assert (ended.code, ended.out) == (1, "")
        assert message in ended.err
        assert "\nhint: " in ended.err
    (tmp_path / "channel.yaml").write_text("name: x\n")
    assert "is a channel that is not built" in lite_env("check", tmp_path).err
