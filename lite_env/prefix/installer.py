"""An environment installed from its lock: made beside its place, and put there when it is complete."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from lite_env.errors import PrefixError
from lite_env.lock.model import packages_digest
from lite_env.lock.pip_here import locked_wheel_file
from lite_env.prefix.claims import some
from lite_env.prefix.reader import read_prefix
from lite_env.prefix.record import (
    OWN_RECORD,
    WheelFileRecord,
    is_prefix,
    read_own_record,
    read_packages,
    read_variables,
    read_wheel_files,
    write_environment,
)
from lite_env.prefix.stand_ins import make_way
from lite_env.prefix.tree import CONDA_META
from lite_env.prefix.verify import changed_files, hash_prefix
from lite_env.prefix.wheel_installer import FetchedWheel, install_wheels
from lite_env.progress import SILENT
from lite_env.store.atomic import new_directory
from lite_env.store.location import cache_directory
from lite_env.store.protocol import FORGETFUL

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.lock.model import Lockfile
    from lite_env.prefix.model import Prefix
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store


def install(
    lock: Lockfile,
    prefix: Path,
    *,
    cache: Path | None = None,
    offline: bool = False,
    store: Store = FORGETFUL,
    reporter: Reporter = SILENT,
) -> Prefix:
    """Make `prefix` the environment that `lock` describes, and read it.

    An environment that is already there is left alone when it was made of the same lock and lacks nothing, and replaced
    when not; files in it that were changed are named, and left alone too. No link scripts are run.

    Args:
        lock: what to install.
        prefix: the folder.
        cache: the folder of the package cache; the user's by default.
        offline: open no connection.
        store: keeps package files as they were fetched.
        reporter: told of bytes.

    Raises:
        PrefixError: something else than an environment is at `prefix`, or a package holds what is not allowed.
        FetchError: a package could not be had, or is not the one that was locked.
        AbiError: the packages do not fit together.
    """
    # rattler takes a third of a second to import, which only this function needs.
    from lite_env.lock.conda.install import install_packages  # noqa: PLC0415

    refuse_foreign(prefix)
    present = _present(lock, prefix, reporter)
    if present is not None:
        return present
    with new_directory(prefix) as staging:
        wheels = _fetch(lock, offline=offline, store=store, reporter=reporter)
        install_packages(
            lock.conda,
            staging,
            cache=cache or cache_directory("packages"),
            requested=lock.requested,
            channels=lock.addresses,
            reporter=reporter,
            offline=offline,
            store=store,
        )
        # rattler marks what it makes as a cache, which backups would leave out.
        (staging / "CACHEDIR.TAG").unlink(missing_ok=True)
        if wheels:
            make_way(staging, {wheel.package.name for wheel in wheels})
            install_wheels(wheels, staging, python_of(lock), reporter=reporter)
        write_environment(
            staging,
            name=lock.name,
            lock_digest=lock_identity(lock),
            requested=lock.requested,
            variables=dict(lock.variables),
            wheels=wheel_files(lock),
        )
        _give_usual_permissions(staging)
        # Read here as well: what cannot be read must not take the place of what could.
        read_prefix(staging)
    return read_prefix(prefix, reporter=reporter)


def wheel_files(lock: Lockfile) -> dict[str, WheelFileRecord]:
    """The file of each wheel of a lock, by project."""
    return {wheel.name: WheelFileRecord(file_name=wheel.file_name, sha256=wheel.sha256) for wheel in lock.wheels}


def _fetch(lock: Lockfile, *, offline: bool, store: Store, reporter: Reporter) -> tuple[FetchedWheel, ...]:
    return tuple(
        FetchedWheel(package=wheel, path=locked_wheel_file(wheel, offline=offline, store=store, reporter=reporter))
        for wheel in lock.wheels
    )


def python_of(lock: Lockfile) -> str:
    """The version of the Python that the wheels of a lock are for.

    Raises:
        PrefixError: there is none.
    """
    for package in lock.conda:
        if package.name == "python":
            return package.version
    raise PrefixError(
        "a pip section needs Python, and the environment has no package `python`",
        hint="add a kernel of Python to `dependencies`, and lock again",
        file=str(lock.file) if lock.file else None,
    )


def _give_usual_permissions(prefix: Path) -> None:
    """Let whoever may read the one record read the others: rattler makes some for their owner alone, by chance."""
    folder = prefix / CONDA_META
    mode = stat.S_IMODE((folder / OWN_RECORD).stat().st_mode)
    for record in folder.iterdir():
        if record.is_file() and not record.is_symlink():
            record.chmod(mode)


def lock_identity(lock: Lockfile) -> str:
    """The digest that the pack of `lock` will have; over packages, not over paths."""
    return packages_digest([(package.subdir, package.file_name, package.sha256) for package in lock.packages])


def _identity(prefix: Path) -> str:
    """`lock_identity` of the lock that the packages in `prefix` are of, by their records."""
    packages = [(package.subdir, package.file_name, package.sha256 or "") for package in read_packages(prefix)]
    wheels = [("noarch", wheel.file_name, wheel.sha256) for wheel in read_wheel_files(prefix).values()]
    return packages_digest([*packages, *wheels])


def refuse_foreign(prefix: Path) -> None:
    """Refuse a place where something else than an environment stands.

    Raises:
        PrefixError: it is a file, or a folder with other content.
    """
    if prefix.is_dir() and not is_prefix(prefix) and any(prefix.iterdir()):
        raise PrefixError(
            f"'{prefix}' is not empty and not an environment",
            hint="choose another folder, or remove that one: an installation replaces its folder",
        )
    if prefix.exists() and not prefix.is_dir():
        raise PrefixError(f"'{prefix}' is a file", hint="choose another folder")


def _present(lock: Lockfile, prefix: Path, reporter: Reporter) -> Prefix | None:
    """The environment at `prefix` when it is the one that `lock` describes and nothing of it is missing."""
    if not is_prefix(prefix):
        return None
    try:
        own = read_own_record(prefix)
        same = (
            own is not None
            and _identity(prefix) == lock_identity(lock)
            and own.get("lock_digest") == lock_identity(lock)
            and own.get("name") == lock.name
            and own.get("requested") == sorted(lock.requested)
            and read_variables(prefix) == lock.variables
        )
        found = read_prefix(prefix, reporter=reporter) if same else None
        asked = {wheel.name for wheel in lock.wheels if wheel.wheel is not None and wheel.wheel.requested}
        found = hash_prefix(found) if found is not None and asked <= set(found.requested) else None
    except PrefixError as error:
        reporter.warn(f"the environment in '{prefix}' is damaged and will be made anew: {error.message}", passing=True)
        return None
    if found is None:
        reporter.note(f"the environment in '{prefix}' is of another lock: it will be replaced", passing=True)
        return None
    if changed := changed_files(found):
        reporter.warn(
            f"files in '{prefix}' are not those of its packages and are left as they are: {some(changed)}"
            " (remove the folder to install it anew)"
        )
    return found
