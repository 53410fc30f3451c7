"""What conda-build makes of a recipe, in its own order: lines by selectors, jinja, YAML; for a platform and variants.

It is the other witness of the conversion: it shares no code with it, and may run our own recipes' jinja.
"""

from __future__ import annotations

import re
from typing import Any

import jinja2
import yaml

SELECTOR = re.compile(r"(.+?)\s*(#.*)?\[([^\[\]]+)\](?(2)[^\(\)]*)$")
NEEDS_STAR = re.compile(r"([\w\d\.\-\_]+)\s+((?<![><=])[\w\d\.\-\_]+?(?!\*))(\s+[\w\d\.\_]+)?$")
VARIANTS = {
    "python": "3.11",
    "numpy": "1.26",
    "python_min": "3.9",
    "mpi": "nompi",
    "cuda_compiler_version": "None",
    "cran_mirror": "https://cran.example.org",
    "c_stdlib": "sysroot",
    "blas_impl": "openblas",
    "level": "3",
    "use_gpu": "False",
}
COMPILERS = {
    ("c", "linux-64"): "gcc_linux-64",
    ("cxx", "linux-64"): "gxx_linux-64",
    ("c", "emscripten-wasm32"): "emscripten_emscripten-wasm32",
    ("cxx", "emscripten-wasm32"): "emscripten_emscripten-wasm32",
}


class Environ(dict):
    """What is asked for outside: nothing is set there but where a build puts things."""

    def __missing__(self, key):
        return f"${{{{ {key} }}}}"


def namespace(platform: str) -> dict[str, Any]:
    """conda-build's selectors, for Python 3.11 and numpy 1.26."""
    system, arch = platform.split("-")
    environ = Environ()
    return {
        **{name: system == name for name in ("linux", "osx", "win", "emscripten", "wasi")},
        "unix": system in ("linux", "osx", "emscripten"),
        "linux64": platform == "linux-64",
        "win64": platform == "win-64",
        "wasm32": arch == "wasm32",
        "x86": arch in ("32", "64"),
        "x86_64": arch == "64",
        "target_platform": platform,
        "build_platform": "linux-64",
        "py": 311,
        "py2k": False,
        "py3k": True,
        "py27": False,
        "py36": False,
        "np": 126,
        "environ": environ,
        "os": type("os", (), {"environ": environ}),
        **{key: int(value) if value.isdecimal() else value for key, value in VARIANTS.items()},
        "python": "3.11",
        "use_gpu": False,
    }


def selected_lines(text: str, names: dict[str, Any]) -> str:
    lines = []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        found = SELECTOR.match(line.rstrip()) if "#" in line else None
        if not found or eval(found[3], {}, dict(names)):  # noqa: S307 - our own corpus
            lines.append(line)
    return "\n".join(lines)


def rendered(text: str, platform: str) -> dict[str, Any]:
    """The recipe's document."""
    names = namespace(platform)
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=True)
    environment.filters["split"] = lambda text, sign=None: text.split(sign)
    environment.autoescape = False

    def pin(kind: str):
        def make(name, min_pin="x.x.x.x.x.x", max_pin="x", lower_bound=None, upper_bound=None, *, exact=False):
            bounds = "exact" if exact else f"{lower_bound or min_pin} {upper_bound or max_pin}"
            return f"{kind}({name} = {bounds})"

        return make

    template = environment.from_string(selected_lines(text, names))
    made = template.render(
        {
            **names,
            **VARIANTS,
            "py": "311",
            "PKG_HASH": "HASH",
            "PYTHON": "${{ PYTHON }}",
            "PREFIX": "${{ PREFIX }}",
            "PKG_NAME": "${{ PKG_NAME }}",
            "R": "${{ R }}",
            "compiler": lambda language: COMPILERS.get((language, platform), f"{language}_{platform}"),
            "stdlib": lambda _: f"sysroot_{platform}",
            "pin_subpackage": pin("pin_subpackage"),
            "pin_compatible": pin("pin_compatible"),
        }
    )
    return yaml.load(made, Loader=yaml.BaseLoader)  # noqa: S506 - makes texts alone


def requirement(text: str) -> str:
    """A requirement as conda-build takes it, in one spelling."""
    if "(" in text:
        return text
    text = re.sub(r"\s*([,|])\s*", r"\1", text.strip())
    text = re.sub(r"([<>=!]=?)\s+", r"\1", text)
    found = NEEDS_STAR.match(text)
    if found and not found[3] and "*" not in text:
        text = f"{found[1]} {found[2]}.*"
    return text.lower()
