"""Real builds for tests: small recipes with a C extension, and the command that builds them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.command_line import Ended, lite_env
from tests.recipe.recipes import write_recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def build(
    *paths: Path, channel: Path, options: Sequence[object] = (), **environment: str
) -> tuple[Ended, dict[str, Any]]:
    """Build as a user would; the answer, and the document in it."""
    answer = lite_env(
        *("recipe", "build", *paths, "--channel-dir", channel, "--channel", f"{CHANNEL}", "--json", *options),
        **environment,
    )
    return answer, json.loads(answer.out) if answer.out else {}


SLOW_SCRIPT = "sleep 600.25"
"""What an endless script does, to be found among processes."""


def extension(folder: Path, body: str, *, endless: str | None = None) -> Path:
    """A recipe of a module in C with the function `call`, whose test wants 7 from it.

    Args:
        folder: gets the recipe's.
        body: has `long answer(void)`.
        endless: what takes ten minutes: `script` or `test`.
    """
    text = EXTENSION
    if endless == "script":
        text = text.replace("    - mkdir", f"    - {SLOW_SCRIPT}\n    - mkdir")
    if endless == "test":
        text = text.replace("assert extension.call() == 7", "import time; time.sleep(600)")
    recipe = write_recipe(folder / "extension", text)
    (recipe / "extension.c").write_text(MODULE % body, encoding="utf-8")
    (recipe / "LICENSE").write_text("As you like.\n", encoding="utf-8")
    (recipe / "variants.yaml").write_text(ONE_ABI, encoding="utf-8")
    return recipe
