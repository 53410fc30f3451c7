"""What the tasks of a build do; the only module of the addon that loads solver, packer and the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from lite_env.bootstrap import runtime_dir
from lite_env.errors import LockError, SiteError, SpecError
from lite_env.jupyterlite.check import check_environment, check_site
from lite_env.jupyterlite.lab import choose_extensions, collect, extension_site_files, forget, removed_at_once
from lite_env.jupyterlite.lite_json import FILE as LITE_JSON
from lite_env.jupyterlite.lite_json import named_default, read_lite_json, without_ours, write_lite_json
from lite_env.jupyterlite.places import ROOT
from lite_env.jupyterlite.reporter import LogReporter
from lite_env.jupyterlite.seen import tell_past_silence
from lite_env.jupyterlite.xeus import clean_for_xeus, write_for_xeus
from lite_env.lock.file import lock_path, read_lock
from lite_env.pack.mounts import contents_mount
from lite_env.site.build import write_site
from lite_env.site.extension import PACKAGE
from lite_env.site.isolation import SERVICE_WORKER, isolated_service_worker, plain_service_worker, read_prelude
from lite_env.site.jupyterlite import FOLDERS, RECORD_PATH, LiteSiteOptions, clear_lite_site, plan_lite_site
from lite_env.site.lite_kernels import LiteNote
from lite_env.site.lite_lock import lite_lock
from lite_env.site.previous import read_previous
from lite_env.site.summary import summary
from lite_env.spec.channels import is_path
from lite_env.spec.environment import read_environment
from lite_env.store.atomic import write_bytes
from lite_env.store.text import Origin, convert, decode_text, parse_json, read_bounded
from lite_env.store.yaml_text import compose_yaml, plain_value
from lite_env.workflow.lock import LockOptions, LockPolicy, check_lock, lock_for
from lite_env.workflow.options import PackOptions
from lite_env.workflow.pack import pack_environment
from lite_env.workflow.storage import opened_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from lite_env.jupyterlite.places import Environment, Workplace
    from lite_env.jupyterlite.reporter import Log
    from lite_env.jupyterlite.settings import AddonSettings
    from lite_env.jupyterlite.tasks import Task
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """The tasks of one build.

    Attributes:
        settings: what the site is to have.
        place: where.
        environments: of the site.
        log: JupyterLite's.
        timestamp: clamps the time of a file or folder, where builds are to be reproducible.
    """

    settings: AddonSettings
    place: Workplace
    environments: tuple[Environment, ...]
    log: Log
    timestamp: Callable[[Path], None]

    def do(self, task: Task) -> None:
        """Do one task.

        Raises:
            LiteEnvError: of whatever fails.
        """
        environment = task.environment
        if task.action == "lock" and environment is not None:
            self._lock(environment)
        elif task.action == "pack" and environment is not None:
            self._pack(environment)
        elif task.action == "check lock" and environment is not None and environment.lock is not None:
            path = environment.source.path
            self._say(check_environment(path, environment.lock, self._channels(path)))
        else:
            self._for_the_site(task)

    def _for_the_site(self, task: Task) -> None:
        action = task.action
        if action == "site":
            self._site()
        elif action == "xeus":
            self._xeus()
        elif action == "default kernel":
            self._name_default_kernel()
        elif action == "check site":
            self._say(check_site(self.place.output))
        elif action == "clean xeus":
            clean_for_xeus(self.place)
        elif action == "isolate":
            self._isolate(isolate=bool(task.state["isolate"]))
        else:
            self._clean()

    def _say(self, text: str) -> None:
        LogReporter(self.log).note(text)

    def _name_default_kernel(self) -> None:
        output = self.place.output
        write_lite_json(output, named_default(output, self.settings.default_kernel))
        self.timestamp(output / LITE_JSON)

    def _lock(self, environment: Environment) -> None:
        self._refuse_one_name()
        path = environment.source.path
        channels = self._channels(path)
        reporter = LogReporter(self.log)
        policy = LockPolicy.LOCKED if self.settings.locked else LockPolicy.UPDATE
        if policy is LockPolicy.UPDATE and (differences := _differences(path, channels)):
            reporter.warn(
                f"'{lock_path(path)}' does not answer '{environment.source.label}' any more and is brought up to date: "
                f"{differences}; `--locked` refuses that",
                passing=True,
            )
        options = LockOptions(channels=channels, offline=self.settings.offline)
        with self._store(path, reporter) as store:
            lock_for(path, policy, options=options, store=store, reporter=reporter)

    def _pack(self, environment: Environment) -> None:
        source = environment.source
        profile = self.settings.profiles.get(source.label)
        reporter = LogReporter(self.log)
        options = replace(self._options(), profile=profile)
        sourcemaps = self.place.sourcemaps
        with self._store(source.path, reporter) as store:
            packed = pack_environment(source.path, environment.pack, options, store=store, reporter=reporter)
            collect(environment, options, sourcemaps=sourcemaps, store=store, reporter=LogReporter(self.log))
        notes = [LiteNote(text=text) for text in reporter.warnings]
        write_bytes(environment.told, msgspec.json.encode(notes) + b"\n")
        size = packed.manifest.total_size / 1_000_000
        again = ", out of the cache: nothing has changed" if packed.again else ""
        reporter.note(f"packed '{packed.manifest.environment.name}': {size:.1f} MB{again}")

    def _site(self) -> None:
        notes = [LiteNote(text=text) for text in self.settings.warnings]
        for environment in self.environments:
            notes += [note for note in _told(environment) if note not in notes]
        reporter = LogReporter(self.log)
        extensions = choose_extensions(self.environments, self.place)
        for text in extensions.notes:
            reporter.warn(text)
            notes.append(LiteNote(text=text))
        options = LiteSiteOptions(
            default_kernel=self.settings.default_kernel,
            prefetch=self.settings.prefetch,
            snapshots=self.settings.snapshots,
            isolate=self.settings.isolate,
            notes=tuple(notes),
            keep=self.settings.keep,
        )
        place = self.settings.previous
        previous = read_previous(place, RECORD_PATH, FOLDERS, reporter=reporter) if place is not None else None
        packs = [environment.pack for environment in self.environments]
        plan = plan_lite_site(
            packs,
            self.place.output,
            options,
            locks=self._locks(),
            beside=tuple(extension_site_files(extensions.copied)),
            previous=previous,
            at_once=removed_at_once(self.place),
        )
        plan = write_site(plan, reporter=reporter)
        tell_past_silence(note.text for note in notes)
        forget(self.place, plan.stale)
        self.timestamp(self.place.output / ROOT)
        self.timestamp(self.place.output / "extensions" / "@lite-env")
        reporter.note(summary(plan))

    def _isolate(self, *, isolate: bool) -> None:
        path = self.place.output / SERVICE_WORKER
        if not path.is_file():
            raise SiteError(
                f"the site has no '{SERVICE_WORKER}', by which its pages would be cross-origin isolated",
                hint="leave out `LiteEnvAddon.isolate`, or build the site with JupyterLite's service worker",
                file=str(path),
            )
        before = path.read_bytes()
        after = (
            isolated_service_worker(before, read_prelude(runtime_dir())) if isolate else plain_service_worker(before)
        )
        if after != before:
            write_bytes(path, after)
            self.timestamp(path)

    def _locks(self) -> dict[str, bytes]:
        """What the site tells of locks, by environment's name."""
        reporter = LogReporter(self.log)
        with self._store(self.place.lite_dir, reporter) as store:
            # What is odd about them was told when they were packed.
            locks = [
                read_lock(path, offline=self.settings.offline, store=store)
                for environment in self.environments
                for path in environment.locks
            ]
        return {lock.name: lite_lock(lock, index=self.settings.pip_index) for lock in locks}

    def _xeus(self) -> None:
        self._clear()
        reporter = LogReporter(self.log)
        with self._store(self.place.lite_dir, reporter) as store:
            write_for_xeus(
                self.environments,
                self.place,
                self._options(),
                store=store,
                reporter=reporter,
                timestamp=self.timestamp,
            )
        tell_past_silence(reporter.warnings)

    def _store(self, source: Path, reporter: Reporter) -> AbstractContextManager[Store]:
        return opened_store(source, offline=self.settings.offline, reporter=reporter)

    def _options(self) -> PackOptions:
        mounts, files = self.settings.mounts, self.place.files
        if self.settings.mount_contents and files.is_dir():
            mounts = (*mounts, contents_mount(files))
        return PackOptions(
            filter_files=self.settings.filters,
            # The task before has seen to it.
            locking=LockPolicy.FROZEN,
            offline=self.settings.offline,
            mounts=mounts,
            snapshot=self.settings.snapshot,
        )

    def _clear(self) -> bool:
        """Take out of the site what an earlier build of ours has put into it."""
        output = self.place.output
        stale = clear_lite_site(output)
        if not stale:
            return False
        forget(self.place, stale)
        write_lite_json(output, without_ours(read_lite_json(output), PACKAGE))
        self.timestamp(output / LITE_JSON)
        return True

    def _clean(self) -> None:
        if self._clear():
            LogReporter(self.log).note("no environment is named any more: the kernels of the last build are removed")

    def _channels(self, environment: Path) -> tuple[str, ...]:
        """The channels to take in place of those that an environment file lists."""
        chosen = self.settings.channels
        if not chosen and self.settings.default_channels and not _lists_channels(environment):
            chosen = self.settings.default_channels
        base = self.place.lite_dir
        return tuple(str(base / text) if is_path(text) and not text.startswith("~") else text for text in chosen)

    def _refuse_one_name(self) -> None:
        labels: dict[str, str] = {}
        for environment in self.environments:
            if environment.lock is None:
                continue
            name = read_environment(environment.source.path).name.casefold()
            other = labels.setdefault(name, environment.source.label)
            if other != environment.source.label:
                raise SpecError(
                    f"two environments of the site have the name '{name}'",
                    hint="give one of them another `name`: kernels and folders are called by it",
                    first=other,
                    second=environment.source.label,
                )


def _differences(environment: Path, channels: tuple[str, ...]) -> str:
    """In what a lock does not answer its environment file; empty where it does, and where there is none to read."""
    if not lock_path(environment).is_file():
        return ""
    try:
        return "; ".join(check_lock(environment, channels=channels).differences)
    except LockError:
        # `lock_for` says what is to be said of it.
        return ""


def _lists_channels(environment: Path) -> bool:
    origin = Origin(what="the environment file", error=SpecError, file=str(environment))
    document: Any = plain_value(compose_yaml(decode_text(read_bounded(environment, origin), origin), origin), origin)
    return isinstance(document, dict) and bool(document.get("channels"))


def _told(environment: Environment) -> list[LiteNote]:
    origin = Origin(what="what was said of a pack", error=SpecError, file=str(environment.told))
    return list(convert(parse_json(read_bounded(environment.told, origin), origin), tuple[LiteNote, ...], origin))
