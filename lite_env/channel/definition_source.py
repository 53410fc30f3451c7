"""Reading the `sources` of a definition: where a file is published, and what it must be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lite_env.channel.model import Source
from lite_env.store.digest import is_sha256
from lite_env.store.text import split_url

if TYPE_CHECKING:
    from lite_env.channel.strict_yaml import Mapping, Value

_PIP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!]+\Z")
_NPM = re.compile(r"(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*@[A-Za-z0-9.+-]+\Z")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*\Z")


def read_source(name: str, value: Value) -> Source:
    """One entry of ``sources``."""
    fields = value.mapping()
    pip = _registered(fields, "pip", _PIP, "NAME==VERSION")
    npm = _registered(fields, "npm", _NPM, "NAME@VERSION")
    if pip is not None and npm is not None:
        fields.place.fail("this source comes from two registries", expected="one of the two", found="`pip` and `npm`")
    urls = tuple(_url(item) for item in fields.texts("url"))
    if pip is None and npm is None and not urls:
        fields.place.fail(
            "this source has no place to come from", expected="`pip`, `npm`, or a list of `url`", found="neither"
        )
    file = fields.text("file")
    if not _FILE_NAME.match(file):
        fields.need("file").place.fail("this must be a plain file name", found=file, expected="like name-1.0.zip")
    size = fields.need("size").integer()
    root = fields.text("root").strip("/") if fields.find("root") else ""
    source = Source(
        name=name,
        pip=pip,
        npm=npm,
        urls=urls,
        members=_folder_url(fields),
        file=file,
        sha256=read_sha256(fields),
        size=size,
        root=root,
    )
    fields.finish()
    return source


def _folder_url(fields: Mapping) -> str | None:
    value = fields.find("members")
    if value is None:
        return None
    url = _url(value)
    if not url.endswith("/"):
        value.place.fail("this is not the address of a folder", found=url, expected="https://…/")
    return url


def _registered(fields: Mapping, key: str, pattern: re.Pattern[str], expected: str) -> str | None:
    text = fields.text(key) if fields.find(key) else None
    if text is not None and not pattern.match(text):
        fields.need(key).place.fail("this is not one exact distribution", found=text, expected=expected)
    return text


def _url(value: Value) -> str:
    text = value.text()
    try:
        parts = split_url(text)
    except ValueError as error:
        value.place.fail(f"this is not an address to download from: {error}", found=text)
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        value.place.fail(
            "this is not an address to download from", found=text, expected="https://… without a user name or password"
        )
    return text


def read_sha256(fields: Mapping) -> str:
    """The key ``sha256``, which must be there."""
    text = fields.text("sha256")
    if not is_sha256(text):
        fields.need("sha256").place.fail("this is not a SHA-256", found=text, expected="64 lower-case hex digits")
    return text
