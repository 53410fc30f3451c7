"""Channel and package URLs: local or not, relative to a lock file or not."""

from __future__ import annotations

import os.path
import re
from pathlib import Path, PurePath
from urllib.parse import quote, unquote, urlsplit

from lite_env.spec.address import local_path
from lite_env.spec.matchspec import split_file_name

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_LONG_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # of two letters at least: one is a drive of Windows
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_PART = re.compile(r"[A-Za-z0-9_.+!~]+")


def is_url(text: str) -> bool:
    """Whether what another tool wrote is a URL, and no path."""
    return _LONG_SCHEME.match(text) is not None


def to_relative(url: str, folder: Path) -> str:
    """How a URL is written into a lock file in `folder`: a local one as a relative path with ``/``, else as it is.

    A local path on another drive than `folder` (Windows) stays a ``file://`` URL.
    """
    path = local_path(url)
    if path is None:
        return url
    try:
        relative = os.path.relpath(path, folder)
    except ValueError:
        return url
    text = quote(PurePath(relative).as_posix())
    return text if text.startswith("..") else f"./{text}"


def from_relative(text: str, folder: Path) -> str:
    """The URL that stands in a lock file in `folder`: the inverse of :func:`to_relative`."""
    if _SCHEME.match(text):
        return text
    return Path(os.path.normpath(folder / unquote(text))).as_uri()


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, of which credentials are good for no other."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def split_package_url(url: str) -> tuple[str, str, str]:
    """Split a package's URL into channel, subdir and file name.

    Raises:
        ValueError: there are fewer than two folders before the file, or the file is no conda package.
    """
    channel, _, rest = url.partition("#")[0].rpartition("/")
    base, _, subdir = channel.rpartition("/")
    if not base or not subdir or not rest.endswith((".conda", ".tar.bz2")):
        msg = f"{url!r} does not end in <subdir>/<package>.conda or .tar.bz2"
        raise ValueError(msg)
    return base, subdir, unquote(rest)


def package_parts(file_name: str) -> tuple[str, str, str] | None:
    """Name, version and build of a package file, of the characters that they may have (CEP 26); None for another."""
    parts = split_file_name(file_name)
    if parts is None or not _NAME.fullmatch(parts[0]) or not all(map(_PART.fullmatch, parts[1:])):
        return None
    return parts
