"""Locks of pixi and ``@EXPLICIT`` lists, odd, invalid and hostile, each with what comes of it in ``NAME.json``.

``make snapshots`` writes the outcomes anew; what changed is then read in the difference.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import unquote

import pytest

from lite_env.errors import FetchError, LockError
from lite_env.lock.explicit import parse_explicit
from lite_env.lock.file import is_lock, read_lock
from lite_env.store.protocol import FORGETFUL
from tests.snapshots import VARIABLE

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(file for kind in ("pixi/*.lock", "explicit/*.txt") for file in CORPUS.glob(kind))
ENVIRONMENTS = {"environment_chosen": "docs", "environment_missing": "nothing"}


def outcome(file: Path) -> dict[str, object]:
    """What the file comes to, without the folder that it lies in."""
    here = CORPUS.as_uri()
    try:
        lock = read_lock(file, environment=ENVIRONMENTS.get(file.stem), offline=True, store=FORGETFUL)
    except LockError as error:
        context = dict(error.context)
        assert context.pop("file") == str(file)
        return {"error": error.message, "hint": error.hint, **context}
    except FetchError:
        listed = parse_explicit(file.read_text("utf-8-sig"), file)
        return {
            "packages": {
                f"{each.url.replace(here, '.')}": [each.name, each.version, each.build, each.sha256, each.md5]
                for each in listed
            },
            "channels": sorted({str(each.channel).replace(here, ".") for each in listed}),
        }
    return {
        "name": lock.name,
        "platforms": lock.platforms,
        "channels": [unquote(channel.replace(here, ".")) for channel in lock.channels],
        "packages": {
            package.url.replace(here, "."): [
                *(package.name, package.version, package.build, package.build_number, package.subdir),
                *(package.noarch, package.manager, list(package.depends), package.size, package.timestamp),
            ]
            for package in lock.packages
        },
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_each_file_comes_to_what_stands_beside_it(file, monkeypatch):
    monkeypatch.chdir(file.parent)
    found = json.dumps(outcome(file), indent=1, ensure_ascii=False) + "\n"
    kept = file.with_suffix(".json")
    if os.environ.get(VARIABLE):
        kept.write_text(found, "utf-8")
    assert found == kept.read_text("utf-8")
    # Whatever is wrong with it, it is taken for what it is.
    assert is_lock(file)


def test_nothing_of_a_credential_is_told():
    for kept in CORPUS.glob("*/*.json"):
        text = kept.read_text("utf-8")
        assert "secret" not in text, kept.name


def test_every_error_says_where_and_what_to_do():
    outcomes = {kept.stem: json.loads(kept.read_text("utf-8")) for kept in CORPUS.glob("*/*.json")}
    errors = {name: told for name, told in outcomes.items() if "error" in told}
    assert len(errors) > 80
    assert [name for name, told in errors.items() if not told["hint"]] == []
    places = {name for name, told in errors.items() if "key" not in told and "line" not in told}
    assert places == set()


def test_the_corpus_is_whole():
    assert sorted(file.with_suffix(".json") for file in FILES) == sorted(CORPUS.glob("*/*.json"))


@pytest.mark.parametrize("start", ["version: 7\nenvironments: {}\npackages: []\n#", "@EXPLICIT\n#"])
def test_a_file_that_does_not_end_is_refused(tmp_path, start):
    path = tmp_path / "huge.lock"
    path.write_text(start + "x" * (17 << 20))
    with pytest.raises(LockError, match="is larger than 16 MiB"):
        read_lock(path)
