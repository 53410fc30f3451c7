"""Which files of an environment a browser never needs: rules with their reasons, defaults and users' alike.

Rules only add up: a user's rule never switches a default one off, and what any ``keep`` rule names is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files as resource_files
from typing import TYPE_CHECKING, Any

from lite_env.errors import SpecError
from lite_env.pack.glob import beyond_bounds, compile_globs, count_plain
from lite_env.spec.settings import PROJECT_FILE, read_project_table
from lite_env.store.refusals import refusal
from lite_env.store.text import Origin, decode_text, read_bounded, shown
from lite_env.store.yaml_text import compose_yaml, plain_value

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_KEYS = {"id", "drop", "keep", "package", "unless", "reason"}
_MAX_PATTERNS = 2000  # without choices, in one file: each file of an environment is held against all of them


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One rule: patterns over prefix-relative paths, and why.

    Attributes:
        identifier: what a report calls it.
        keep: whether it keeps files (and not drops them).
        patterns: see `FileFilter`.
        reason: one line for people.
        package: the only package whose files it is about; None for all.
        unless: packages of which any one, installed, switches the rule off.
        origin: ``lite-env`` for a default rule, else the file that it comes from.
    """

    identifier: str
    keep: bool
    patterns: tuple[str, ...]
    reason: str
    package: str | None = None
    unless: tuple[str, ...] = ()
    origin: str = "lite-env"


@dataclass(frozen=True, kw_only=True)
class FileFilter:
    """Rules in order: ``keep`` wins; else the first ``drop`` rule that names a file drops it.

    Patterns: ``*`` and ``?`` stay within one path component, ``**/`` is any number of folders, ``{a,b}`` is a choice, a
    pattern that ends in ``/`` names everything below that folder.
    """

    rules: tuple[Rule, ...] = ()

    @cached_property
    def _compiled(self) -> tuple[tuple[Rule, re.Pattern[str]], ...]:
        ordered = sorted(self.rules, key=lambda rule: not rule.keep)
        return tuple((rule, compile_globs(rule.patterns)) for rule in ordered)

    def for_packages(self, installed: Iterable[str]) -> FileFilter:
        """The filter without the rules that one of the `installed` packages switches off."""
        names = frozenset(installed)
        return FileFilter(rules=tuple(rule for rule in self.rules if not names.intersection(rule.unless)))

    def dropped_by(self, path: str, package: str | None) -> Rule | None:
        """The rule that drops the file at `path`; None when it stays."""
        for rule, pattern in self._compiled:
            if (rule.package is None or rule.package == package) and pattern.fullmatch(path):
                return None if rule.keep else rule
        return None

    def __add__(self, other: FileFilter) -> FileFilter:
        return FileFilter(rules=self.rules + other.rules)


def default_filter() -> FileFilter:
    """The rules that lite-env brings (``filters.yaml`` beside this module)."""
    text = resource_files("lite_env.pack").joinpath("filters.yaml").read_text("utf-8")
    return parse_filter(text, origin="lite-env")


def read_filter(path: Path) -> FileFilter:
    """Rules of a user's YAML file, which has the form of lite-env's own ``filters.yaml``.

    Raises:
        SpecError: the file cannot be read, or is not of that form.
    """
    origin = Origin(what="the filter file", error=SpecError, file=str(path))
    try:
        text = decode_text(read_bounded(path, origin), origin)
    except OSError as error:
        raise refusal(SpecError, "the filter file cannot be read", error, file=path) from error
    return parse_filter(text, origin=str(path))


def read_project_filter(folder: Path) -> FileFilter:
    """Rules under ``[tool.lite-env]`` of the ``pyproject.toml`` in `folder`; none when there is no such file or table.

    Raises:
        SpecError: the file is not TOML, or the rules are not of the right form.
    """
    origin = str(folder / PROJECT_FILE)
    return _filter_of(read_project_table(folder).get("filters", []), origin=origin, where="tool.lite-env.filters")


def parse_filter(text: str, *, origin: str) -> FileFilter:
    """Rules out of YAML: a mapping with the one key ``rules``.

    Raises:
        SpecError: `text` is not that; the error names the rule and the key.
    """
    source = Origin(what=f"'{origin}'", error=SpecError, file=origin, hint="correct it")
    document = plain_value(compose_yaml(text, source), source)
    if not isinstance(document, dict) or set(document) != {"rules"}:
        raise SpecError(
            "a filter file is a mapping with the one key 'rules'",
            hint="for example: rules: [{id: fonts, drop: ['share/fonts/'], reason: not used}]",
            file=origin,
        )
    return _filter_of(document["rules"], origin=origin, where="rules")


def _filter_of(rules: object, *, origin: str, where: str) -> FileFilter:
    if not isinstance(rules, list):
        raise SpecError(f"'{where}' is not a list of rules", hint="begin each rule with '- id: …'", file=origin)
    parsed = tuple(_rule(rule, origin, f"{where}[{number}]") for number, rule in enumerate(rules))
    if sum(count_plain(pattern) for rule in parsed for pattern in rule.patterns) > _MAX_PATTERNS:
        raise SpecError(
            f"'{where}' has more than {_MAX_PATTERNS:,} patterns, each choice counted",
            hint="name whole folders, such as 'share/fonts/'",
            file=origin,
        )
    return FileFilter(rules=parsed)


def _rule(rule: object, origin: str, where: str) -> Rule:
    if not isinstance(rule, dict):
        raise SpecError(f"'{where}' is not a mapping", hint="a rule has id, drop or keep, and reason", file=origin)
    unknown = sorted(map(str, set(rule) - _KEYS))
    if unknown:
        raise SpecError(
            f"'{where}' has the unknown key '{unknown[0]}'", hint=f"known are {', '.join(sorted(_KEYS))}", file=origin
        )
    if ("drop" in rule) == ("keep" in rule):
        raise SpecError(f"'{where}' needs either 'drop' or 'keep'", hint="make two rules of it", file=origin)
    keep = "keep" in rule
    patterns = _texts(rule, "keep" if keep else "drop", origin, where)
    for pattern in patterns:
        if not pattern or pattern.startswith("/") or pattern in ("*", "**", "**/"):
            raise SpecError(
                f"'{where}' has the pattern '{pattern}', which is no path below the prefix",
                hint="patterns are relative, such as 'share/fonts/' or '**/*.ttf'",
                file=origin,
            )
        reason = beyond_bounds(pattern)
        if reason:
            raise SpecError(
                f"'{where}' has the pattern '{shown(pattern)}', which {reason}",
                hint="write several patterns, or name whole folders",
                file=origin,
            )
    package = rule.get("package")
    if package is not None and not isinstance(package, str):
        raise SpecError(f"'{where}.package' is not a text", hint="name one package", file=origin)
    return Rule(
        identifier=str(rule.get("id") or where),
        keep=keep,
        patterns=patterns,
        reason=str(rule.get("reason") or "asked for by the user"),
        package=package,
        unless=_texts(rule, "unless", origin, where) if "unless" in rule else (),
        origin=origin,
    )


def _texts(rule: Mapping[Any, Any], key: str, origin: str, where: str) -> tuple[str, ...]:
    value = rule[key]
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise SpecError(f"'{where}.{key}' is not a text or a list of texts", hint="quote each pattern", file=origin)
    return tuple(texts)
