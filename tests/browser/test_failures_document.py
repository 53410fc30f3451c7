"""docs/failures.md names every failure there is, and every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
RUNTIME = ROOT / "lite_env" / "bootstrap" / "runtime"
DOCUMENT = (ROOT / "docs" / "failures.md").read_text()
ERRORS = (RUNTIME / "src" / "errors.ts").read_text()
TITLES = (RUNTIME / "src" / "page" / "problems.ts").read_text()
NAMES = re.findall(r"^  \| '(\w+)'", ERRORS, re.MULTILINE)
OF_THE_PAGE = re.findall(r"\| '(\w+)'", TITLES)
# What stands in the first column.
EXPLAINED = {
    name for cell in re.findall(r"^\| (`[^|]*)\|", DOCUMENT, re.MULTILINE) for name in re.findall(r"`([A-Z]\w+)`", cell)
}
TESTS = sorted(set(re.findall(r"`(test_\w+)`(?!\.)", DOCUMENT)))
BOOT_TESTS = re.findall(r"\*boot\* `([^`]+)`", DOCUMENT)


def test_there_is_something_to_check():
    assert len(NAMES) > 15
    assert len(OF_THE_PAGE) > 1
    assert len(TESTS) > 15
    assert len(BOOT_TESTS) > 3


def test_every_failure_is_explained_and_no_other():
    assert sorted(EXPLAINED) == sorted({*NAMES, *OF_THE_PAGE})


@pytest.mark.parametrize("name", [*NAMES, *OF_THE_PAGE])
def test_every_failure_has_a_title_on_the_page(name):
    assert f"  {name}: '" in TITLES


@pytest.mark.parametrize("name", TESTS)
def test_every_test_that_is_named_is_there(name):
    sources = "".join(path.read_text() for path in (ROOT / "tests" / "browser").rglob("test_*.py"))
    assert f"def {name}(" in sources


@pytest.mark.parametrize("name", BOOT_TESTS)
def test_every_test_of_the_runtime_that_is_named_is_there(name):
    assert f"'{name}'" in (RUNTIME / "test" / "boot.test.ts").read_text()


def test_pictures_are_small_and_there():
    pictures = re.findall(r"\(images/([\w-]+\.png)\)", DOCUMENT)
    assert pictures != []
    for picture in pictures:
        assert 0 < (ROOT / "docs" / "images" / picture).stat().st_size < 200_000
