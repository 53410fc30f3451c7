"""conda-build's names, methods and functions become those that rattler-build has, or are refused with what to write.

Sources: conda-build's ``get_selectors`` and ``jinja_context``; rattler-build's jinja reference, whose filters, tests
and functions were tried one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lite_env.recipe.convert.expression import (
    Attribute,
    Binary,
    Call,
    Choice,
    Expression,
    Filter,
    Item,
    Name,
    Number,
    Sequence,
    Slice,
    Test,
    Text,
    Unary,
)
from lite_env.recipe.convert.python_version import compared_number, compared_version, is_version_number, named_python

Place = Literal["value", "script", "path"]
"""Where an expression stands: scripts know what exists while a package is built, paths some of it."""

PLATFORMS = frozenset(
    {
        *("linux", "linux32", "linux64", "osx", "win", "win32", "win64", "unix", "emscripten", "wasi", "freebsd"),
        *("zos", "wasm32", "x86", "x86_64", "arm", "arm64", "aarch64", "armv6l", "armv7l", "ppc64", "ppc64le", "s390x"),
        *("riscv32", "riscv64"),
    }
)
"""What is true of some platforms, in both programs."""

_OF_BUILDS = frozenset(
    {
        *("PREFIX", "BUILD_PREFIX", "SRC_DIR", "RECIPE_DIR", "PYTHON", "PY_VER", "SP_DIR", "STDLIB_DIR", "CPU_COUNT"),
        *("LIBRARY_PREFIX", "LIBRARY_BIN", "LIBRARY_INC", "LIBRARY_LIB", "SCRIPTS", "SHLIB_EXT", "R", "PERL", "LUA"),
        *("PKG_NAME", "PKG_VERSION", "PKG_BUILDNUM", "BUILD_DIR", "ARCH", "CMAKE_ARGS", "MESON_ARGS"),
    }
)
_OF_PATHS = frozenset({"PREFIX", "BUILD_PREFIX", "SRC_DIR", "RECIPE_DIR", "BUILD_DIR"})
_CONSTANTS = {"True": "true", "False": "false", "None": "none"}
_NAMES: dict[str, Expression] = {
    "x86": Binary("or", Name("x86"), Name("x86_64")),  # conda-build has it for 64 bits too
    "arm": Binary("or", Name("armv6l"), Name("armv7l")),
    "emscripten32": Name("emscripten"),  # boa's
    "PKG_HASH": Name("hash"),
    "py": Filter(Name("python"), "version_to_buildstring"),
    "CONDA_PY": Filter(Name("python"), "version_to_buildstring"),
    "np": Filter(Name("numpy"), "version_to_buildstring"),
    "CONDA_NPY": Filter(Name("numpy"), "version_to_buildstring"),
}
_REFUSED_NAMES = {
    "nomkl": "rattler-build has no features; write a condition over a variant key",
    "luajit": "write a condition over the variant key `lua`",
    "pl": "write a condition over the variant key `perl`",
    "os": "only `os.environ` and `os.getenv` are known",
}
_FUNCTIONS = frozenset({"compiler", "stdlib", "cdt"})
_REFUSED_FUNCTIONS = {
    "load_setup_py_data": "it runs the source's setup.py; write the values in `context`",
    "load_setuptools": "it runs the source's setup.py; write the values in `context`",
    "load_npm": "it reads the source's package.json; write the values in `context`",
    "load_file_regex": "it reads a file of the source; write the values in `context`",
    "load_file_data": "it reads a file of the source; write the values in `context`",
    "load_str_data": "write the values in `context`",
    "ccache": "name the package and set the variables in the script",
    "resolved_packages": "rattler-build has no such function; name the packages",
    "native_compiler": "write `compiler(…)` with a variant for the build platform, or the package's name",
}
_FILTERS = {
    **dict.fromkeys(("lower", "upper", "abs", "first", "last", "length", "list", "min", "max"), (0, 0)),
    **dict.fromkeys(("reverse", "sort", "unique", "int", "bool"), (0, 0)),
    "replace": (2, 2),
    "default": (1, 1),
    "join": (0, 1),
    "trim": (0, 1),
    "split": (0, 2),
    "version_to_buildstring": (0, 0),
}
"""Filters of rattler-build, and how many arguments they take."""
_RENAMED_FILTERS = {"d": "default", "count": "length"}
_METHODS = {"split": "split", "replace": "replace", "lower": "lower", "upper": "upper", "strip": "trim"}
_ENDS = {"startswith": "startingwith", "endswith": "endingwith"}
_TESTS = frozenset(
    {"defined", "undefined", "none", "string", "number", "integer", "odd", "even", "sequence", "boolean"}
)
_ENVIRONMENTS = (Name("environ"), Attribute(Name("os"), "environ"))
_COMPARISONS = ("==", "!=", "<", ">", "<=", ">=")
_PINS = ("pin_compatible", "pin_subpackage")
_BOUNDS = {"min_pin": "lower_bound", "max_pin": "upper_bound"}


class UnwritableError(Exception):
    """Something that rattler-build cannot say; carries what to do."""

    def __init__(self, why: str, hint: str, *, found: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.hint = hint
        self.found = found


@dataclass(frozen=True, kw_only=True, slots=True)
class Rewriter:
    """Rewrites expressions of one recipe.

    Attributes:
        context: the names that the recipe itself sets: they stay as they are.
        place: where the expressions stand.
        condition: whether they decide whether something is there: then an environment variable may be missing.
    """

    context: frozenset[str] = frozenset()
    place: Place = "value"
    condition: bool = False

    def rewrite(self, node: Expression) -> Expression:  # noqa: PLR0911, PLR0912, C901 - one arm a kind
        """The same for rattler-build.

        Raises:
            UnwritableError: rattler-build cannot say it.
        """
        match node:
            case Text() | Number():
                return node
            case Name(name):
                return self._name(name)
            case Sequence(items):
                return Sequence(tuple(self.rewrite(item) for item in items))
            case Unary(sign, value):
                return Unary(sign, self.rewrite(value))
            case Binary():
                return self._binary(node)
            case Choice(yes, condition, no):
                other = Text("") if no is None else self.rewrite(no)
                return Choice(self.rewrite(yes), self.rewrite(condition), other)
            case Item(value, key) if value in _ENVIRONMENTS:
                return self._environment((key,), ())
            case Item(value, key):
                return Item(self.rewrite(value), self.rewrite(key))
            case Slice(value, start, stop):
                return Slice(
                    self.rewrite(value), *(None if end is None else self.rewrite(end) for end in (start, stop))
                )
            case Attribute(_, name):
                raise UnwritableError(
                    f"rattler-build has no attribute `{name}`", "set the value in `context`", found=f".{name}"
                )
            case Filter(value, name, arguments, named):
                return self._filter(value, name, arguments, named)
            case Test(value, name, arguments):
                return self._test(value, name, arguments)
            case Call():
                return self._call(node)

    def _name(self, name: str) -> Expression:
        if name in self.context:
            return Name(name)
        if name in _CONSTANTS:
            return Name(_CONSTANTS[name])
        if name in _NAMES:
            return _NAMES[name]
        if python := named_python(name):
            return python
        if name in _OF_BUILDS:
            known = _OF_BUILDS if self.place == "script" else _OF_PATHS if self.place == "path" else ()
            if name in known:
                return Name(name)
            raise UnwritableError(
                f"`{name}` is known while a package is built, and not here",
                "use what it stands for: a name of `context`, or a variant key",
                found=name,
            )
        if name.startswith("GIT_"):
            raise UnwritableError(
                f"`{name}` is what conda-build asks of the source's repository",
                "write the value in `context`",
                found=name,
            )
        if name in _REFUSED_NAMES:
            raise UnwritableError(f"rattler-build has no `{name}`", _REFUSED_NAMES[name], found=name)
        return Name(name)

    def _binary(self, node: Binary) -> Expression:
        sign, left, right = node.sign, node.left, node.right
        if (sign in _COMPARISONS or sign in ("in", "not in")) and not self.context & {"py", "np"}:
            compared = compared_number(sign, left, right)
            if compared is not None:
                return compared
            if is_version_number(left) or is_version_number(right):
                raise UnwritableError(
                    "this comparison of Python's or numpy's version has no meaning that is sure",
                    'write `match(python, ">=3.8")` in the recipe that comes of it',
                    found=sign,
                )
        if sign in _COMPARISONS and self.condition:
            compared = compared_version(sign, left, right, own=self.context)
            if compared is not None:
                return compared
        if sign == "%" and isinstance(left, Text):
            raise UnwritableError("rattler-build formats no text with `%`", "join the parts with `~`", found="%")
        if sign == "+" and (isinstance(left, Text) or isinstance(right, Text)):
            sign = "~"
        return Binary(sign, self.rewrite(left), self.rewrite(right))

    def _filter(
        self,
        value: Expression,
        name: str,
        arguments: tuple[Expression, ...],
        named: tuple[tuple[str, Expression], ...],
    ) -> Expression:
        name = _RENAMED_FILTERS.get(name, name)
        if name == "string" and not arguments and not named:
            return Binary("~", Text(""), self.rewrite(value))
        if name == "get" and value in _ENVIRONMENTS:
            return self._environment(arguments, named)
        least, most = _FILTERS.get(name, (1, 0))
        if named or not least <= len(arguments) <= most:
            problem = "with these arguments " if name in _FILTERS else ""
            raise UnwritableError(
                f"rattler-build has no filter `{name}` {problem}".rstrip(),
                f"it has {', '.join(sorted(_FILTERS))}; or write the value itself",
                found=name,
            )
        return Filter(self.rewrite(value), name, tuple(self.rewrite(each) for each in arguments))

    def _test(self, value: Expression, name: str, arguments: tuple[Expression, ...]) -> Expression:
        if name not in _TESTS or arguments:
            raise UnwritableError(
                f"rattler-build has no test `is {name}` as it stands here", "write a comparison", found=name
            )
        if isinstance(value, Name):
            return Test(Name(value.name), name)  # `is defined` asks for any name
        return Test(self.rewrite(value), name)

    def _call(self, call: Call) -> Expression:
        target = call.target
        if isinstance(target, Attribute):
            return self._method(target, call)
        if not isinstance(target, Name):
            raise UnwritableError("what is called here is no function", "write the value itself")
        name = target.name
        if name in _PINS:
            return self._pin(name, call)
        if name in _FUNCTIONS and len(call.arguments) == 1 and not call.named:
            return Call(target, (self.rewrite(call.arguments[0]),))
        if name in ("str", "int", "len") and len(call.arguments) == 1 and not call.named:
            return self._filter(call.arguments[0], {"str": "string", "len": "length"}.get(name, name), (), ())
        hint = _REFUSED_FUNCTIONS.get(name, "write the value itself, or in `context`")
        raise UnwritableError(f"rattler-build has no function `{name}` as it is called here", hint, found=f"{name}(…)")

    def _method(self, target: Attribute, call: Call) -> Expression:
        value, name = target.value, target.name
        if (name == "get" and value in _ENVIRONMENTS) or (name == "getenv" and value == Name("os")):
            return self._environment(call.arguments, call.named)
        if name == "join" and len(call.arguments) == 1 and not call.named:
            return self._filter(call.arguments[0], "join", (value,), ())
        if name in _ENDS and len(call.arguments) == 1 and not call.named and isinstance(call.arguments[0], Text):
            return Test(self.rewrite(value), _ENDS[name], call.arguments)
        if name in _METHODS:
            return self._filter(value, _METHODS[name], call.arguments, call.named)
        raise UnwritableError(
            f"rattler-build has no method `{name}`", "write the value itself, or in `context`", found=f".{name}(…)"
        )

    def _environment(
        self, arguments: tuple[Expression, ...], keywords: tuple[tuple[str, Expression], ...]
    ) -> Expression:
        values = (*arguments, *(value for _, value in keywords))
        if len(values) not in (1, 2) or not all(isinstance(each, Text) for each in values):
            raise UnwritableError(
                "an environment variable is asked for by something else than a text",
                'write `env.get("NAME", default="…")` in the recipe that comes of it',
            )
        name = values[0]
        if isinstance(name, Text) and (name.value in _OF_BUILDS or name.value.startswith("GIT_")):
            return self._name(name.value)
        default: Expression | None = values[1] if values[1:] else Text("") if self.condition else None
        named = () if default is None else (("default", default),)
        return Call(Attribute(Name("env"), "get"), (name,), named)

    def _pin(self, function: str, call: Call) -> Expression:
        named = dict(call.named)
        known = {"min_pin", "max_pin", "lower_bound", "upper_bound", "exact"}
        if len(call.arguments) != 1 or named.keys() - known:
            raise UnwritableError(
                f"`{function}` has arguments that rattler-build does not know",
                "it takes a name, then `lower_bound`, `upper_bound` or `exact` by their names",
                found=", ".join(sorted(named.keys() - known)) or f"{len(call.arguments)} arguments",
            )
        exact = named.get("exact")
        arguments = tuple(self.rewrite(each) for each in call.arguments)
        if exact == Name("True"):
            return Call(Name(function), arguments, (("exact", Name("True")),))
        bounds: dict[str, Expression] = {}
        for key, value in named.items():
            if key == "exact":
                continue
            bound = _BOUNDS.get(key, key)
            # A bound that is given as a version goes before a pin, as in conda-build.
            if key in _BOUNDS and bound in named:
                continue
            bounds[bound] = Name("None") if value == Name("None") else self.rewrite(value)
        return Call(Name(function), arguments, tuple(sorted(bounds.items())))
