"""What `jupyter lite status` says of the environments of a site; no file is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lite_env.jupyterlite.places import Environment
    from lite_env.jupyterlite.settings import AddonSettings


def status_lines(settings: AddonSettings, environments: Sequence[Environment]) -> Iterator[str]:
    """A line an environment, and one of what is not as usual."""
    if not environments:
        yield "environments: none"
    for environment in environments:
        source = environment.source
        parts: list[str] = [source.kind]
        if environment.lock is not None:
            parts.append(f"{environment.lock.name}{'' if environment.lock.is_file() else ' is to be made'}")
        parts.append("packed" if environment.manifest.is_file() else "not packed yet")
        yield f"environment: {source.label} ({', '.join(parts)})"
    unusual = {
        "channels": " ".join(settings.channels),
        "default kernel": settings.default_kernel or "",
        "isolate": "yes" if settings.isolate else "",
        "layout": "" if settings.layout == "native" else settings.layout,
        "locked": "yes" if settings.locked else "",
        "offline": "yes" if settings.offline else "",
        "prefetch": "" if settings.prefetch == "none" else settings.prefetch,
        "snapshots": "" if settings.snapshots else "no",
        "snapshot": "yes" if settings.snapshot else "",
    }
    yield from (f"{name}: {value}" for name, value in unusual.items() if value and environments)
