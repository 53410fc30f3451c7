"""Visitors of a site, who ask for what a browser would: the page, what it names, manifests, and all that these name."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Get = Callable[[str], bytes]

_CONFIG = re.compile(rb'<script type="application/json" id="lite-env-config">(.*?)</script>', re.DOTALL)
_SITE = re.compile(rb"self\.liteEnvSite = (\{.*?\});\n")


class MissedError(Exception):
    """Something was not there, or not what it was to be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """What a visitor was told when the page was opened.

    Attributes:
        page: of index.html, its SHA-256: which deployment it was.
        files: what it names, by path, with the SHA-256 that each is to have; None where none was told.
        manifests: paths of those that its page names.
    """

    page: str
    files: dict[str, str | None]
    manifests: tuple[str, ...]


def arrive(get: Get) -> Visit:
    """Open the page and its service worker."""
    page = get("index.html")
    config = json.loads(_found(_CONFIG, page))
    runtime = config["runtime"]
    worker = json.loads(_found(_SITE, get("sw.js")))
    files: dict[str, str | None] = dict.fromkeys((f"{runtime}page.js", f"{runtime}page.css", f"{runtime}worker.js"))
    files |= {unquote(path): sha256 for path, sha256 in worker["files"].items() if sha256 is not None}
    return Visit(
        page=hashlib.sha256(page).hexdigest(),
        files=files,
        manifests=tuple(unquote(environment["manifest"]) for environment in config["environments"]),
    )


def with_manifests(visit: Visit, get: Get) -> Visit:
    """The same visitor, who has chosen each environment now."""
    files = dict(visit.files)
    for path in visit.manifests:
        files |= dict(files_of(json.loads(get(path)), posixpath.dirname(path)))
    return Visit(page=visit.page, files=files, manifests=visit.manifests)


def files_of(manifest: dict, folder: str) -> Iterator[tuple[str, str]]:
    """What a kernel of a manifest may ask for, with its SHA-256."""
    shared = manifest.get("shared", {})

    def place(path: str) -> str:
        return posixpath.normpath(posixpath.join(folder, shared.get(path, path)))

    index = manifest["index"]
    yield place(f"index-{index['digest']}.json.zst"), index["sha256"]
    for archive in manifest["archives"]:
        yield place(f"archives/{archive['digest']}.tar.zst"), archive["sha256"]
    for kernel in manifest["kernels"]:
        for file in kernel["files"]:
            if file["role"] != "spec":
                yield place(file["path"]), file["sha256"]


def load(visit: Visit, get: Get) -> int:
    """Ask for all that the visitor was told of; how many files that were."""
    for path, sha256 in visit.files.items():
        found = hashlib.sha256(get(path)).hexdigest()
        if sha256 is not None and found != sha256:
            msg = f"{path} has SHA-256 {found}, and not {sha256}"
            raise MissedError(msg)
    return len(visit.files)


def by_http(url: str, session: requests.Session) -> Get:
    """Asks a server."""

    def get(path: str) -> bytes:
        answer = session.get(url + quote(path), timeout=30)
        if answer.status_code != requests.codes.ok:
            msg = f"{path}: {answer.status_code}"
            raise MissedError(msg)
        announced = answer.headers.get("Content-Length")
        if announced is not None and int(announced) != len(answer.content):
            msg = f"{path}: {len(answer.content)} of {announced} bytes"
            raise MissedError(msg)
        return answer.content

    return get


def by_folder(folder: Path) -> Get:
    """Looks into a folder."""

    def get(path: str) -> bytes:
        try:
            return (folder / path).read_bytes()
        except OSError as error:
            raise MissedError(path) from error

    return get


def _found(pattern: re.Pattern[bytes], text: bytes) -> bytes:
    match = pattern.search(text)
    if match is None:
        msg = f"torn: {text[:200]!r}"
        raise MissedError(msg)
    return match[1]
