"""What decides about a task besides its settings, looked up when the tasks are made.

What is wrong there is told when the task is done, and not here. Every command of JupyterLite comes by: what takes a
while to import is imported where there is something to look at.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lite_env.errors import LiteEnvError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lite_env.jupyterlite.places import Environment, Workplace
    from lite_env.jupyterlite.settings import AddonSettings
    from lite_env.site.lab_extensions import LabExtension


def inputs_of(
    settings: AddonSettings, environments: Sequence[Environment], place: Workplace, state: dict[str, Any]
) -> tuple[Path, ...]:
    """The files that decide about packs; of an installed environment its state stands for them."""
    reads = [*settings.filters]
    for environment in environments:
        source = environment.source
        if source.kind == "installed environment":
            state[source.label] = _state_of(source.path)
        else:
            reads += [*environment.locks, *_beside(source.path.parent)]
    return tuple(dict.fromkeys((*reads, *_mounted(settings, place, state))))


def site_extensions(place: Workplace) -> tuple[LabExtension, ...]:
    """What JupyterLite itself puts into the site, the last of a name winning; environments' are compared to it."""
    from lite_env.site.lab_extensions import lab_extensions  # noqa: PLC0415 - slow

    return tuple(
        extension for origin, folder in place.lab_folders for extension in lab_extensions(folder, origin, tolerant=True)
    )


def extension_state(place: Workplace) -> list[list[str]]:
    """What decides about environments' extensions besides these: those that are there without them."""
    return [[found.origin, found.name, found.version] for found in site_extensions(place)]


def pip_state(environment: Path) -> dict[str, Any]:
    """What a pip section means: the wheels and projects that it names may change while the file stays as it is."""
    from lite_env.lock.pip_answer import pip_meaning  # noqa: PLC0415 - slow
    from lite_env.spec.environment import read_environment  # noqa: PLC0415 - slow

    with suppress(LiteEnvError, OSError):
        section = read_environment(environment).pip
        return {"pip": pip_meaning(section)} if section is not None else {}
    return {}


def _mounted(settings: AddonSettings, place: Workplace, state: dict[str, Any]) -> list[Path]:
    """The files that are mounted; which there are, and which of them are links, is of the state."""
    found: list[Path] = []
    for mount in settings.mounts:
        from lite_env.pack.mounts import list_mount  # noqa: PLC0415 - slow

        listed: list[list[object]] = []
        with suppress(LiteEnvError):
            mounted = list_mount(mount)
            listed = [[file.path, file.link, file.executable] for file in mounted.files]
            found += [mounted.sources[file.path] for file in mounted.files if file.link is None]
        state[f"mount {mount.target}"] = [str(mount.source), listed]
    if settings.mount_contents:
        found += place.contents
        state["contents"] = sorted(str(path) for path in place.contents)
    return found


def _beside(folder: Path) -> list[Path]:
    """Files beside an environment file that decide about its pack: settings, and programs that are traced."""
    from lite_env.spec.settings import PROJECT_FILE, read_project_workloads  # noqa: PLC0415 - slow

    found = [folder / PROJECT_FILE] if (folder / PROJECT_FILE).is_file() else []
    with suppress(LiteEnvError, OSError):
        found += read_project_workloads(folder)
    return found


def _state_of(prefix: Path) -> str:
    from lite_env.prefix.fingerprint import fingerprint  # noqa: PLC0415 - slow

    try:
        return fingerprint(prefix)
    except (LiteEnvError, OSError):
        return ""
