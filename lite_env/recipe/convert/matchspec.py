"""What conda-build takes for a requirement and rattler-build does not: ``numpy 1.20``, ``foo >=1.2.*``, ``foo=1=abc``.

conda-build (``ensure_valid_spec``) takes a version alone for all that begin with it; rattler-build wants that written.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lite_env.recipe.convert.expression import Call, Name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lite_env.recipe.convert.template import Parts

_MARK = re.compile("\ue000(\\d+)\ue001")
_SIGNS = frozenset("<>=!~*|,[")
_LOOSE = re.compile(r"\s*([,|])\s*")
_SIGN = re.compile(r"(===?|[<>!~]=?|=)\s+(?=[\w\ue000])")
_GLUED = re.compile(r"(?P<name>[\w.\-:/\ue000\ue001]+?)=(?P<version>[^=<>!~\s]+)(?:=(?P<build>[^=\s]+))?\Z")
_STARRED = re.compile(r"([<>]=?)([^,|*\s]+)\.\*")
_WRONG = re.compile(r"=>|=<|(?<![\w*])x\.x")
_PARTS = 3
"""Name, version and build."""


class SpecError(Exception):
    """A requirement whose meaning is not sure; says why."""


def converted_spec(parts: Parts, texts: Mapping[str, str]) -> Parts:
    """A requirement as rattler-build takes it, with the same expressions in it.

    Args:
        parts: the requirement.
        texts: what the recipe's names are set to, for those that are set to a text.

    Raises:
        SpecError: no such requirement can be written.
    """
    expressions = [part for part in parts if not isinstance(part, str)]
    if any(isinstance(each, Call) and each.target in _PINS for each in expressions) and len(parts) > 1:
        raise SpecError("text stands beside a pin, which makes the whole requirement")
    marked = ""
    for part in parts:
        marked += part if isinstance(part, str) else f"\ue000{expressions.index(part)}\ue001"
    spec = _converted(marked.strip(), lambda number: _is_constraint(expressions[number], texts))
    pieces = _MARK.split(spec)
    whole = [piece if place % 2 == 0 else expressions[int(piece)] for place, piece in enumerate(pieces)]
    return tuple(piece for piece in whole if piece != "")


_PINS = (Name("pin_compatible"), Name("pin_subpackage"))


def _is_constraint(expression: object, texts: Mapping[str, str]) -> bool:
    """Whether an expression stands for more than a version, as far as the recipe says."""
    return isinstance(expression, Name) and not _SIGNS.isdisjoint(texts.get(expression.name, ""))


def _converted(spec: str, is_constraint: Callable[[int], bool]) -> str:
    if _WRONG.search(spec):
        raise SpecError("this is no requirement that conda and rattler-build read in the same way")
    if "[" in spec:
        return spec
    words = _SIGN.sub(r"\1", _LOOSE.sub(r"\1", spec)).split()
    if len(words) == 1 and (glued := _GLUED.match(words[0])):
        words = [glued["name"], *([f"=={glued['version']}", glued["build"]] if glued["build"] else [])]
        words = words if glued["build"] else [glued["name"], f"={glued['version']}"]
    if len(words) > _PARTS:
        raise SpecError("it has more than a name, a version and a build")
    if len(words) < 2:  # noqa: PLR2004 - a name alone
        return "".join(words)
    version = _STARRED.sub(r"\1\2", words[1]).replace("==*", "*")
    if version.startswith("==") and version.endswith(".*"):
        version = version.removeprefix("==")
    alone = _SIGNS.isdisjoint(version) and not any(is_constraint(int(each)) for each in _MARK.findall(version))
    if alone:
        version = f"{version}.*" if len(words) == _PARTS - 1 else f"=={version}"
    return " ".join([words[0], version, *words[2:]])
