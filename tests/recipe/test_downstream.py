"""The tests of a package that needs the one that is built, with the one that is built; in real kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.recipe.builds import build
from tests.recipe.recipes import write_recipe
from tests.trees import tree

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("toolchain")]

PACKAGE = """\
package:
  name: {name}
  version: "1.0"
source:
  - path: {name}.py
  - path: LICENSE
build:
  number: 0
  noarch: generic
  script:
    - mkdir -p ${{PREFIX}}/lib/python3.11/site-packages
    - cp {name}.py ${{PREFIX}}/lib/python3.11/site-packages
requirements:
  run:
    - python 3.11.*
{needs}
about:
  license: MIT
  license_file: LICENSE
tests:
{tests}
"""


def package(folder: Path, name: str, module: str, tests: str, needs: str = "") -> Path:
    text = PACKAGE.format(name=name, tests=tests, needs=f"    - {needs}" if needs else "")
    written = write_recipe(folder / name, text)
    (written / f"{name}.py").write_text(module, encoding="utf-8")
    (written / "LICENSE").write_text("As you like.\n", encoding="utf-8")
    return written


def test_a_package_that_breaks_what_needs_it_is_kept_out(tmp_path):
    recipes, channel = tmp_path / "recipes", tmp_path / "channel"
    one = package(
        recipes, "one", "def value():\n    return 1\n", "  - python:\n      imports: [one]\n  - downstream: two\n"
    )
    two = "  - script:\n      - python -c \"import two; assert two.twice() == 2, 'two has lost its value'\"\n"
    package(recipes, "two", "import one\n\ndef twice():\n    return 2 * one.value()\n", two, needs="one")
    # Before there is a `two` its tests cannot be run, which is said.
    answer, found = build(recipes, channel=channel)
    assert answer.code == 0, answer.err
    assert [step["how"] for step in found["built"]] == ["built", "built"]
    assert "the tests of two were not run with one 1.0" in answer.err
    before = {path: data for path, data in tree(channel).items() if path.endswith(".conda")}
    # Its own tests do not see what is broken.
    (one / "one.py").write_text("def value():\n    return 3\n", encoding="utf-8")
    answer, found = build(one, channel=channel)
    assert answer.code == 1
    assert "a test of two 1.0 failed in the kernel" in found["failed"][0]["error"]
    assert "two has lost its value" in answer.err
    assert {path: data for path, data in tree(channel).items() if path.endswith(".conda")} == before
    (one / "one.py").write_text("def value():\n    return 2 - 1\n", encoding="utf-8")
    answer, found = build(one, channel=channel)
    assert answer.code == 0, answer.err
    log = (channel / ".logs" / "one.log").read_text(encoding="utf-8")
    for engine in ("node", "chromium"):
        assert f"==> two in {engine}: python -c" in log
