"""The action for GitHub, step by step as it stands there, and the examples for CI, held against their schemas."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = ACTION["runs"]["steps"]
INSTALL = "Install lite-env"
ENVIRONMENT = f"""\
name: ci
channels: [{ROOT / "channels" / "emscripten-forge-2023"}]
dependencies: [xeus-lua]
"""
_EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")
_COMPARISON = re.compile(r"(?P<name>[\w.-]+) (?P<how>==|!=) (?:'(?P<text>[^']*)'|(?P<other>[\w.-]+))")

SCHEMAS = [
    ("action.yml", "vendor.github-actions"),
    ("examples/ci/github.yml", "vendor.github-workflows"),
    ("examples/ci/gitlab-ci.yml", "vendor.gitlab-ci"),
    ("examples/ci/readthedocs.yaml", "vendor.readthedocs"),
]


@pytest.mark.parametrize(("file", "schema"), SCHEMAS, ids=[file for file, _ in SCHEMAS])
def test_each_file_is_what_its_host_reads(file, schema):
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(ROOT / file)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_in_them_is_dangerous(tmp_path):
    workflows = tmp_path / ".github" / "workflows"
    workflows.mkdir(parents=True)
    shutil.copy(ROOT / "action.yml", tmp_path)
    shutil.copy(ROOT / "examples" / "ci" / "github.yml", workflows)
    program = Path(sys.executable).with_name("zizmor")
    done = subprocess.run(
        [program, "--offline", "--no-progress", tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_document_names_each_input_and_output():
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    assert [name for name in (*ACTION["inputs"], *ACTION["outputs"]) if f"`{name}`" not in text] == []


@dataclass
class Runner:
    """What runs a composite action: its steps one after the other, their outputs, and GitHub's cache.

    Expressions are evaluated as far as this action has them; one that is not understood is an error.
    """

    folder: Path
    cache: Path
    inputs: dict[str, str]
    ref: str = "main"
    outputs: dict[str, str] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    logs: str = ""

    def __post_init__(self) -> None:
        self.temp = self.folder / "temp"
        self.temp.mkdir(parents=True, exist_ok=True)
        self.summary = self.folder / "summary.md"
        for name, about in ACTION["inputs"].items():
            self.inputs.setdefault(name, self.expand(str(about["default"])))

    def run(self, *, without: tuple[str, ...] = ()) -> Runner:
        """Run all steps but those of these names."""
        for step in STEPS:
            if step.get("name") not in without and self.holds(step.get("if", "")):
                self.ran.append(step.get("name", step.get("uses", "")))
                if "run" in step:
                    self.script(step)
                else:
                    self.action(step)
        return self

    def script(self, step: dict) -> None:
        assert step["shell"] == "bash"
        told = self.temp / "output"
        told.write_text("")
        environ = {name: self.expand(str(value)) for name, value in step.get("env", {}).items()}
        files = {"GITHUB_OUTPUT": str(told), "GITHUB_STEP_SUMMARY": str(self.summary)}
        # As GitHub runs `shell: bash`.
        words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=os.environ | environ | files,
            capture_output=True,
            text=True,
            check=False,
        )
        self.logs += done.stdout + done.stderr
        assert done.returncode == 0, f"{step['name']}: {done.stdout}{done.stderr}"
        for line in told.read_text().splitlines():
            name, _, value = line.partition("=")
            self.outputs[f"steps.{step.get('id')}.outputs.{name}"] = value

    def action(self, step: dict) -> None:
        name = step["uses"].partition("@")[0]
        given = {key: self.expand(value) for key, value in step["with"].items()}
        if name == "actions/cache/restore":
            exact = self.cache / given["key"]
            last = sorted(self.cache.glob(f"{given['restore-keys']}*"), key=lambda path: path.stat().st_mtime)[-1:]
            for found in [exact] if exact.is_dir() else last:
                shutil.copytree(found, given["path"])
            self.outputs[f"steps.{step['id']}.outputs.cache-hit"] = "true" if exact.is_dir() else ""
        elif name == "actions/cache/save":
            shutil.copytree(given["path"], self.cache / given["key"])
        else:
            assert name == "actions/setup-python"

    def expand(self, text: str) -> str:
        return _EXPRESSION.sub(lambda found: self.value(found[1]), text)

    def value(self, expression: str) -> str:
        if _COMPARISON.fullmatch(expression):
            return str(self.holds(expression)).lower()
        known = {
            "runner.temp": str(self.temp),
            "github.action_path": str(ROOT),
            "github.ref_name": self.ref,
            "github.event.repository.default_branch": "main",
        }
        if " || " in expression:
            return next(filter(None, map(self.value, expression.split(" || "))), "")
        if expression.startswith("inputs."):
            return self.inputs[expression.removeprefix("inputs.")]
        if expression.startswith("steps."):
            return self.outputs.get(expression, "")
        return known[expression]

    def holds(self, condition: str) -> bool:
        for part in condition.split(" && ") if condition else ():
            found = _COMPARISON.fullmatch(part)
            assert found, part
            other = found["text"] if found["other"] is None else self.value(found["other"])
            if (self.value(found["name"]) == other) is not (found["how"] == "=="):
                return False
        return True

    def told(self) -> dict[str, str]:
        return {name: self.expand(about["value"]) for name, about in ACTION["outputs"].items()}


@pytest.fixture
def project(tmp_path):
    # As deep as the jobs' copies of it: the channel's path in its lock is relative.
    folder = tmp_path / "own" / "project"
    folder.mkdir(parents=True)
    (folder / "environment.yml").write_text(ENVIRONMENT)
    return folder


@pytest.fixture
def job(tmp_path, project, monkeypatch):
    """A job on a machine of its own, with a copy of the project."""
    (tmp_path / "github").mkdir()

    def run(name, ref="main", **inputs):
        monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "machines" / name))
        folder = tmp_path / "jobs" / name
        shutil.copytree(project, folder)
        return Runner(folder=folder, cache=tmp_path / "github", inputs=inputs, ref=ref).run(without=(INSTALL,))

    return run


@pytest.fixture
def lock(project, tmp_path, monkeypatch):
    def run(*more):
        monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "machines" / "own"))
        words = [sys.executable, "-m", "lite_env", "lock", str(project), *map(str, more)]
        subprocess.run(words, check=True, capture_output=True)

    return run


@pytest.fixture
def locked(lock):
    lock()


@pytest.mark.node
@pytest.mark.network
@pytest.mark.slow
def test_one_job_saves_what_the_next_one_restores(job, locked, tmp_path):
    first = job("first", budget="25MB")
    assert first.told()["cache-hit"] == "false"
    assert (first.folder / first.told()["pack"] / "manifest.json").is_file()
    assert int(first.told()["size"]) > 100_000
    assert "xeus-lua" in first.summary.read_text()
    assert list((tmp_path / "github").iterdir()) == [tmp_path / "github" / first.told()["key"]]
    second = job("second")
    assert second.told() == {**first.told(), "cache-hit": "true"}
    assert "Save" not in second.ran
    assert not (tmp_path / "machines" / "second" / "prefixes").exists(), (
        "nothing was installed, for nothing was to be done"
    )
    packs = [run.folder / run.told()["pack"] for run in (first, second)]
    assert (packs[0] / "manifest.json").read_bytes() == (packs[1] / "manifest.json").read_bytes()


@pytest.mark.node
@pytest.mark.network
@pytest.mark.slow
def test_a_pull_request_reads_and_writes_nothing(job, locked, tmp_path):
    job("first")
    before = sorted((tmp_path / "github").iterdir())
    fork = job("fork", ref="feature", environment=".")
    assert fork.inputs["save"] == "false"
    assert sorted((tmp_path / "github").iterdir()) == before


@pytest.mark.node
@pytest.mark.network
@pytest.mark.slow
def test_what_was_restored_damaged_costs_time_and_no_build(job, locked, tmp_path):
    first = job("first")
    store = tmp_path / "github" / first.told()["key"] / "store.tar.zst"
    store.write_bytes(store.read_bytes()[:5000])
    second = job("second")
    assert "could not be taken in" in second.logs
    assert second.told()["size"] == first.told()["size"]


@pytest.mark.node
@pytest.mark.network
@pytest.mark.slow
def test_beyond_the_budget_the_job_fails(job, locked):
    with pytest.raises(AssertionError, match="Hold it against the budget"):
        job("first", budget="1kB")


@pytest.mark.node
@pytest.mark.network
@pytest.mark.slow
def test_without_a_lock_that_answers_the_job_fails_unless_it_may(job):
    with pytest.raises(AssertionError, match="Pack: "):
        job("first")
    assert job("second", locked="false", report="false", cache="false").told()["cache-hit"] == "false"


@pytest.mark.node
@pytest.mark.network
@pytest.mark.slow
def test_a_lock_at_another_place_is_packed_if_it_answers(job, project, lock):
    lock("-o", project / "locks" / "web.yml")
    # A folder is as good as the file in it.
    first = job("first", environment=".", lock="locks/web.yml")
    assert "Pack" in first.ran
    assert "xeus-lua" in first.summary.read_text()
    second = job("second", lock="locks/web.yml")
    assert second.told() == {**first.told(), "cache-hit": "true"}
    (project / "environment.yml").write_text(ENVIRONMENT.replace("xeus-lua", "xeus-lua, xeus-nelson"))
    with pytest.raises(AssertionError, match="does not answer its environment file"):
        job("third", lock="locks/web.yml")
    assert job("fourth", lock="locks/web.yml", locked="false").told()["size"] == first.told()["size"]


@pytest.mark.node
@pytest.mark.network
@pytest.mark.slow
def test_the_summary_says_what_changed_since_the_last_build(job, locked, project):
    job("first")
    (project / "environment.yml").write_text(ENVIRONMENT.replace("xeus-lua", "xeus-lua, xeus-sqlite"))
    second = job("second", ref="feature", locked="false")
    text = second.summary.read_text()
    assert second.told()["cache-hit"] == "false"
    assert "### `ci`: 1 added" in text
    assert "|  | before | now | change |" in text
    assert "| added | `xeus-sqlite` |" in text


@pytest.mark.network
@pytest.mark.slow
def test_the_action_installs_itself(tmp_path, monkeypatch):
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    monkeypatch.setenv("PATH", f"{tmp_path / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    runner = Runner(folder=tmp_path / "job", cache=tmp_path, inputs={})
    runner.script(next(step for step in STEPS if step.get("name") == INSTALL))
    done = subprocess.run(
        [tmp_path / "venv" / "bin" / "lite-env", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("lite-env, version ")
