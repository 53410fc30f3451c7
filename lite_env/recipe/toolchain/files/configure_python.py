"""Makes, before a build script runs, what a build of an extension asks of the Python that it is for.

The Python in the host environment tells how it was configured (its ``_sysconfigdata``), so that what is compiled fits
that one. Written are its ``pyconfig.h``, what distutils reads, and what meson asks for in a cross build.
"""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path
from typing import Any

DEFINE = re.compile(r"^(?:#\s*define\s+(?P<defined>\w+)(?P<value>.*)|/\* #undef (?P<undefined>\w+) \*/)$")
DATA = "_sysconfigdata__emscripten_wasm32-emscripten"
CROSS = """\
[binaries]
c = 'emcc'
cpp = 'em++'
ar = 'emar'
nm = 'emnm'
strip = 'emstrip'
python = '{programs}/python'
python3 = '{programs}/python'
{tools}
[properties]
longdouble_format = 'IEEE_QUAD_LE'
sys_root = '{prefix}'

[host_machine]
system = 'emscripten'
cpu_family = 'wasm32'
cpu = 'wasm32'
endian = 'little'
"""
# Programs that meson finds in a cross build only where it is told of them.
TOOLS = ("pybind11-config", "numpy-config")


def main(prefix: Path, build_prefix: Path, minor: str) -> None:
    """Write everything below ``share/cross-python`` of the build environment."""
    home = build_prefix / "share/cross-python"
    data = prefix / f"lib/python{minor}" / f"{DATA}.py"
    if not data.is_file():
        raise SystemExit(
            f"error: the host environment has no Python {minor} of Emscripten: {data}\n\n"
            "hint: name `python` among the host requirements, and a channel that has it"
        )
    variables = runpy.run_path(str(data))["build_time_vars"]
    include = home / f"include/python{minor}"
    lines = (include / "pyconfig.h.in").read_text(encoding="utf-8").splitlines()
    write(include / "pyconfig.h", "".join(f"{configured(line, variables)}\n" for line in lines))
    programs = build_prefix / "bin"
    tools = "\n".join(f"{name} = '{programs / name}'" for name in TOOLS if (programs / name).exists())
    write(home / "meson.cross", CROSS.format(programs=programs, prefix=prefix, tools=tools))
    write(home / "sysconfigdata" / f"{DATA}.py", f"build_time_vars = {variables | ours(include)!r}\n")


def ours(include: Path) -> dict[str, str]:
    """What distutils is told in the place of what the Python was built with."""
    return {
        "CC": "emcc",
        "CXX": "em++",
        "AR": "emar",
        "LDSHARED": "emcc -shared",
        "BLDSHARED": "emcc -shared",
        "LDCXXSHARED": "em++ -shared",
        "CCSHARED": "-fPIC",
        "CFLAGS": "-DNDEBUG -fwrapv -O2",
        "OPT": "-DNDEBUG",
        "PY_CFLAGS": "",
        "LDFLAGS": "",
        "PY_LDFLAGS": "",
        "INCLUDEPY": str(include),
        "CONFINCLUDEPY": str(include),
    }


def configured(line: str, variables: dict[str, Any]) -> str:
    """One line of ``pyconfig.h``, as the Python in the host environment has it."""
    found = DEFINE.match(line)
    if not found:
        return line
    name = found["defined"] or found["undefined"]
    if name.startswith("_") and name != "_REENTRANT":
        # Which standards are followed (_GNU_SOURCE, …): sysconfig leaves out what begins so. There are no threads.
        return line
    value = variables.get(name, 0)
    if value in (0, "", None):
        return f"/* #undef {name} */"
    if '"' in (found["value"] or ""):
        value = '"{}"'.format(str(value).strip('"'))
    return f"#define {name} {value}"


def write(path: Path, text: str) -> None:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
