"""The shapes of real environment files, each with what comes of it: `corpus/NAME.yml` and `corpus/NAME.json`."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote

import pytest

from lite_env.errors import SpecError
from lite_env.spec.environment import read_environment

CORPUS = Path(__file__).parent / "corpus"
NAMES = sorted(file.stem for file in CORPUS.glob("*.yml"))


def outcome(file: Path) -> dict[str, object]:
    """What the file comes to, without the folder that it lies in."""
    try:
        spec = read_environment(file)
    except SpecError as error:
        context = dict(error.context)
        assert context["file"] == str(file)
        return {"error": error.message, "hint": error.hint, "line": context.get("line")}
    return {
        "name": spec.name,
        "channels": [
            unquote(channel.url.removeprefix(f"{file.absolute().parent.as_uri()}/")) for channel in spec.channels
        ],
        "dependencies": [f"{requirement.line}: {requirement.match}" for requirement in spec.requirements],
        "variables": dict(spec.variables),
        **({"pip": [f"{each.line}: {each.text}" for each in spec.pip.requirements]} if spec.pip else {}),
        "warnings": [warning.removeprefix(f"{file}, line ") for warning in spec.warnings],
    }


def test_the_corpus_is_whole():
    assert sorted(file.stem for file in CORPUS.glob("*.json")) == NAMES
    assert len(NAMES) > 35


@pytest.mark.parametrize("name", NAMES)
def test_a_real_shape_of_an_environment_file(name):
    assert outcome(CORPUS / f"{name}.yml") == json.loads((CORPUS / f"{name}.json").read_text("utf-8"))
