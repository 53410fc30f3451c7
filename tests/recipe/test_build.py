"""Real builds: the toolchain, rattler-build, the audit, and tests in the real kernel."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.recipe.builds import LONGJMP, RECIPES, build, extension
from tests.trees import tree


def test_a_recipe_becomes_a_package_that_the_kernel_has_tried(markupsafe):
    (package,) = (markupsafe / "emscripten-wasm32").glob("*.conda")
    record = json.loads((markupsafe / "emscripten-wasm32" / "repodata.json").read_bytes())["packages.conda"][
        package.name
    ]
    assert record["depends"] == ["emscripten-abi >=3.1.45,<3.1.46.0a0", "python", "python >=3.11,<3.12.0a0"]
    log = (markupsafe / ".logs" / "markupsafe.log").read_text(encoding="utf-8")
    for engine in ("node", "chromium"):
        assert f"==> markupsafe in {engine}: pytest -q tests" in log
    assert log.count("78 passed") == 2


def test_a_second_run_does_nothing_and_another_channel_comes_from_the_store(markupsafe, tmp_path):
    before = tree(markupsafe)
    answer, found = build(RECIPES / "markupsafe", channel=markupsafe)
    assert (answer.code, found["built"][0]["how"]) == (0, "there")
    assert tree(markupsafe) == before
    answer, found = build(RECIPES / "markupsafe", channel=tmp_path / "other")
    assert (answer.code, found["built"][0]["how"]) == (0, "from the store")
    subdir = "emscripten-wasm32"
    assert tree(tmp_path / "other" / subdir) == tree(markupsafe / subdir)


def test_a_dry_run_says_what_would_be_built_and_builds_nothing(markupsafe, tmp_path):
    changed = tmp_path / "markupsafe"
    shutil.copytree(RECIPES / "markupsafe", changed)
    with (changed / "check.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    options = ["--dry-run", "--variant-config", RECIPES / "variants.yaml"]
    _, found = build(changed, channel=tmp_path / "channel", options=options)
    assert [step["step"] for step in found["steps"]] == ["build"]
    _, found = build(RECIPES / "markupsafe", channel=tmp_path / "channel", options=options)
    assert [step["step"] for step in found["steps"]] == ["from the store"]
    assert not (tmp_path / "channel").exists()


def test_a_package_that_is_damaged_or_gone_is_told_and_made_good(markupsafe, tmp_path):
    channel = tmp_path / "channel"
    shutil.copytree(markupsafe, channel)
    before = tree(channel)
    (package,) = (channel / "emscripten-wasm32").glob("*.conda")
    for change, said in (
        (lambda: package.write_bytes(package.read_bytes()[:-9]), "is damaged"),
        (package.unlink, "is gone"),
    ):
        change()
        answer, found = build(RECIPES / "markupsafe", channel=channel)
        assert (answer.code, found["built"][0]["how"]) == (0, "from the store")
        assert f"{package.name} {said}" in answer.err
        assert tree(channel) == before


def test_a_symbol_that_only_a_call_reveals_keeps_the_package_out(markupsafe, tmp_path):
    recipe = extension(tmp_path, "extern long answer(void);")
    answer, found = build(recipe, channel=tmp_path / "channel")
    assert answer.code == 1
    assert "answer" in answer.err
    assert found["failed"][0]["recipe"] == "extension"
    assert not list((tmp_path / "channel").rglob("*.conda"))


def test_what_the_kernel_says_of_a_failed_test_is_told(markupsafe, tmp_path):
    recipe = extension(tmp_path, "static long answer(void) { return 8; }")
    answer, found = build(recipe, channel=tmp_path / "channel")
    assert answer.code == 1
    assert "AssertionError" in answer.err
    assert found["failed"][0]["context"]["engine"] == "node"
    assert "AssertionError" in (tmp_path / "channel" / ".logs" / "extension.log").read_text(encoding="utf-8")
    assert not list((tmp_path / "channel").rglob("*.conda"))


@pytest.mark.slow
def test_setjmp_works_with_a_compiler_that_is_newer_than_the_runtime(markupsafe, tmp_path):
    recipe = extension(tmp_path, LONGJMP)
    answer, found = build(recipe, channel=tmp_path / "channel")
    assert answer.code == 0, answer.err
    assert found["built"][0]["how"] == "built"


def test_a_build_that_fails_is_told_with_what_it_said(markupsafe, tmp_path):
    recipe = extension(tmp_path, "static long answer(void) { return no_such_name; }")
    answer, _ = build(recipe, channel=tmp_path / "channel")
    assert answer.code == 1
    assert "no_such_name" in answer.err
    assert "extension.log" in answer.err


def test_a_source_with_another_hash_is_refused(markupsafe, tmp_path):
    recipe = tmp_path / "markupsafe"
    shutil.copytree(RECIPES / "markupsafe", recipe)
    text = (recipe / "recipe.yaml").read_text(encoding="utf-8")
    (recipe / "recipe.yaml").write_text(text.replace("sha256: ee55", "sha256: ee56"), encoding="utf-8")
    options = ["--variant-config", RECIPES / "variants.yaml"]
    answer, _ = build(recipe, channel=tmp_path / "channel", options=options)
    assert answer.code == 1
    assert "another markupsafe-3.0.2.tar.gz than the recipe asks for" in answer.err
