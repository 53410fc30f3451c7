"""Answers as plain text: what is in a lock or a pack, what it weighs, what changed."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from lite_env.report.table import change_text, columns, in_line, requests_text, size_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lite_env.report.difference import Difference, Measure, PackageChange
    from lite_env.report.model import ArchiveSize, KernelBoot, SizeReport
    from lite_env.report.subject import Subject, SubjectPackage

SHOWN_FILES = 20
"""Of the largest files."""
SHOWN_SIZES = 10
"""Of the packages whose size changed."""

_DIGEST = re.compile(r"([0-9a-f]{12})[0-9a-f]{52}")
_NONE = "\N{EN DASH}"

WHAT = {
    "manifest": "manifest",
    "index": "index of files",
    "interpreter": "files of the interpreter",
    "kernel": "files of the kernel",
    "snapshot": "copy of the started kernel",
    "restore": "libraries of the copy",
}
"""What is loaded at a start, for people; a kernel's own files are called by their role."""

WHEN = {
    "interpreter": "before the first cell, for the interpreter",
    "kernel": "before the first cell, for the kernel",
    "import": "before an import of a traced module",
    "demand": "when one of its files is opened",
}
"""When an archive is loaded, for people."""


def list_lines(subject: Subject, report: SizeReport) -> list[str]:
    """All packages, a line each, and their sums."""
    packed = subject.kind == "pack"
    head = ("name", "version", "build", "from", *(("files", "size", "packed") if packed else ("size",)))
    rows = [head]
    for package, sizes in zip(subject.packages, report.packages, strict=True):
        figures = (str(sizes.files), size_text(sizes.size), size_text(sizes.packed)) if packed else ()
        rows.append(
            (package.name, package.version, package.build, origin(package), *(figures or (size_text(package.size),)))
        )
    return [*columns(rows, "<<<<" + ">" * (len(head) - 4)), "", sums(report)]


def listed(subject: Subject, report: SizeReport) -> dict[str, Any]:
    """The packages as JSON values; sizes in bytes, null where they are not known."""
    packages = [
        {
            "name": package.name,
            "version": package.version,
            "build": package.build,
            "subdir": package.subdir,
            "file_name": package.file_name,
            "manager": package.manager,
            "channel": package.channel,
            "url": package.url,
            "sha256": package.sha256,
            "license": package.license,
            "download": sizes.download,
            "files": sizes.files,
            "size": sizes.size,
            "packed": sizes.packed,
        }
        for package, sizes in zip(subject.packages, report.packages, strict=True)
    ]
    return {
        "kind": subject.kind,
        "name": subject.name,
        "platform": subject.platform,
        "lock_digest": subject.digest,
        "requested": [root.spec for root in subject.roots],
        "packages": packages,
        "download": report.download,
        "size": report.size,
        "packed": report.packed,
    }


def origin(package: SubjectPackage) -> str:
    """Where a package comes from, in a word: its channel's last part, or what kind of package it is."""
    if package.manager == "wheel":
        return "wheel" if package.source in (None, "index") else f"wheel ({package.source})"
    return (package.channel or "").rstrip("/").rpartition("/")[2] or "conda"


def sums(report: SizeReport) -> str:
    """One line of figures."""
    wheels = sum(package.manager == "wheel" for package in report.packages)
    parts = [f"{len(report.packages)} packages" + (f" ({wheels} wheels)" if wheels else "")]
    if report.kind == "lock":
        return f"{parts[0]}, {size_text(report.download)} to download"
    return f"{parts[0]}, {len(report.files)} files, {size_text(report.size)}; {size_text(report.packed)} packed"


def report_lines(report: SizeReport, difference: Difference | None = None) -> list[str]:
    """The whole size report."""
    lines = [f"{in_line(report.name)} ({report.kind}): {sums(report)}"]
    if difference is not None:
        lines += ["", "since then", *indented(diff_lines(difference))]
    if report.kind == "lock":
        rows = [(package.name, package.version, size_text(package.download)) for package in report.by_size]
        return [*lines, "", "packages, by the size of their files", *indented(columns(rows, "<<>"))]
    for kernel in report.kernels:
        rows = [(size_text(file.size), WHAT.get(file.what, file.what), short(file.path)) for file in kernel.files]
        lines += ["", f"before the first cell of {in_line(kernel.name)}: {boot_text(kernel)}"]
        lines += indented(columns(rows, "><<"))
    if report.imports:
        lines += ["", "what imports load after that, at most", *indented(_import_table(report))]
    lines += ["", "packages", *indented(_package_table(report))]
    files = [
        (size_text(file.packed), size_text(file.size), file.package or "", file.path)
        for file in report.largest(SHOWN_FILES)
    ]
    lines += [
        "",
        "largest files",
        *indented(columns([("packed", "size", "package", "path"), *files], ">><<")),
    ]
    lines += ["", "archives", *indented(_archive_table(report))]
    return [*lines, "", *filtered_lines(report)]


def boot_text(kernel: KernelBoot) -> str:
    """What the start of a kernel loads: ``5.80 MB in 6 requests``."""
    text = f"{size_text(kernel.size)} in {requests_text(len(kernel.files))}"
    return text if kernel.traced else f"at least {text}; what it opens besides was not traced"


def short(path: str) -> str:
    """A path whose digest is cut, as people tell digests apart."""
    return _DIGEST.sub("\\1…", path)


def filtered_lines(report: SizeReport) -> list[str]:
    """What was left out, a line a rule."""
    if report.filtered is None:
        return ["left out by filters: not known; `lite-env pack --json` tells it, and --packed FILE shows it here"]
    rows = [(size_text(rule.size), f"{rule.files} files", rule.rule, rule.reason) for rule in report.filtered]
    return ["left out by filters", *indented(columns(rows, ">><<"))] if rows else ["nothing left out"]


def _package_table(report: SizeReport) -> list[str]:
    rows = [("packed", "before the first cell", "size", "files", "package")]
    rows += [
        (
            size_text(package.packed),
            size_text(package.boot),
            size_text(package.size),
            str(package.files),
            f"{package.name} {package.version}",
        )
        for package in report.by_size
    ]
    return columns(rows, ">>>><")


def _import_table(report: SizeReport) -> Iterator[str]:
    whole = [cost for cost in report.imports if "." not in cost.module]
    rows = [(size_text(cost.packed), requests_text(cost.requests), cost.module) for cost in whole]
    yield from columns(rows, ">><") if rows else []
    if len(whole) < len(report.imports):
        yield f"{len(report.imports) - len(whole)} submodules load further archives: --format json tells them"


def _archive_table(report: SizeReport) -> list[str]:
    groups: dict[str, list[ArchiveSize]] = defaultdict(list)
    for archive in report.archives:
        groups[archive.load].append(archive)
    rows = [("packed", "size", "archives", "loaded")]
    rows += [
        (
            size_text(sum(archive.packed for archive in group)),
            size_text(sum(archive.size for archive in group)),
            str(len(group)),
            WHEN.get(load, load),
        )
        for load, group in groups.items()
    ]
    return columns(rows, ">>><")


def diff_lines(difference: Difference) -> list[str]:
    """What changed, a line a package, and the figures of the whole."""
    lines = [f"asked for: {in_line(spec)}" for spec in difference.asked]
    lines += [f"no longer asked for: {in_line(spec)}" for spec in difference.dropped]
    known = difference.old.kind == difference.new.kind
    rows = [(*_words(change), change_text(change.change) if known else "") for change in difference.packages]
    lines += columns(rows, "<<<>") if rows else []
    parts = [lines]
    if difference.resized:
        shown = [(change.name, change_text(change.change)) for change in difference.resized[:SHOWN_SIZES]]
        head = "packages of another size:" if rows else "the same packages, of another size:"
        parts.append([head, *indented(columns(shown, "<>")), *_more(difference.resized, SHOWN_SIZES)])
    figures = [row for measure in shown_measures(difference) if (row := _figure(measure))]
    parts.append(columns(figures, "<><>>") if figures else [])
    if difference.archives:
        size = size_text(sum(archive.packed for archive in difference.archives))
        parts.append([f"{len(difference.archives)} archives are new, {size} that a returning visitor may load"])
    parts.append([difference.summary()])
    return [line for number, part in enumerate(filter(None, parts)) for line in ([""] * (number > 0) + part)]


def from_to(change: PackageChange) -> str:
    """What became of a package: its version and build now, or both of before and now where they differ."""
    old, new = change.old, change.new
    if old is None or new is None:
        only = new or old
        return f"{only.version} {only.build}" if only is not None else ""
    if old.version != new.version:
        return f"{old.version} → {new.version}"
    if old.build != new.build:
        return f"{old.version} {old.build} → {new.build}"
    if old.file_name != new.file_name or old.subdir != new.subdir:
        return f"{old.subdir}/{old.file_name} → {new.subdir}/{new.file_name}"
    return f"{new.version} {new.build}: built anew, {(old.sha256 or '')[:8]} → {(new.sha256 or '')[:8]}"


def shown_measures(difference: Difference) -> tuple[Measure, ...]:
    """The figures that people are shown: of the imports those that both have, the largest changes first."""
    known = [measure for measure in difference.imports if measure.change is not None]
    known.sort(key=lambda measure: (-abs(measure.change or 0), measure.what))
    return (*difference.measures, *known[:SHOWN_SIZES])


def measure_texts(measure: Measure) -> tuple[str, str, str] | None:
    """Before, after and the change between, for people; None where nothing changed."""
    if measure.old == measure.new:
        return None
    if measure.unit == "B":
        old, new = (_NONE if each is None else size_text(each) for each in (measure.old, measure.new))
        return old, new, "" if measure.change is None else change_text(measure.change)
    old, new = (_NONE if each is None else str(each) for each in (measure.old, measure.new))
    return old, new, "" if measure.change is None else f"{measure.change:+d}".replace("-", "\N{MINUS SIGN}")


def indented(lines: Iterable[str]) -> list[str]:
    """Lines two blanks to the right."""
    return [f"  {line}".rstrip() for line in lines]


def _words(change: PackageChange) -> tuple[str, str, str]:
    sign = "+" if change.old is None else "-" if change.new is None else "~"
    return sign, change.name, from_to(change)


def _figure(measure: Measure) -> tuple[str, str, str, str, str] | None:
    texts = measure_texts(measure)
    return (measure.what, texts[0], "→", texts[1], texts[2]) if texts is not None else None


def _more(items: Sequence[object], shown: int) -> Iterator[str]:
    if len(items) > shown:
        yield f"  and {len(items) - shown} more"
