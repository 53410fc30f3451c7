"""Which environment of many compiles which package: each one that several of them have is compiled in one place."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lite_env.lock.model import LockedPackage, Lockfile

_UNKNOWN_SIZE = 100_000
"""Bytes that a package is reckoned with whose lock does not tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """A part of the work that environments have in common.

    Attributes:
        environment: in which it is done, by its position.
        python: the hash of the Python that it is done for.
        packages: what is compiled there, sorted by name.
    """

    environment: int
    python: str
    packages: tuple[LockedPackage, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the packages."""
        return tuple(package.name for package in self.packages)

    @property
    def size(self) -> int:
        """Bytes of the packages' files."""
        return sum(map(_size, self.packages))


def share_out(locks: Mapping[int, Lockfile], width: int) -> tuple[Share, ...]:
    """Give each package that several environments have, with the same Python, to one of them.

    Few environments are chosen, for each has to be installed; as long as there are fewer shares than `width` can work
    at, the largest is cut in two.

    Args:
        locks: of the environments, by their positions.
        width: how many shares can be worked at at once.

    Returns:
        Shares in the order in which they are to be begun: the largest first.
    """
    holders: dict[tuple[str, str], dict[int, LockedPackage]] = {}
    for position, lock in sorted(locks.items()):
        python = _python(lock)
        for package in lock.packages if python else ():
            holders.setdefault((python, package.sha256), {})[position] = package
    shared = {identity: found for identity, found in holders.items() if len(found) > 1}
    shares: list[Share] = []
    while shared:
        sizes: Counter[int] = Counter()
        for found in shared.values():
            for position, package in found.items():
                sizes[position] += _size(package)
        chosen = max(sizes, key=lambda position: (sizes[position], -position))
        mine = {identity: found[chosen] for identity, found in shared.items() if chosen in found}
        shares.append(_share(chosen, _python(locks[chosen]), mine.values()))
        shared = {identity: found for identity, found in shared.items() if identity not in mine}
    return _cut(shares, width)


def awaited(lock: Lockfile, shares: Sequence[Share]) -> frozenset[int]:
    """Positions in `shares` of those that have to be done before `lock` is packed: they have packages of it."""
    mine, python = {package.sha256 for package in lock.packages}, _python(lock)
    return frozenset(
        position
        for position, share in enumerate(shares)
        if share.python == python and any(package.sha256 in mine for package in share.packages)
    )


def _cut(shares: list[Share], width: int) -> tuple[Share, ...]:
    while len(shares) < width and (several := [share for share in shares if len(share.packages) > 1]):
        largest = min(several, key=_order)
        shares.remove(largest)
        halves: tuple[list[LockedPackage], list[LockedPackage]] = ([], [])
        for package in sorted(largest.packages, key=lambda package: (-_size(package), package.name)):
            min(halves, key=lambda half: sum(map(_size, half))).append(package)
        shares += [_share(largest.environment, largest.python, half) for half in halves]
    return tuple(sorted(shares, key=_order))


def _order(share: Share) -> tuple[int, int, tuple[str, ...]]:
    """The largest first."""
    return -share.size, share.environment, share.names


def _share(environment: int, python: str, packages: Iterable[LockedPackage]) -> Share:
    return Share(
        environment=environment, python=python, packages=tuple(sorted(packages, key=lambda package: package.name))
    )


def _python(lock: Lockfile) -> str:
    """The hash of its Python, which compiles; empty where there is none.

    An environment with another kernel of the same Python compiles for itself what it does not find.
    """
    return next((package.sha256 for package in lock.packages if package.name == "python"), "")


def _size(package: LockedPackage) -> int:
    return package.size or _UNKNOWN_SIZE
