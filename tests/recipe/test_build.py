"""Real builds: the toolchain, rattler-build, the audit, and tests in the real kernel."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from lite_env.progress import SILENT
from lite_env.recipe.toolchain.channel import Toolchain, prepare_toolchain
from tests.command_line import lite_env
from tests.recipe.recipes import write_recipe
from tests.trees import tree

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "recipes"
CHANNEL = ROOT / "channels" / "emscripten-forge-2023"

ONE_ABI = 'c_compiler: [emscripten]\nc_compiler_version: ["3.1.45"]\npython: [3.11.* *_cpython]\n'

EXTENSION = """\
package:
  name: extension
  version: "1.0"
build:
  number: 0
  script:
    - site=${PREFIX}/lib/python3.11/site-packages
    - mkdir -p ${site}
    - ${CC} ${CFLAGS} -shared extension.c -o ${site}/extension.cpython-311-wasm32-emscripten.so
source:
  - path: extension.c
  - path: LICENSE
requirements:
  build:
    - python
    - cross-python_${{ target_platform }}
    - ${{ compiler('c') }}
  host:
    - python
  run:
    - python
tests:
  - python:
      imports: [extension]
  - script:
      - python -c "import extension; assert extension.call() == 7"
about:
  license: MIT
  license_file: LICENSE
"""

MODULE = """\
#include <Python.h>
#include <setjmp.h>

%s

static PyObject *call(PyObject *self, PyObject *unused) { return PyLong_FromLong(answer()); }
static PyMethodDef methods[] = {{"call", call, METH_NOARGS, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "extension", "", -1, methods};
PyMODINIT_FUNC PyInit_extension(void) { return PyModule_Create(&module); }
"""

LONGJMP = """\
static jmp_buf place;
__attribute__((noinline)) static void leave(int value) { longjmp(place, value); }
static long answer(void) {
  int value = setjmp(place);
  if (value == 0) leave(7);
  return value;
}
"""


def build(*paths: Path, channel: Path, options=(), **environment):
    answer = lite_env(
        *("recipe", "build", *paths, "--channel-dir", channel, "--channel", f"{CHANNEL}", "--json", *options),
        **environment,
    )
    return answer, json.loads(answer.out) if answer.out else {}


def extension(folder: Path, body: str) -> Path:
    recipe = write_recipe(folder / "extension", EXTENSION)
    (recipe / "extension.c").write_text(MODULE % body, encoding="utf-8")
    (recipe / "LICENSE").write_text("As you like.\n", encoding="utf-8")
    (recipe / "variants.yaml").write_text(ONE_ABI, encoding="utf-8")
    return recipe


@pytest.fixture(scope="module")
def toolchain() -> Toolchain:
    """What builds; unpacked once a session, for it takes longer than a command may."""
    return prepare_toolchain(SILENT)


@pytest.fixture(scope="module")
def markupsafe(shared_folder, toolchain) -> Path:
    """A channel with the smallest recipe, built, audited, and tested in Node.js and in Chromium; once a session."""
    channel = shared_folder / "markupsafe"
    with FileLock(shared_folder / "markupsafe.lock"):
        if not channel.exists():
            answer, found = build(RECIPES / "markupsafe", channel=channel)
            assert answer.code == 0, answer.err
            assert [(step["recipe"], step["how"]) for step in found["built"]] == [("markupsafe", "built")]
    return channel


def test_a_recipe_becomes_a_package_that_the_kernel_has_tried(markupsafe):
    (package,) = (markupsafe / "emscripten-wasm32").glob("*.conda")
    record = json.loads((markupsafe / "emscripten-wasm32" / "repodata.json").read_bytes())["packages.conda"][
        package.name
    ]
    assert record["depends"] == ["emscripten-abi >=3.1.45,<3.1.46.0a0", "python", "python >=3.11,<3.12.0a0"]
    log = (markupsafe / ".logs" / "markupsafe.log").read_text(encoding="utf-8")
    for engine in ("node", "chromium"):
        assert f"==> markupsafe in {engine}: pytest -q tests" in log
    assert log.count("78 passed") == 2


def test_a_second_run_does_nothing_and_another_channel_comes_from_the_store(markupsafe, tmp_path):
    before = tree(markupsafe)
    answer, found = build(RECIPES / "markupsafe", channel=markupsafe)
    assert (answer.code, found["built"][0]["how"]) == (0, "there")
    assert tree(markupsafe) == before
    answer, found = build(RECIPES / "markupsafe", channel=tmp_path / "other")
    assert (answer.code, found["built"][0]["how"]) == (0, "from the store")
    subdir = "emscripten-wasm32"
    assert tree(tmp_path / "other" / subdir) == tree(markupsafe / subdir)


def test_a_dry_run_says_what_would_be_built_and_builds_nothing(markupsafe, tmp_path):
    changed = tmp_path / "markupsafe"
    shutil.copytree(RECIPES / "markupsafe", changed)
    with (changed / "check.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    options = ["--dry-run", "--variant-config", RECIPES / "variants.yaml"]
    _, found = build(changed, channel=tmp_path / "channel", options=options)
    assert [step["step"] for step in found["steps"]] == ["build"]
    _, found = build(RECIPES / "markupsafe", channel=tmp_path / "channel", options=options)
    assert [step["step"] for step in found["steps"]] == ["from the store"]
    assert not list((tmp_path / "channel").rglob("*.conda"))


def test_a_symbol_that_only_a_call_reveals_keeps_the_package_out(markupsafe, tmp_path):
    recipe = extension(tmp_path, "extern long answer(void);")
    answer, found = build(recipe, channel=tmp_path / "channel")
    assert answer.code == 1
    assert "answer" in answer.err
    assert found["failed"][0]["recipe"] == "extension"
    assert not list((tmp_path / "channel").rglob("*.conda"))


def test_what_the_kernel_says_of_a_failed_test_is_told(markupsafe, tmp_path):
    recipe = extension(tmp_path, "static long answer(void) { return 8; }")
    answer, found = build(recipe, channel=tmp_path / "channel")
    assert answer.code == 1
    assert "AssertionError" in answer.err
    assert found["failed"][0]["context"]["engine"] == "node"
    assert not list((tmp_path / "channel").rglob("*.conda"))


def test_setjmp_works_with_a_compiler_that_is_newer_than_the_runtime(markupsafe, tmp_path):
    recipe = extension(tmp_path, LONGJMP)
    answer, found = build(recipe, channel=tmp_path / "channel")
    assert answer.code == 0, answer.err
    assert found["built"][0]["how"] == "built"


def test_a_build_that_fails_is_told_with_what_it_said(markupsafe, tmp_path):
    recipe = extension(tmp_path, "static long answer(void) { return no_such_name; }")
    answer, _ = build(recipe, channel=tmp_path / "channel")
    assert answer.code == 1
    assert "no_such_name" in answer.err
    assert "extension.log" in answer.err


def test_a_source_with_another_hash_is_refused(markupsafe, tmp_path):
    recipe = tmp_path / "markupsafe"
    shutil.copytree(RECIPES / "markupsafe", recipe)
    text = (recipe / "recipe.yaml").read_text(encoding="utf-8")
    (recipe / "recipe.yaml").write_text(text.replace("sha256: ee55", "sha256: ee56"), encoding="utf-8")
    options = ["--variant-config", RECIPES / "variants.yaml"]
    answer, _ = build(recipe, channel=tmp_path / "channel", options=options)
    assert answer.code == 1
    assert "another markupsafe-3.0.2.tar.gz than the recipe asks for" in answer.err
