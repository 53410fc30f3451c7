from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from lite_env.cli.main import cli
from tests.command_line import lite_env
from tests.frozen import PACKS

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


@pytest.mark.parametrize("words", [[], ["--budget", "much"]])
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
