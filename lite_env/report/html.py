"""The size report as one HTML file that needs nothing else: tables, and a treemap drawn by the page's own script.

All text of packages is escaped here, or put in as text by the script; and a policy in the page forbids every request
and every script but the one that is in it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

import lite_env
from lite_env.report.table import change_text, in_line, requests_text, size_text
from lite_env.report.text import SHOWN_FILES, WHAT, WHEN, boot_text, from_to, measure_texts, short, shown_measures, sums

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lite_env.report.difference import Difference, PackageChange
    from lite_env.report.model import ArchiveSize, FileSize, KernelBoot, SizeReport

_PAGE = "lite_env.report", "page"
_LOADS = ("own", "interpreter", "kernel", "import", "demand")  # in the order of report.js
_MAX_FOLDERS = 60  # one in another: a stranger's path may have more, and then ends in one long name
_SHOWN_MODULES = 6
_NO_PACKAGE = "(no package)"
_FIGURE = ' class="figure"'


def report_html(report: SizeReport, difference: Difference | None = None) -> str:
    """The page."""
    style, script = _part("report.css"), _part("report.js")
    sections = [
        *([_changes(difference)] if difference is not None else []),
        *(_kernel(kernel) for kernel in report.kernels),
        *([] if report.kind == "lock" else _of_pack(report)),
    ]
    return Template(_part("report.html")).substitute(
        title=_text(f"{report.name}: size report"),
        name=_text(report.name),
        summary=_text(f"{'A lock' if report.kind == 'lock' else 'A pack'} for {report.platform}: {sums(report)}."),
        facts=_facts(report),
        packed_word="package file" if report.kind == "lock" else "packed",
        sections="\n".join(sections),
        footer=_text(f"lite-env {lite_env.__version__}; packages by digest {report.lock_digest}."),
        # Inside a script element nothing is an entity, but `</script` and `<!--` would be seen.
        data=json.dumps(_data(report), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def _part(name: str) -> str:
    package, folder = _PAGE
    return (files(package) / folder / name).read_text("utf-8")


def _hash(content: str) -> str:
    """As a Content-Security-Policy names what may run."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def _text(text: str) -> str:
    return escape(in_line(text))


def _facts(report: SizeReport) -> str:
    facts = [(f"before the first cell of {kernel.name}", *_size(kernel)) for kernel in report.kernels]
    if report.kind == "lock":
        facts.append(("package files", size_text(report.download), "to download"))
    else:
        facts.append(("packed", size_text(report.packed), f"in {len(report.archives)} archives"))
        facts.append(("unpacked", size_text(report.size), f"in {len(report.files)} files"))
    wheels = sum(package.manager == "wheel" for package in report.packages)
    facts.append(("packages", str(len(report.packages)), f"{wheels} of them wheels" if wheels else ""))
    rows = "".join(
        f"<div><dt>{_text(name)}</dt><dd>{_text(value)}{f' <small>{_text(more)}</small>' if more else ''}</dd></div>"
        for name, value, more in facts
    )
    return f'<dl class="facts">{rows}</dl>'


def _size(kernel: KernelBoot) -> tuple[str, str]:
    requests = f"in {requests_text(len(kernel.files))}"
    return size_text(kernel.size), requests if kernel.traced else f"at least, {requests}; not traced"


def _kernel(kernel: KernelBoot) -> str:
    rows = [(WHAT.get(file.what, file.what), _Code(short(file.path)), size_text(file.size)) for file in kernel.files]
    title = f"What {kernel.name} loads before its first cell"
    return _section(
        title, f"{kernel.display_name} ({kernel.language}): {boot_text(kernel)}.", _table(("", "file", "*bytes"), rows)
    )


def _of_pack(report: SizeReport) -> list[str]:
    rows: list[Sequence[str]] = [
        (
            package.name,
            package.version,
            size_text(package.packed),
            size_text(package.size),
            size_text(package.boot),
            str(package.files),
            package.license or "",
        )
        for package in report.by_size
    ]
    head = ("package", "version", "*packed", "*unpacked", "*before the first cell", "*files", "licence")
    shares = "Several packages lie in one archive; each has the share of it compressed that it has of it uncompressed."
    sections = [_section("Packages", shares, _table(head, rows, scrolled="Packages"))]
    rows = [
        (_Code(file.path), file.package or _NO_PACKAGE, size_text(file.packed), size_text(file.size))
        for file in report.largest(SHOWN_FILES)
    ]
    sections.append(_section("Largest files", "", _table(("file", "package", "*packed", "*unpacked"), rows)))
    if report.imports:
        costs = sorted(report.imports, key=lambda cost: "." in cost.module)
        rows = [(_Code(cost.module), str(cost.requests), size_text(cost.packed)) for cost in costs]
        told = "Before the module is first imported, at most: an archive that is there already is not loaded again."
        table = _table(("module", "*requests", "*packed"), rows, scrolled="Imports")
        sections.append(_section("What imports load", told, table))
    rows = [
        (str(position), _when(archive), size_text(archive.packed), size_text(archive.size), ", ".join(archive.packages))
        for position, archive in enumerate(report.archives)
    ]
    columns = ("", "loaded", "*packed", "*unpacked", "packages")
    sections.append(_section("Archives", "", _table(columns, rows, scrolled="Archives")))
    return [*sections, _left_out(report)]


def _when(archive: ArchiveSize) -> str:
    if archive.load == "import":
        return f"before an import of {_modules(archive.imports)}"
    kernels = f" ({', '.join(archive.kernels)})" if archive.kernels else ""
    return WHEN.get(archive.load, archive.load) + kernels


def _modules(names: Sequence[str]) -> str:
    """Modules by the packages that they are of, those with most of them first."""
    counts = Counter(name.partition(".")[0] for name in names)
    found = sorted(counts, key=lambda name: (-counts[name], name))
    words = [name if counts[name] == 1 and name in names else f"{name} (modules: {counts[name]})" for name in found]
    more = len(words) - _SHOWN_MODULES
    return ", ".join(words[:_SHOWN_MODULES]) + (f" and {more} more" if more > 0 else "")


def _left_out(report: SizeReport) -> str:
    if report.filtered is None:
        return _section("Left out by filters", "Not known: a pack does not tell what is not in it.", "")
    rows = [(rule.rule, rule.reason, str(rule.files), size_text(rule.size)) for rule in report.filtered]
    return _section(
        "Left out by filters", "" if rows else "Nothing.", _table(("rule", "why", "*files", "*bytes"), rows)
    )


def _changes(difference: Difference) -> str:
    asked = [f"asked for: {spec}" for spec in difference.asked]
    asked += [f"no longer asked for: {spec}" for spec in difference.dropped]
    figures = [
        (measure.what, *texts)
        for measure in shown_measures(difference)
        if (texts := measure_texts(measure)) is not None
    ]
    packages = [
        (_fate(change), change.name, from_to(change), change_text(change.change)) for change in difference.packages
    ]
    resized = [("another size", change.name, "", change_text(change.change)) for change in difference.resized]
    body = _table(("", "*before", "*now", "*change"), figures)
    body += _table(("", "package", "", "*bytes"), [*packages, *resized], scrolled="Changed packages")
    return _section("Since the build it is compared with", "; ".join([difference.summary(), *asked]) + ".", body)


def _fate(change: PackageChange) -> str:
    return "added" if change.old is None else "removed" if change.new is None else "changed"


def _section(title: str, told: str, body: str) -> str:
    words = f'<p class="quiet">{_text(told)}</p>' if told else ""
    return f"<section><h2>{_text(title)}</h2>{words}{body}</section>"


class _Code(str):
    """A cell that is shown as code."""

    __slots__ = ()


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, scrolled: str = "") -> str:
    """A table; a column is of figures when its head begins with ``*``."""
    lines = [
        "".join(_cell(cell, figure=name.startswith("*")) for name, cell in zip(head, row, strict=True)) for row in rows
    ]
    if not lines:
        return ""
    heads = "".join(
        f'<th scope="col"{_FIGURE if name.startswith("*") else ""}>{_text(name.removeprefix("*"))}</th>'
        for name in head
    )
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>\n{body}\n</tbody></table>"
    if not scrolled:
        return table
    return f'<div class="scrolled" tabindex="0" role="region" aria-label="{_text(scrolled)}">{table}</div>'


def _cell(cell: str, *, figure: bool) -> str:
    inner = f"<code>{_text(cell)}</code>" if isinstance(cell, _Code) else _text(cell)
    return f"<td{_FIGURE if figure else ''}>{inner}</td>"


def _data(report: SizeReport) -> dict[str, Any]:
    """What the treemap is drawn from: a file is [name, size, packed, load], a folder [name, what lies in it]."""
    if report.kind == "lock":
        packages: list[Any] = [
            [in_line(package.name), package.download or 0, package.download or 0, _LOADS.index("demand")]
            for package in report.packages
        ]
        return {"name": in_line(report.name), "kind": report.kind, "packages": packages}
    by_package: dict[str, dict[str, Any]] = {}
    for file in report.files:
        *folders, name = file.path.split("/")
        if len(folders) > _MAX_FOLDERS:
            folders, name = folders[:_MAX_FOLDERS], "/".join([*folders[_MAX_FOLDERS:], name])
        node = by_package.setdefault(file.package or _NO_PACKAGE, {})
        for folder in folders:
            inner = node.setdefault(f"{folder}/", {})
            node = inner
        node[name] = [file.size, file.packed, _load(report, file)]
    return {
        "name": in_line(report.name),
        "kind": report.kind,
        "packages": [[in_line(name), _inside(by_package[name])] for name in sorted(by_package)],
    }


def _inside(folder: dict[str, Any]) -> list[Any]:
    """What lies in a folder; one that holds nothing but another folder is put together with it."""
    inside: list[Any] = []
    for name, what in sorted(folder.items()):
        if isinstance(what, list):
            inside.append([in_line(name), *what])
            continue
        path, inner = name, what
        while len(inner) == 1 and isinstance(deeper := next(iter(inner.values())), dict):
            path, inner = path + next(iter(inner)), deeper
        inside.append([in_line(path.removesuffix("/")), _inside(inner)])
    return inside


def _load(report: SizeReport, file: FileSize) -> int:
    load = "own" if file.archive is None else report.archives[file.archive].load
    return _LOADS.index(load) if load in _LOADS else _LOADS.index("demand")
