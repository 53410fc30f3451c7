"""What every benchmark needs: where they work, what they say, medians, and a description of the machine."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lite_env.host.find import find_chromium
from lite_env.store.atomic import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parent.parent
WORK = ROOT / ".build" / "bench"
"""Everything that is fetched or made; may be deleted at any time."""


def say(text: str) -> None:
    """Tell progress, on stderr, with the time of day."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def median(values: Sequence[float]) -> float | None:
    """The median; None of nothing."""
    return statistics.median(values) if values else None


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """Write sorted, readable JSON."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; every column but the first is aligned to the right."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows)) + "\n"


def machine() -> dict[str, str | int | None]:
    """What the figures were taken on; no name of the machine."""
    return {
        "cores": os.cpu_count(),
        "memory_gb": _memory_gb(),
        "processor": _processor(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }


def load_average() -> float | None:
    """Of the last minute: other work on the machine makes figures worse; None where the system does not tell."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def commit() -> str:
    """What was measured; with a plus sign when the work tree differed from it."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "lite_env", "channels")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+" if changed else "")


def browser() -> str:
    """The browser that visits are made with, as it names itself."""
    command = [str(find_chromium()), "--version"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def about_visits(rounds: int, seconds: float) -> dict[str, Any]:
    """What `conditions` tells of a run in the browser, and of which code it was."""
    return {
        "browser": browser(),
        "commit": commit(),
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "rounds": rounds,
        "seconds": round(seconds),
    }


def conditions(about: Mapping[str, Any]) -> str:
    """On what, how often and for how long was measured, of what a run tells of itself."""
    computer = about["machine"]
    return (
        f"{computer['cores']} cores of {computer['processor']}, {computer['system']}; medians of {about['rounds']} "
        f"rounds in turns (least-most), {about['seconds'] / 60:.0f} minutes"
    )


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is being done, and how long it took when it is worth saying."""
    say(what)
    begin = time.perf_counter()
    yield
    seconds = time.perf_counter() - begin
    if seconds > 1:
        say(f"  took {seconds:.1f} s")


def _memory_gb() -> int | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)
    except (AttributeError, ValueError, OSError):
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
