"""Whether packages stay inside of an environment, decided before anything of them is linked.

An installer writes where a package's own lists tell it: ``info/paths.json`` (or the older ``info/files``), the commands
of ``info/link.json``, and the targets of its symbolic links. Those are a stranger's texts. rattler unpacks safely, but
links to wherever the lists say, goes through links that other packages brought, and copies what a packed link points
to.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from lite_env.errors import PrefixError
from lite_env.store.text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lite_env.lock.contents import PackageContents
    from lite_env.lock.model import LockedPackage

_CONDA_META = "conda-meta"
_MOST_LINKS = 40  # as many as Linux follows
# More than honest packages need (theirs are below 300 bytes, 20 folders deep), and what file systems can hold.
_MOST_FOLDERS, _LONGEST_PATH, _LONGEST_NAME = 100, 1024, 255
_FOREIGN_PATH = "invalid package-relative archive path: "
_DRIVE = re.compile(r"[A-Za-z]:")


def refuse_unsafe_contents(packages: Sequence[LockedPackage], contents: Mapping[str, PackageContents]) -> None:
    """Refuse packages of which a file would be written, or read, outside of the environment.

    All packages of an environment are looked at together: one may bring a link that another goes through.

    Args:
        packages: of the whole environment.
        contents: of each, by its name.

    Raises:
        PrefixError: names the package and the path.
    """
    python = next((package.version for package in packages if package.name == "python"), "3")
    site = f"lib/python{'.'.join(python.split('.')[:2])}/site-packages"
    placed: dict[str, str] = {}
    for package in packages:
        held = contents[package.name]
        _check_names(package, held)
        # Where it is unpacked: what is packed as a link may be read through it when it is copied.
        _check_links(package, held.links, _Links(held.links))
        placed |= {_place(path, package, site): target for path, target in held.links.items()}
    links = _Links(placed)
    _refuse_crossings({package.name: _brought_by(package, contents[package.name], site) for package in packages})
    for package in packages:
        own = contents[package.name].links
        _check_links(package, {_place(path, package, site): target for path, target in own.items()}, links)


def _brought_by(package: LockedPackage, held: PackageContents, site: str) -> dict[str, str]:
    """Where what a package brings comes to lie, and whether that is a file or a link."""
    paths = {*held.listed} & {*held.packed}
    brought = {_place(path, package, site): "link" if path in held.links else "file" for path in paths}
    return brought | {f"bin/{name}": "file" for name in held.commands}


def _refuse_crossings(brought: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse packages of which one brings a file or a link, and another a folder of one name.

    An installer that links several packages at once keeps the one or the other, neither, or fails, as it happens.
    """
    folders: dict[str, str] = {}
    for name, paths in brought.items():
        for path in paths:
            folder = path.rpartition("/")[0]
            while folder and folder not in folders:
                folders[folder] = name
                folder = folder.rpartition("/")[0]
    for name, paths in sorted(brought.items()):
        for path in sorted(paths.keys() & folders.keys()):
            raise PrefixError(
                f"the package {name} brings the {paths[path]} '{shown(path)}', and the package {folders[path]} a folder"
                " of that name: they cannot be in one environment",
                hint="remove one of the packages from the environment file",
            )


def _place(path: str, package: LockedPackage, site: str) -> str:
    """Where a packed path lies in the environment; ``noarch: python`` packages leave that to the installer."""
    if package.noarch == "python" and path.startswith("site-packages/"):
        return f"{site}/{path.removeprefix('site-packages/')}"
    if package.noarch == "python" and path.startswith("python-scripts/"):
        return f"bin/{path.removeprefix('python-scripts/')}"
    return path


def _check_names(package: LockedPackage, held: PackageContents) -> None:
    for path in (*held.listed, *held.packed):
        if not is_below(path):
            raise _refusal(package, f"wants to write '{path}', which is not below the environment")
        if reason := path_beyond_bounds(path):
            raise _refusal(package, f"wants to write '{shown(path)}', {reason}")
    for name in held.commands:
        if reason := path_beyond_bounds(name):
            raise _refusal(package, f"wants to write the command '{shown(name)}', {reason}")
        if not is_below(name) or "/" in name or "\\" in name:
            raise _refusal(package, f"wants to write the command '{name}', which is no plain name")
    if held.special:
        raise _refusal(package, f"lists '{held.special[0]}', which is neither a file nor a link")
    # Which of two is read depends on who reads: the list that was checked may not be the list that is followed.
    twice = [name for name, count in Counter(name.casefold() for name in held.info).items() if count > 1]
    twice += [path for path in held.packed if path.casefold().startswith("info/")]
    if twice:
        raise _refusal(package, f"holds '{twice[0]}' twice, so that it cannot be checked")


def is_below(path: str) -> bool:
    """Whether a relative path stays below an environment, and out of its records, on every system."""
    parts = path.replace("\\", "/").split("/")
    # On Windows dots and blanks at the end of a name do not count; on macOS neither does case.
    first = next((part for part in parts if part != "."), "").rstrip(". ").casefold()
    return not (parts[0] == "" or _DRIVE.match(path) or ".." in parts or "\0" in path or first in ("", _CONDA_META))


def path_beyond_bounds(path: str) -> str | None:
    """What of the relative `path` is more than an environment can hold, None when nothing is."""
    parts = path.replace("\\", "/").split("/")
    if len(parts) - 1 > _MOST_FOLDERS:
        return f"which lies {len(parts) - 1:,} folders deep: at most {_MOST_FOLDERS} are possible"
    length = len(path.encode(errors="surrogatepass"))
    if length > _LONGEST_PATH:
        return f"a path of {length:,} bytes: at most {_LONGEST_PATH:,} are possible"
    longest = max(len(part.encode(errors="surrogatepass")) for part in parts)
    if longest > _LONGEST_NAME:
        return f"with a name of {longest:,} bytes: at most {_LONGEST_NAME} are possible"
    return None


class _Links:
    """The links of a tree, as a system sees them that tells letters by case, and as one that does not."""

    def __init__(self, links: Mapping[str, str]) -> None:
        self._views = tuple(
            _where_they_lie(view)
            for view in (dict(links), {path.casefold(): target.casefold() for path, target in links.items()})
        )

    def lead_out(self, path: str) -> bool:
        """Whether whoever follows `path` leaves the tree, on some system."""
        exact, folded = self._views
        return _follow(path, exact) is None or _follow(path.casefold(), folded) is None


def _check_links(package: LockedPackage, own: Mapping[str, str], links: _Links) -> None:
    """Refuse links of `own` that lead out, on their own or through others of `links`.

    What lies behind links of which none leads out lies inside: a path itself has no ``..``, see `_check_names`.
    """
    for path, target in own.items():
        if links.lead_out(path):
            raise _refusal(package, f"brings the link '{path}', which leaves the environment: it points to '{target}'")


def _where_they_lie(links: dict[str, str]) -> dict[str, str]:
    """`links`, and those that are put through another link also where they come to lie then."""
    known = links
    for _ in range(_MOST_LINKS):
        found = dict(known)
        for path, target in links.items():
            folder, _, name = path.rpartition("/")
            real = _follow(folder, known)
            if real is not None:
                found.setdefault(f"{real}/{name}" if real else name, target)
        if len(found) == len(known):
            break
        known = found
    return known


def _follow(path: str, links: Mapping[str, str]) -> str | None:
    """Where `path` leads from the environment's root, through `links`; None when that is not inside of it."""
    ahead = path.split("/")[::-1]
    here: list[str] = []
    followed = 0
    while ahead:
        part = ahead.pop()
        if part == ".." and not here:
            return None
        if part == "..":
            here.pop()
        elif part not in ("", "."):
            here.append(part)
            target = links.get("/".join(here))
            if target is None:
                continue
            target = target.replace("\\", "/")
            followed += 1
            if followed > _MOST_LINKS or target.startswith("/") or _DRIVE.match(target):
                return None
            here.pop()
            ahead.extend(reversed(target.split("/")))
    return "/".join(here)


def unreadable(package: LockedPackage, reason: str) -> PrefixError:
    """The error for a package whose contents cannot be looked at; `reason` is rattler's."""
    _, told, path = reason.partition(_FOREIGN_PATH)
    if told:
        return _refusal(package, f"wants to write '{path}', which is not below the environment")
    return _refusal(package, f"cannot be read: {reason}")


def _refusal(package: LockedPackage, what: str) -> PrefixError:
    return PrefixError(
        f"the package {package.file_name} {what}",
        hint="do not use this package: it is broken or hostile",
        file=package.url,
    )
