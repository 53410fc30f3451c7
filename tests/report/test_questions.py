"""The commands that answer questions, over a lock and over packs of both formats, held against files."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

import lite_env
from lite_env.cli.boundary import Answer
from lite_env.cli.main import cli
from tests.frozen import PACKS
from tests.locks import science, write
from tests.snapshots import assert_kept

PACK, OLD_PACK, KERNELS, UNTRACED = PACKS / "2.0/python", PACKS / "1.0/python", PACKS / "2.0/kernels", PACKS / "2.0/lua"


@pytest.fixture(autouse=True)
def release(monkeypatch):
    """A version that no release changes."""
    monkeypatch.setattr(lite_env, "__version__", "0.0.0")


@pytest.fixture
def lock(tmp_path):
    return science(tmp_path / "conda-lock.yml")


@pytest.fixture
def later(tmp_path):
    return science(tmp_path / "later.conda-lock.yml", later=True)


def ask(*words) -> str:
    return CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False).stdout


@pytest.mark.parametrize("question", ["list", "tree", "report"])
def test_of_a_lock(lock, question):
    assert_kept(f"lock-{question}.txt", ask(question, lock))
    assert_kept(f"lock-{question}.json", ask(question, lock, "--json"))


@pytest.mark.parametrize("question", ["list", "tree", "report"])
@pytest.mark.parametrize(
    ("name", "pack"), [("pack", PACK), ("pack-1.0", OLD_PACK), ("kernels", KERNELS), ("untraced", UNTRACED)]
)
def test_of_packs(name, pack, question):
    assert_kept(f"{name}-{question}.txt", ask(question, pack))
    assert_kept(f"{name}-{question}.json", ask(question, pack, "--json"))


def test_a_tree_can_be_cut_and_turned_over(lock):
    assert_kept("lock-tree-depth.txt", ask("tree", lock, "--depth", "1"))
    assert_kept("lock-tree-invert.txt", ask("tree", lock, "--invert", "Python"))


def test_why_tells_each_way_with_its_constraints(lock):
    assert_kept("lock-why.txt", ask("why", "six", lock))
    assert_kept("lock-why.json", ask("why", "python", lock, "--json", "--limit", "3"))
    assert_kept("lock-why-limit.txt", ask("why", "python", lock, "--limit", "2"))
    assert_kept("pack-why.txt", ask("why", "emscripten-abi", PACK))


@pytest.mark.parametrize(("form", "ending"), [("text", "txt"), ("markdown", "md"), ("json", "json")])
def test_what_changed(lock, later, form, ending):
    assert_kept(f"lock-diff.{ending}", ask("diff", lock, later, "--format", form))
    assert_kept(f"pack-diff.{ending}", ask("diff", KERNELS, PACK, "--format", form))
    assert_kept(f"mixed-diff.{ending}", ask("diff", lock, PACK, "--format", form))


def test_reports_in_markdown_and_html(lock, later):
    assert_kept("lock-report.md", ask("report", later, "--format", "markdown", "--compare", lock))
    assert_kept("pack-report.md", ask("report", PACK, "--format", "markdown", "--compare", KERNELS))
    assert_kept("untraced-report.md", ask("report", UNTRACED, "--format", "markdown"))
    assert_kept("lock-report.html", without_sources(ask("report", later, "--format", "html", "--compare", lock)))
    assert_kept("pack-report.html", without_sources(ask("report", PACK, "--format", "html", "--compare", KERNELS)))


def without_sources(page: str) -> str:
    """A page without the style and the script, which are files of their own."""
    page = re.sub(r"<style>.*?</style>", "<style></style>", page, flags=re.DOTALL)
    page = re.sub(r"<script>.*?</script>", "<script></script>", page, flags=re.DOTALL)
    return re.sub(r"sha256-[A-Za-z0-9+/]{43}=", "sha256-", page)


@pytest.mark.parametrize(
    ("ending", "form"), [(".html", "html"), (".json", "json"), (".md", "markdown"), (".txt", "text")]
)
def test_an_output_is_written_as_its_name_ends(tmp_path, ending, form):
    ask("report", PACK, "-o", tmp_path / f"report{ending}")
    assert (tmp_path / f"report{ending}").read_text("utf-8") == ask("report", PACK, "--format", form)


def test_bills_of_materials(lock):
    assert_kept("lock.cdx.json", ask("export", lock, "--format", "cyclonedx"))
    assert_kept("pack.cdx.json", ask("export", PACK, "--format", "cyclonedx"))


def test_a_report_is_compared_with_the_report_of_the_last_build(tmp_path):
    last = tmp_path / "last.json"
    assert ask("report", KERNELS, "-o", last) == ""
    assert ask("diff", last, PACK) == ask("diff", KERNELS, PACK)
    again = json.loads(ask("report", PACK, "--json", "--compare", last))
    assert again["compared"] == json.loads(ask("diff", KERNELS, PACK, "--json"))
    # A report that holds a comparison can be compared with as well.
    last.write_text(json.dumps(again))
    assert ask("diff", last, PACK) == "the same packages\n"


def test_the_exit_code_tells_a_difference_only_when_it_is_asked_to(lock, later):
    run = CliRunner().invoke
    assert run(cli, ["diff", str(lock), str(later)]).exit_code == 0
    same = run(cli, ["diff", str(lock), str(lock), "--exit-code"])
    assert (same.exit_code, same.stdout) == (0, "the same packages\n")
    differing = run(cli, ["diff", str(lock), str(later), "--exit-code"])
    assert isinstance(differing.exception, Answer)
    assert differing.stdout == ask("diff", lock, later)
    assert isinstance(run(cli, ["diff", str(KERNELS), str(PACK), "--exit-code"]).exception, Answer)


def test_without_an_argument_it_is_the_lock_of_this_folder_or_the_pack_that_it_is(lock, monkeypatch):
    monkeypatch.chdir(lock.parent)
    (lock.parent / "environment.yml").write_text("dependencies: [numpy]\n")
    assert ask("list") == ask("list", lock) == ask("list", "environment.yml")
    assert ask("why", "six") == ask("why", "six", lock)
    monkeypatch.chdir(PACK)
    assert ask("tree") == ask("tree", PACK) == ask("tree", PACK / "manifest.json")


def test_an_empty_lock_is_an_answer_too(tmp_path):
    empty = write(tmp_path / "empty.conda-lock.yml", [])
    assert ask("list", empty).splitlines()[-1] == "0 packages, 0 B to download"
    assert ask("tree", empty) == ""
    assert ask("report", empty) == "demo (lock): 0 packages, 0 B to download\n\npackages, by the size of their files\n"
    assert ask("report", empty, "--format", "markdown").startswith("## `demo`")
    assert "<h1>demo</h1>" in ask("report", empty, "--format", "html")
    assert json.loads(ask("export", empty, "--format", "cyclonedx"))["components"] == []
    assert ask("diff", empty, empty) == "the same packages\n"
