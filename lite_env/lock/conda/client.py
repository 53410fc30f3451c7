"""What connects for rattler: with whose credentials, and offline not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import rattler
from rattler.exceptions import ConfigError
from rattler.networking import (
    AddHeadersMiddleware,
    AuthenticationMiddleware,
    GCSMiddleware,
    MirrorMiddleware,
    OciMiddleware,
    RetryMiddleware,
    S3Middleware,
)

from lite_env import __version__
from lite_env.errors import FetchError
from lite_env.lock.conda.loop import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lite_env.spec.address import Channel


RETRIES = 3

# What a client made of single parts cannot be told.
_ONLY_FROM_CONFIG = (
    *("tls_no_verify", "tls_root_certs", "proxy_http", "proxy_https"),
    *("authentication_override_file", "s3_options"),
)


def client_for(urls: Iterable[str], *, channels: Sequence[Channel] = (), offline: bool) -> rattler.Client:
    """What connects: not at all, as rattler's own configuration says, or with the credentials of `channels` as well.

    rattler itself sees addresses without credentials only, so that its caches, records and messages hold none.
    """
    if offline:
        hosts = {f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, urls) if parts.netloc}
        return rattler.Client([MirrorMiddleware({host: [] for host in sorted(hosts)})])
    # Credentials, mirrors, proxies and certificates as for every tool built on rattler.
    try:
        config = rattler.Config.load_from_default_locations("lite-env")
    except ConfigError as error:
        raise FetchError(
            f"the configuration of the conda tools cannot be read: {one_line(error)}",
            hint="correct the file, or move it away",
        ) from error
    agent = f"lite-env/{__version__}"
    if not any(channel.is_secret for channel in channels):
        return rattler.Client.from_config(config, max_retries=RETRIES, user_agent=agent)
    if lost := [key for key in _ONLY_FROM_CONFIG if getattr(config, key)]:
        raise FetchError(
            f"a channel's address holds credentials, with which {' and '.join(lost)} of rattler's configuration "
            "cannot be used",
            hint="take them out of the address, and put them where rattler finds them (RATTLER_AUTH_FILE, .netrc)",
            file=str(config.loaded_from[0]) if config.loaded_from else None,
        )
    mirrors = {f"{channel.url}/": [f"{channel.address_for_request()}/"] for channel in channels if channel.is_secret}
    return rattler.Client(
        [
            RetryMiddleware(RETRIES),
            MirrorMiddleware({**config.mirrors, **mirrors}),
            AddHeadersMiddleware(_Authorization(channels)),
            AuthenticationMiddleware(),
            OciMiddleware(),
            GCSMiddleware(),
            S3Middleware(),
        ],
        user_agent=agent,
    )


class _Authorization:
    """The header of a request, by the host and the path that it goes to.

    Raises:
        FetchError: two channels with one host and path, which rattler does not tell apart, want different headers.
    """

    def __init__(self, channels: Iterable[Channel]) -> None:
        self._values: dict[tuple[str, str], str | None] = {}
        for channel in channels:
            parts = urlsplit(channel.address_for_request())
            key, value = (parts.hostname or "", unquote(parts.path)), channel.authorization_for_request()
            if self._values.setdefault(key, value) != value:
                raise FetchError(
                    "two channels have one host and folder, and differ in scheme, port and credentials only",
                    hint="list one of them",
                    channel=channel.url,
                )

    def __call__(self, host: str, path: str) -> dict[str, str] | None:
        host, path = host.strip("[]").lower(), unquote(path)
        folders = [
            folder
            for known, folder in self._values
            if known == host and (path == folder or path.startswith(f"{folder.rstrip('/')}/"))
        ]
        value = self._values[host, max(folders, key=len)] if folders else None
        return {"Authorization": value} if value else None
