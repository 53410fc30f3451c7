"""``source`` of the old recipe: archives, repositories, folders, with their patches."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lite_env.recipe.convert.keys import Keys
from lite_env.recipe.convert.make import grouped
from lite_env.recipe.convert.output import OutList, OutTable, OutText, table
from lite_env.recipe.convert.tree import Items, Leaf, Table, leaves_of, with_text

if TYPE_CHECKING:
    from lite_env.recipe.convert.make import Maker
    from lite_env.recipe.convert.output import Out
    from lite_env.recipe.convert.tree import Conditions, Value

_ARCHIVES = (
    *(".tar", ".tar.gz", ".tgz", ".taz", ".tar.bz2", ".tbz", ".tbz2", ".tz2", ".tar.xz", ".txz", ".tar.lzma", ".tlz"),
    *(".tar.zst", ".tzst", ".tar.Z", ".tar.lz", ".tar.lzo", ".zip", ".7z"),
)
_COMMIT = re.compile(r"[0-9a-f]{7,40}\Z")
_BRANCHES = frozenset({"main", "master", "develop", "dev", "trunk"})
_HEX = {"sha256": 64, "md5": 32}
_OTHERS = "use an archive or a git repository"
_KNOWN = {
    **dict.fromkeys(("hg_url", "hg_tag"), ("rattler-build reads no Mercurial repositories", _OTHERS)),
    **dict.fromkeys(
        ("svn_url", "svn_rev", "svn_ignore_externals", "svn_username", "svn_password"),
        ("rattler-build reads no Subversion repositories", _OTHERS),
    ),
    **dict.fromkeys(
        ("sha1", "sha224", "sha384", "sha512", "content_sha256", "content_sha384", "content_sha512"),
        ("rattler-build checks `sha256` and `md5` alone", "write the archive's `sha256` in its place"),
    ),
    "content_hash_skip": ("rattler-build checks `sha256` and `md5` alone", "write the archive's `sha256`"),
    "no_hoist": ("rattler-build always leaves a single top folder out", "unpack it in the script: set `file_name`"),
    "path_via_symlink": ("rattler-build always copies a folder", "remove the line"),
}
_KINDS = ("url", "git_url", "git", "path", "hg_url", "svn_url")


def make_source(values: list[Value], maker: Maker) -> Out | None:
    """``source``: one table, or a list of several with their conditions."""
    entries = [item for value in values for item in (value.items if isinstance(value, Items) else (value,))]
    made = [each for entry in entries for each in _make_entry(entry, maker)]
    if len(made) == 1 and not made[0][0]:
        return made[0][1]
    return OutList(items=grouped(made)) if made else None


def _make_entry(entry: Value, maker: Maker) -> list[tuple[Conditions, Out]]:
    """One source: once for each case, when its keys have selectors that tell cases apart."""
    if not isinstance(entry, Table):
        Keys([entry], maker.report, "source")
        return []
    cases = _cases(entry, maker)
    tables: list[tuple[Conditions, Out]] = []
    for case in cases:
        pairs = tuple(
            (key, value)
            for key, value in entry.pairs
            if not case or not _decides(key) or _own_conditions(value, maker) in ((), case)
        )
        made = _make_table(Table(line=entry.line, key=entry.key, pairs=pairs), maker.within(case))
        if made is not None:
            tables.append((case, made))
    return tables


def _cases(entry: Table, maker: Maker) -> list[Conditions]:
    """The conditions under which there are different sources; one that is always there has one case, without any."""
    deciding = [(key, _own_conditions(value, maker)) for key, value in entry.pairs if _decides(key)]
    conditions = list(dict.fromkeys(own for _, own in deciding if own))
    if not conditions:
        return [()]
    if any(key in _KINDS and not own for key, own in deciding):
        cases = [key for key, own in deciding if own]
        # What is fetched does not depend on it: the value itself is chosen.
        if not any(key in _KINDS for key in cases):
            return [()]
    return conditions


def _decides(key: str) -> bool:
    return key not in ("patches", "folder", "target_directory")


def _own_conditions(value: Value, maker: Maker) -> Conditions:
    """The conditions of a key's one value."""
    return maker.open_conditions(value) if isinstance(value, Leaf) else ()


def _make_table(entry: Table, maker: Maker) -> OutTable | None:
    keys = Keys([entry], maker.report, "source")
    if keys.has("git_url") or keys.has("git"):
        made = _git(keys, maker)
    elif keys.has("url"):
        made = _url(keys, maker)
    elif keys.has("path"):
        made = table(path=maker.scalar(keys.take("path")), use_gitignore=OutText(text="false", bare=True))
        made = _joined(made, _checks(keys, maker))
    else:
        made = None
    common = table(
        patches=maker.listed(keys.take("patches"), "path"),
        target_directory=maker.scalar(keys.take("folder", "target_directory")),
    )
    keys.finish(_KNOWN)
    if made is None:
        if not any(True for _ in leaves_of(entry)) or any(key in _KNOWN for key, _ in entry.pairs):
            return None
        maker.refuse(
            entry,
            "this source has no `url`, `git_url` or `path`",
            "say where the source comes from",
            found=", ".join(key for key, _ in entry.pairs),
        )
        return common
    return _joined(made, common)


def _url(keys: Keys, maker: Maker) -> OutTable | None:
    values = keys.take("url")
    for leaf in (leaf for value in values for leaf in leaves_of(value)):
        if leaf.plain is not None and "://" not in leaf.plain:
            maker.refuse(leaf, "this is no address", "write `path:` for a file beside the recipe")
    url: Out | None = maker.listed(values) if any(isinstance(each, Items) for each in values) else maker.scalar(values)
    addresses = [leaf.text.split("?")[0].split("#")[0] for value in values for leaf in leaves_of(value)]
    unpacked = all(address.endswith(_ARCHIVES) for address in addresses)
    name = keys.take("fn")
    file_name = None
    if all(isinstance(each, Leaf) and each.text.endswith(_ARCHIVES) for each in name):
        for each in name:
            if unpacked:
                maker.note(
                    each, "`fn` is not written: rattler-build unpacks an archive without it, and with it does not"
                )
            else:
                maker.refuse(
                    each,
                    "conda-build unpacks the file by this name; rattler-build goes by the address, and does not",
                    "use an address that ends as the archive does",
                )
    else:
        file_name = maker.scalar(name)
    return _joined(_joined(table(url=url), _checks(keys, maker)), table(file_name=file_name))


def _checks(keys: Keys, maker: Maker) -> OutTable | None:
    def checked(key: str) -> OutText | None:
        def change(leaf: Leaf) -> Leaf | None:
            text = leaf.plain
            if text is not None and not re.fullmatch(rf"[0-9a-fA-F]{{{_HEX[key]}}}", text):
                maker.refuse(leaf, f"this is no {key}", f"write its {_HEX[key]} hexadecimal digits")
                return None
            return leaf if text is None else with_text(leaf, text)

        return maker.scalar(keys.take(key), change=change)

    return table(sha256=checked("sha256"), md5=checked("md5"))


def _git(keys: Keys, maker: Maker) -> OutTable | None:
    made: dict[str, Out | None] = {"git": maker.scalar(keys.take("git_url", "git"))}
    revisions = keys.take("git_rev", "rev")
    kinds = {_kind_of_revision(value) for value in revisions}
    if len(kinds) > 1:
        maker.refuse(
            revisions[-1],
            "it is a tag in one case, a branch or a commit in another",
            "write a source for each case",
        )
    elif kinds == {"head"}:
        maker.note(revisions[0], "`HEAD` is not written: it is what rattler-build takes by itself")
    elif kinds:
        kind = kinds.pop()
        if kind == "tag":
            maker.note(revisions[0], "taken for a tag: write `branch:` or `rev:` in its place if it is none")
        made[kind] = maker.scalar(revisions)
    for old, new in (("git_tag", "tag"), ("tag", "tag"), ("git_branch", "branch"), ("branch", "branch")):
        if values := keys.take(old):
            if new in made:
                maker.refuse(values[0], f"the source has `{new}` already", "write one of them")
            made[new] = maker.scalar(values)
    depth = keys.take("git_depth", "depth")
    if depth and (made.keys() & {"tag", "rev"}):
        for each in depth:
            maker.note(each, "`git_depth` is not written: rattler-build takes none beside a tag or a commit")
    else:
        made["depth"] = maker.scalar(depth)
    return table(**made)


def _kind_of_revision(value: Value) -> str:
    text = value.text if isinstance(value, Leaf) else ""
    if text == "HEAD":
        return "head"
    if _COMMIT.match(text):
        return "rev"
    return "branch" if text in _BRANCHES else "tag"


def _joined(one: OutTable | None, other: OutTable | None) -> OutTable | None:
    pairs = (*(one.pairs if one else ()), *(other.pairs if other else ()))
    return OutTable(pairs=pairs) if pairs else None
