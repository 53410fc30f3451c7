"""Submodules as a profile writes them: what each opens, told once where one of them opens all that another one does.

``scipy.stats`` opens whatever ``scipy.linalg`` opens; it *needs* it, and only the rest is listed. Which one needs which
follows from the files alone, whatever the modules import, so that equal profiles are written equally.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_T = TypeVar("_T")


class Needing(Protocol):
    """A module, the others that it needs, and the files that are opened for it itself."""

    @property
    def needs(self) -> Sequence[str]:
        """Names of the others."""

    @property
    def files(self) -> Sequence[str]:
        """Files."""


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
    """All files of each submodule."""
    return {name: all_files(name, written) for name in written}


def all_files(name: str, modules: Mapping[str, Needing]) -> frozenset[str]:
    """The files of a module and of all that it needs; a need of what is not there, or of itself, adds nothing."""
    seen: set[str] = set()
    ahead = [name]
    while ahead:
        one = ahead.pop()
        if one in modules and one not in seen:
            seen.add(one)
            ahead.extend(modules[one].needs)
    return frozenset(file for one in seen for file in modules[one].files)


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
