"""What was written before: the report of an earlier build, and what `lite-env pack` told of the pack."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from lite_env.errors import ReportError

# msgspec reads the fields' types when an answer is read.
from lite_env.pack.selection import DroppedFile  # noqa: TC001
from lite_env.progress import SILENT
from lite_env.report.model import FORMAT, Filtered, SizeReport
from lite_env.report.size import measure
from lite_env.report.subject import read_subject
from lite_env.store.protocol import FORGETFUL
from lite_env.store.refusals import refusal
from lite_env.store.text import Origin, convert, parse_json, read_bounded, shown

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.pack.manifest import Manifest
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store

_REPORT_HINT = "`lite-env report PACK --format json -o FILE` writes one"
_PACKED_HINT = "`lite-env pack … --json > FILE` writes it, with --dry-run too"


class _Archive(msgspec.Struct, frozen=True, kw_only=True):
    raw_size: int


class _Packed(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed of what ``lite-env pack --json`` prints."""

    lock_digest: str
    archives: tuple[_Archive, ...]
    dropped: tuple[DroppedFile, ...]


def read_earlier(
    path: Path,
    *,
    environment: str | None = None,
    offline: bool = False,
    store: Store = FORGETFUL,
    reporter: Reporter = SILENT,
) -> SizeReport:
    """The earlier build that `path` names: a report in JSON, or a pack or lock, which is measured.

    Args:
        path: of it.
        environment: which one of a lock of pixi; by default ``default``, or the only one.
        offline: open no connection, for an ``@EXPLICIT`` list.
        store: keeps what was fetched for one.
        reporter: told of that.

    Raises:
        ReportError: it is no report, or one of another format.
        LiteEnvError: the pack or lock cannot be read.
    """
    if path.suffix != ".json" or path.name == "manifest.json" or path.is_dir():
        subject = read_subject(path, environment=environment, offline=offline, store=store, reporter=reporter)
        return measure(subject)
    document = _read(path, "the report", _REPORT_HINT)
    version = document.get("format") if isinstance(document, dict) else None
    if not isinstance(version, str) or version.partition(".")[0] != FORMAT.partition(".")[0]:
        told = f"has the format {shown(repr(version))}" if version is not None else "does not tell its format"
        raise ReportError(f"the report {told}, and only {FORMAT} is known", hint=_REPORT_HINT, file=str(path))
    return convert(document, SizeReport, _origin(path, "the report", _REPORT_HINT))


def read_filtered(path: Path, manifest: Manifest) -> tuple[Filtered, ...]:
    """What was left out of a pack, the most bytes first, from what ``lite-env pack --json`` printed about it.

    Raises:
        ReportError: it is something else, or about another pack.
    """
    what = "what `lite-env pack --json` told"
    packed = convert(_read(path, what, _PACKED_HINT), _Packed, _origin(path, what, _PACKED_HINT))
    told = packed.lock_digest, [archive.raw_size for archive in packed.archives]
    if told != (manifest.environment.lock_digest, [archive.raw_size for archive in manifest.archives]):
        raise ReportError(
            "this was told of another pack than the one that is asked about", hint=_PACKED_HINT, file=str(path)
        )
    files: Counter[str] = Counter(file.rule for file in packed.dropped)
    sizes: Counter[str] = Counter()
    for file in packed.dropped:
        sizes[file.rule] += file.size
    reasons = {file.rule: file.reason for file in packed.dropped}
    rules = (Filtered(rule=rule, reason=reasons[rule], files=files[rule], size=sizes[rule]) for rule in files)
    return tuple(sorted(rules, key=lambda rule: (-rule.size, rule.rule)))


def _read(path: Path, what: str, hint: str) -> Any:  # noqa: ANN401 - any JSON value
    origin = _origin(path, what, hint)
    try:
        return parse_json(read_bounded(path, origin), origin)
    except OSError as error:
        raise refusal(ReportError, f"{what} cannot be read", error, file=path, absent=hint) from error


def _origin(path: Path, what: str, hint: str) -> Origin:
    return Origin(what=what, error=ReportError, file=str(path), hint=hint)
