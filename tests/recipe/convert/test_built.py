"""A converted recipe is built by rattler-build, so that what it fills in while it builds is seen."""

from __future__ import annotations

import io
import tarfile
import zipfile

import pytest
import zstandard
from rattler_build import PlatformConfig, RenderConfig, Stage0Recipe, ToolConfiguration, VariantConfig

from lite_env.recipe.convert.work import plan_conversion, write_conversion

HEAD = '{% set version = "1.10" %}\npackage:\n  name: built\n  version: {{ version }}\nbuild:\n  noarch: generic\n'
IN_THE_RECIPE = """\
  script:
    - mkdir -p {{ PREFIX }}/share
    - echo "{{ version }} {{ PKG_NAME }} $MODE" > {{ PREFIX }}/share/said.txt
    - echo "on Linux" >> $PREFIX/share/said.txt  # [linux]
    - echo "in a browser" >> $PREFIX/share/said.txt  # [emscripten]
  script_env:
    - MODE=release
"""
BESIDE_IT = "  script_env:\n    - MODE=debug\n"


STAGED = """\
package:
  name: staged
  version: 1.0.0
build:
  script:
    - mkdir -p $PREFIX/lib $PREFIX/include
    - echo one > $PREFIX/lib/one.txt
    - echo two > $PREFIX/include/two.h
outputs:
  - name: libstaged
    files:
      - lib/*
  - name: staged-dev
    files:
      - include/*
    requirements:
      run:
        - {{ pin_subpackage('libstaged', exact=True) }}
"""


def files_of_packages(folder, output):
    """What is in each package that the recipe in `folder` makes."""
    platform = PlatformConfig(target_platform="linux-64")
    recipe = Stage0Recipe.from_file(folder / "recipe.yaml")
    for found in recipe.render(VariantConfig({}), RenderConfig(platform=platform)):
        found.run_build(
            tool_config=ToolConfiguration(test_strategy="skip", use_sharded=False),
            output_dir=output,
            channels=[],
            no_build_id=True,
            no_include_recipe=True,
        )
    return {package.name.partition("-1.")[0]: files_in(package) for package in sorted(output.glob("*/*.conda"))}


def files_in(package):
    with zipfile.ZipFile(package) as parts:
        name = next(name for name in parts.namelist() if name.startswith("pkg-"))
        data = zstandard.ZstdDecompressor().decompressobj().decompress(parts.read(name))
    with tarfile.open(fileobj=io.BytesIO(data)) as files:
        return {each.name: files.extractfile(each).read().decode() for each in files.getmembers()}


@pytest.mark.parametrize(
    ("script", "said"),
    [(IN_THE_RECIPE, "1.10 built release\non Linux\n"), (BESIDE_IT, "built 1.10 debug\n")],
    ids=["in_the_recipe", "beside_it"],
)
def test_scripts_find_what_they_were_promised(tmp_path, script, said):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    (old / "meta.yaml").write_text(HEAD + script)
    if script is BESIDE_IT:
        (old / "build.sh").write_text(
            'mkdir -p "$PREFIX/share"\necho "$PKG_NAME $PKG_VERSION $MODE" > "$PREFIX/share/said.txt"\n'
        )
    write_conversion(plan_conversion(old, output=new), new)
    assert files_of_packages(new, tmp_path / "out") == {"built": {"share/said.txt": said}}


def test_outputs_have_their_parts_of_one_build(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "meta.yaml").write_text(STAGED)
    new = tmp_path / "new"
    write_conversion(plan_conversion(tmp_path / "old", output=new), new)
    assert files_of_packages(new, tmp_path / "out") == {
        "libstaged": {"lib/one.txt": "one\n"},
        "staged-dev": {"include/two.h": "two\n"},
    }
