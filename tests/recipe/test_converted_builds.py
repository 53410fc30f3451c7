"""Recipes of conda-build and of boa, converted by the command, built by the command, and tried in real kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.command_line import lite_env
from tests.recipe.builds import MODULE, build

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("toolchain")]

META = """\
{% set name = "extension" %}
{% set version = "1.0" %}

package:
  name: {{ name|lower }}
  version: {{ version }}

source:
  path: src
  patches:
    - answer.patch

build:
  number: 2
  skip: true  # [win]

requirements:
  build:
    - python                                 # [build_platform != target_platform]
    - cross-python_{{ target_platform }}     # [build_platform != target_platform]
    - {{ compiler('c') }}
  host:
    - python
  run:
    - python

test:
  imports:
    - extension
  commands:
    - python -c "import extension; assert extension.call() == 7"

about:
  license: MIT
  license_file: LICENSE
  summary: A module in C
"""
CONFIG = """\
c_compiler:
  - emscripten  # [emscripten]
c_compiler_version:
  - 3.1.45
python:
  - 3.11.* *_cpython
"""
BUILD = """\
#!/bin/bash
set -e
mkdir -p $SP_DIR
$CC $CFLAGS -shared extension.c -o $SP_DIR/extension.cpython-311-wasm32-emscripten.so
"""
PATCH = """\
--- a/extension.c
+++ b/extension.c
@@ -4,3 +4,3 @@

-static long answer(void) { return 6; }
+static long answer(void) { return 7; }

"""
BOA = """\
context:
  name: extension
  version: "1.0"

package:
  name: '{{ name }}'
  version: '{{ version }}'

source:
  - path: src
    patches:
      - answer.patch

build:
  number: 2

requirements:
  build:
    - python
    - cross-python_{{ target_platform }}
    - '{{ compiler("c") }}'
  host:
    - python
  run:
    - python

test:
  imports:
    - extension
  commands:
    - python -c "import extension; assert extension.call() == 7"

about:
  license: MIT
  license_file: LICENSE
"""


def sources(folder: Path) -> Path:
    (folder / "src").mkdir(parents=True)
    text = MODULE.replace("%s", "static long answer(void) { return 6; }").replace("#include <setjmp.h>\n", "\n")
    (folder / "src" / "extension.c").write_text(text, encoding="utf-8")
    (folder / "src" / "LICENSE").write_text("As you like.\n", encoding="utf-8")
    (folder / "answer.patch").write_text(PATCH, encoding="utf-8")
    (folder / "build.sh").write_text(BUILD, encoding="utf-8")
    (folder / "conda_build_config.yaml").write_text(CONFIG, encoding="utf-8")
    return folder


@pytest.mark.parametrize("kind", ["conda-build", "boa"])
def test_a_recipe_that_was_converted_is_built_patched_and_tried_in_kernels(tmp_path, kind):
    old = sources(tmp_path / "old")
    name, text = ("meta.yaml", META) if kind == "conda-build" else ("recipe.yaml", BOA)
    (old / name).write_text(text, encoding="utf-8")
    new = tmp_path / "extension"
    converted = lite_env("recipe", "convert", old, "-o", new)
    assert converted.code == 0, converted.err
    channel = tmp_path / "channel"
    answer, found = build(new, channel=channel)
    assert answer.code == 0, answer.err
    (package,) = found["built"][0]["packages"]
    assert package.startswith("emscripten-wasm32/extension-1.0-")
    assert package.endswith("_2.conda")
    log = (channel / ".logs" / "extension.log").read_text(encoding="utf-8")
    for engine in ("node", "chromium"):
        assert f"==> extension in {engine}: import extension" in log
        assert f"==> extension in {engine}: python -c" in log
