"""Which files that imports need are fetched together: few requests an import, and little that it does not need.

Files that exactly the same imports need are a *group*, and nobody gains if it is cut. Large packages have hundreds of
groups: what `sklearn`, `scipy.stats` and `scipy.optimize` share, what the first two share, and so on. Groups are put
together pair by pair, the pair first that saves most: a request for every import that needs both, at the price of
bytes for every import that needs one of them. No import ever loads much more than it needs.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lite_env.pack.profile import Profile

MOST_GROUPS = 600
"""Above it, submodules of the lower level are left out: putting groups together takes the square of their number."""

SLACK = 64 << 10
"""Bytes (uncompressed) that any import may load besides what it needs."""

_DEEPEST = 2
_REQUEST = 128 << 10  # bytes that a request is worth, at the least
_SHARE = 16  # a request is worth that part of what an import needs: who loads 100 MB does not mind 1 MB
_MOST_WORTH = 8 << 20
_FEWER = _MOST_WORTH // 2  # what an archive less is worth to everybody: some lines of the manifest
_TOP_LEVEL = 16  # how many times as important a top-level import is
# Of what it needs an import loads at most these parts, and `SLACK`.
_BOUND, _TOP_LEVEL_BOUND = (4, 3), (11, 10)


def traced_needs(profile: Profile) -> dict[str, frozenset[str]]:
    """For each traced import, of submodules too, the files that it needs, as the profile names them.

    Submodules are left out, the lowest first, where there would be more than `MOST_GROUPS` groups.
    """
    needs = {name: frozenset(files) for name, files in profile.imports.items()}
    for name, files in profile.submodules.items():
        needs[name] = needs.get(name.partition(".")[0], frozenset()).union(files)
    for depth in range(_DEEPEST, 0, -1):
        if len(set(openers(needs).values())) <= MOST_GROUPS:
            break
        needs = {name: files for name, files in needs.items() if name.count(".") < depth}
    return needs


def openers(opened: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """For each file, who opens it, sorted."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in sorted(opened):
        for file in opened[name]:
            found[file].append(name)
    return {file: tuple(names) for file, names in found.items()}


def put_together(sizes: Mapping[tuple[str, ...], int]) -> Iterator[tuple[tuple[str, ...], ...]]:
    """Which groups are fetched as one, sorted.

    Args:
        sizes: bytes of each group, by the sorted names of the imports that need it.
    """
    names = sorted({name for importers in sizes for name in importers})
    bits = {name: 1 << number for number, name in enumerate(names)}
    keys = sorted(sizes)
    groups = [_Group(importers=sum(bits[name] for name in key), size=sizes[key], keys=(key,)) for key in keys]
    needed = [sum(group.size for group in groups if group.importers & bits[name]) for name in names]
    merged = _merge(groups, _Costs.of(names, needed), _Budget(names, needed))
    yield from sorted(tuple(sorted(group.keys)) for group in merged)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Group:
    """Files that are fetched as one: the imports that fetch them, as bits, and the groups that they were at first."""

    importers: int
    size: int
    keys: tuple[tuple[str, ...], ...]

    def joined(self, other: _Group) -> _Group:
        return _Group(
            importers=self.importers | other.importers, size=self.size + other.size, keys=self.keys + other.keys
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Costs:
    """What bytes cost that are not needed, beside a request that costs `_MOST_WORTH`.

    Attributes:
        top_level: the imports that are.
        classes: imports to which a byte costs the same, and what it costs.
    """

    top_level: int
    classes: tuple[tuple[int, int], ...]

    @staticmethod
    def of(names: Sequence[str], needed: Sequence[int]) -> _Costs:
        classes: dict[int, int] = defaultdict(int)
        for number, size in enumerate(needed):
            worth = min(max(_REQUEST, 1 << (size // _SHARE).bit_length() >> 1), _MOST_WORTH)
            classes[_MOST_WORTH // worth] |= 1 << number
        top_level = sum(1 << number for number, name in enumerate(names) if "." not in name)
        return _Costs(top_level=top_level, classes=tuple((those, cost) for cost, those in sorted(classes.items())))

    def gain(self, one: _Group, other: _Group) -> int:
        """What is won when both are fetched as one; nothing where it is not above 0."""
        won = _FEWER + _MOST_WORTH * self._weight(one.importers & other.importers)
        return (
            won
            - self._wasted(one.importers & ~other.importers, other.size, won)
            - (self._wasted(other.importers & ~one.importers, one.size, won))
        )

    def _wasted(self, importers: int, size: int, won: int) -> int:
        wasted = 0
        if importers:
            for those, cost in self.classes:
                if importers & those:
                    wasted += size * cost * self._weight(importers & those)
                    if wasted >= won:
                        break
        return wasted

    def _weight(self, importers: int) -> int:
        return importers.bit_count() + (_TOP_LEVEL - 1) * (importers & self.top_level).bit_count()


class _Budget:
    """What each import may still load without needing it."""

    def __init__(self, names: Sequence[str], needed: Sequence[int]) -> None:
        self._left = []
        for name, size in zip(names, needed, strict=True):
            most, whole = _BOUND if "." in name else _TOP_LEVEL_BOUND
            self._left.append(size * most // whole + SLACK - size)

    def spend(self, one: _Group, other: _Group) -> bool:
        """Take what fetching both as one costs; False where somebody cannot afford it."""
        costs = [(number, other.size) for number in _numbers(one.importers & ~other.importers)]
        costs += [(number, one.size) for number in _numbers(other.importers & ~one.importers)]
        if any(self._left[number] < size for number, size in costs):
            return False
        for number, size in costs:
            self._left[number] -= size
        return True


def _merge(groups: Sequence[_Group], costs: _Costs, budget: _Budget) -> Iterable[_Group]:
    left = dict(enumerate(groups))
    pairs = [
        (-gain, one, other)
        for other in left
        for one in range(other)
        if (gain := costs.gain(left[one], left[other])) > 0
    ]
    heapify(pairs)
    number = len(groups)
    while pairs:
        _, one, other = heappop(pairs)
        # What cannot be afforded now never will be.
        if one not in left or other not in left or not budget.spend(left[one], left[other]):
            continue
        joined = left.pop(one).joined(left.pop(other))
        for third, group in left.items():
            gain = costs.gain(group, joined)
            if gain > 0:
                heappush(pairs, (-gain, third, number))
        left[number] = joined
        number += 1
    return left.values()


def _numbers(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
