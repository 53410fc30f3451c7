"""A site's plan as an answer: JSON values, lines, one line of figures."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from lite_env.site.plan import SitePlan

_MEGABYTE = 1_000_000


def plan_as_json(plan: SitePlan) -> dict[str, Any]:
    """The plan as JSON values; sizes in bytes."""
    return {
        "build": plan.record.build,
        "carried": [file.path for file in plan.leaving.carried],
        "environments": list(plan.environments),
        "files": [
            {"path": file.path, "sha256": file.sha256, "size": file.size, "kept": file.path in plan.kept}
            for file in plan.files
        ],
        "old": [
            {
                "path": file.path,
                "sha256": file.sha256,
                "size": file.size,
                "since": time_text(file.since),
                "until": time_text(file.until),
            }
            for file in plan.leaving.files
        ],
        "output": str(plan.output),
        "removed": list(plan.stale),
        "size": plan.size,
    }


def plan_lines(plan: SitePlan) -> list[str]:
    """What would be done, a line a file."""
    lines = [
        f"{'keep ' if file.path in plan.kept else 'write'} {file.size / _MEGABYTE:8.2f} MB  {file.path}"
        for file in plan.files
    ]
    carried = {file.path for file in plan.leaving.carried}
    lines += [
        f"{'carry' if file.path in carried else 'stay '} {file.size / _MEGABYTE:8.2f} MB  {file.path}"
        f"  until {time_text(file.until)}"
        for file in plan.leaving.files
    ]
    return [*lines, *(f"remove            {path}" for path in plan.stale)]


def summary(plan: SitePlan) -> str:
    """The closing line of figures; sizes in MB of 10**6 bytes."""
    written = sum(file.size for file in plan.to_write)
    old = plan.leaving.files
    stay = (
        f"; {len(old)} of earlier builds ({sum(file.size for file in old) / _MEGABYTE:.1f} MB) stay until "
        f"{time_text(max(file.until for file in old))} at the latest"
        if old
        else ""
    )
    return (
        f"{', '.join(plan.environments)}: {len(plan.files)} files, {plan.size / _MEGABYTE:.1f} MB; "
        f"{len(plan.to_write)} new ({written / _MEGABYTE:.1f} MB), {len(plan.kept)} kept, {len(plan.stale)} removed"
        + stay
    )


def time_text(moment: datetime) -> str:
    """A time in UTC, as RFC 3339 writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
