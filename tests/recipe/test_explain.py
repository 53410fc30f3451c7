"""What is made of rattler-build's words; the words are its own, from builds that failed."""

from __future__ import annotations

import pytest

from lite_env.recipe.engine import render
from lite_env.recipe.explain import explained
from tests.recipe.recipes import write_recipe

RECIPE = """\
package:
  name: a
  version: "1.0"
source:
  url: https://example.org/a-1.0.tar.gz
  sha256: 0000000000000000000000000000000000000000000000000000000000000000
  patches: [one.patch, two.patch]
build:
  number: 0
requirements:
  host:
    - python <3
    - numpy
"""
HUNK = "@@ -1,3 +1,3 @@\n one\n-two\n+{}\n three\n"


@pytest.fixture
def failed(tmp_path):
    recipe = render(write_recipe(tmp_path / "a", RECIPE), [])
    for name in ("one", "two"):
        (recipe.folder / f"{name}.patch").write_text(f"--- a/f\n+++ b/f\n{HUNK.format(name)}")

    def explain(said: str):
        log = tmp_path / "a.log"
        log.write_text(said, encoding="utf-8")
        return recipe, explained(recipe, tmp_path / "cache" / "b-1" / "a", log)

    return explain


def test_a_patch_is_found_by_its_hunk(failed):
    said = "error: Patch application error: error applying hunk #1: could not find context in target file\n\n"
    recipe, error = failed(f"{said}Hunk content:\n{HUNK.format('two')}\n")
    assert error.message == "the patch two.patch of a does not apply to its source"
    assert dict(error.context)["file"] == str(recipe.folder / "two.patch")
    _, error = failed(said)
    assert error.message == "the patch one.patch or two.patch of a does not apply to its source"


def test_a_source_is_found_by_its_hash(failed):
    _, error = failed(
        'error: sha256 checksum validation failed for "/cache/src_cache/a-1.0.tar.gz"\n'
        f"  expected: {'0' * 64}\n  actual:   {'1' * 64}\n"
    )
    assert error.message == "a source of a is another one than its recipe asks for"
    assert dict(error.context)["source"] == "https://example.org/a-1.0.tar.gz"
    assert dict(error.context)["found"] == f"sha256 {'1' * 64}"


def test_requirements_that_do_not_fit_are_listed(failed):
    _, error = failed("error: Failed to resolve dependencies\n")
    assert error.message == "what a is built with cannot be had together"
    assert dict(error.context)["host"] == "numpy, python <3"


def test_whatever_else_it_is_the_end_of_the_log_is_shown_with_the_user_s_own_paths(failed, tmp_path):
    recipe, error = failed("\n".join(f"line {number}" for number in range(99)) + f"\nin {tmp_path}/cache/b-1/a/x.c\n")
    said = str(dict(error.context)["said"]).splitlines()
    assert len(said) == 30
    assert said[-1] == f"in {recipe.folder}/x.c"
    assert error.message == "a could not be built"
