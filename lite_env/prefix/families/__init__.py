"""Families of kernels: what tells one, what its files are for, what it needs. A family is a folder and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.prefix.families.pyodide.family import Pyodide
from lite_env.prefix.families.xeus.family import Xeus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lite_env.prefix.families.family import Candidate, Family, Recognised

FAMILIES: tuple[Family, ...] = (Xeus(), Pyodide())


def recognise(candidate: Candidate) -> tuple[Family, Recognised] | None:
    """The family of a kernelspec and what it makes of it; None where none knows it.

    Raises:
        PrefixError: a family knows it, and something of the kernel is not there.
    """
    return next(_recognised(candidate), None)


def _recognised(candidate: Candidate) -> Iterator[tuple[Family, Recognised]]:
    for family in FAMILIES:
        found = family.recognise(candidate)
        if found is not None:
            yield family, found


def family_called(name: str) -> Family:
    """The family of that name, which a kernel in hand was recognised as."""
    return next(family for family in FAMILIES if family.name == name)


def example_packages() -> tuple[str, ...]:
    """Of each family a package that brings a kernel of Python."""
    return tuple(family.example for family in FAMILIES)


def example_package() -> str:
    """A package that brings a kernel, for those who ask for one without knowing any."""
    return FAMILIES[0].example
