"""The address of a channel, whose secret cannot be shown, and what looks like a secret in other texts.

A channel may be asked with a user and a password (``https://USER:PASSWORD@host/channel``) or with a token
(``https://host/t/TOKEN/channel``), as all tools of conda know them. Both are for the request alone: everything else,
locks, manifests, messages and what is handed to the solver, sees the address without them.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from typing import TYPE_CHECKING, NoReturn, Self
from urllib.parse import quote, unquote
from urllib.request import url2pathname

from lite_env.errors import MASK, without_secrets
from lite_env.spec.matchspec import name_of, split_channel

if TYPE_CHECKING:
    from collections.abc import Iterable

from pathlib import Path

_SCHEMES = {"http": "80", "https": "443", "oci": None, "s3": None, "gcs": None}
_HOST = re.compile(
    r"(?P<host>[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[(?P<six>[0-9A-Fa-f:.]+)\])(:(?P<port>[0-9]{1,5}))?"
)
_LAST_PORT = 65535
_NOT_IN_URL = re.compile(r"[\x00-\x20\x7f-\xa0\\<>\"^`{|}\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_FILE_URL = re.compile(r"file:", re.IGNORECASE)
_SAFE = "/:@!$&'()*+,;=~%[]"
_SHORTEST = 3  # characters: a shorter secret cannot be told from other text
_NAMED = re.compile(
    r"[?&#;](x-amz-[a-z-]*|[a-z_-]*(token|key|secret|password|passwd|pwd|auth|credentials?|sig|signature))=[^&\s]",
    re.IGNORECASE,
)


class Channel:
    """Where packages come from: a URL, or a folder by its ``file://`` URL.

    Whatever shows it (`str`, `repr`, a format, a traceback) shows `url`; two channels are the same when that is. It is
    never pickled, for its secret would lie in a file then.

    Attributes:
        url: without credentials and without a trailing slash.
    """

    __slots__ = ("_address", "_secrets", "_user", "url")

    def __init__(self, url: str, *, address: str | None = None, user: str | None = None) -> None:
        self.url = url
        self._address = address or url
        self._user = user
        self._secrets = _secrets_in(self._address, url, user)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The channel of a URL that is not ``file:``.

        Raises:
            ValueError: it is none, and why; nothing of the text is repeated.
        """
        scheme, host, user, path = _split(text)
        public, token = [], False
        segments = [segment for segment in path.split("/") if segment]
        for segment in segments:
            if token:
                token = False
            elif _is_token_mark(segment):
                token = True
            else:
                public.append(segment)
        if token:
            # `/t` and nothing behind it is a folder's name.
            public.append(segments[-1])
        _refuse_hidden_query("/".join(public))
        url = "/".join((f"{scheme}://{host}", *public))
        return cls(url, address="/".join((f"{scheme}://{host}", *segments)), user=user)

    @classmethod
    def folder(cls, path: Path) -> Self:
        """The channel in a folder, by its absolute path.

        Raises:
            ValueError: the path holds a control character.
        """
        if _CONTROL.search(str(path)):
            _refuse("a path holds no control characters")
        return cls(path.as_uri())

    @property
    def path(self) -> Path | None:
        """The folder of a local channel."""
        return local_path(self.url)

    @property
    def name(self) -> str:
        """The last part of the address, by which a channel is called."""
        return unquote(self.url.rpartition("/")[2])

    @property
    def is_secret(self) -> bool:
        """Whether the address holds credentials."""
        return self._user is not None or self._address != self.url

    def address_for_request(self) -> str:
        """The address that is asked, with its token but without user and password; not to be shown or written."""
        return self._address

    def authorization_for_request(self) -> str | None:
        """The value of the header ``Authorization``; not to be shown or written."""
        return f"Basic {_basic(self._user)}" if self._user is not None else None

    def tokens_for_request(self) -> tuple[str, ...]:
        """The tokens in :meth:`address_for_request`; not to be shown or written."""
        return _hidden_segments(self._address, self.url)

    def encoded_for_child(self) -> dict[str, str | None]:
        """What a process of our own needs to make the same channel; through a pipe and never into a file."""
        return {"url": self.url, "address": self._address, "user": self._user}

    def hide(self, text: str) -> str:
        """`text` without what is secret in this address."""
        text = text.replace(self._address, self.url)
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return f"Channel({self.url!r})"

    def __eq__(self, other: object) -> bool:
        return self.url == other.url if isinstance(other, Channel) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.url)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        msg = "a channel's address is not pickled, for its credentials would lie in a file then"
        raise TypeError(msg)


def hide_all(text: str, channels: Iterable[Channel]) -> str:
    """`text` without the credentials of any of `channels`, nor what looks like credentials in another URL."""
    for channel in channels:
        text = channel.hide(text)
    return without_secrets(text)


def looks_like_token(path: str) -> bool:
    """Whether a path has what would be a token in the path of a URL."""
    segments = [segment for segment in re.split(r"[/\\]", path) if segment]
    return any(map(_is_token_mark, segments[:-1]))


def public_url(url: str) -> str:
    """A package's or channel's URL as it may be written down: no user, password, token, query or fragment.

    Raises:
        ValueError: it is no URL; nothing of it is repeated.
    """
    if is_file_url(url):
        return url
    return Channel.parse(re.split(r"[?#]", url, maxsplit=1)[0]).url


def holds_credentials(text: str) -> bool:
    """Whether a text has a URL in it with what looks like a user, a password or a token."""
    return without_secrets(text, queries=False) != text or bool("://" in text and _NAMED.search(text))


def public_spec(spec: str) -> str:
    """A match spec as it may be published: without the addresses in it when they hold credentials; perhaps empty."""
    if without_secrets(spec) == spec:
        return spec
    match = split_channel(spec)[2].strip()
    return match if without_secrets(match) == match else name_of(spec) or ""


def is_file_url(text: str) -> bool:
    """Whether a text is the URL of something local."""
    return _FILE_URL.match(text) is not None


def local_path(url: str) -> Path | None:
    """The path that a ``file://`` URL names; None for any other URL."""
    if not is_file_url(url):
        return None
    rest = re.split(r"[?#]", url[len("file:") :], maxsplit=1)[0]
    if rest.startswith("//"):
        rest = f"/{rest[2:].partition('/')[2]}"
    return Path(url2pathname(rest))


def _split(text: str) -> tuple[str, str, str | None, str]:
    """Scheme, host with its port, user with password, and path of a URL that may be asked for."""
    scheme, found, rest = text.partition("://")
    scheme = scheme.lower()
    if not found or scheme not in _SCHEMES:
        _refuse(f"an address starts with {', '.join(f'{known}://' for known in _SCHEMES)} or file://")
    if _NOT_IN_URL.search(rest):
        _refuse("an address holds no spaces, control characters, quotes, brackets or backslashes")
    if "?" in rest or "#" in rest:
        _refuse("a channel's address has no `?` and no `#`; a token is written as /t/TOKEN/ in the path")
    authority, _, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if "@" in path:
        _refuse("an address has no `@` in its path; in a password, write `/` as %2F and `@` as %40")
    decoded = [unquote(segment) for segment in path.split("/")]
    if any(segment in {".", ".."} or "/" in segment or _CONTROL.search(segment) for segment in decoded):
        _refuse("an address has no `.`, `..` or encoded slash among its folders")
    return scheme, _host(host, scheme), unquote(user) if at else None, quote(path, safe=_SAFE)


def _host(text: str, scheme: str) -> str:
    found = _HOST.fullmatch(text)
    if found is None:
        _refuse("an address needs the name of a host, and a port is a number")
    if found["six"]:
        try:
            ipaddress.IPv6Address(found["six"])
        except ValueError:
            _refuse("what stands in brackets is no address of IPv6")
    port = found["port"]
    if port and not 0 < int(port) <= _LAST_PORT:
        _refuse(f"a port is a number from 1 to {_LAST_PORT}")
    host = found["host"].lower()
    return f"{host}:{int(port)}" if port and str(int(port)) != _SCHEMES[scheme] else host


def _refuse_hidden_query(path: str) -> None:
    """Refuse what stands in a path for a query, however often it is encoded: it would be written down."""
    before = None
    # Each round makes it shorter.
    while path != before:
        if "?" in path or "#" in path or _NAMED.search(f";{path.replace('/', ';')}"):
            _refuse("a channel's address has no query, not even an encoded one; a token is written as /t/TOKEN/")
        before, path = path, unquote(path)


def _is_token_mark(segment: str) -> bool:
    """Whether what follows is a token: ``t``, also as it is written to get by a simple look."""
    for _ in range(3):
        segment = unquote(segment)
    return segment.lower() == "t"


def _hidden_segments(address: str, url: str) -> tuple[str, ...]:
    shown = url.split("/")
    return tuple(segment for segment in address.split("/") if segment not in shown and not _is_token_mark(segment))


def _secrets_in(address: str, url: str, user: str | None) -> tuple[str, ...]:
    """The secret parts of an address in every spelling that a message could have, the longest first."""
    parts = list(_hidden_segments(address, url))
    if user is not None:
        name, _, password = user.partition(":")
        parts += [user, name, password, _basic(user)]
    spellings = {spelling for part in parts for spelling in (part, unquote(part), quote(part, safe=""))}
    return tuple(sorted((each for each in spellings if len(each) >= _SHORTEST), key=len, reverse=True))


def _basic(user: str) -> str:
    return base64.b64encode((user if ":" in user else f"{user}:").encode()).decode()


def _refuse(why: str) -> NoReturn:
    raise ValueError(why)
