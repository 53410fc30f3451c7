"""Comparisons of conda-build's integers (``py >= 38``, ``np == 120``) and of variants, as matches of versions."""

from __future__ import annotations

import re

from lite_env.recipe.convert.expression import Binary, Call, Expression, Name, Number, Sequence, Text, Unary

_PACKAGES = {"py": "python", "np": "numpy", "CONDA_PY": "python", "CONDA_NPY": "numpy"}
_NAMED = re.compile(r"py([23])(\d{1,2})\Z")
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
_SHORTEST = 2
"""Digits of such an integer: 38 is 3.8, and 310 is 3.10."""


def named_python(name: str) -> Expression | None:
    """What ``py27``, ``py3k`` or ``py2k`` is; None for other names."""
    if name in ("py3k", "py2k"):
        return _match("python", ">=3" if name == "py3k" else "<3")
    found = _NAMED.match(name)
    return _match("python", f"{found[1]}.{found[2]}.*") if found else None


def is_version_number(node: Expression) -> bool:
    """Whether it is Python's or numpy's version as an integer."""
    return isinstance(node, Name) and node.name in _PACKAGES


def compared_number(sign: str, left: Expression, right: Expression) -> Expression | None:
    """A comparison of ``py`` or ``np`` with a number; None where it is none that is sure."""
    if is_version_number(right) and sign in _FLIPPED:
        sign, left, right = _FLIPPED[sign], right, left
    if not isinstance(left, Name) or not is_version_number(left):
        return None
    package = _PACKAGES[left.name]
    if sign in ("in", "not in"):
        return _among(package, right, negated=sign == "not in")
    found = _version_of(right)
    return None if found is None else _match(package, _spec(sign, *found))


def compared_version(sign: str, left: Expression, right: Expression, *, own: frozenset[str]) -> Expression | None:
    """A comparison of a variant with a number, which conda-build makes of the variant's text; None for others."""
    if isinstance(left, Number) and isinstance(right, Name) and right.name not in own:
        sign, left, right = _FLIPPED[sign], right, left
    if isinstance(left, Name) and left.name not in own and isinstance(right, Number):
        return _match(left.name, f"{sign}{right.value}")
    return None


def _among(package: str, numbers: Expression, *, negated: bool) -> Expression | None:
    versions = [_version_of(item) for item in numbers.items] if isinstance(numbers, Sequence) else []
    if not versions or None in versions:
        return None
    whole: Expression | None = None
    for version in versions:
        if version is not None:
            one = _match(package, _spec("==", *version))
            whole = one if whole is None else Binary("or", whole, one)
    return Unary("not", whole) if negated and whole is not None else whole


def _version_of(node: Expression) -> tuple[int, int] | None:
    if not isinstance(node, Number) or not node.value.isdecimal() or len(node.value) < _SHORTEST:
        return None
    return int(node.value[0]), int(node.value[1:])


def _spec(sign: str, major: int, minor: int) -> str:
    """The integer stands for all versions of a minor one: more than 37 is 3.8 and later."""
    match sign:
        case ">":
            return f">={major}.{minor + 1}"
        case "<=":
            return f"<{major}.{minor + 1}"
        case "==":
            return f"{major}.{minor}.*"
        case "!=":
            return f"!={major}.{minor}.*"
        case _:
            return f"{sign}{major}.{minor}"


def _match(package: str, spec: str) -> Expression:
    return Call(Name("match"), (Name(package), Text(spec)))
