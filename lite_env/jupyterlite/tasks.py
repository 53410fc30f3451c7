"""What a build has to do for its kernels: tasks as values, each with the files that it reads and writes.

::

    environment.yml ─lock▶ conda-lock.yml ─pack▶ .cache/lite-env/packs/…/manifest.json ─site▶ _output/lite-env/…

A task runs again when a file that it reads has changed, one that it writes is gone, or its `Task.state` is another.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lite_env.errors import LiteEnvError
from lite_env.store.digest import sha256_of_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lite_env.jupyterlite.settings import AddonSettings, Source

ROOT = "lite-env"
"""The folder of the site that is ours, and that of JupyterLite's cache."""

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Workplace:
    """Where a build works.

    Attributes:
        lite_dir: what the site is made of.
        output: the site.
        cache: what is kept from one build to the next.
        made_by: version of lite_env, and digest of its runtime's sources.
        has_node: whether kernels can be started here, to be traced and compiled for.
        lab_folders: where JupyterLite itself takes lab extensions from, each with a name for people; the last wins.
        sourcemaps: whether the site has source maps.
        contents: files of the site that JupyterLite makes of its contents.
    """

    lite_dir: Path
    output: Path
    cache: Path
    made_by: str
    has_node: bool
    lab_folders: tuple[tuple[str, Path], ...] = ()
    sourcemaps: bool = True
    contents: tuple[Path, ...] = ()

    @property
    def files(self) -> Path:
        """The folder of the site's contents."""
        return self.output / "files"

    @property
    def xeus_record(self) -> Path:
        """Names the environments that the last build wrote for jupyterlite-xeus; there is none where it wrote none."""
        return self.cache / ROOT / "xeus.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """One environment of the site: what it is made from, and where its pack lies.

    Attributes:
        source: of it.
        lock: beside an environment file; None for other sources.
        pack: folder of the pack.
        told: what was said while it was packed.
    """

    source: Source
    lock: Path | None
    pack: Path
    told: Path

    @property
    def manifest(self) -> Path:
        """Of the pack; it is written last."""
        return self.pack / "manifest.json"

    @property
    def locks(self) -> tuple[Path, ...]:
        """What it is packed from, if that is a lock: its channels and indexes are not all in the manifest."""
        return (self.lock,) if self.lock else (self.source.path,) if self.source.kind == "lock file" else ()

    @property
    def lab(self) -> Path:
        """Folder of the lab extensions that its packages bring."""
        return self.pack.with_name(f"{self.pack.name}.lab")

    @property
    def collected(self) -> Path:
        """Says of which packages they are."""
        return self.lab / "collected.txt"


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


def environments_of(settings: AddonSettings, place: Workplace) -> tuple[Environment, ...]:
    """The environments of the site, each with a folder of its own in the cache."""
    return tuple(_environment(source, place) for source in settings.sources)


def _environment(source: Source, place: Workplace) -> Environment:
    from lite_env.lock.file import lock_path  # noqa: PLC0415 - it takes a while, and not every build has environments

    name = f"{_UNFIT.sub('-', source.label)[-40:]}-{sha256_of_bytes(source.label.encode())[:8]}"
    packs = place.cache / ROOT / "packs"
    return Environment(
        source=source,
        lock=lock_path(source.path) if source.kind == "environment file" else None,
        pack=packs / name,
        told=packs / f"{name}.told.json",
    )


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
            **_pip_state(source.path),
        },
        fixed=lock,
    )


def _pack_task(settings: AddonSettings, environment: Environment, place: Workplace) -> Task:
    source = environment.source
    profile = settings.profiles.get(source.label)
    state: dict[str, Any] = {"made by": place.made_by, "node": place.has_node, "source maps": place.sourcemaps}
    reads = [*settings.filters, *([profile] if profile else []), *_inputs(environment, state)]
    reads += _mounted(settings, place, state)
    return Task(
        name=f"pack:{source.label}",
        doc=f"pack {source.label} for the browser",
        action="pack",
        environment=environment,
        reads=tuple(dict.fromkeys(reads)),
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
            "lab extensions": _lab_extensions_of(place),
            "pip index": settings.pip_index,
            "prefetch": settings.prefetch,
            "warnings": settings.warnings,
            "made by": place.made_by,
        },
    )


def _xeus_task(settings: AddonSettings, environments: tuple[Environment, ...], place: Workplace) -> Task:
    state: dict[str, Any] = {"made by": place.made_by}
    reads = [path for environment in environments for path in _inputs(environment, state)]
    reads += _mounted(settings, place, state)
    return Task(
        name="xeus",
        doc="write the environments for jupyterlite-xeus",
        action="xeus",
        reads=tuple(dict.fromkeys(reads)),
        writes=(place.output / "xeus" / "kernels.json",),
        state=state,
    )


def _inputs(environment: Environment, state: dict[str, Any]) -> list[Path]:
    """The files that decide about a pack; of an installed environment its state stands for them."""
    source = environment.source
    if source.kind == "installed environment":
        state[source.label] = _state_of(source.path)
        return []
    return [environment.lock or source.path, *_beside(source.path.parent)]


def _mounted(settings: AddonSettings, place: Workplace, state: dict[str, Any]) -> list[Path]:
    """The files that are mounted; which there are, and which of them are links, is of the state."""
    found: list[Path] = []
    for mount in settings.mounts:
        from lite_env.pack.mounts import list_mount  # noqa: PLC0415 - see `_environment`

        listed: list[list[object]] = []
        # What is wrong there is told when it is packed.
        with suppress(LiteEnvError):
            mounted = list_mount(mount)
            listed = [[file.path, file.link, file.executable] for file in mounted.files]
            found += [mounted.sources[file.path] for file in mounted.files if file.link is None]
        state[f"mount {mount.target}"] = [str(mount.source), listed]
    if settings.mount_contents:
        found += place.contents
        state["contents"] = sorted(str(path) for path in place.contents)
    return found


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


def _lab_extensions_of(place: Workplace) -> list[list[str]]:
    """What JupyterLite brings itself, to which environments' are compared."""
    from lite_env.site.lab_extensions import lab_extensions  # noqa: PLC0415 - see `_environment`

    return [
        [origin, extension.name, extension.version]
        for origin, folder in place.lab_folders
        for extension in lab_extensions(folder, origin, tolerant=True)
    ]


def _beside(folder: Path) -> list[Path]:
    """Files beside an environment file that decide about its pack: settings, and programs that are traced."""
    from lite_env.spec.settings import PROJECT_FILE, read_project_workloads  # noqa: PLC0415 - see `_environment`

    found = [folder / PROJECT_FILE] if (folder / PROJECT_FILE).is_file() else []
    # What is wrong there is told when it is packed.
    with suppress(LiteEnvError, OSError):
        found += read_project_workloads(folder)
    return found


def _pip_state(environment: Path) -> dict[str, Any]:
    """What a pip section means: the wheels and projects that it names may change while the file stays as it is."""
    from lite_env.lock.pip_answer import pip_meaning  # noqa: PLC0415 - see `_environment`
    from lite_env.spec.environment import read_environment  # noqa: PLC0415

    # What is wrong there is told when it is locked.
    with suppress(LiteEnvError, OSError):
        section = read_environment(environment).pip
        return {"pip": pip_meaning(section)} if section is not None else {}
    return {}


def _state_of(prefix: Path) -> str:
    from lite_env.prefix.fingerprint import fingerprint  # noqa: PLC0415 - see `_environment`

    try:
        return fingerprint(prefix)
    except (LiteEnvError, OSError):
        # As with files beside: it is told when it is packed.
        return ""
