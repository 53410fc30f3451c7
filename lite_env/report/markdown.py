"""Answers as Markdown (GitHub's), for the summary of a CI job or a comment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lite_env.report.table import change_text, in_line, size_text
from lite_env.report.text import (
    SHOWN_FILES,
    SHOWN_SIZES,
    WHAT,
    WHEN,
    boot_text,
    from_to,
    measure_texts,
    short,
    shown_measures,
    sums,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lite_env.report.difference import Difference
    from lite_env.report.model import SizeReport

_PLAIN_CODE = re.compile(r"[^`|\\]+\Z")
_HARMLESS = re.compile(r"[A-Za-z0-9 .,;()/+=>%→…\N{MINUS SIGN}-]")
_RULES: dict[str, str] = {"<": "---", ">": "---:"}


def code(text: str) -> str:
    """A stranger's text as code: neither markup nor a mention, a link or a pipe of a table is seen in it."""
    text = in_line(text).strip()
    if not text:
        return ""
    if _PLAIN_CODE.match(text):
        return f"`{text}`"
    # No code span holds these in a table; a character reference is never markup.
    return f"<code>{''.join(char if _HARMLESS.match(char) else f'&#{ord(char)};' for char in text)}</code>"


def diff_markdown(difference: Difference, *, heading: str = "##") -> str:
    """What changed, as a section."""
    lines = [f"{heading} {code(difference.new.name)}: {difference.summary()}", ""]
    lines += [f"* asked for: {code(spec)}" for spec in difference.asked]
    lines += [f"* no longer asked for: {code(spec)}" for spec in difference.dropped]
    lines += [""] if difference.asked or difference.dropped else []
    figures = [
        (_measured(measure.what), *texts)
        for measure in shown_measures(difference)
        if (texts := measure_texts(measure)) is not None
    ]
    lines += _table(("", "before", "now", "change"), figures, "<>>>")
    rows = [
        (
            _sign(change.old is None, change.new is None),
            code(change.name),
            code(from_to(change)),
            change_text(change.change),
        )
        for change in difference.packages
    ]
    lines += _table(("", "package", "", "bytes"), rows, "<<<>")
    sizes = [(code(change.name), change_text(change.change)) for change in difference.resized[:SHOWN_SIZES]]
    lines += _table(("the same package, of another size", "packed"), sizes, "<>")
    if difference.archives:
        size = size_text(sum(archive.packed for archive in difference.archives))
        lines += [f"{len(difference.archives)} archives are new, {size} that a returning visitor may load.", ""]
    return "\n".join(lines)


def report_markdown(report: SizeReport, difference: Difference | None = None) -> str:
    """The size report, as a section; what is long is folded away."""
    lines = [f"## {code(report.name)}", "", f"{sums(report)}.", ""]
    rows = [(code(kernel.name), boot_text(kernel)) for kernel in report.kernels]
    lines += _table(("kernel", "before the first cell"), rows, "<<")
    if difference is not None:
        lines += [diff_markdown(difference, heading="###")]
    if report.kind == "lock":
        cells = [(code(package.name), code(package.version), size_text(package.download)) for package in report.by_size]
        return "\n".join([*lines, *_folded("Packages", _table(("package", "version", "file"), cells, "<<>"))])
    for kernel in report.kernels:
        cells = [
            (WHAT.get(file.what, code(file.what)), code(short(file.path)), size_text(file.size))
            for file in kernel.files
        ]
        lines += _folded(
            f"What {_html(kernel.name)} loads before its first cell", _table(("", "file", "bytes"), cells, "<<>")
        )
    lines += _folded("Packages", _packages(report))
    cells = [
        (code(file.path), code(file.package or ""), size_text(file.packed)) for file in report.largest(SHOWN_FILES)
    ]
    lines += _folded("Largest files", _table(("file", "package", "packed"), cells, "<<>"))
    whole = [cost for cost in report.imports if "." not in cost.module]
    cells = [(code(cost.module), str(cost.requests), size_text(cost.packed)) for cost in whole]
    lines += _folded("Imports, after that and at most", _table(("module", "requests", "packed"), cells, "<>>"))
    lines += _folded("Archives", _archives(report))
    rules = [
        (code(rule.rule), code(rule.reason), str(rule.files), size_text(rule.size)) for rule in report.filtered or ()
    ]
    lines += _folded("Left out by filters", _table(("rule", "why", "files", "bytes"), rules, "<<>>"))
    return "\n".join(lines)


def _packages(report: SizeReport) -> list[str]:
    cells = [
        (
            code(f"{package.name} {package.version}"),
            size_text(package.packed),
            size_text(package.boot),
            size_text(package.size),
            str(package.files),
        )
        for package in report.by_size
    ]
    return _table(("package", "packed", "before the first cell", "unpacked", "files"), cells, "<>>>>")


def _archives(report: SizeReport) -> list[str]:
    cells = []
    for load in dict.fromkeys(archive.load for archive in report.archives):
        group = [archive for archive in report.archives if archive.load == load]
        cells.append((WHEN.get(load, code(load)), str(len(group)), size_text(sum(archive.packed for archive in group))))
    return _table(("loaded", "archives", "packed"), cells, "<>>")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], sides: str) -> list[str]:
    """A table and an empty line; nothing where there are no rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if not lines:
        return []
    rule = f"| {' | '.join(_RULES[side] for side in sides)} |"
    return [f"| {' | '.join(head)} |", rule, *lines, ""]


def _folded(title: str, lines: list[str]) -> list[str]:
    return [f"<details><summary>{title}</summary>", "", *lines, "</details>", ""] if lines else []


def _html(text: str) -> str:
    return f"<code>{''.join(char if _HARMLESS.match(char) else f'&#{ord(char)};' for char in in_line(text))}</code>"


def _measured(what: str) -> str:
    """A measure's name; what stands behind its words is a stranger's."""
    for words in ("before the first cell of ", "requests before the first cell of ", "import "):
        if what.startswith(words):
            return f"{words}{code(what.removeprefix(words))}"
    return what


def _sign(new: bool, gone: bool) -> str:  # noqa: FBT001 - of one package, side by side
    return "added" if new else "removed" if gone else "changed"
