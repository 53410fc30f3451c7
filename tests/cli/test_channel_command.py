import json

import pytest
from click.testing import CliRunner

from lite_env.cli.channel import command
from lite_env.errors import ChannelError
from tests.channel_inputs import Served, definition_text, serving, source_zip, write_definition


@pytest.fixture
def definition(tmp_path, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "cache"))
    with serving(Served(files={"things.zip": source_zip()})) as served:
        yield write_definition(tmp_path / "small", definition_text(f"{served.url}/things.zip"))


def run(*arguments):
    return CliRunner().invoke(command, ["build", *map(str, arguments)], catch_exceptions=False)


def test_the_url_is_the_answer_and_the_rest_is_on_stderr(definition):
    first = run(definition)
    assert first.stdout == definition.resolve().as_uri() + "\n"
    assert "built small, 2 packages" in first.stderr
    second = run(definition)
    assert second.stdout == first.stdout
    assert "nothing to do: it is built, and whole: small" in second.stderr


def test_json_has_every_package(definition, tmp_path):
    answer = json.loads(run(definition, "-o", tmp_path / "out", "--json").stdout)
    assert (answer["name"], answer["fresh"]) == ("small", True)
    assert answer["url"] == (tmp_path / "out").as_uri()
    package = answer["packages"][0]
    assert package["path"] == "emscripten-wasm32/kernel-2.0-h1_3.conda"
    assert (tmp_path / "out" / package["path"]).stat().st_size == package["size"]


def test_a_dry_run_says_what_it_would_do_and_does_nothing(definition):
    answer = run(definition, "--dry-run").stdout.splitlines()
    assert answer == [
        "fetch things.zip (0.0 MB)",
        "build emscripten-wasm32/kernel-2.0-h1_3.conda",
        "build noarch/pure-1.0-py_0.conda",
        f"into {definition}",
    ]
    assert [path.name for path in definition.iterdir()] == ["channel.yaml"]
    planned = json.loads(run(definition, "--dry-run", "--json").stdout)
    assert planned["fetch"][0]["file"] == "things.zip"
    run(definition)
    assert run(definition, "--dry-run").stdout == f"nothing to do: {definition} is built\n"
    assert json.loads(run(definition, "--dry-run", "--json").stdout)["build"] == []
    assert len(json.loads(run(definition, "--dry-run", "--json", "--force").stdout)["build"]) == 2


def test_the_folder_one_stands_in_is_the_default(definition, monkeypatch):
    monkeypatch.chdir(definition)
    assert run().stdout == definition.resolve().as_uri() + "\n"


def test_force_builds_again(definition):
    run(definition)
    assert "built small" in run(definition, "--force", "--offline").stderr


def test_an_unknown_name_is_our_error(definition):
    with pytest.raises(ChannelError, match="there is no channel definition"):
        run("no-such-channel")


@pytest.mark.parametrize("arguments", [["--help"], ["build", "--help"]])
def test_every_help_text_ends_with_an_example(arguments):
    text = CliRunner().invoke(command, arguments).stdout
    assert "Example:\n" in text
    assert "lite-env channel build" in text.partition("Example:\n")[2]
