"""Reading the ``tests`` section of a rendered recipe, or of a package: what cannot be asked in a kernel is an error."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lite_env.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FOREIGN = ("perl", "r", "ruby")
_CONTENTS = ("files", "site_packages", "lib", "bin", "include")
_PYTHON = re.compile(r"(?:\$\{?PYTHON\}?|python[0-9.]*)\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class PythonTest:
    """Modules that must be imported.

    Attributes:
        imports: their names.
        pip_check: whether what distributions require of each other must be there.
    """

    imports: tuple[str, ...]
    pip_check: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentsTest:
    """Files that the package must have.

    Attributes:
        wanted: patterns by kind: ``files`` relative to the prefix, ``site_packages``, ``lib``, ``bin``, ``include``.
        unwanted: patterns of files that it must not have, by kind.
    """

    wanted: Mapping[str, tuple[str, ...]]
    unwanted: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class ScriptTest:
    """Programs of Python that must end well.

    Attributes:
        commands: words of each.
        number: of the test in the package, which names the folder of its files.
        requirements: match specs of what they need besides the package.
    """

    commands: tuple[tuple[str, ...], ...]
    number: int
    requirements: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DownstreamTest:
    """A package whose own tests must hold with this one."""

    package: str


Test = PythonTest | ContentsTest | ScriptTest | DownstreamTest


def declared_tests(tests: Sequence[Mapping[str, Any]], *, of: str) -> tuple[Test, ...]:
    """The tests of a package, in order.

    Args:
        tests: as rattler-build renders them.
        of: the package, for errors.

    Raises:
        RecipeError: one is of a kind, or has a command, that a kernel of Python in a browser cannot be asked.
    """
    return tuple(_test(test, number, of) for number, test in enumerate(tests))


def _test(test: Mapping[str, Any], number: int, of: str) -> Test:
    kinds = [key for key in test if key not in ("requirements", "files")]
    for kind in kinds:
        if kind in _FOREIGN:
            raise _refused(of, number, kind, "kernels here speak Python")
    if "python" in test:
        section = test["python"]
        imports = section.get("imports", ())
        return PythonTest(
            imports=(imports,) if isinstance(imports, str) else tuple(imports),
            pip_check=bool(section.get("pip_check", True)),
        )
    if "package_contents" in test:
        return _contents(test["package_contents"], number, of)
    if "script" in test:
        needed = test.get("requirements", {})
        if needed.get("build"):
            raise _refused(of, number, "requirements.build", "nothing is built for a test that runs in a kernel")
        return ScriptTest(
            commands=tuple(_command(line, number, of) for line in _lines(test["script"])),
            number=number,
            requirements=tuple(needed.get("run", ())),
        )
    if "downstream" in test:
        return DownstreamTest(package=str(test["downstream"]))
    raise _refused(of, number, ", ".join(kinds) or "nothing", "this lite_env does not know it")


def _contents(section: Mapping[str, Any], number: int, of: str) -> ContentsTest:
    wanted: dict[str, tuple[str, ...]] = {}
    unwanted: dict[str, tuple[str, ...]] = {}
    for kind, value in section.items():
        if kind == "strict":
            if value:
                raise _refused(of, number, "package_contents.strict", "this lite_env does not know it")
            continue
        if kind not in _CONTENTS:
            raise _refused(of, number, f"package_contents.{kind}", "this lite_env does not know it")
        found = value if isinstance(value, dict) else {"exists": value}
        wanted[kind] = _texts(found.get("exists", ()))
        unwanted[kind] = _texts(found.get("not_exists", ()))
    return ContentsTest(wanted=wanted, unwanted=unwanted)


def _texts(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _lines(script: str | Sequence[str] | Mapping[str, Any]) -> list[str]:
    if isinstance(script, dict):
        content = script.get("content", ())
        return _lines(content)
    lines = script.splitlines() if isinstance(script, str) else [line for text in script for line in _joined(text)]
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _joined(text: str) -> list[str]:
    # A quoted program of several lines is one command.
    try:
        shlex.split(text.splitlines()[0] if text else "")
    except ValueError:
        return [text]
    return text.splitlines()


def _command(line: str, number: int, of: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(line, comments=True))
    except ValueError as error:
        raise _refused(of, number, line, f"it is no command: {error}") from None
    operators = {"|", "||", "&&", ";", "&", ">", "<", ">>"}
    is_python = bool(words) and _PYTHON.match(words[0]) is not None and len(words) > 1
    if operators & set(words) or not (is_python or words[:1] == ("pytest",)):
        raise _refused(of, number, line, "a browser has no shell: lines are `python …` or `pytest …`")
    return words


def _refused(of: str, number: int, found: str, reason: str) -> RecipeError:
    return RecipeError(
        f"a test of {of} cannot be run in a kernel: {reason}",
        hint="say it in Python (docs/recipes.md), or leave this test out with `if: not emscripten`",
        key=f"tests[{number}]",
        found=found,
    )
