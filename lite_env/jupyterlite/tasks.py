"""What a build has to do for its kernels: tasks as values, each with the files that it reads and writes.

::

    environment.yml ─lock▶ conda-lock.yml ─pack▶ .cache/lite-env/packs/…/manifest.json ─site▶ _output/lite-env/…

A task runs again when a file that it reads has changed, one that it writes is gone, or its `Task.state` is another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lite_env.jupyterlite.decisive import extension_state, inputs_of, pip_state
from lite_env.jupyterlite.places import ROOT, environments_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lite_env.jupyterlite.places import Environment, Workplace
    from lite_env.jupyterlite.settings import AddonSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One task.

    Attributes:
        name: unique among the addon's.
        doc: what it does.
        action: which function does it, see `lite_env.jupyterlite.work`.
        environment: for which environment; None for the site as a whole.
        reads: files; when one of them changes, the task runs again.
        writes: files.
        state: JSON values; when they are others than at the last run, the task runs again.
        fixed: a file that the task writes and others may write too: when it is not as the task left it, it runs again.
    """

    name: str
    doc: str
    action: Literal[
        "lock", "pack", "site", "xeus", "isolate", "clean", "clean xeus", "default kernel", "check site", "check lock"
    ]
    environment: Environment | None = None
    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    state: Mapping[str, Any] = field(default_factory=dict)
    fixed: Path | None = None


def tasks_of(settings: AddonSettings, place: Workplace) -> Iterator[Task]:
    """The tasks of a build, in their order; none where there is no environment and was none."""
    environments = environments_of(settings, place)
    for environment in environments:
        if environment.lock is not None:
            yield _lock_task(settings, environment, environment.lock, place)
        if settings.layout == "native":
            yield _pack_task(settings, environment, place)
    if environments and settings.layout == "native":
        yield _site_task(settings, environments, place)
    elif environments:
        yield _xeus_task(settings, environments, place)
    yield from _isolation_tasks(settings, place)
    if not environments and (place.output / ROOT).is_dir():
        yield Task(name="clean", doc="remove the kernels of an earlier build", action="clean")
    if not (environments and settings.layout == "xeus") and place.xeus_record.is_file():
        yield Task(name="clean-xeus", doc="remove what was for jupyterlite-xeus", action="clean xeus")


def last_tasks_of(settings: AddonSettings) -> Iterator[Task]:
    """What is left when all addons have put theirs into the site."""
    if settings.sources and settings.layout == "native":
        yield Task(name="default-kernel", doc="name the site's default kernel", action="default kernel")


def checks_of(settings: AddonSettings, place: Workplace) -> Iterator[Task]:
    """What `jupyter lite check` does."""
    for environment in environments_of(settings, place):
        if environment.lock is not None:
            label = environment.source.label
            yield Task(
                name=f"lock:{label}",
                doc=f"whether the lock of {label} answers it",
                action="check lock",
                environment=environment,
            )
    if settings.sources and settings.layout == "native":
        yield Task(name="site", doc="whether the site's kernels are as they were built", action="check site")


def _lock_task(settings: AddonSettings, environment: Environment, lock: Path, place: Workplace) -> Task:
    source = environment.source
    return Task(
        name=f"lock:{source.label}",
        doc=f"lock the packages of {source.label}",
        action="lock",
        environment=environment,
        reads=(source.path,),
        writes=(lock,),
        state={
            "channels": [*settings.channels, "or", *settings.default_channels],
            "locked": settings.locked,
            "made by": place.made_by,
            **pip_state(source.path),
        },
        fixed=lock,
    )


def _pack_task(settings: AddonSettings, environment: Environment, place: Workplace) -> Task:
    source = environment.source
    profile = settings.profiles.get(source.label)
    state: dict[str, Any] = {"made by": place.made_by, "node": place.has_node, "source maps": place.sourcemaps}
    state["snapshot"] = settings.snapshot
    reads = inputs_of(settings, (environment,), place, state)
    return Task(
        name=f"pack:{source.label}",
        doc=f"pack {source.label} for the browser",
        action="pack",
        environment=environment,
        reads=(*reads, profile) if profile else reads,
        writes=(environment.manifest, environment.told, environment.collected),
        state=state,
    )


def _site_task(settings: AddonSettings, environments: tuple[Environment, ...], place: Workplace) -> Task:
    from lite_env.site.extension import PACKAGE  # noqa: PLC0415 - see `_environment`
    from lite_env.site.lite_kernels import SITE_FILE  # noqa: PLC0415

    return Task(
        name="site",
        doc="put the kernels of all environments into the site",
        action="site",
        reads=tuple(
            path
            for environment in environments
            for path in (environment.manifest, environment.told, environment.collected, *environment.locks)
        ),
        writes=(place.output / ROOT / SITE_FILE, place.output / "extensions" / PACKAGE / "package.json"),
        state={
            "default kernel": settings.default_kernel,
            "isolate": settings.isolate,
            "keep": settings.keep,
            "lab extensions": extension_state(place),
            "pip index": settings.pip_index,
            "prefetch": settings.prefetch,
            "snapshots": settings.snapshots,
            "previous": settings.previous,
            "warnings": settings.warnings,
            "made by": place.made_by,
        },
    )


def _xeus_task(settings: AddonSettings, environments: tuple[Environment, ...], place: Workplace) -> Task:
    state: dict[str, Any] = {
        "lab extensions": extension_state(place),
        "made by": place.made_by,
        "source maps": place.sourcemaps,
    }
    return Task(
        name="xeus",
        doc="write the environments for jupyterlite-xeus",
        action="xeus",
        reads=inputs_of(settings, environments, place, state),
        writes=(place.output / "xeus" / "kernels.json",),
        state=state,
    )


def _isolation_tasks(settings: AddonSettings, place: Workplace) -> Iterator[Task]:
    """Change JupyterLite's service worker where that is asked for, and change it back where it is no more."""
    from lite_env.site.isolation import SERVICE_WORKER, is_isolating  # noqa: PLC0415 - see `_environment`

    worker = place.output / SERVICE_WORKER
    isolate = settings.isolate and bool(settings.sources)
    if isolate or (worker.is_file() and is_isolating(worker.read_bytes())):
        yield Task(
            name="isolate",
            doc="make pages cross-origin isolated by the service worker" if isolate else "isolate pages no more",
            action="isolate",
            state={"isolate": isolate, "made by": place.made_by},
            fixed=worker,
        )
