"""The channels that recipes take what they need from, besides what is built and the toolchain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.channel import is_unbuilt
from lite_env.errors import RecipeError
from lite_env.spec.address import local_path
from lite_env.workflow.channels import build_local_channels, named_channels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store


def channels_for(
    named: Sequence[str], *, offline: bool, dry_run: bool = False, store: Store, reporter: Reporter
) -> tuple[str, ...]:
    """URLs of the channels that a user named: URLs, names, or folders; definitions among them are built.

    Args:
        named: as the user wrote them, the first one first; folders are relative to the current one.
        offline: fetch nothing.
        dry_run: build nothing: what is not built is an error.
        store: keeps the sources of definitions.
        reporter: told what is built.

    Raises:
        RecipeError: one has a credential in its address, which would go to every build script; or is not built, in a
            dry run.
        ChannelError: a definition cannot be built.
        SpecError: one is no channel.
    """
    found = named_channels(named)
    for channel in found:
        if channel.is_secret:
            raise RecipeError(
                "a channel that recipes are built from has a credential in its address",
                hint="give it to rattler's own store (docs/private-channels.md): scripts see what is in an address",
                channel=channel.url,
            )
    urls = tuple(channel.url for channel in found)
    unbuilt = [folder for url in urls if (folder := local_path(url)) is not None and is_unbuilt(folder)]
    if dry_run and unbuilt:
        raise RecipeError(
            f"the channel in '{unbuilt[0]}' is not built, and a dry run builds nothing",
            hint=f"`lite-env channel build {unbuilt[0]}` builds it",
        )
    build_local_channels(urls, offline=offline, store=store, reporter=reporter)
    return urls
