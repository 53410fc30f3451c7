"""From an environment file, a lock file or an installed environment to an environment that can be read."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lite_env.pack.selection import select_files
from lite_env.prefix.record import read_origins
from lite_env.progress import SILENT
from lite_env.spec.address import local_path
from lite_env.workflow.inputs import read_inputs, remember_answer
from lite_env.workflow.install import cached_environment, users_environment
from lite_env.workflow.lock import LockOptions, LockPolicy, lock_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lite_env.pack.selection import Selection
    from lite_env.prefix.model import Prefix
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store
    from lite_env.workflow.inputs import Inputs
    from lite_env.workflow.options import PackOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedEnvironment:
    """An environment, what of it is packed, and where it comes from.

    Attributes:
        name: as it was asked for, or as the environment says.
        prefix: where it is installed.
        selection: what users' rules and the default ones leave.
        channels: public URLs, in order of priority; empty where no lock says so.
        origins: the public URL of the channel that a package comes from, by the package's name, where it has one.
    """

    name: str
    prefix: Prefix
    selection: Selection
    channels: tuple[str, ...]
    origins: Mapping[str, str]


def locked_inputs(source: Path, options: PackOptions, *, store: Store, reporter: Reporter = SILENT) -> Inputs:
    """What there is at `source`; an environment file is locked as far as it has to be.

    Raises:
        LiteEnvError: `source` or what lies beside it is wrong, or it cannot be locked.
    """
    inputs = read_inputs(source, options, store=store, reporter=reporter)
    if inputs.kind == "environment file" and inputs.lock is None:
        locking = LockOptions(offline=options.offline)
        lock = lock_for(inputs.source, options.locking, options=locking, store=store, reporter=reporter)
        inputs = replace(inputs, lock=lock)
        if options.locking is not LockPolicy.FROZEN:
            remember_answer(inputs.source, store)
    return inputs


@contextmanager
def environment_of(
    inputs: Inputs, options: PackOptions, *, store: Store, reporter: Reporter = SILENT
) -> Iterator[Prefix]:
    """The environment of `inputs`: the user's own, or that of the lock in the cache, which nobody changes meanwhile.

    Raises:
        LiteEnvError: it cannot be installed, or is damaged.
    """
    if inputs.lock is None:
        yield users_environment(inputs.source, reporter=reporter)
        return
    with cached_environment(inputs.lock, offline=options.offline, store=store, reporter=reporter) as prefix:
        yield prefix


@contextmanager
def opened_environment(
    source: Path, options: PackOptions, *, store: Store, reporter: Reporter = SILENT
) -> Iterator[OpenedEnvironment]:
    """Do what is missing between `source` and an installed environment, and choose what of it is packed.

    Raises:
        LiteEnvError: of whichever step failed.
    """
    inputs = locked_inputs(source, options, store=store, reporter=reporter)
    channels = inputs.lock.channels if inputs.lock else ()
    with environment_of(inputs, options, store=store, reporter=reporter) as prefix:
        yield OpenedEnvironment(
            name=options.name or prefix.name,
            prefix=prefix,
            selection=select_files(prefix, inputs.filters, inputs.mounted),
            channels=tuple(url for url in channels if local_path(url) is None),
            origins=read_origins(prefix.path),
        )
