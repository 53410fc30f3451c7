"""Submodules as a profile writes them: what each opens, told once where one of them opens all that another one does.

``scipy.stats`` opens whatever ``scipy.linalg`` opens; it *needs* it, and only the rest is listed. Which one needs which
follows from the files alone, whatever the modules import, so that equal profiles are written equally.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

_T = TypeVar("_T")


class Submodule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A submodule as it is written: what it opens besides, and which others open the rest of it."""

    files: tuple[str, ...]
    needs: tuple[str, ...] = ()


def condense(submodules: Mapping[str, tuple[str, ...]]) -> dict[str, Submodule]:
    """The sorted files of each submodule, as they are written."""
    sets = {name: frozenset(files) for name, files in submodules.items()}
    # A smaller one never needs a larger one, and of equal ones the later needs the earlier: there are no circles.
    order = sorted(sets, key=lambda name: (len(sets[name]), name))
    written: dict[str, Submodule] = {}
    for place, name in enumerate(order):
        top = name.partition(".")[0]
        left = sets[name]
        needs: list[str] = []
        for other in reversed(order[:place]):
            if other.partition(".")[0] == top and sets[other] <= sets[name] and not left.isdisjoint(sets[other]):
                needs.append(other)
                left -= sets[other]
        written[name] = Submodule(files=tuple(sorted(left)), needs=tuple(sorted(needs)))
    return dict(sorted(written.items()))


def expand(written: Mapping[str, Submodule]) -> dict[str, frozenset[str]]:
    """All files of each submodule; a need of what is not there, or of itself, adds nothing."""
    files: dict[str, frozenset[str]] = {}
    for name in written:
        found: set[str] = set()
        seen: set[str] = set()
        ahead = [name]
        while ahead:
            one = ahead.pop()
            if one in written and one not in seen:
                seen.add(one)
                found.update(written[one].files)
                ahead.extend(written[one].needs)
        files[name] = frozenset(found)
    return files


def told_apart(found: Mapping[str, _T], top_level: _T) -> dict[str, _T]:
    """What of `found` is not that of the package above, sorted: it is looked up by the nearest name that is there.

    Args:
        found: by dotted name; what has no dot is kept.
        top_level: of a top-level module that is not in `found`.
    """
    kept: dict[str, _T] = {}
    for name in sorted(found, key=lambda name: (name.count("."), name)):
        above = name
        while "." in above and (above == name or above not in kept):
            above = above.rpartition(".")[0]
        if "." not in name or found[name] != kept.get(above, top_level):
            kept[name] = found[name]
    return dict(sorted(kept.items()))
