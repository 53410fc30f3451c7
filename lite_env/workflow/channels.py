"""Local channels that are definitions, built before anything is taken from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lite_env.channel import build_channel, is_unbuilt, was_built
from lite_env.errors import SpecError
from lite_env.spec.address import local_path
from lite_env.spec.channels import resolve_channel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lite_env.lock.model import Lockfile
    from lite_env.progress import Reporter
    from lite_env.spec.address import Channel
    from lite_env.store.protocol import Store


def named_channels(texts: Sequence[str]) -> tuple[Channel, ...]:
    """The channels that a user named; paths are relative to the current folder.

    Raises:
        SpecError: one is no channel.
    """
    try:
        return tuple(found for text in texts for found in resolve_channel(text, Path.cwd()))
    except ValueError as error:
        raise SpecError(
            f"a channel cannot be understood: {error}",
            hint="give a name (`conda-forge`), a URL, or a path that starts with `./`, `../`, `/` or `~`",
        ) from None


def build_local_channels(channels: tuple[str, ...], *, offline: bool, store: Store, reporter: Reporter) -> None:
    """Build, in place, the local channels that are definitions and not built, or were changed since.

    Raises:
        ChannelError: a definition is wrong, or the channel could not be built.
    """
    for channel in channels:
        folder = local_path(channel)
        if folder is not None and is_unbuilt(folder):
            reporter.note(f"building the channel in '{folder}' for its first use", passing=True)
            build_channel(folder, offline=offline, store=store, reporter=reporter)


def channels_in_need(lock: Lockfile, *, store: Store) -> tuple[str, ...]:
    """The channels of `lock` but those that were never built here and whose packages `store` has, all that are locked.

    One that was built and has changed since is among them: who changed it shall hear that the lock has other packages.
    """

    def is_spared(channel: str) -> bool:
        folder = local_path(channel)
        if folder is None or was_built(folder):
            return False
        return all(store.read(package.sha256) is not None for package in lock.conda if package.channel == channel)

    return tuple(channel for channel in lock.channels if not is_spared(channel))
