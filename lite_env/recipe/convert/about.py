"""``about`` of the old recipe, and ``extra``, where what rattler-build has no place for is kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from lite_env.recipe.convert.keys import Keys
from lite_env.recipe.convert.output import OutList, OutTable, OutText, table
from lite_env.recipe.convert.tree import Items, Leaf, Table, with_text

if TYPE_CHECKING:
    from lite_env.recipe.convert.make import Maker
    from lite_env.recipe.convert.output import Out
    from lite_env.recipe.convert.tree import Value

_LICENSES = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd 2-clause": "BSD-2-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd-3": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "gplv3": "GPL-3.0-only",
    "gplv3+": "GPL-3.0-or-later",
    "lgplv3": "LGPL-3.0-only",
    "mit license": "MIT",
    "the mit license": "MIT",
    "mozilla public license 2.0": "MPL-2.0",
    "mpl 2.0": "MPL-2.0",
    "public domain": "LicenseRef-Public-Domain",
    "psf": "PSF-2.0",
}
"""Licences as people write them, for which there is one identifier."""
_OLD_GNU = re.compile(r"(?<![\w.-])([AL]?GPL)-(\d(?:\.\d)?)(\+)?(?![\w.+-])")
_MOVED = ("license_url", "doc_source_url", "identifiers", "tags", "keywords", "readme")
_KNOWN = {
    "prelink_message": ("rattler-build packs no message", "say it in the description"),
}


def make_about(values: list[Value], maker: Maker) -> tuple[OutTable | None, OutTable | None]:
    """``about``, and what of it must go to ``extra``."""
    keys = Keys(values, maker.report, "about")
    license_file = keys.take("license_file")
    several = any(isinstance(value, Items) for value in license_file)
    about = table(
        homepage=_address(keys.take("home", "homepage"), maker),
        license=maker.scalar(keys.take("license"), change=lambda leaf: _license(leaf, maker)),
        license_file=maker.listed(license_file, "path") if several else maker.scalar(license_file, "path"),
        license_family=maker.scalar(keys.take("license_family")),
        summary=maker.scalar(keys.take("summary")),
        description=maker.scalar(keys.take("description")),
        documentation=_address(keys.take("doc_url", "documentation"), maker),
        repository=_address(keys.take("dev_url", "repository"), maker),
    )
    moved: list[tuple[str, Out]] = []
    for key in _MOVED:
        for value in (found := keys.take(key)):
            maker.note(value, f"rattler-build has no `about.{key}`: it is kept as `extra.{key}`")
        out = free_value(found[0], maker) if len(found) == 1 else maker.scalar(found)
        moved += [] if out is None else [(key, out)]
    keys.finish(_KNOWN)
    return about, OutTable(pairs=tuple(moved)) if moved else None


def make_extra(values: list[Value], moved: OutTable | None, maker: Maker) -> OutTable | None:
    """``extra``, which may hold anything; its keys go before those that were moved there."""
    pairs: list[tuple[str, Out]] = []
    for value in values:
        if not isinstance(value, Table):
            Keys([value], maker.report, "extra")
            continue
        for key, each in value.pairs:
            if moved is not None and moved.get(key) is not None:
                maker.refuse(each, f"`about.{key}` is kept under the same name", "remove one of them")
            out = free_value(each, maker)
            pairs += [] if out is None else [(key, out)]
    pairs += moved.pairs if moved is not None else ()
    return OutTable(pairs=tuple(pairs)) if pairs else None


def free_value(value: Value, maker: Maker) -> Out | None:
    """A value as it is, whatever it is; selectors in it are refused."""
    if isinstance(value, Leaf):
        if maker.open_conditions(value):
            maker.refuse(value, "rattler-build reads no conditions here", "write it without a selector")
            return None
        return maker.text(value)
    if isinstance(value, Items):
        made = [free_value(item, maker) for item in value.items]
        return OutList(items=tuple(each for each in made if each is not None))
    pairs = [(key, free_value(each, maker)) for key, each in value.pairs]
    return OutTable(pairs=tuple((key, each) for key, each in pairs if each is not None))


def _gnu(found: re.Match[str]) -> str:
    """Today's identifier for ``GPL-2.0`` or ``LGPL-3+``."""
    version = found[2] if "." in found[2] else f"{found[2]}.0"
    return f"{found[1]}-{version}-{'or-later' if found[3] else 'only'}"


def _license(leaf: Leaf, maker: Maker) -> Leaf | None:
    text = leaf.plain
    if text is None:
        return leaf
    known = _OLD_GNU.sub(_gnu, _LICENSES.get(text.strip().lower(), text.strip()))
    try:
        canonical = canonicalize_license_expression(known)
    except InvalidLicenseExpression:
        maker.refuse(
            leaf,
            "this is no SPDX expression, and rattler-build takes nothing else",
            "write one of https://spdx.org/licenses, or `LicenseRef-…` for a licence of one's own",
        )
        return None
    if canonical != text:
        maker.note(leaf, f"`{text}` is written as its SPDX identifier, {canonical}")
    return with_text(leaf, canonical)


def _address(values: list[Value], maker: Maker) -> OutText | None:
    def change(leaf: Leaf) -> Leaf | None:
        text = leaf.plain
        if text is not None and not _is_address(text):
            maker.refuse(leaf, "this is no address, and rattler-build takes nothing else", "write `https://…`")
            return None
        return leaf

    if any(isinstance(value, Items) for value in values):
        for value in values:
            maker.refuse(value, "rattler-build takes one address here", "write one of them", found="a list")
        return None
    return maker.scalar(values, change=change)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https", "ftp", "git", "ssh", "file") and bool(parts.netloc)
