"""The folder ``xeus`` of a JupyterLite site, as jupyterlite-xeus 5.x reads it: the one place that writes it.

::

    xeus/kernels.json                       which kernels there are, of which environment
    xeus/ENV/KERNEL/kernel.json             and logos, and libraries that the kernel needs at once
    xeus/ENV/bin/NAME.js, .wasm[, .data]
    xeus/ENV/libxeus.so                     where the environment has it
    xeus/ENV/empack_env_meta.json           the packages
    xeus/ENV/kernel_packages/NAME-VERSION-BUILD.tar.gz
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lite_env.errors import PackError
from lite_env.pack.mounts import refuse_output
from lite_env.progress import SILENT
from lite_env.site.xeus_archive import archive_of
from lite_env.site.xeus_plan import META, PACKAGES, XeusEnvironment, plan_xeus
from lite_env.store.atomic import new_directory, write_bytes
from lite_env.store.protocol import FORGETFUL
from lite_env.store.removal import remove_tree
from lite_env.store.text import Origin, parse_json, read_bounded
from lite_env.workflow.environment import opened_environment

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lite_env.progress import Reporter
    from lite_env.site.xeus_plan import XeusPlan
    from lite_env.store.protocol import Store
    from lite_env.workflow.options import PackOptions

KERNELS = "kernels.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class XeusLayout:
    """What was written for one environment.

    Attributes:
        folder: of the environment.
        kernels: their names, sorted.
        packages: how many archives.
        files: how many files in them.
        raw_size: bytes of these files.
        size: bytes of all that is served.
    """

    folder: Path
    kernels: tuple[str, ...]
    packages: int
    files: int
    raw_size: int
    size: int


def pack_xeus(
    source: Path, output: Path, options: PackOptions, *, store: Store, reporter: Reporter = SILENT
) -> XeusLayout:
    """Pack `source` for jupyterlite-xeus; what is there of other environments stays.

    Args:
        source: an environment file, a lock file, an installed environment, or a folder with an environment file.
        output: the site's folder ``xeus``.
        options: how; levels, bytecode, profiles and orders are of the native layout, and nothing here.
        store: keeps what is done.
        reporter: notes, warnings and progress.

    Raises:
        LiteEnvError: of whichever step failed.
    """
    refuse_output(output, options.mounts)
    with opened_environment(source, options, store=store, reporter=reporter) as opened:
        environment = XeusEnvironment(
            name=opened.name,
            prefix=opened.prefix,
            selection=opened.selection,
            channels=opened.channels,
            origins=opened.origins,
        )
        return write_xeus(environment, output, store=store, reporter=reporter)


def write_xeus(
    environment: XeusEnvironment, output: Path, *, store: Store = FORGETFUL, reporter: Reporter = SILENT
) -> XeusLayout:
    """Write the folder of `environment` below `output`, in one step, and then its kernels into the list of all.

    Raises:
        PackError: the environment cannot be served so, or something else is in the folder's place.
    """
    plan = plan_xeus(environment)
    for warning in plan.warnings:
        reporter.warn(warning)
    target = output / plan.name
    if target.exists() and not (target / META).is_file():
        raise PackError(
            f"'{target}' is there and was not made by jupyterlite-xeus or `lite-env pack --layout xeus`",
            hint="choose another folder with -o: it is the folder 'xeus' of a site",
        )
    others = {entry for entry in _kernels(output) if entry[0] != plan.name}
    with new_directory(target) as staging:
        size = _write(plan, staging, store, reporter)
    _write_kernels(output, others | {(plan.name, name) for name in plan.kernels})
    members = [member for members in plan.archives.values() for member in members]
    return XeusLayout(
        folder=target,
        kernels=plan.kernels,
        packages=len(plan.archives),
        files=len(members),
        raw_size=sum(member.size for member in members),
        size=size,
    )


def remove_xeus(output: Path, environments: Iterable[str]) -> None:
    """Remove the folders of `environments` below `output`, and their kernels from the list; what else is there stays.

    Raises:
        PackError: the list of kernels is something else.
    """
    gone = set(environments)
    kernels = {entry for entry in _kernels(output) if entry[0] not in gone}
    for name in sorted(gone):
        if (output / name).parent == output and (output / name / META).is_file():
            remove_tree(output / name)
    if kernels:
        _write_kernels(output, kernels)
        return
    (output / KERNELS).unlink(missing_ok=True)
    with suppress(OSError):
        output.rmdir()


def _write(plan: XeusPlan, staging: Path, store: Store, reporter: Reporter) -> int:
    """Write all files of `plan`; their size in bytes."""
    for path, member in plan.files.items():
        _put(staging / path, member.read())
    total = sum(member.size for members in plan.archives.values() for member in members)

    def pack(name: str) -> int:
        data = archive_of(plan.archives[name], store)
        _put(staging / PACKAGES / name, data)
        return len(data)

    size = sum(member.size for member in plan.files.values())
    # The largest first: a big library begun last would leave the other cores idle.
    order = sorted(plan.archives, key=lambda name: -sum(member.size for member in plan.archives[name]))
    with reporter.task("packing", total, "B") as task, ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        try:
            for name, packed in zip(order, pool.map(pack, order), strict=True):
                size += packed
                task.advance(sum(member.size for member in plan.archives[name]))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return size


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _kernels(output: Path) -> set[tuple[str, str]]:
    """The kernels of environments that are there, by environment and name.

    Raises:
        PackError: the list of kernels is something else.
    """
    path = output / KERNELS
    if not path.is_file():
        return set()
    hint = "remove it, and pack all environments of the site again"
    origin = Origin(what="the list of kernels", error=PackError, file=str(path), hint=hint)
    entries: Any = parse_json(read_bounded(path, origin), origin)
    try:
        found = {(str(entry["env_name"]), str(entry["kernel"])) for entry in entries}
    except (KeyError, TypeError) as error:
        raise PackError("the list of kernels is not one of jupyterlite-xeus", hint=hint, file=str(path)) from error
    return {entry for entry in found if (output / entry[0] / META).is_file()}


def _write_kernels(output: Path, kernels: Iterable[tuple[str, str]]) -> None:
    entries = [{"env_name": environment, "kernel": kernel} for environment, kernel in sorted(kernels)]
    write_bytes(output / KERNELS, json.dumps(entries, indent=2, sort_keys=True).encode() + b"\n")
