"""Recipes for tests, written from what matters in each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

VARIANTS = """\
c_compiler:
  - emscripten
c_compiler_version:
  - "3.1.45"
  - "3.1.58"
python:
  - 3.11.* *_cpython
  - 3.12.* *_cpython
zip_keys:
  - [c_compiler_version, python]
"""


def write_recipe(folder: Path, text: str, **files: str) -> Path:
    """A folder with a recipe, and files beside it."""
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(text, encoding="utf-8")
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content, encoding="utf-8")
    return folder


def library(name: str, *needs: str) -> str:
    """The recipe of a package that needs others to be built."""
    host = "".join(f"    - {other}\n" for other in needs)
    return (
        f'package:\n  name: {name}\n  version: "1.0"\nbuild:\n  number: 0\n  script: "true"\n'
        f"requirements:\n  build:\n    - ${{{{ compiler('c') }}}}\n  host:\n{host or '    []'}\n"
    )


def write_variants(folder: Path) -> Path:
    """The variants of two ABIs."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "variants.yaml"
    file.write_text(VARIANTS, encoding="utf-8")
    return file
