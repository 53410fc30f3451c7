"""What connects for rattler: with whose credentials, and offline not at all."""

from __future__ import annotations

import contextlib
import json
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies

import rattler
from rattler.exceptions import AuthenticationStorageError, ConfigError
from rattler.networking import MirrorMiddleware
from rattler.package_streaming import download_to_writer

from lite_env import __version__
from lite_env.errors import FetchError
from lite_env.lock.conda.loop import one_line, run
from lite_env.lock.relay import Network, Relay
from lite_env.lock.urls import origin_of
from lite_env.spec.address import hide_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lite_env.spec.address import Channel


RETRIES = 3

_LOOPBACK = "127.0.0.1"
_PLACE = re.compile(r"line \d+ column \d+\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """What rattler asks by.

    Attributes:
        client: of rattler.
        channels: whose addresses hold credentials, others among them.
        relay: that stands between; None where nothing has a secret in its address.
    """

    client: rattler.Client
    channels: Sequence[Channel] = ()
    relay: Relay | None = None

    def hide(self, text: str) -> str:
        """A message of rattler as it may be shown."""
        return hide_all(self.relay.explain(text) if self.relay else text, self.channels)


@contextmanager
def connect(urls: Iterable[str], *, channels: Sequence[Channel] = ()) -> Iterator[Connection]:
    """What connects until the block ends: as rattler's own configuration says, and with the credentials of `channels`.

    rattler itself sees addresses without credentials only, so that its caches, records and messages hold none. What it
    finds in its own store (a file, the keyring, ``.netrc``) are headers, which it sends to their host alone, and tokens
    in paths: who has one is asked through a relay, as are the `channels` with credentials.

    Args:
        urls: what may be asked; of channels or packages.
        channels: those that are asked with credentials; others may be among them.

    Raises:
        FetchError: rattler's configuration or its store of credentials cannot be read.
    """
    config = _configuration()
    addresses = [*urls, *(channel.url for channel in channels)]
    origins = sorted({origin_of(url) for url in addresses if url.startswith(("https://", "http://"))})
    if not origins:
        yield Connection(client=_client(config))
        return
    with Relay(origins, channels, _network_of(config)) as relay:
        mirrored = {origin_of(url) for url in config.mirrors}
        run(_learn(relay, [origin for origin in origins if origin not in mirrored]))
        secret = {origin_of(channel.url) for channel in channels if channel.is_secret}
        through = [origin for origin in origins if origin in secret or relay.has_token(origin)]
        if not through:
            yield Connection(client=_client(config), channels=channels)
            return
        relay.open()
        yield Connection(client=_client(_through(relay, through, channels)), channels=channels, relay=relay)


def unconnected(urls: Iterable[str]) -> rattler.Client:
    """A client that fails before it connects to any host of `urls`."""
    hosts = {f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, urls) if parts.netloc}
    return rattler.Client([MirrorMiddleware({host: [] for host in sorted(hosts)})])


def _configuration() -> rattler.Config:
    """Credentials, mirrors, proxies and certificates as for every tool built on rattler."""
    try:
        return rattler.Config.load_from_default_locations("lite-env")
    except ConfigError as error:
        raise FetchError(
            f"the configuration of the conda tools cannot be read: {one_line(error)}",
            hint="correct the file, or move it away",
        ) from error


def _client(config: rattler.Config, *, retries: int = RETRIES) -> rattler.Client:
    try:
        return rattler.Client.from_config(config, max_retries=retries, user_agent=f"lite-env/{__version__}")
    except AuthenticationStorageError as error:
        # What it says may repeat a credential of the file.
        place = _PLACE.search(str(error))
        file = config.authentication_override_file or os.environ.get("RATTLER_AUTH_FILE")
        raise FetchError(
            "the file of credentials of the conda tools cannot be read",
            hint='it is JSON like {"HOST": {"BearerToken": "…"}}; other kinds are CondaToken and BasicHTTP (username, '
            "password)",
            file=str(file or "~/.rattler/credentials.json"),
            place=place[0] if place else None,
        ) from None


def _network_of(config: rattler.Config) -> Network:
    proxies = {"https": config.proxy_https, "http": config.proxy_http}
    return Network(
        proxies={scheme: proxy for scheme, proxy in proxies.items() if proxy},
        direct=tuple(config.proxy_non_proxy_hosts),
        verify=not config.tls_no_verify,
        system_certificates=config.tls_root_certs != "webpki",
    )


def _through(relay: Relay, origins: Iterable[str], channels: Sequence[Channel] = ()) -> rattler.Config:
    """The configuration in which all of `origins` is asked of `relay`, which no proxy is asked for."""
    config = _configuration()
    mirrors = config.mirrors
    for origin in origins:
        mirrors[f"{origin}/"] = [f"{relay.address_of(origin)}/"]
        for channel in channels:
            if channel.is_secret and origin_of(channel.url) == origin:
                # Before what the configuration may have for the channel.
                path = urlsplit(channel.url).path
                mirrors[f"{channel.url}/"] = [f"{relay.address_of(origin)}{path}/"]
    config.set("mirrors", json.dumps(mirrors))
    _exempt_loopback(config)
    return config


def _exempt_loopback(config: rattler.Config) -> None:
    """Say of the proxies that are in use, the environment's among them, that loopback is reached without."""
    direct = list(config.proxy_non_proxy_hosts)
    if not (config.proxy_http or config.proxy_https):
        known = getproxies()
        for scheme in ("http", "https"):
            if proxy := known.get(scheme, known.get("all")):
                config.set(f"proxy-config.{scheme}", proxy)
        direct += [host.strip() for host in known.get("no", "").split(",") if host.strip()]
    if config.proxy_http or config.proxy_https:
        config.set("proxy-config.non-proxy-hosts", json.dumps([*direct, _LOOPBACK]))


async def _learn(relay: Relay, origins: Sequence[str]) -> None:
    """Let rattler ask `relay` in place of each origin, so that it tells what its store has for it."""
    client = _client(_through(relay, origins), retries=0)
    for origin in origins:
        # What cannot be asked for is told when it is asked for.
        with contextlib.suppress(Exception):
            await download_to_writer(client, f"{origin}/lite-env", _Nothing())


class _Nothing:
    """Takes what nobody wants."""

    def write(self, data: bytes) -> int:
        return len(data)
