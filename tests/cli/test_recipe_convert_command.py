import json

import pytest
from click.testing import CliRunner

from lite_env.cli.boundary import Answer
from lite_env.cli.main import cli
from lite_env.errors import RecipeError
from tests.command_line import Command

META = """\
{% set version = "1.10" %}
package:
  name: a
  version: {{ version }}
requirements:
  run:
    - b  # [emscripten]
"""
REFUSED = """\
package:
  name: a
  version: 1.0.0
build:
  pre-link: a.sh
about:
  license: BSD
"""


@pytest.fixture
def recipe(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "meta.yaml").write_text(META)
    return tmp_path / "old"


def run(*arguments):
    return CliRunner().invoke(cli, ["recipe", "convert", *map(str, arguments)], catch_exceptions=False)


def test_the_recipe_is_printed_where_no_output_is_named(recipe):
    (recipe / "conda_build_config.yaml").write_text("python:\n  - 3.10\n")
    answer = run(recipe)
    assert 'context:\n  version: "1.10"\n' in answer.stdout
    assert "    - if: emscripten\n      then: b\n" in answer.stdout
    assert answer.stdout.endswith('\n\n# variants.yaml\npython:\n  - "3.10"\n')
    assert sorted(path.name for path in recipe.iterdir()) == ["conda_build_config.yaml", "meta.yaml"]


def test_it_is_written_into_a_folder_or_a_file(recipe, tmp_path):
    printed = run(recipe).stdout
    run(recipe, "-o", tmp_path / "new")
    assert (tmp_path / "new" / "recipe.yaml").read_text() == printed
    run(recipe / "meta.yaml", "-o", tmp_path / "one.yaml")
    assert (tmp_path / "one.yaml").read_text() == printed


def test_a_dry_run_writes_nothing(recipe, tmp_path):
    assert run(recipe, "-o", tmp_path / "new", "--dry-run").stdout == run(recipe).stdout
    assert not (tmp_path / "new").exists()


def test_what_is_there_stays_without_force(recipe, tmp_path):
    (tmp_path / "recipe.yaml").write_text("mine")
    with pytest.raises(RecipeError, match="is there already"):
        run(recipe, "-o", tmp_path)
    assert (tmp_path / "recipe.yaml").read_text() == "mine"
    run(recipe, "-o", tmp_path, "--force")
    assert (tmp_path / "recipe.yaml").read_text() == run(recipe).stdout


def test_json_has_what_was_written_or_would_be(recipe, tmp_path):
    shown = json.loads(run(recipe, "--json").stdout)
    assert [file["name"] for file in shown["files"]] == ["recipe.yaml"]
    assert shown["files"][0]["text"] == run(recipe).stdout
    assert (shown["format"], shown["refusals"], shown["written"]) == ("conda-build", [], [])
    written = json.loads(run(recipe, "-o", tmp_path / "new", "--json").stdout)
    assert written["files"] == []
    assert written["written"] == [str(tmp_path / "new" / "recipe.yaml")]


def test_all_refusals_are_told_at_once_and_nothing_is_written(recipe, tmp_path):
    (recipe / "meta.yaml").write_text(REFUSED)
    ended = Command("recipe", "convert", recipe, "-o", tmp_path / "new").end()
    assert ended.code == 1
    assert ended.out == ""
    lines = ended.err.splitlines()
    assert lines[0] == "meta.yaml:5: build.pre-link: `a.sh`: rattler-build packs no scripts that run at installation"
    assert lines[1] == "    put an activation script into the package, or do it in the build script"
    assert lines[2].startswith("meta.yaml:7: about.license: `BSD`: this is no SPDX expression")
    assert lines[4] == f"error: 2 places of {recipe / 'meta.yaml'} cannot be converted; nothing was written"
    assert lines[6].startswith("hint: change these lines")
    assert not (tmp_path / "new").exists()


def test_refusals_as_json_end_with_one(recipe):
    (recipe / "meta.yaml").write_text(REFUSED)
    result = CliRunner().invoke(cli, ["recipe", "convert", str(recipe), "--json"])
    assert isinstance(result.exception, Answer)
    first, second = json.loads(result.stdout)["refusals"]
    assert (first["file"], first["line"], first["key"], first["found"]) == ("meta.yaml", 5, "build.pre-link", "a.sh")
    assert second["hint"].startswith("write one of https://spdx.org/licenses")
    assert json.loads(result.stdout)["files"] == []


def test_notes_are_told_and_can_be_silenced(recipe):
    (recipe / "meta.yaml").write_text(f"{META}about:\n  license: BSD 3-Clause\n")
    assert "meta.yaml:9: about.license: `BSD 3-Clause` is written as" in run(recipe).stderr
    quiet = CliRunner().invoke(cli, ["-q", "recipe", "convert", str(recipe)])
    assert quiet.stderr == ""


@pytest.mark.parametrize("arguments", [["--help"], ["convert", "--help"]])
def test_help_has_an_example(arguments):
    assert "Example:\n" in CliRunner().invoke(cli, ["recipe", *arguments]).output
