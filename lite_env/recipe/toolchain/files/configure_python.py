"""Makes, before a build script runs, what a build of an extension asks of the Python that it is for.

The Python in the host environment tells how it was configured (its `_sysconfigdata`), so that what is compiled always fits
that one. Written are its `pyconfig.h`, and what meson asks for in a cross build.
"""

import os
import re
import runpy
import sys

DEFINE = re.compile(r"^(?:#\s*define\s+(?P<defined>\w+)(?P<value>.*)|/\* #undef (?P<undefined>\w+) \*/)$")
DATA = "_sysconfigdata__emscripten_wasm32-emscripten"
CROSS = """\
[binaries]
c = 'emcc'
cpp = 'em++'
ar = 'emar'
nm = 'emnm'
strip = 'emstrip'
python = '{python}'
python3 = '{python}'
cython = 'cython'
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


def main(prefix, build_prefix, minor):
    home = os.path.join(build_prefix, "share", "cross-python")
    data = os.path.join(prefix, "lib", f"python{minor}", f"{DATA}.py")
    if not os.path.isfile(data):
        raise SystemExit(
            f"error: the host environment has no Python {minor} of Emscripten: {data}\n\n"
            "hint: name `python` among the host requirements, and a channel that has it"
        )
    variables = runpy.run_path(data)["build_time_vars"]
    include = os.path.join(home, "include", f"python{minor}")
    with open(os.path.join(include, "pyconfig.h.in"), encoding="utf-8") as file:
        lines = [configured(line.rstrip("\n"), variables) for line in file]
    write(os.path.join(include, "pyconfig.h"), "\n".join(lines) + "\n")
    tools = "\n".join(
        f"{name} = '{os.path.join(build_prefix, 'bin', name)}'"
        for name in ("pybind11-config", "numpy-config")
        if os.path.exists(os.path.join(build_prefix, "bin", name))
    )
    python = os.path.join(build_prefix, "bin", "python")
    write(os.path.join(home, "meson.cross"), CROSS.format(python=python, prefix=prefix, tools=tools))
    # Read by the Python that builds in the place of its own.
    variables |= {
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
        "INCLUDEPY": include,
        "CONFINCLUDEPY": include,
        "LDFLAGS": "",
        "PY_LDFLAGS": "",
    }
    write(os.path.join(home, "sysconfigdata", f"{DATA}.py"), f"build_time_vars = {variables!r}\n")


def configured(line, variables):
    """One line of `pyconfig.h`, as the Python in the host environment has it."""
    found = DEFINE.match(line)
    if not found:
        return line
    name = found["defined"] or found["undefined"]
    value = variables.get(name, 0)
    if value in (0, "", None):
        return f"/* #undef {name} */"
    is_quoted = '"' in (found["value"] or "")
    text = str(value).strip('"')
    return f'#define {name} "{text}"' if is_quoted else f"#define {name} {value}"


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
